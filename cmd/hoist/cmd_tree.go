package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

type treeOptions struct {
	lsOptions
	depth int // levels; 0: to the bottom
}

func newTreeCmd(a *app) *cobra.Command {
	var o treeOptions
	cmd := &cobra.Command{
		Use:   "tree REMOTE",
		Short: "List everything below a remote",
		Long: `tree lists what REMOTE holds and everything below. With --json each line has the
full address in "remote".`,
		Example: `  hoist tree "aps://My Account/My Project/Project Files"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.depth < 0 {
				return problem.Usagef("--depth %d: it is 1 or more, or 0 for no end", o.depth)
			}

			return a.tree(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.depth, "depth", 0, "levels to go down; 0: to the bottom")
	o.add(f)

	return cmd
}

func (a *app) tree(ctx context.Context, address string, o treeOptions) error {
	l, err := a.look(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()

	out := a.newListing(o.long)
	defer out.flush()

	return l.branch(ctx, out, l.place, 0, o)
}

// branch prints what is at p, each container followed by what it holds.
func (l *looked) branch(ctx context.Context, out *listing, p remote.Place, level int, o treeOptions) error {
	for e, err := range inOrder(ctx, l.Resolver, p) {
		if err != nil {
			return err
		}

		if err := out.add(e, strings.Repeat("  ", level)+e.Name); err != nil {
			return err
		}

		if o.allVersions {
			if err := l.addVersions(ctx, out, e, strings.Repeat("  ", level+1)); err != nil {
				return err
			}
		}

		if !isContainer(e.Type) || o.depth > 0 && level+1 >= o.depth {
			continue
		}

		if err := l.branch(ctx, out, e.Place, level+1, o); err != nil {
			return fmt.Errorf("list %s: %w", e.Place.Address, err)
		}
	}

	return nil
}

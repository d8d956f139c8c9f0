package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newTreeCmd(a *app) *cobra.Command {
	var depth int
	var long bool
	cmd := &cobra.Command{
		Use:   "tree REMOTE",
		Short: "List everything below a remote",
		Long: `tree lists what REMOTE holds and everything below. With --json each line has the
full address in "remote".`,
		Example: `  hoist tree "aps://My Account/My Project/Project Files"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if depth < 0 {
				return problem.Usagef("--depth %d: it is 1 or more, or 0 for no end", depth)
			}

			return a.tree(cmd.Context(), args[0], depth, long)
		},
	}
	f := cmd.Flags()
	f.IntVar(&depth, "depth", 0, "levels to go down; 0: to the bottom")
	f.BoolVarP(&long, "long", "l", false, "type, size, version and time of each")

	return cmd
}

func (a *app) tree(ctx context.Context, address string, depth int, long bool) error {
	l, err := a.look(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()

	out := a.newListing(long)
	defer out.flush()

	return branch(ctx, l.Resolver, out, l.place, 0, depth)
}

// branch prints what is at p, each container followed by what it holds.
func branch(ctx context.Context, r *remote.Resolver, out *listing, p remote.Place, level,
	depth int) error {
	for e, err := range inOrder(ctx, r, p) {
		if err != nil {
			return err
		}

		if err := out.add(e, strings.Repeat("  ", level)+e.Name); err != nil {
			return err
		}

		if !isContainer(e.Type) || depth > 0 && level+1 >= depth {
			continue
		}

		if err := branch(ctx, r, out, e.Place, level+1, depth); err != nil {
			return fmt.Errorf("list %s: %w", e.Place.Address, err)
		}
	}

	return nil
}

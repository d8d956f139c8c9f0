package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newCopytoCmd(a *app) *cobra.Command {
	var o pushOptions
	var p pullOptions
	cmd := &cobra.Command{
		Use:         "copyto SRC DST",
		Annotations: sumsUp,
		Short:       "Send or fetch one file under another name",
		Long: `copyto sends the file SRC to the remote DST, or fetches the remote SRC to the file
DST: DST is the whole new name, not a folder. It is "hoist push --as" and "hoist
pull" in one form.`,
		Example: "  hoist copyto model.rvt aps://Studio/Tower/Models/tower.rvt\n  hoist copyto " +
			"oss://my-bucket/a.zip b.zip",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.transferFlags = o.transferFlags
			return a.copyto(cmd.Context(), o, p, args[0], args[1])
		},
	}
	o.addAll(cmd)
	cmd.Flags().BoolVar(&p.overwrite, "overwrite", false,
		"replace a local file that differs, keeping the old one beside")
	addNoMtime(cmd.Flags(), &p)
	addMapNames(cmd.Flags(), &o.settings)

	return cmd
}

func (a *app) copyto(ctx context.Context, o pushOptions, p pullOptions, from, to string) error {
	up, down := strings.Contains(to, "://"), strings.Contains(from, "://")
	switch {
	case up == down:
		return problem.Usagef("copyto takes a local file and a remote, one of each")
	case strings.HasSuffix(to, "/") || !up && to != "" && os.IsPathSeparator(to[len(to)-1]):
		return problem.Usagef("%s is a folder: copyto takes the whole new name", to)
	case up:
		address, err := remote.ParseAddress(to)
		if err != nil {
			return err
		}

		if info, err := os.Stat(from); err == nil && info.IsDir() {
			return problem.Usagef("%s is a folder: copyto takes one file", from)
		}

		if p.overwrite || p.noMtime {
			return problem.Usagef("--overwrite and --no-mtime are for what is fetched")
		}

		o.as = address.Base()

		return a.push(ctx, o, []string{from, address.Parent().String()})
	}

	if info, err := os.Stat(to); err == nil && info.IsDir() {
		return problem.Usagef("%s is a folder: copyto takes the whole new name", to)
	}

	p.single = true

	return a.pull(ctx, p, from, to)
}

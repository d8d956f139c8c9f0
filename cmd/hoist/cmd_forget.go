package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
)

func newForgetCmd(a *app) *cobra.Command {
	var r control.ForgetRequest
	cmd := &cobra.Command{
		Use:   "forget PATH… | --missing",
		Short: "Let the records of files go that are not wanted any more; no file is touched",
		Long: `forget drops what is on record of files: of the files PATH, of all below the
folders PATH, of what was sent to REMOTE from standard input, or with --missing
of all files that are not on disk any more. "hoist verify" then has no row for
them.

No file is touched, here or in the cloud, and the receipts stay. A file that is
still in a watched folder is compared with the cloud again, as at first sight.`,
		Example: "  hoist forget --missing -n\n  hoist forget plans/old.dwg",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !r.Missing {
				return problem.Usagef("name the files, or give --missing")
			}

			for _, arg := range args {
				if !strings.Contains(arg, "://") {
					path, err := absPath(arg)
					if err != nil {
						return err
					}

					arg = path
				}

				r.Paths = append(r.Paths, arg)
			}

			return a.forget(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&r.Missing, "missing", false, "the records of all files that are not on disk any more")
	f.BoolVarP(&r.DryRun, "dry-run", "n", false, "say what would be forgotten and do nothing")

	return cmd
}

func (a *app) forget(ctx context.Context, r control.ForgetRequest) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	return a.over(ctx, s, owner.Passive, "forget", func(api *attached) error {
		rows, err := api.Forget(ctx, r)
		if err != nil {
			return err
		}

		done := 0
		for _, f := range rows {
			if f.Result == control.ForgetDone {
				done++
			}

			switch {
			case a.flags.json:
				if err := a.printJSON(f); err != nil {
					return err
				}
			case f.Result == control.ForgetKept:
				a.printf("kept: %s: %s\n", printable(f.Path), printable(f.Detail))
			case r.DryRun:
				a.printf("would forget: %s -> %s\n", printable(f.Path), printable(f.Remote))
			}
		}

		if !a.flags.json && !a.flags.quiet && !r.DryRun {
			a.printf("%s forgotten\n", count(done, "record", "records"))
		}

		return nil
	})
}

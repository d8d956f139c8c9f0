package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
)

func newVerifyCmd(a *app) *cobra.Command {
	var quick bool
	cmd := &cobra.Command{
		Use:   "verify [PATH|WATCH]",
		Short: "Compare disk, receipts and cloud",
		Long: `verify compares every file that is known here (of watches, of receipts, of
downloads) with the newest version in the cloud and with what was published, and
checks that the receipts follow one another unbroken. It reads the files;
--quick compares sizes and times alone. It changes nothing.

Each file is ok, differs, missing-local, missing-remote, newer-remote, or
unproven, where the service tells nothing that the contents could be held
against. The exit code is 3 when anything is not ok.`,
		Example: "  hoist verify\n  hoist verify ~/plans/tower.rvt --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), args, quick)
		},
	}
	cmd.Flags().BoolVar(&quick, "quick", false, "do not read the files: compare sizes and times")

	return cmd
}

func (a *app) verify(ctx context.Context, args []string, quick bool) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	r := control.VerifyRequest{Quick: quick, Profile: s.profile}
	if len(args) > 0 {
		if r.Watch, err = whichWatch(s.file.Watch, args[0]); err != nil {
			r.Watch = ""
			if r.Path, err = absPath(args[0]); err != nil {
				return err
			}

			if resolved, err := filepath.EvalSymlinks(r.Path); err == nil {
				r.Path = resolved
			}
		}
	}

	return a.over(ctx, s, owner.Serving, "verify", func(api *attached) error {
		report, err := api.Verify(ctx, r)
		if err != nil {
			return err
		}

		return a.printVerified(report)
	})
}

func (a *app) printVerified(report control.VerifyReport) error {
	counts := map[string]int{}
	for _, f := range append(report.Files, report.Chain...) {
		counts[f.Result]++
		switch {
		case a.flags.json:
			if err := a.printJSON(f); err != nil {
				return err
			}
		case f.Result != control.VerifyOK:
			a.printf("%s: %s: %s\n", f.Result, printable(f.Path), printable(f.Detail))
		}
	}

	if !a.flags.json && !a.flags.quiet {
		a.printf("%s ok, %d not; %s checked\n", count(counts[control.VerifyOK], "file", "files"),
			report.Findings(), count(report.Receipts, "receipt", "receipts"))
	}

	if n := report.Findings(); n > 0 {
		hint := "push what is right here, pull what is right there (--overwrite keeps the old file), then " +
			"verify again"
		if len(report.Chain) > 0 {
			hint = "keep the file of receipts that is named as evidence and move it away: the next version " +
				"published writes all that the state has anew"
		}

		return fail(problem.Attention,
			fmt.Errorf("%s not as published", count(n, "thing is", "things are")), hint)
	}

	return nil
}

package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/progress"
)

func newPreflightCmd(a *app) *cobra.Command {
	var o transferFlags
	var asCSV bool
	cmd := &cobra.Command{
		Use:   "preflight PATH REMOTE",
		Short: "What would keep files from arriving, before the first byte is sent",
		Long: `Look at the files that "push PATH REMOTE" would send and at the place they would
go to, and tell what the service would refuse or hold back: names, depth,
extensions, sizes, names that differ in letter case or Unicode form alone, naming
standards, permissions, regions, buckets that do not keep, files that cannot be
read or are not on this machine. Then what the push will take: calls, and minutes
by limits, bandwidth and latency as they are known. Nothing is made, here or there. Exit
code 3 when something was found.`,
		Example: "  hoist preflight plans/ \"aps://Studio/Tower/Project Files\" --csv >findings.csv",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asCSV && a.flags.json {
				return problem.Usagef("--csv and --json exclude each other")
			}

			return a.preflight(cmd.Context(), o, args[0], args[1], asCSV)
		},
	}
	addFilterFlags(cmd.Flags(), &o.settings)
	addMapNames(cmd.Flags(), &o.settings)
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print the findings as CSV, with a header")

	return cmd
}

func (a *app) preflight(ctx context.Context, o transferFlags, path, to string, asCSV bool) error {
	t, err := a.newTransfer("preflight", o, to)
	if err != nil {
		return err
	}

	abs, err := absolute(path)
	if err != nil {
		return err
	}

	req := control.PushRequest{Profile: t.s.profile, Paths: []string{abs}, Remote: t.remote.String(),
		MapNames: t.s.settings.MapsNames(), Filter: t.filter}
	var report control.PreflightReport
	err = a.over(ctx, t.s, owner.Serving, "preflight", func(at *attached) (err error) {
		defer a.lookingOn(ctx, at)()

		report, err = at.Preflight(ctx, req)
		return err
	})
	if err != nil {
		return err
	}

	switch {
	case asCSV:
		err = a.preflightCSV(report)
	case a.flags.json:
		err = a.preflightJSON(report)
	default:
		a.preflightText(report)
	}

	if err == nil && len(report.Rows) > 0 {
		err = fail(problem.Attention, fmt.Errorf("%s", count(len(report.Rows), "finding", "findings")),
			"put right what is listed and run it again; a push sends what is not affected")
	}

	return err
}

func (a *app) preflightJSON(r control.PreflightReport) error {
	var errs []error
	for _, row := range r.Rows {
		errs = append(errs, a.printJSON(row))
	}

	return errors.Join(append(errs, a.printJSON(struct {
		Forecast control.Forecast `json:"forecast"`
	}{r.Forecast}))...)
}

func (a *app) preflightCSV(r control.PreflightReport) error {
	w := csv.NewWriter(a.stdout)
	rows := [][]string{{"check", "verdict", "path", "remote", "detail", "fix"}}
	for _, f := range r.Rows {
		rows = append(rows, []string{f.Check, f.Verdict, f.Path, f.Remote, f.Detail, f.Fix})
	}

	return w.WriteAll(rows)
}

func (a *app) preflightText(r control.PreflightReport) {
	for _, f := range r.Rows {
		at := f.Path
		if at == "" {
			at = f.Remote
		}

		a.printf("%s: %s: %s\n  %s\n", f.Verdict, f.Check, printable(at), printable(oneLine(f.Detail)))
		if f.Fix != "" {
			a.printf("  fix: %s\n", printable(f.Fix))
		}
	}

	a.printf("%s\n", forecastText(r.Forecast))
}

// forecastText is what a push will take, for people.
func forecastText(f control.Forecast) string {
	text := fmt.Sprintf("%s to send (%s), %s to make, %s", count(f.Files, "file", "files"),
		humanize.IBytes(uint64(f.Bytes)), count(f.Folders, "folder", "folders"),
		count(f.Calls, "call", "calls"))
	if f.Seconds > 0 {
		text += ", " + progress.Estimated(time.Duration(f.Seconds)*time.Second, f.DecidedBy)
	}

	return text
}

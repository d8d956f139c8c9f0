package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

type verifyOptions struct {
	settings                config.Settings // of the choice of files
	quick, oneWay, download bool
	since, combined         string
}

func newVerifyCmd(a *app) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [PATH|WATCH] | DIR REMOTE",
		Short: "Compare disk, receipts and cloud, or any folder with any remote",
		Long: `verify compares every file that is known here (of watches, of receipts, of
downloads) with the newest version in the cloud and with what was published, and
checks that the receipts follow one another unbroken. With DIR and REMOTE it
compares that folder with that remote, name by name. It reads the files; --quick
compares sizes and times alone, --download fetches what is in the cloud and
compares the bytes. It changes nothing.

Each file is a row: ok, differs, missing-local, missing-remote, newer-remote,
unproven, where nothing tells the contents, or unreachable, where its hub,
project, bucket or folder cannot be looked at. The exit code is 3 when anything is not
ok. "fix" of a row is the command that makes both ends alike; "hoist forget"
lets records go that are not wanted any more.

--combined writes one line a file with the mark of rclone check: = alike,
* different, + here alone, - in the cloud alone, ! not compared.`,
		Example: "  hoist verify\n  hoist verify ~/plans/tower.rvt --json\n" +
			"  hoist verify plans \"aps://Studio/Tower/Project Files/Plans\" --since 24h --combined -",
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 && o.chooses(cmd.Flags()) {
				return problem.Usagef("--one-way and what chooses files go with DIR REMOTE")
			}

			return a.verify(cmd.Context(), args, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.quick, "quick", false, "do not read the files: compare sizes and times")
	f.BoolVar(&o.download, "download", false, "fetch what is in the cloud and compare the bytes")
	f.BoolVar(&o.oneWay, "one-way", false, "with REMOTE: what is in the cloud alone is no finding")
	f.StringVar(&o.since, "since", "",
		"only what changed or was published since: 24h, 2026-03-01 or 2026-03-01T18:00:00Z")
	f.StringVar(&o.combined, "combined", "", "write a line a file, with rclone's marks, to this file (-: "+
		"standard output)")
	addFilterFlags(f, &o.settings)
	cmd.MarkFlagsMutuallyExclusive("quick", "download")

	return cmd
}

// chooses reports whether a flag was given that only a walk over both ends takes.
func (o verifyOptions) chooses(f *pflag.FlagSet) bool {
	choice := pflag.NewFlagSet("", pflag.ContinueOnError)
	addFilterFlags(choice, &config.Settings{})

	given := o.oneWay
	choice.VisitAll(func(x *pflag.Flag) { given = given || f.Changed(x.Name) })

	return given
}

func (a *app) verify(ctx context.Context, args []string, o verifyOptions) error {
	s, err := a.setup(o.settings)
	if err != nil {
		return err
	}

	r := control.VerifyRequest{Quick: o.quick, Download: o.download, OneWay: o.oneWay, Profile: s.profile}
	if o.since != "" {
		since, err := parseSince(o.since, time.Now())
		if err != nil {
			return err
		}

		r.Since = &since
	}

	if err := a.whatToVerify(&r, s, args); err != nil {
		return err
	}

	filter, err := s.filter()
	if err != nil {
		return err
	}

	r.Filter = local.FilterOf(filter)

	return a.over(ctx, s, owner.Serving, "verify", func(api *attached) error {
		done := a.lookingOn(ctx, api)
		report, err := api.Verify(ctx, r)
		done()

		if err != nil {
			return err
		}

		if o.combined != "" {
			if err := a.writeCombined(o.combined, report.Files, r); err != nil {
				return err
			}
		}

		return a.printVerified(report, o.combined == "-")
	})
}

// whatToVerify reads the arguments: nothing, a path or watch, or a folder and a remote.
func (a *app) whatToVerify(r *control.VerifyRequest, s *setup, args []string) (err error) {
	if len(args) == 0 {
		return nil
	}

	if len(args) == 2 {
		to, err := a.remoteAddress(args[1])
		if err != nil {
			return err
		}

		r.Remote = to.String()
		r.Path, err = absPath(args[0])

		return err
	}

	if w, err := whichWatch(s.file.Watch, args[0]); err == nil {
		r.Watch = w.ID
		return nil
	}

	if r.Path, err = absPath(args[0]); err != nil {
		return err
	}

	if resolved, err := local.Resolve(r.Path); err == nil {
		r.Path = resolved
	}

	return nil
}

// parseSince reads a time, or how long ago it was.
func parseSince(text string, now time.Time) (time.Time, error) {
	if d, err := config.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}

	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}

	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}

	return time.Time{},
		problem.Usagef("--since %q is neither a time like 2026-03-01 or 2026-03-01T18:00:00Z "+
			"nor how long ago, like 24h", text)
}

// marks are those of rclone check --combined.
var marks = map[string]string{
	control.VerifyOK: "=", control.VerifyDiffers: "*", control.VerifyNewerRemote: "*",
	control.VerifyMissingRemote: "+", control.VerifyMissingLocal: "-", control.VerifyUnproven: "!",
	control.VerifyUnreachable: "!",
}

// writeCombined writes a mark and a path for each file, below the folder that is compared.
func (a *app) writeCombined(name string, files []control.VerifyFile, r control.VerifyRequest) error {
	var text strings.Builder
	for _, f := range files {
		path := f.Path
		if rel, err := filepath.Rel(r.Path, path); err == nil && r.Remote != "" {
			path = filepath.ToSlash(rel)
		}

		fmt.Fprintf(&text, "%s %s\n", marks[f.Result], printable(path))
	}

	if name == "-" {
		_, err := io.WriteString(a.stdout, text.String())
		return err
	}

	return os.WriteFile(name, []byte(text.String()), 0o666)
}

func (a *app) printVerified(report control.VerifyReport, quiet bool) error {
	counts := map[string]int{}
	first, noHub := "", "" // what helps with the first row, and when no hub can be seen
	for _, f := range append(report.Files, report.Chain...) {
		counts[f.Result]++
		if first == "" && f.Result != control.VerifyOK {
			first = f.Fix
		}

		if f.Result == control.VerifyUnreachable && strings.Contains(f.Detail, remote.NoneVisible) {
			noHub = cmp.Or(problem.Hint(f.Detail), hints[problem.AddToAccount])
		}

		switch {
		case quiet:
		case a.flags.json:
			if err := a.printJSON(f); err != nil {
				return err
			}
		case f.Result != control.VerifyOK:
			a.printf("%s: %s: %s\n", f.Result, printable(f.Path), printable(f.Detail))
			if f.Fix != "" {
				a.printf("  fix: %s\n", printable(f.Fix))
			}
		}
	}

	if !a.flags.json && !a.flags.quiet && !quiet {
		a.printf("%s ok, %d not; %s checked\n", count(counts[control.VerifyOK], "file", "files"),
			report.Findings(), count(report.Receipts, "receipt", "receipts"))
	}

	n := report.Findings()
	if n == 0 {
		return nil
	}

	hint := `"fix" of a row makes both ends alike; "hoist forget" lets a record go that is not ` +
		`wanted any more`
	switch {
	case len(report.Chain) > 0:
		hint = "keep the file of receipts that is named as evidence and move it away: the next version " +
			"published writes all that the state has anew"
	case n == 1 && first != "":
		hint = first
	case counts[control.VerifyUnreachable] == n:
		hint = cmp.Or(noHub, `"hoist doctor" says what cannot be reached and why`)
	}

	if noHub != "" {
		return fail(problem.Unauthorized, fmt.Errorf("%w: %s", notAsPublished(n, report), remote.NoneVisible),
			hint)
	}

	return fail(problem.Attention, notAsPublished(n, report), hint)
}

func notAsPublished(n int, report control.VerifyReport) error {
	if len(report.Chain) == 0 && report.Receipts == 0 {
		return errors.New(count(n, "file is", "files are") + " not alike")
	}

	return fmt.Errorf("%s not as published", count(n, "thing is", "things are"))
}

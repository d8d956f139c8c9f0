package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
)

type jobsOptions struct {
	states, reasons []string
	kinds           []string
	limit           int
	newest          bool
	since           string
}

// jobKinds are the kinds of job. The rename of a single file is an upload in the phase renaming, which
// is one as long as nothing speaks against it.
var jobKinds = []string{string(state.Upload), string(state.Download), string(state.Rename),
	string(state.Hide)}

func newJobsCmd(a *app) *cobra.Command {
	var o jobsOptions
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List the jobs, the oldest first",
		Long: `List the jobs, the oldest first. A terminal shows a table with a header, in which
an id is as much of its end as no other job's id ends with; into a pipe each job
is a line of fields with tabs between: id, kind, state, phase, size in bytes,
path, remote, reason, fix.`,
		Example: "  hoist jobs --state attention,failed\n  hoist jobs --newest --limit 20\n" +
			"  hoist jobs --since 24h --reason conflict --jq .path\n  hoist jobs --kind rename",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.jobs(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.states, "state", nil,
		"only jobs in these states, separated by commas: "+control.StateList())
	f.StringSliceVar(&o.reasons, "reason", nil, `only jobs with these reasons: see "hoist help reasons"`)
	f.StringSliceVar(&o.kinds, "kind", nil, "only jobs of these kinds: "+strings.Join(jobKinds, ", "))
	f.StringVar(&o.since, "since", "",
		"only jobs that changed since: 24h, 2026-03-01 or 2026-03-01T18:00:00Z")
	f.BoolVar(&o.newest, "newest", false, "the newest first")
	f.IntVar(&o.limit, "limit", 0, "at most this many (0: all)")

	var states, reasons []string
	for _, s := range control.JobStates {
		states = append(states, string(s))
	}

	for _, r := range transfer.Reasons() {
		reasons = append(reasons, r.Code)
	}

	completeValues(cmd, "state", states...)
	completeValues(cmd, "reason", reasons...)
	completeValues(cmd, "kind", jobKinds...)

	return cmd
}

func (a *app) jobs(ctx context.Context, o jobsOptions) error {
	if o.limit < 0 {
		return problem.Usagef("--limit %d: not a number of jobs", o.limit)
	}

	for _, r := range o.reasons {
		if _, ok := transfer.ReasonByCode(r); !ok {
			return problem.Usagef("--reason %s: no such reason; \"hoist help reasons\" lists them", r)
		}
	}

	for _, k := range o.kinds {
		if !slices.Contains(jobKinds, k) {
			return problem.Usagef("--kind %s: not one of %s", k, strings.Join(jobKinds, ", "))
		}
	}

	var since time.Time
	if o.since != "" {
		var err error
		if since, err = parseSince(o.since, time.Now()); err != nil {
			return err
		}
	}

	q := control.JobQuery{Newest: o.newest}
	for _, s := range o.states {
		q.States = append(q.States, state.Status(s))
	}

	return a.with(ctx, "jobs", func(api control.API) error {
		return a.printJobs(func(yield func(control.Job, error) bool) {
			left := o.limit
			for j, err := range eachJob(ctx, api, q) {
				if err == nil && (len(o.reasons) > 0 && !slices.Contains(o.reasons, j.Reason) ||
					len(o.kinds) > 0 && !slices.Contains(o.kinds, j.Kind) || j.UpdatedAt.Before(since)) {
					continue
				}

				if left--; !yield(j, err) || left == 0 {
					return
				}
			}
		})
	})
}

// jobsPage is how many jobs are asked for at once: a home may have a million, and one is large.
const jobsPage = 1000

// eachJob yields the jobs of a query in its order, and after an error no more.
func eachJob(ctx context.Context, api control.API, q control.JobQuery) iter.Seq2[control.Job, error] {
	return func(yield func(control.Job, error) bool) {
		for q.Limit = jobsPage; ; {
			page, err := api.Jobs(ctx, q)
			if err != nil {
				yield(control.Job{}, err)
				return
			}

			for _, j := range page {
				if !yield(j, nil) {
					return
				}
			}

			if len(page) < jobsPage {
				return
			}

			q.After = page[len(page)-1].ID
		}
	}
}

func (a *app) printJobs(jobs iter.Seq2[control.Job, error]) error {
	if !a.flags.json && isTerminal(a.stdout) {
		return a.printJobTable(jobs)
	}

	for j, err := range jobs {
		if err == nil && a.flags.json {
			err = a.printJSON(j)
		}

		if err != nil {
			return err
		}

		if a.flags.json {
			continue
		}

		size := ""
		if j.Size != nil {
			size = strconv.FormatInt(*j.Size, 10)
		}

		a.printf("%s\n", strings.Join([]string{j.ID, j.Kind, string(j.State), j.Phase, size,
			printable(j.Path), printable(j.Remote), j.Reason, printable(j.Fix)}, "\t"))
	}

	return nil
}

// printJobTable prints the jobs for people, when all are known: how wide the columns are depends on all.
func (a *app) printJobTable(jobs iter.Seq2[control.Job, error]) error {
	var ids, rows []string
	for j, err := range jobs {
		if err != nil {
			return err
		}

		ids = append(ids, j.ID)
		rows = append(rows,
			fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", j.Kind, j.State, j.Phase, sizeText(j.Size),
				printable(j.Path), j.Reason, printable(j.Fix)))
	}

	t := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	if len(rows) > 0 {
		fmt.Fprintln(t, "ID\tKIND\tSTATE\tPHASE\tSIZE\tPATH\tREASON\tFIX")
	}

	length := tailLength(ids)
	for i, row := range rows {
		fmt.Fprintln(t, idTail(ids[i], length)+"\t"+row)
	}

	return t.Flush()
}

// shortID is how much of an id is shown when that tells the jobs apart. Ids that were made in one
// moment begin alike, so their ends are shown.
const shortID = 8

// tailLength is how much of the ends of the ids tells all of these jobs apart.
func tailLength(ids []string) int {
	for n := shortID; ; n += 4 {
		seen := map[string]bool{}
		for _, id := range ids {
			seen[idTail(id, n)] = true
		}

		if len(seen) == len(ids) || n >= 32 {
			return n
		}
	}
}

func idTail(id string, n int) string { return id[max(0, len(id)-n):] }

func newJobCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "job ID",
		Short: "Show one job with its parts and its history",
		Long: `Show one job with its parts and its history. The beginning or the end of an id is
enough when no other job's id has it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), "job", func(api control.API) error {
				j, err := api.Job(cmd.Context(), args[0])
				if err != nil {
					return err
				}

				return a.printJob(api, j)
			})
		},
	}
}

func (a *app) printJob(api control.API, j control.JobDetail) error {
	if a.flags.json {
		return a.printJSON(j)
	}

	a.printf("%s %s: %s, %s\n%s\n%s\n", j.Kind, j.ID, j.State, j.Phase, printable(j.Path),
		printable(j.Remote))
	if j.Size != nil {
		a.printf("%s of %s", humanize.IBytes(uint64(j.BytesDone)), humanize.IBytes(uint64(*j.Size)))
		if j.PartsTotal != nil {
			a.printf(", %d of %d parts", *j.PartsDone, *j.PartsTotal)
		}

		a.printf("\n")
	}

	if j.Reason != "" {
		a.printf("%s: %s\n", j.Reason, printable(oneLine(j.Error)))
	}

	if j.NextAttempt != nil {
		a.printf("next attempt: %s\n", nextText(api, *j.NextAttempt))
	}

	if j.Fix != "" {
		a.printf("fix: %s\n", printable(j.Fix))
	}

	if hint := causeHint(j.Reason, j.Error); hint != "" {
		a.printf("hint: %s\n", hint)
	}

	for _, h := range j.History {
		a.printf("  %s  %s  %s\n", h.Time.Local().Format("2006-01-02 15:04:05"), h.Event,
			printable(oneLine(h.Detail)))
	}

	return nil
}

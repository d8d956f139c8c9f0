package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

func newJobsCmd(a *app) *cobra.Command {
	var states []string
	var limit int
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List the jobs, the oldest first",
		Long: `List the jobs, the oldest first. A terminal shows a table with a header; into a
pipe each job is a line of fields with tabs between: id, kind, state, phase,
size in bytes, path.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return problem.Usagef("--limit %d: not a number of jobs", limit)
			}

			q := control.JobQuery{Limit: limit}
			for _, s := range states {
				q.States = append(q.States, state.Status(s))
			}

			return a.with(cmd.Context(), "jobs", func(api control.API) error {
				jobs, err := api.Jobs(cmd.Context(), q)
				if err != nil {
					return err
				}

				return a.printJobs(jobs)
			})
		},
	}
	cmd.Flags().StringSliceVar(&states, "state", nil,
		"only jobs in these states, separated by commas: "+control.StateList())
	cmd.Flags().IntVar(&limit, "limit", 0, "at most this many (0: all)")

	return cmd
}

func (a *app) printJobs(jobs []control.Job) error {
	if a.flags.json {
		for _, j := range jobs {
			if err := a.printJSON(j); err != nil {
				return err
			}
		}

		return nil
	}

	if !isTerminal(a.stdout) {
		for _, j := range jobs {
			size := ""
			if j.Size != nil {
				size = strconv.FormatInt(*j.Size, 10)
			}

			a.printf("%s\n", strings.Join([]string{j.ID, j.Kind, string(j.State), j.Phase, size,
				printable(j.Path)}, "\t"))
		}

		return nil
	}

	t := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	if len(jobs) > 0 {
		fmt.Fprintln(t, "ID\tKIND\tSTATE\tPHASE\tSIZE\tPATH")
	}

	for _, j := range jobs {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", j.ID, j.Kind, j.State, j.Phase, sizeText(j.Size),
			printable(j.Path))
	}

	return t.Flush()
}

func newJobCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "job ID",
		Short: "Show one job with its parts and its history",
		Long: `Show one job with its parts and its history. The beginning of an id is enough
when no other job's id begins so.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), "job", func(api control.API) error {
				j, err := api.Job(cmd.Context(), args[0])
				if err != nil {
					return err
				}

				return a.printJob(j)
			})
		},
	}
}

func (a *app) printJob(j control.JobDetail) error {
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
		a.printf("next attempt %s\n", humanize.Time(*j.NextAttempt))
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

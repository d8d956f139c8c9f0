package main

import (
	"context"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
)

type resumeOptions struct {
	transferFlags
	all, wait bool
}

func newResumeCmd(a *app) *cobra.Command {
	var o resumeOptions
	cmd := &cobra.Command{
		Use:         "resume [ID…|--all]",
		Annotations: sumsUp,
		Short:       "Go on with jobs: clear pauses, and do the work where nothing else does",
		Long: `Clear the pauses of jobs, of all without ids. Where a daemon or another command
has the home open, that goes on with them, and resume returns (--wait waits for
them). Where nothing runs, resume does the work of every unfinished job itself
and ends like push; what would be tried again later, such as a file that could
not be read, is tried now.`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if o.all && len(ids) > 0 {
				return problem.Usagef("resume: give ids or --all, not both")
			}

			return a.resume(cmd.Context(), o, ids)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, "all jobs (as without ids)")
	f.BoolVar(&o.wait, "wait", false, "wait for the jobs when something else does the work")
	o.addEngine(f)
	o.addTime(f)
	o.addStats(f)

	return cmd
}

func (a *app) resume(ctx context.Context, o resumeOptions, ids []string) error {
	if err := a.awaitConfiguration(ctx); err != nil {
		return err
	}

	s, err := a.setup(o.settings)
	if err != nil {
		return err
	}

	ctx, cancel, err := o.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	every, err := o.statsEvery()
	if err != nil {
		return err
	}

	w := waiter{a: a, s: s, command: "resume", every: every, all: len(ids) == 0, beside: o.wait}
	left := acts{verb: control.Resume, ids: ids}

	return w.run(ctx, func(at *attached) ([]string, error) {
		if at.own == nil && !o.wait {
			err := a.act(ctx, at, &left)
			w.handed = len(left.done)

			return nil, err
		}

		paused := ids
		if len(paused) == 0 {
			if paused, err = concerned(ctx, at, control.Resume, ""); err != nil {
				return nil, err
			}
		}

		full := make([]string, 0, len(paused))
		for _, id := range paused {
			r, err := at.Act(ctx, id, control.Resume)
			if err != nil {
				return nil, err
			}

			full = append(full, r.ID)
		}

		if len(ids) > 0 && at.own == nil {
			return full, nil
		}

		return workable(ctx, at, at.own != nil)
	})
}

// workable lists the open jobs that are not paused. Those that would be tried again by themselves
// some time, such as a file that could not be read, are tried now when retry is true.
func workable(ctx context.Context, api control.API, retry bool) ([]string, error) {
	var ids []string
	for j, err := range eachJob(ctx, api, control.JobQuery{Open: true}) {
		if err != nil {
			return nil, err
		}

		if j.State == state.StatusPaused {
			continue
		}

		r, known := transfer.ReasonByCode(j.Reason)
		if retry && j.State == state.StatusAttention && known && !r.NeedsDecision() {
			if _, err := api.Act(ctx, j.ID, control.Retry); err != nil {
				return nil, err
			}
		}

		ids = append(ids, j.ID)
	}

	return ids, nil
}

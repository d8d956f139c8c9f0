package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
)

func newPauseCmd(a *app) *cobra.Command {
	return a.actCommand(control.Pause, "Keep jobs from running until they are resumed")
}

func newRetryCmd(a *app) *cobra.Command {
	return a.actCommand(control.Retry,
		"Try jobs again at once, those that wait, need attention, failed or were cancelled")
}

func newCancelCmd(a *app) *cobra.Command {
	return a.actCommand(control.Cancel, "End jobs; their files are not wanted until they change")
}

// actCommand is a verb for jobs that are named, or for all of them.
func (a *app) actCommand(verb control.Verb, short string) *cobra.Command {
	var all, wait bool
	var reason string
	cmd := &cobra.Command{
		Use:   string(verb) + " ID… | --all | --reason CODE",
		Short: short,
		RunE: func(cmd *cobra.Command, ids []string) error {
			switch _, known := transfer.ReasonByCode(reason); {
			case (all || reason != "") == (len(ids) > 0):
				return problem.Usagef("%s: which jobs? Give their ids, --all or --reason", verb)
			case reason != "" && !known:
				return problem.Usagef("--reason %s: not one of \"hoist help reasons\"", reason)
			}

			left := acts{verb: verb, ids: ids, reason: reason}
			if wait {
				return a.actAndWait(cmd.Context(), left)
			}

			return a.with(cmd.Context(), string(verb), func(api control.API) error {
				return a.act(cmd.Context(), api, &left)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "all jobs")
	f.StringVar(&reason, "reason", "", "all jobs that have this reason, see \"hoist help reasons\"")
	if verb == control.Retry {
		f.BoolVar(&wait, "wait", false, "wait for the jobs, and do the work where nothing else does")
	}

	return cmd
}

// actAndWait does a verb to jobs and waits for their end.
func (a *app) actAndWait(ctx context.Context, left acts) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	w := waiter{a: a, s: s, command: string(left.verb)}

	return w.run(ctx, func(at *attached) ([]string, error) {
		if err := a.act(ctx, at, &left); err != nil {
			return nil, err
		}

		return left.done, nil
	})
}

// acts is what is left of doing a verb to jobs: to those that are named, or to all that it can
// concern when none are.
type acts struct {
	verb   control.Verb
	ids    []string
	reason string   // without ids: only jobs that have it; "": all
	done   []string // full ids of those that were acted on
	all    bool     // none was named
	known  bool     // ids are those meant, also when there are none
	asked  bool     // the first of ids was asked for and its answer did not come
}

// act does what is left and prints what came of each. It can be called again with the next owner
// when one ends meanwhile, as a push does whose only job is cancelled.
func (a *app) act(ctx context.Context, api control.API, left *acts) error {
	if len(left.ids) == 0 && !left.known {
		left.all = true
		if err := dropPushes(ctx, api, left); err != nil {
			return err
		}
	}

	for {
		if left.all && len(left.ids) == 0 {
			if err := left.list(ctx, api); err != nil {
				return err
			}
		}

		left.known = true
		if len(left.ids) == 0 {
			return nil
		}

		if err := a.actOn(ctx, api, left); err != nil || !left.all {
			return err
		}
	}
}

// list finds the jobs that a verb for all concerns. Those to be stopped come newest first, or their turn
// would always come just before; and once more after that, since a push may have queued others meanwhile.
func (left *acts) list(ctx context.Context, api control.API) error {
	stops := left.verb == control.Pause || left.verb == control.Cancel
	if left.known && !stops {
		return nil
	}

	ids, err := concerned(ctx, api, left.verb, left.reason)
	if err != nil {
		return err
	}

	done := make(map[string]bool, len(left.done))
	for _, id := range left.done {
		done[id] = true
	}

	left.ids = slices.DeleteFunc(ids, func(id string) bool { return done[id] })
	if stops {
		slices.Reverse(left.ids)
	}

	return nil
}

// actOn does what is left to the jobs that are known.
func (a *app) actOn(ctx context.Context, api control.API, left *acts) error {
	for len(left.ids) > 0 {
		again := left.asked
		left.asked = true
		r, err := api.Act(ctx, left.ids[0], left.verb)
		if err != nil {
			return err
		}

		if again && left.verb == control.Cancel && r.State == state.StatusCancelled {
			r.Result = string(r.State) // by the request whose answer was lost
		}

		left.ids, left.asked = left.ids[1:], false
		left.done = append(left.done, r.ID)
		if err := a.printAct(r); err != nil {
			return err
		}
	}

	return nil
}

// dropPushes keeps files from being queued while all jobs are cancelled.
func dropPushes(ctx context.Context, api control.API, left *acts) error {
	if left.verb != control.Cancel || left.reason != "" {
		return nil
	}

	_, err := api.DropPushes(ctx)
	if kind, _ := problem.Of(err); kind == problem.NotFound {
		return nil // an owner of an older version has none
	}

	return err
}

// concerned lists the jobs that a verb for all of them means. Cancelled jobs are not tried again
// unless they are named. A reason that is not "" leaves only those that have it.
func concerned(ctx context.Context, api control.API, verb control.Verb, reason string) ([]string, error) {
	q := control.JobQuery{Open: true}
	switch verb {
	case control.Resume:
		q.States = []state.Status{state.StatusPaused}
	case control.Retry:
		q = control.JobQuery{States: []state.Status{state.StatusWaiting, state.StatusAttention,
			state.StatusFailed}}
	default:
	}

	ids := []string{}
	for j, err := range eachJob(ctx, api, q) {
		if err != nil {
			return nil, err
		}

		if reason == "" || j.Reason == reason {
			ids = append(ids, j.ID)
		}
	}

	return ids, nil
}

func (a *app) printAct(r control.ActResult) error {
	switch {
	case a.flags.json:
		return a.printJSON(r)
	case !a.flags.quiet:
		a.printf("%s %s (%s)\n", r.ID, r.Result, r.State)
	}

	return nil
}

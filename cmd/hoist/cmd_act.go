package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/progress"
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
			return nil, a.act(ctx, at, &left)
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

func newWaitCmd(a *app) *cobra.Command {
	var all bool
	var timeout string
	cmd := &cobra.Command{
		Use:   "wait ID… | --all",
		Short: "Wait until jobs are done",
		Long: `Wait until the jobs named, or all that are open now, are done, failed, cancelled
or need a person (exit 3); all are also those that a push has not queued yet.
Where nothing runs that does the work, wait does it.`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return problem.Usagef("wait: for which jobs? Give their ids or --all")
			}

			return a.wait(cmd.Context(), ids, timeout)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all jobs that are open now")
	cmd.Flags().StringVar(&timeout, "timeout", "", "give up after this long, such as 10m (exit 7)")

	return cmd
}

func (a *app) wait(ctx context.Context, ids []string, timeout string) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	if timeout != "" {
		d, err := config.ParseDuration(timeout)
		if err != nil {
			return &config.Error{Key: "--timeout", Msg: err.Error()}
		}

		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d,
			fail(problem.TimeUp, fmt.Errorf("not done after %s", timeout),
				"the jobs go on where something does the work; wait again"))
		defer cancel()
	}

	w := waiter{a: a, s: s, command: "wait", all: len(ids) == 0, beside: true}

	return w.run(ctx, func(at *attached) ([]string, error) {
		if len(ids) == 0 {
			return concerned(ctx, at, "", "")
		}

		full := make([]string, len(ids))
		for i, id := range ids {
			j, err := at.Job(ctx, id)
			if err != nil {
				return nil, err
			}

			full[i] = j.ID
		}

		return full, nil
	})
}

// waiter follows jobs to their end, over as many owners as it takes.
type waiter struct {
	a       *app
	s       *setup
	command string
	every   time.Duration // between lines of progress
	all     bool          // also for what pushes have not queued yet
	beside  bool          // also where another process queues it
	worked  bool          // or waited for who does

	show             *progress.Reporter
	lines            *progressLines
	left             []string        // nil: begin was not asked yet
	open             map[string]bool // of left
	parked           map[string]bool // told, and open still: they need a user
	attention, total int
}

// run asks begin which jobs to wait for, once, and waits for them.
func (w *waiter) run(ctx context.Context, begin func(*attached) ([]string, error)) error {
	w.show = w.a.reporter(w.every)
	defer w.show.Close()

	w.lines = w.a.progressLines(w.every)
	err := w.a.over(ctx, w.s, owner.Working, w.command, func(at *attached) (err error) {
		if w.left == nil {
			if w.left, err = begin(at); err != nil {
				w.left = nil
				return err
			}

			w.total = len(w.left)
			w.a.sum.Files = w.total
			w.left = slices.Grow(w.left, 1) // none is not nil
		}

		return w.follow(ctx, at)
	})
	w.show.Hide()
	w.sumUp(err)

	if err != nil {
		return atEnd(ctx, err)
	}

	if w.attention > 0 {
		return needAttention(w.attention, w.total, "")
	}

	return nil
}

// sumUp prints the summary of a resume for people, as push and pull end with one.
func (w *waiter) sumUp(err error) {
	s := &w.a.sum
	followed := s.Files > 0 || err == nil && w.worked
	if w.command == "resume" && followed && !w.a.flags.json && !w.a.flags.quiet {
		w.a.printf("%s\n", s.text(0, len(w.left)))
	}
}

// follow waits for the jobs that are left, and then for those that pushes queue.
func (w *waiter) follow(ctx context.Context, at *attached) error {
	defer w.show.Hide()

	if err := w.followLeft(ctx, at); err != nil || !w.all {
		return err
	}

	w.worked = at.own != nil || w.beside
	if at.own != nil {
		return w.goOn(ctx, at.own)
	}

	if w.beside {
		return w.followPushes(ctx, at)
	}

	return nil
}

// followLeft waits for the jobs that are left.
func (w *waiter) followLeft(ctx context.Context, at *attached) error {
	if len(w.left) == 0 {
		return nil
	}

	w.open = map[string]bool{}
	for _, id := range w.left {
		w.open[id] = true
	}

	err := at.Follow(ctx, w.left, w.told)
	w.left = slices.DeleteFunc(w.left, func(id string) bool { return !w.open[id] })

	return err
}

// pushesEvery is the time between two looks at what another process has queued.
const pushesEvery = 500 * time.Millisecond

// followPushes waits for what another process still queues of pushes.
func (w *waiter) followPushes(ctx context.Context, at *attached) error {
	for queued := false; ; {
		st, err := at.Status(ctx)
		if err != nil {
			return err
		}

		queues := slices.ContainsFunc(st.Pushes, func(p control.PendingPush) bool { return p.Left != nil })
		if !queues && !queued {
			return nil
		}

		queued = queues // once more after the last: what it queued at its end
		ids, err := workable(ctx, at, false)
		if err != nil {
			return err
		}

		w.left = slices.DeleteFunc(ids, func(id string) bool { return w.parked[id] })
		w.total += len(w.left)
		w.a.sum.Files = w.total
		if err := w.followLeft(ctx, at); err != nil {
			return err
		}

		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pushesEvery):
		}
	}
}

// goOn does what pushes have not queued yet.
func (w *waiter) goOn(ctx context.Context, own *owner.Owner) error {
	return own.GoOn(ctx, owner.Sending{
		Begin: func(int, []control.RuleCount) {},
		File: func(f control.PlanFile) error {
			w.total++
			w.a.sum.Files++
			if f.Result == "" {
				return nil
			}

			w.attention++
			w.a.sum.result(f.Result, f.Bytes)
			if w.a.flags.json {
				return w.a.printJSON(f.FileResult)
			}

			fmt.Fprintf(w.a.stderr, "attention: %s: %s\n", printable(f.Path), attentionText(f.FileResult))

			return nil
		},
		Update: w.told,
	})
}

// told shows what a follower was told.
func (w *waiter) told(u control.Update) error {
	if u.Job == nil {
		w.show.Show(stateOf(*u.Progress))
		return w.lines.show(*u.Progress)
	}

	delete(w.open, u.For)
	result := u.Job.Result
	if u.Job.State == state.StatusAttention {
		if w.parked == nil {
			w.parked = map[string]bool{}
		}

		w.parked[u.Job.ID] = true
	}

	if u.Job.State != state.StatusDone {
		w.attention++
		result = control.ResultAttention
	}

	w.a.sum.result(result, u.Job.Size)

	return w.a.printEnded(*u.Job)
}

// atEnd is why a command ended: what ended its context, when that is over, else the error.
func atEnd(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}

	return err
}

// printEnded prints a job that was waited for.
func (a *app) printEnded(j control.Job) error {
	result := j.Result
	if j.State != state.StatusDone {
		result = j.Reason
	}

	switch {
	case a.flags.json:
		return a.printJSON(control.ActResult{ID: j.ID, State: j.State, Result: result})
	case j.State != state.StatusDone:
		fmt.Fprintf(a.stderr, "attention: %s: %s\n", printable(j.Path),
			attentionText(control.FileResult{Reason: j.Reason, Detail: j.Error, Fix: j.Fix}))
	case !a.flags.quiet:
		a.printf("%s %s -> %s\n", result, printable(j.Path), printable(j.Remote))
	}

	return nil
}

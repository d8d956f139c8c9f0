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
)

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
	beside  bool          // also when another process queues it
	handed  int           // jobs that another process goes on with, and are not waited for

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
			w.a.sum.Files = w.total + w.handed
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
	if w.command == "resume" && (s.Files > 0 || err == nil) && !w.a.flags.json && !w.a.flags.quiet {
		w.a.printf("%s\n", s.text(w.handed, len(w.left)))
	}
}

// follow waits for the jobs that are left, and then for those that pushes queue.
func (w *waiter) follow(ctx context.Context, at *attached) error {
	defer w.show.Hide()

	if err := w.followLeft(ctx, at); err != nil || !w.all {
		return err
	}

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

// endedJob is what became of a job that was waited for: as of the verbs for jobs, and as of push and pull.
type endedJob struct {
	ID    string       `json:"id"`
	State state.Status `json:"state"`
	control.FileResult
}

// printEnded prints a job that was waited for.
func (a *app) printEnded(j control.Job) error {
	r := control.ResultOf(control.FileResult{Path: j.Path, Remote: j.Remote}, j)
	switch {
	case a.flags.json:
		return a.printJSON(endedJob{j.ID, j.State, r})
	case r.Result == control.ResultAttention:
		fmt.Fprintf(a.stderr, "attention: %s: %s\n", printable(j.Path), attentionText(r))
	case !a.flags.quiet:
		a.printf("%s %s -> %s\n", r.Result, printable(j.Path), printable(j.Remote))
	}

	return nil
}

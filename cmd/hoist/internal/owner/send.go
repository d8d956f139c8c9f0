package owner

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/patience"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// planning is a push or a pull whose files are planned and queued a run at a time.
type planning struct {
	owner   *Owner
	asked   pendingPush
	began   time.Time // of one that goes on: when it did; zero: it begins
	by      order
	limit   limit
	dry     bool
	planner planner
	found   found
}

// planner is a [plan.Pushing] or a [plan.Pulling].
type planner interface {
	Next(ctx context.Context) ([]plan.File, error)
	Done() bool
}

// found is what a push or a pull found before anything was planned.
type found struct {
	files   int
	bytes   int64              // of these
	bad     []control.PlanFile // of these, those that cannot be looked at
	leftOut map[string]int     // names by the built-in rule that leaves them out
	close   func()
}

// plannedRun is what became of some files, or why it ended.
type plannedRun struct {
	files []control.PlanFile
	err   error
}

// planPush begins a push, of which nothing is queued yet.
func (o *Owner) planPush(ctx context.Context, r control.PushRequest) (*planning, error) {
	by, err := parseOrder(r.OrderBy)
	if err != nil {
		return nil, problem.Usagef("--order-by %w", err)
	}

	address, err := remote.ParseAddress(r.Remote)
	if err != nil {
		return nil, err
	}

	if err := o.mayChange(r.Profile, landed(address, r.As)); err != nil {
		return nil, err
	}

	asked := pendingPush{Batch: batchOf(r.Batch), Request: r}
	sources, pushing, err := o.startPush(ctx, r, address, asked.Batch)
	if err != nil {
		return nil, err
	}

	return &planning{owner: o, asked: asked, by: by, dry: r.DryRun, planner: pushing,
		limit: limit{most: r.Most, cautious: r.Cautious},
		found: found{files: sources.files.Len() + len(sources.bad), bytes: sources.bytes,
			bad: sources.results(address), leftOut: sources.leftOut, close: sources.files.Close}}, nil
}

// planPull begins a pull, of which nothing is queued yet.
func (o *Owner) planPull(ctx context.Context, r control.PullRequest) (*planning, error) {
	by, err := parseOrder(r.OrderBy)
	if err != nil {
		return nil, problem.Usagef("--order-by %w", err)
	}

	asked := pendingPush{Batch: batchOf(r.Batch), Pull: &r}
	pulling, err := o.startPull(ctx, r, asked.Batch)
	if err != nil {
		return nil, err
	}

	if pulling.Len() == 0 && !r.DryRun { // an empty folder
		if err := os.MkdirAll(r.Path, 0o777); err != nil {
			pulling.Close()
			return nil, err
		}
	}

	return &planning{owner: o, asked: asked, by: by, dry: r.DryRun, planner: pulling,
		limit: limit{most: r.Most, cautious: r.Cautious},
		found: found{files: pulling.Len(), bytes: pulling.Bytes(), close: pulling.Close}}, nil
}

// all plans and queues all files.
func (p *planning) all(ctx context.Context) (control.Plan, error) {
	defer p.found.close()

	queued := control.Plan{Batch: p.asked.Batch, Files: make([]control.PlanFile, 0, p.found.files),
		LeftOut: control.RuleCounts(p.found.leftOut)}
	for run, err := range p.runs(ctx) {
		if err != nil {
			return queued, err
		}

		queued.Files = append(queued.Files, run...)
	}

	return queued, nil
}

// runs plans and queues the files a run at a time, and tells each one's job or result.
func (p *planning) runs(ctx context.Context) iter.Seq2[[]control.PlanFile, error] {
	return func(yield func([]control.PlanFile, error) bool) {
		bad := p.found.bad
		for run, err := range p.planned(ctx) {
			queued := control.Plan{Batch: p.asked.Batch}
			if err == nil {
				p.limit.hold(run)
				err = p.leaveSettled(run)
			}

			if err == nil && p.dry {
				err = p.owner.foresee(ctx, run)
			}

			if err == nil {
				err = p.owner.enqueue(run, &queued, p.dry)
			}

			if p.planner.Done() {
				queued.Files, bad = append(queued.Files, bad...), nil
			}

			if !yield(queued.Files, err) || err != nil {
				return
			}
		}

		if len(bad) > 0 {
			yield(bad, nil)
		}
	}
}

// foresee says of files that are only looked at what their jobs would find here.
func (o *Owner) foresee(ctx context.Context, run []plan.File) error {
	for i := range run {
		f := &run[i]
		if f.Result != "" {
			continue
		}

		unchanged, err := o.engine.Foresee(ctx, f.Job)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}

		if parked, ok := errors.AsType[*transfer.ReasonError](err); ok {
			f.Result, f.Reason, f.Detail = plan.Attention, parked.Code, parked.Error()
		} else if unchanged {
			f.Result = plan.Unchanged
		}
	}

	return nil
}

// planned plans a run of files at a time; one that has an order is a single run, since its last file may
// be the first. Unless nothing is queued, those before are when the next is asked for: a service that
// cannot be reached is waited for then.
func (p *planning) planned(ctx context.Context) iter.Seq2[[]plan.File, error] {
	return func(yield func([]plan.File, error) bool) {
		var all []plan.File
		next := func() ([]plan.File, error) { return p.planner.Next(ctx) }
		for ask := patience.Retry[[]plan.File]; ; {
			run, err := ask(ctx, p.owner.troubles.unreachable, next)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case len(run) == 0:
				if p.by.sort(all); len(all) > 0 {
					yield(all, nil)
				}

				return
			case p.by.key != "":
				all = append(all, run...)
			case !yield(run, nil):
				return
			case !p.dry:
				ask = patience.Wait
			}
		}
	}
}

// openAtOnce is from how many open jobs on a push that is followed queues no more of its files: what it
// takes of memory, and of the state, does not grow with them.
var openAtOnce = 8192

// Sending is told what becomes of a push or a pull. Its calls come one at a time.
type Sending struct {
	// Begin is told how many files were found, and what was left out of them.
	Begin func(files int, leftOut []control.RuleCount)
	// File is told each file: its result, or the job that will bring it.
	File func(control.PlanFile) error
	// Update is told what Follow tells, of these jobs.
	Update func(control.Update) error
}

// leaveSettled leaves out of what goes on what it has settled: see settled.
func (p *planning) leaveSettled(run []plan.File) error {
	if p.began.IsZero() {
		return nil
	}

	for i := range run {
		f := &run[i]
		if f.Result != "" {
			continue
		}

		j, found, err := p.owner.store.LastJob(f.Source.Path)
		if err != nil {
			return err
		}

		if found && j.Target.Address == f.Remote && p.settled(j, f.Source.Snapshot) {
			f.Result = plan.Unchanged
		}
	}

	return nil
}

// settled reports whether what goes on leaves a file to its last job: one that needs a user or
// is paused, one that a user cancelled, and one that is done, whose edits since nobody asked to publish.
func (p *planning) settled(j state.Job, now state.Snapshot) bool {
	same := j.Kind == state.Download || j.Snapshot.Same(now)

	switch {
	case j.Open():
		return j.Batch == p.asked.Batch && (j.Paused || j.Attention && same)
	case j.End == state.EndDone:
		return j.Created.After(p.began)
	}

	return j.End == state.EndCancelled && j.Created.After(p.began) && same
}

// Send pushes and follows: it is Push, and Follow of the jobs that are queued, except that files
// are queued while others are sent, a bounded number of them at a time.
func (o *Owner) Send(ctx context.Context, r control.PushRequest, to Sending) error {
	p, err := o.planPush(ctx, r)
	if err != nil {
		return err
	}

	return p.send(ctx, to)
}

// Fetch is to Pull what Send is to Push.
func (o *Owner) Fetch(ctx context.Context, r control.PullRequest, to Sending) error {
	p, err := o.planPull(ctx, r)
	if err != nil {
		return err
	}

	return p.send(ctx, to)
}

// goOnWith is Send or Fetch of what began earlier.
func (o *Owner) goOnWith(ctx context.Context, asked pendingPush, to Sending) (err error) {
	var p *planning
	if asked.Request.Batch = asked.Batch; asked.Pull == nil {
		p, err = o.planPush(ctx, asked.Request)
	} else {
		r := *asked.Pull
		r.Batch = asked.Batch
		p, err = o.planPull(ctx, r)
	}

	if err != nil {
		return err
	}

	p.began = asked.Began

	return p.send(ctx, to)
}

// send queues and follows.
func (p *planning) send(ctx context.Context, to Sending) error {
	defer p.found.close()

	to.Begin(p.found.files, control.RuleCounts(p.found.leftOut))

	f := p.owner.follower(to.Update)
	f.more, f.told, f.files, f.ahead = make(chan plannedRun), to.File, p.found.files, p.found.bytes

	following, end := context.WithCancel(ctx)
	planning, drop := context.WithCancel(following)

	var queueing sync.WaitGroup
	defer queueing.Wait()
	defer end()
	defer drop()

	f.left = p.told

	var err error
	if f.most, err = p.keep(drop); err != nil {
		return err
	}

	queueing.Go(func() { p.queue(planning, following, f.more) })

	if err := f.run(ctx); err != nil || planning.Err() == nil || f.dropped == 0 {
		return err
	}

	return problem.With(problem.Attention, fmt.Errorf("%d of %d files were not queued: all was cancelled",
		f.dropped, p.found.files), problem.Text(fmt.Sprintf("the same %s again brings them", p.asked.what())))
}

// queue passes on each run of files that was queued, before the next is. No more are once planning is over;
// what was is passed on until following is.
func (p *planning) queue(planning, following context.Context, to chan<- plannedRun) {
	defer close(to)

	pass := func(run plannedRun) {
		select {
		case to <- run:
		case <-following.Done():
		}
	}

	var failed error
	for files, err := range p.runs(planning) {
		if failed = err; err != nil {
			break
		}

		if pass(plannedRun{files: files}); planning.Err() != nil {
			break
		}
	}

	dropped := planning.Err() != nil
	if err := p.ended(failed == nil && !dropped); failed == nil {
		failed = err
	}

	if failed != nil && !dropped {
		pass(plannedRun{err: failed})
	}
}

// room is where more files come from, nil while enough are open. Those that a user paused keep others
// from being queued too, when they are many: all were.
func (f *followed) room() <-chan plannedRun {
	if len(f.open) >= f.most || f.paused > f.most/2 {
		return nil
	}

	return f.more
}

// take follows files that were queued; false: there are no more.
func (f *followed) take(run plannedRun, more bool) error {
	if !more {
		f.dropped = f.files // or they were named twice
		f.more, f.files, f.ahead = nil, 0, 0
		return nil
	}

	if run.err != nil {
		return run.err
	}

	for _, one := range run.files {
		f.files--
		if one.Bytes != nil {
			f.ahead -= *one.Bytes
		}

		if err := f.told(one); err != nil {
			return err
		}

		if one.Result == "" && one.Job != "" && !one.Held {
			if err := f.add(one.Job); err != nil {
				return err
			}
		}
	}

	f.left(f.files)

	return nil
}

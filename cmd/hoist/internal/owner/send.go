package owner

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// planning is a push whose files are planned and queued a run at a time.
type planning struct {
	owner   *Owner
	request control.PushRequest
	address remote.Address
	batch   string
	began   time.Time // of a push that goes on: when it did; zero: it begins
	found   sources
	pushing *plan.Pushing
}

// plannedRun is what became of some files of a push, or why it ended.
type plannedRun struct {
	files []control.PlanFile
	err   error
}

// planPush begins a push, of which nothing is queued yet.
func (o *Owner) planPush(ctx context.Context, r control.PushRequest) (*planning, error) {
	address, err := remote.ParseAddress(r.Remote)
	if err != nil {
		return nil, err
	}

	if err := o.mayChange(r.Profile, landed(address, r.As)); err != nil {
		return nil, err
	}

	p := &planning{owner: o, request: r, address: address, batch: batchOf(r.Batch)}
	p.found, p.pushing, err = o.startPush(ctx, r, address, p.batch)

	return p, err
}

func (p *planning) close() { p.found.files.Close() }

// files is how many are told.
func (p *planning) files() int { return p.found.files.Len() + len(p.found.bad) }

// runs plans and queues the files a run at a time, and tells each one's job or result.
func (p *planning) runs(ctx context.Context) iter.Seq2[[]control.PlanFile, error] {
	return func(yield func([]control.PlanFile, error) bool) {
		limit := limit{most: p.request.Most, cautious: p.request.Cautious}
		bad := p.found.results(p.address)
		for run, err := range p.owner.runs(ctx, p.pushing, p.request.OrderBy, !p.request.DryRun) {
			queued := control.Plan{Batch: p.batch}
			if err == nil {
				limit.hold(run)
				err = p.leaveSettled(run)
			}

			if err == nil {
				err = p.owner.enqueue(run, &queued, p.request.DryRun)
			}

			if p.pushing.Done() {
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

// openAtOnce is from how many open jobs on a push that is followed queues no more of its files: what it
// takes of memory, and of the state, does not grow with them.
var openAtOnce = 8192

// Sending is told what becomes of a push. Its calls come one at a time.
type Sending struct {
	// Begin is told how many files were found, and what was left out of them.
	Begin func(files int, leftOut []control.RuleCount)
	// File is told each file: its result, or the job that will bring it.
	File func(control.PlanFile) error
	// Update is told what Follow tells, of these jobs.
	Update func(control.Update) error
}

// leaveSettled leaves out of a push that goes on what it has settled: see settled.
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

// settled reports whether a push that goes on leaves a file to the last job of it: one that needs a user or
// is paused, one that a user cancelled, and one that is done, whose edits since nobody asked to publish.
func (p *planning) settled(j state.Job, now state.Snapshot) bool {
	switch {
	case j.Open():
		return j.Batch == p.batch && (j.Paused || j.Attention && j.Snapshot.Same(now))
	case j.End == state.EndDone:
		return j.Created.After(p.began)
	}

	return j.End == state.EndCancelled && j.Created.After(p.began) && j.Snapshot.Same(now)
}

// Send pushes and follows: like Push, and Follow of the jobs that it queues, but that the files are queued
// while others of them are sent, and a bounded number of them at a time.
func (o *Owner) Send(ctx context.Context, r control.PushRequest, to Sending) error {
	return o.send(ctx, r, time.Time{}, to)
}

// send is Send of a push that began earlier, or zero.
func (o *Owner) send(ctx context.Context, r control.PushRequest, began time.Time, to Sending) error {
	p, err := o.planPush(ctx, r)
	if err != nil {
		return err
	}
	defer p.close()

	p.began = began

	to.Begin(p.files(), control.RuleCounts(p.found.leftOut))

	f := o.follower(to.Update)
	f.more, f.told, f.files, f.ahead = make(chan plannedRun), to.File, p.files(), p.found.bytes

	following, end := context.WithCancel(ctx)
	planning, drop := context.WithCancel(following)

	var queueing sync.WaitGroup
	defer queueing.Wait()
	defer end()
	defer drop()

	f.left = p.told
	if f.most, err = p.keep(drop); err != nil {
		return err
	}

	queueing.Go(func() { p.queue(planning, following, f.more) })

	if err := f.run(ctx); err != nil || planning.Err() == nil || f.dropped == 0 {
		return err
	}

	return problem.With(problem.Attention, fmt.Errorf("%d of %d files were not queued: all was cancelled",
		f.dropped, p.files()), problem.Text("the same push again sends them"))
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

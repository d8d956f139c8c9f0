package owner

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// beat is the time between two messages of progress.
const beat = 500 * time.Millisecond

// followed is the jobs of one Follow that have not been told yet.
type followed struct {
	owner *Owner
	each  func(control.Update) error
	index uint64 // changes since then are told again, so nothing that happens between is missed
	// current job -> the id that was asked for; they differ after the source changed
	open    map[state.JobID]string
	parked  map[state.JobID]bool // need a user, but were still held by the engine at the last look
	sizes   map[state.JobID]int64
	bytes   int64 // the sum of sizes
	done    int   // jobs told
	total   int   // jobs asked for
	settled int64 // bytes of the jobs told
	parkedN int   // of the jobs told, those that need a user
	calls   int64 // of the owner when the following began
	// jobs that are open, were not told, and have begun or wait for something: what they are as of the
	// last commit
	now    map[state.JobID]followedJob
	paused int // of now

	more  chan plannedRun // when more files come from; nil: there are no more
	most  int             // open jobs from which on no more are taken
	told  func(control.PlanFile) error
	left  func(int) // is told files as it changes
	files int       // of more: those of which nothing is told yet
	ahead int64     // bytes of these

	dropped int // files that were left when no more came
}

// Follow implements [control.API].
func (o *Owner) Follow(ctx context.Context, ids []string, each func(control.Update) error) error {
	f := o.follower(each)
	if err := f.add(ids...); err != nil {
		return err
	}

	return f.run(ctx)
}

func (o *Owner) follower(each func(control.Update) error) *followed {
	return &followed{owner: o, each: each, open: map[state.JobID]string{}, parked: map[state.JobID]bool{},
		sizes: map[state.JobID]int64{}, now: map[state.JobID]followedJob{}, calls: o.Calls(),
		index: o.store.Index()}
}

// add follows more jobs.
func (f *followed) add(ids ...string) error {
	var asked []state.JobID // those of which more is to be told than that they wait for their turn
	for _, id := range ids {
		job := state.JobID(id)
		if f.open[job] != "" {
			continue
		}

		f.open[job] = id
		f.total++
		if size, ok := f.owner.store.Untouched(job); ok {
			f.sizes[job] = max(size, 0)
			f.bytes += f.sizes[job]
		} else {
			asked = append(asked, job)
		}
	}

	return f.tell(asked)
}

// run tells the jobs until all are told.
func (f *followed) run(ctx context.Context) error {
	if f.idle() {
		return nil
	}

	watching, cancel := context.WithCancel(ctx)
	changes, broken := make(chan state.Changes), make(chan error, 1)

	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() { f.owner.watchChanges(watching, f.index, changes, broken) })

	tick := time.NewTicker(beat)
	defer tick.Stop()

	var told time.Time // when progress was last
	for !f.idle() {
		var err error
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case err = <-broken:
		case c := <-changes:
			if c.Lost {
				c.Jobs = slices.Collect(maps.Keys(f.open))
			}

			err = f.tell(c.Jobs)
		case run, ok := <-f.room():
			err = f.take(run, ok)
		case <-tick.C:
		}

		if err == nil {
			err = f.tell(slices.Collect(maps.Keys(f.parked)))
		}

		if err == nil && len(f.open) > 0 && time.Since(told) >= beat {
			p := f.progress()
			err = f.each(control.Update{Progress: &p})
			told = time.Now()
		}

		if err := cmp.Or(err, f.owner.Err()); err != nil {
			return err
		}
	}

	return nil
}

// idle reports whether nothing is left to be told.
func (f *followed) idle() bool { return len(f.open) == 0 && f.more == nil }

// watchChanges passes on what changed until ctx ends.
func (o *Owner) watchChanges(ctx context.Context, since uint64, to chan<- state.Changes,
	broken chan<- error) {
	for {
		c, err := o.store.Changes(ctx, since)
		if err != nil {
			broken <- err
			return
		}

		since = c.Index
		select {
		case to <- c:
		case <-ctx.Done():
			return
		}
	}
}

// tell looks at those of the jobs that have not been told yet.
func (f *followed) tell(ids []state.JobID) error {
	for _, id := range ids {
		if asked, ok := f.open[id]; ok {
			if err := f.look(id, asked); err != nil {
				return err
			}
		}
	}

	return nil
}

// look tells a job if it has come to its end or needs a user; of one whose source changed it goes
// on with the successor.
func (f *followed) look(id state.JobID, asked string) error {
	j, err := f.owner.store.Job(id)
	if err != nil {
		return unknownJob(err)
	}

	for j.End == state.EndSuperseded && j.Successor != "" {
		f.drop(j.ID)
		if j, err = f.owner.store.Job(j.Successor); err != nil {
			return unknownJob(err)
		}

		f.open[j.ID] = asked
	}

	size, _ := sizeOf(j)
	f.bytes += size - f.sizes[j.ID]
	f.sizes[j.ID] = size
	held := j.Open() && j.Attention && f.owner.engine.Runs(j.ID)
	delete(f.parked, j.ID)
	if held {
		f.parked[j.ID] = true // the commit that parked it came first; nothing more will be committed
	}

	if j.Open() && (!j.Attention || held) {
		if f.forget(j.ID); j.Phase != state.PhaseQueued || j.Paused || j.Reason != "" {
			f.now[j.ID] = followedJobOf(j)
			if j.Paused {
				f.paused++
			}
		}

		return nil
	}

	f.drop(j.ID)
	f.done++
	if j.End != state.EndDone {
		f.parkedN++
	}

	f.settled += size
	told := f.owner.jobOf(j, nil, time.Now())

	return f.each(control.Update{For: asked, Job: &told})
}

// drop forgets a job: it was told, or another one took its place.
func (f *followed) drop(id state.JobID) {
	delete(f.open, id)
	delete(f.parked, id)
	f.forget(id)
	f.bytes -= f.sizes[id]
	delete(f.sizes, id)
}

// forget takes a job out of now.
func (f *followed) forget(id state.JobID) {
	if f.now[id].paused {
		f.paused--
	}

	delete(f.now, id)
}

package owner

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// beat is the time between two messages of progress.
const beat = 500 * time.Millisecond

// followed is the jobs of one Follow that have not been told yet.
type followed struct {
	owner *Owner
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
	now map[state.JobID]followedJob
}

// Follow implements [control.API].
func (o *Owner) Follow(ctx context.Context, ids []string, each func(control.Update) error) error {
	f := &followed{owner: o, open: map[state.JobID]string{}, parked: map[state.JobID]bool{},
		sizes: map[state.JobID]int64{}, now: map[state.JobID]followedJob{}, total: len(ids), calls: o.Calls()}
	index := o.store.Index()
	// Changes since the index are told again, so nothing that happens between is missed.
	var asked []state.JobID // those of which more is to be told than that they wait for their turn
	for _, id := range ids {
		job := state.JobID(id)
		f.open[job] = id
		if size, ok := o.store.Untouched(job); ok {
			f.sizes[job] = max(size, 0)
			f.bytes += f.sizes[job]
		} else {
			asked = append(asked, job)
		}
	}

	if err := f.tell(asked, each); err != nil {
		return err
	}

	var told time.Time // when progress was last
	for len(f.open) > 0 {
		c, err := o.changes(ctx, index)
		if err != nil {
			return err
		}

		index = c.Index
		changed := slices.AppendSeq(c.Jobs, maps.Keys(f.parked))
		if c.Lost {
			changed = slices.Collect(maps.Keys(f.open))
		}

		if err := f.tell(changed, each); err != nil {
			return err
		}

		if len(f.open) > 0 && time.Since(told) >= beat {
			p := f.progress()
			if err := each(control.Update{Progress: &p}); err != nil {
				return err
			}

			told = time.Now()
		}

		if err := o.Err(); err != nil {
			return err
		}
	}

	return nil
}

// changes waits for a change, one beat at most.
func (o *Owner) changes(ctx context.Context, since uint64) (state.Changes, error) {
	first, cancel := context.WithTimeout(ctx, beat)
	c, err := o.store.Changes(first, since)
	cancel()

	switch {
	case ctx.Err() != nil:
		return c, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return state.Changes{Index: since}, nil
	}

	return c, err
}

// tell looks at those of the jobs that have not been told yet.
func (f *followed) tell(ids []state.JobID, each func(control.Update) error) error {
	for _, id := range ids {
		if asked, ok := f.open[id]; ok {
			if err := f.look(id, asked, each); err != nil {
				return err
			}
		}
	}

	return nil
}

// look tells a job if it has come to its end or needs a user; of one whose source changed it goes
// on with the successor.
func (f *followed) look(id state.JobID, asked string, each func(control.Update) error) error {
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
		if delete(f.now, j.ID); j.Phase != state.PhaseQueued || j.Paused || j.Reason != "" {
			f.now[j.ID] = followedJobOf(j)
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

	return each(control.Update{For: asked, Job: &told})
}

// drop forgets a job: it was told, or another one took its place.
func (f *followed) drop(id state.JobID) {
	delete(f.open, id)
	delete(f.parked, id)
	delete(f.now, id)
	f.bytes -= f.sizes[id]
	delete(f.sizes, id)
}

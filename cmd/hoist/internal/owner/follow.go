package owner

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
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
}

// Follow implements [control.API].
func (o *Owner) Follow(ctx context.Context, ids []string, each func(control.Update) error) error {
	f := &followed{owner: o, open: map[state.JobID]string{}, parked: map[state.JobID]bool{},
		sizes: map[state.JobID]int64{}, total: len(ids)}
	index := o.store.Index()
	// Changes since the index are told again, so nothing that happens between is missed.
	asked := make([]state.JobID, len(ids))
	for i, id := range ids {
		asked[i] = state.JobID(id)
		f.open[asked[i]] = id
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
	active := find(f.owner.engine.Active(), j.ID)
	delete(f.parked, j.ID)
	if j.Open() && j.Attention && active != nil {
		f.parked[j.ID] = true // the commit that parked it came first; nothing more will be committed
	}

	if j.Open() && (!j.Attention || active != nil) {
		return nil
	}

	f.drop(j.ID)
	f.done++
	f.settled += size
	told := jobOf(j, active, time.Now())

	return each(control.Update{For: asked, Job: &told})
}

// drop forgets a job: it was told, or another one took its place.
func (f *followed) drop(id state.JobID) {
	delete(f.open, id)
	delete(f.parked, id)
	f.bytes -= f.sizes[id]
	delete(f.sizes, id)
}

// progress sums up all jobs that were asked for.
func (f *followed) progress() control.Progress {
	p := control.Progress{Files: f.total, FilesDone: f.done, Bytes: f.settled + f.bytes, BytesDone: f.settled}

	var rate float64
	idle := true
	for _, a := range f.owner.engine.Active() {
		if _, ok := f.open[a.Job]; !ok {
			continue
		}

		p.BytesDone += a.BytesDone
		if moving(a) {
			rate += a.Rate
		}

		idle = false
	}

	p.Rate = int64(rate)
	reason := ""
	if idle {
		reason, p.Waiting = f.waiting()
	}

	if d, by := f.owner.engine.Estimate(); d > 0 && !silent(reason) {
		p.ETASeconds, p.DecidedBy = seconds(d), by
	}

	return p
}

// waiting is why one of the jobs does not move, as a code and in words, as far as a look at a few
// of them tells.
func (f *followed) waiting() (reason, words string) {
	looked := 0
	for id := range f.open {
		if looked++; looked > 20 {
			break
		}

		j, err := f.owner.store.Job(id)
		if err != nil || j.Reason == "" {
			continue
		}

		if r, ok := transfer.ReasonByCode(j.Reason); ok {
			return j.Reason, r.Sentence
		}

		return j.Reason, j.Reason
	}

	return "", ""
}

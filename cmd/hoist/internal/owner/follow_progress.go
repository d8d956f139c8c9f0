package owner

import (
	"cmp"
	"math"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// mostSlow is how many files are told one by one.
const mostSlow = 4

// followedJob is what a follower remembers of an open job.
type followedJob struct {
	id     state.JobID
	path   string
	kind   state.Kind
	phase  state.Phase
	bytes  int64 // stored
	total  int64
	paused bool
	reason string // why it waits; "": it does not
	since  time.Time
	next   time.Time
	tries  int
}

func followedJobOf(j state.Job) followedJob {
	total, _ := sizeOf(j)

	return followedJob{id: j.ID, path: j.Path, kind: j.Kind, phase: j.Phase, bytes: j.BytesDone, total: total,
		paused: j.Paused, reason: j.Reason, since: j.Since, next: j.NextAttempt, tries: j.Streak}
}

// progress sums up all jobs that were asked for.
func (f *followed) progress() control.Progress {
	now := time.Now()
	p := control.Progress{Files: f.total + f.files, FilesDone: f.done, Attention: f.parkedN,
		Bytes: f.settled + f.bytes + f.ahead, BytesDone: f.settled, Calls: f.owner.Calls() - f.calls}

	var active []transfer.Progress
	var rate float64
	stored := map[state.JobID]int64{}
	for _, a := range f.owner.engine.Active() {
		if _, ok := f.open[a.Job]; !ok {
			continue
		}

		active = append(active, a)
		stored[a.Job] = a.BytesDone
		if moving(a) {
			rate += a.Rate
		}
	}

	var c causes
	failing := f.owner.repeated(&c, active)
	est := f.owner.engine.Estimate()
	if !failing {
		c.closed(slices.DeleteFunc(f.owner.budgets(), func(b control.Budget) bool {
			return est.PerMinute > 0 && b.Class == est.DecidedBy // it is told by itself
		}), active)
	}

	var held []followedJob
	for id, j := range f.now {
		live, runs := stored[id]
		if runs {
			p.BytesDone += live
			continue
		}

		p.BytesDone += j.bytes
		if c.followed(j, now) && j.phase != state.PhaseQueued {
			held = append(held, j)
		}
	}

	p.Rate = int64(rate)
	if list := settled(c.list(), now); len(list) > 0 {
		soonest(list, f.owner.engine)
		p.Wait = &list[0]
		if len(active) == 0 {
			p.Waiting = cmp.Or(p.Wait.Detail, p.Wait.Reason)
		}
	}

	if est.PerMinute > 0 {
		p.DecidedBy, p.PerMinute, p.NextCall = est.DecidedBy, est.PerMinute, control.Known(est.Next)
	}

	// a service that is away says nothing of when; one that answers with trouble may do so to all
	_, away := f.owner.engine.Outage()
	away = away || failing || p.Wait != nil && silent(p.Wait.Reason) && len(active) == 0
	if est.Left > 0 && !away {
		p.ETASeconds, p.DecidedBy = seconds(est.Left), est.DecidedBy
		if f.files > 0 { // what is not queued yet is taken to be like what is
			p.ETASeconds += p.ETASeconds * int64(f.files) / int64(len(f.open))
		}
	}

	p.Slowest = slowest(active, held, est.PerMinute > 0)

	return p
}

// followed counts a job that does not run, and reports whether it waits for an attempt.
func (c *causes) followed(j followedJob, now time.Time) bool {
	switch {
	case j.paused:
		c.add(control.Waiting{Reason: "paused", Detail: "paused", Fix: "hoist resume"}, j.path, j.since,
			time.Time{})
	case j.reason != "" && j.next.After(now):
		w := control.Waiting{Reason: j.reason}
		if r, ok := transfer.ReasonByCode(j.reason); ok {
			w.Detail = r.Sentence
		}

		c.add(w, j.path, j.since, j.next)

		return true
	}

	return false
}

// slowest are the files that will take the longest: those whose bytes move, those whose last step
// is made again, and then those that wait for an answer; unless they wait for a limit, which is
// told once for all.
func slowest(active []transfer.Progress, held []followedJob, limited bool) []control.Slow {
	type ranked struct {
		control.Slow
		left float64
	}

	var all []ranked
	for _, a := range active {
		one := ranked{Slow: control.Slow{Active: activeOf(a), Tries: a.Again, Reason: a.Reason}}
		switch {
		case a.Again > 0:
			one.left = 1
		case moving(a) && a.ETA > 0:
			one.left = a.ETA.Seconds()
		case moving(a):
			one.left = math.MaxFloat64
		case limited:
			continue
		}

		all = append(all, one)
	}

	for _, j := range held {
		all = append(all, ranked{left: 1, Slow: control.Slow{
			Active: control.Active{ID: string(j.id), Kind: string(j.kind), Path: j.path,
				Phase: string(j.phase), BytesDone: j.bytes, BytesTotal: &j.total},
			Tries: j.tries, Reason: j.reason, NextAttempt: control.Known(j.next),
		}})
	}

	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.left, a.left), cmp.Compare(a.ID, b.ID))
	})

	out := make([]control.Slow, 0, mostSlow)
	for _, one := range all[:min(len(all), mostSlow)] {
		out = append(out, one.Slow)
	}

	// the order of a display that is redrawn stays
	slices.SortFunc(out, func(a, b control.Slow) int { return cmp.Compare(a.ID, b.ID) })

	return out
}

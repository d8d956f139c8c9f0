package owner

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

const (
	probeFirst = 15 * time.Second // after a job was parked
	probeCap   = 10 * time.Minute
	// a sign-in is waited for by somebody, and asking for a token costs no call of a budget
	probeSignIn = time.Minute
)

// probes know the causes at the service for which jobs are parked. Of each cause one job at a time
// is tried, more and more seldom; when it gets further than before, all of the cause go on. The
// zero value is ready; safe for concurrent use.
type probes struct {
	mu    sync.Mutex
	known map[string]*probe // guarded by mu; by cause
}

// probe is one cause.
type probe struct {
	next  time.Time
	wait  time.Duration
	tries int
	job   state.Job // as it was when it was tried; the zero one: none is under way
}

// causeOf names what jobs have to have in common to be parked for one cause: the account, and of the
// remote end as much as the reason speaks of.
func causeOf(j state.Job) string {
	where := j.Path
	switch j.Reason {
	case transfer.ReasonUnauthorised:
		where = ""
	case transfer.ReasonForbidden:
		where = j.Target.Project + j.Target.Bucket
		if at, err := remote.ParseAddress(j.Target.Address); where == "" && err == nil {
			where = strings.Join(at.Steps[:min(len(at.Steps), 2)], "/")
		}
	case transfer.ReasonNotFound:
		where = j.Target.BasePath + j.Target.Bucket
	case transfer.ReasonUnreadable:
		where = filepath.Dir(j.Path)
	}

	return strings.Join([]string{j.Reason, j.Profile, where}, "\x00")
}

// round tries what is due among the parked jobs, which are all there are. try lets a job run, and
// state tells how it is now: how far it was reported to be, and whether it is parked again.
func (p *probes) round(parked []state.Job, try func(state.Job) error,
	passed func(before state.Job) (gone, over bool), now time.Time) {
	groups := map[string][]state.Job{}
	for _, j := range parked {
		if cureOf(j) == transfer.CureProbe {
			groups[causeOf(j)] = append(groups[causeOf(j)], j)
		}
	}

	p.mu.Lock()
	defer p.mu.Unlock()

	for cause, x := range p.known {
		if x.job.ID == "" && groups[cause] == nil {
			delete(p.known, cause)
		}
	}

	for cause, jobs := range groups {
		if p.known[cause] == nil {
			if p.known == nil {
				p.known = map[string]*probe{}
			}

			p.known[cause] = &probe{wait: probeFirst, next: parkedAt(jobs).Add(probeFirst)}
		}
	}

	for cause, x := range p.known {
		if x.job.ID != "" {
			gone, over := passed(x.job)
			switch {
			case gone:
				for _, j := range groups[cause] {
					_ = try(j) // one that cannot is tried in the next round
				}

				delete(p.known, cause)

				continue
			case !over:
				continue
			}

			x.job = state.Job{}
			x.wait = min(x.wait*2, capOf(cause))
			x.next = now.Add(x.wait)
		}

		if jobs := groups[cause]; len(jobs) > 0 && !now.Before(x.next) {
			j := jobs[x.tries%len(jobs)]
			x.tries++
			if try(j) == nil {
				x.job = j
			}
		}
	}
}

func capOf(cause string) time.Duration {
	if strings.HasPrefix(cause, transfer.ReasonUnauthorised+"\x00") {
		return probeSignIn
	}

	return probeCap
}

// parkedAt is when the first of some jobs was parked.
func parkedAt(jobs []state.Job) time.Time {
	return slices.MinFunc(jobs, func(a, b state.Job) int { return a.Since.Compare(b.Since) }).Since
}

// next is when the cause of a parked job is probed; zero when it is not, or is being probed.
func (p *probes) next(j state.Job) time.Time {
	if cureOf(j) != transfer.CureProbe {
		return time.Time{}
	}

	p.mu.Lock()
	defer p.mu.Unlock()

	if x := p.known[causeOf(j)]; x != nil && x.job.ID == "" {
		return x.next
	}

	return time.Time{}
}

// probe lets a parked job run; one whose credentials were refused runs with those that are there
// now.
func (o *Owner) probe(j state.Job) error {
	if j.Reason == transfer.ReasonUnauthorised {
		o.renew(j.Profile, j.Updated)
	}

	return o.goOn(j, state.RetryNow{Probe: time.Now()})
}

// passed reports whether a job that was tried got further than what it was parked for, and whether
// the try is over.
func (o *Owner) passed(before state.Job) (gone, over bool) {
	j, err := o.store.Job(before.ID)
	switch {
	case err != nil: // it was pruned
		return true, true
	case j.End == state.EndDone, j.Phase != before.Phase && j.Phase != state.PhaseQueued:
		return true, true
	case !j.Open(), j.Attention && j.NextAttempt.IsZero() && !o.isActive(j.ID):
		return false, true
	}

	return j.BytesDone > before.BytesDone, false
}

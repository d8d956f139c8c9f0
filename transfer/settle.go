package transfer

import (
	"fmt"
	"time"

	"hoist/state"
)

// shortRest is how long a watched file must rest before and after it is copied to the spool, unless
// its settle time is less. Past the cap it is rest enough: for a file that is saved all the time,
// and never in one long copy.
const shortRest = 2 * time.Second

// unrest is a watched file that changed under its jobs, or that the watcher gave up waiting for.
type unrest struct {
	settle time.Duration
	rested time.Duration // since its last change was seen
	lasts  time.Duration // since the first change after which it did not settle
	torn   bool          // its bytes say that it is not whole
}

// limit is the cap: as the watcher's.
func (u unrest) limit() time.Duration { return max(4*u.settle, 40*time.Second) }

func (u unrest) pastCap() bool { return u.lasts >= u.limit() }

// wait is how long until the file should be looked at again; 0: it has settled. short says that it
// has by the short rest alone, so that only a copy may be sent.
func (u unrest) wait() (wait time.Duration, short bool) {
	left := u.limit() - u.lasts
	switch {
	case u.torn && !u.pastCap():
		return min(u.settle, left), false
	case u.rested >= u.settle:
		return 0, false
	case !u.pastCap():
		return min(u.settle-u.rested, max(left, shortRest-u.rested)), false
	case u.torn:
		return u.settle - u.rested, false
	case u.rested >= shortRest:
		return 0, true
	}

	return shortRest - u.rested, false
}

// err says what a file is waited for.
func (u unrest) err(path string, wait time.Duration) error {
	e := &waitError{Code: ReasonChanging, After: wait, Exact: true,
		Err: fmt.Errorf("send %q: it has not rested for %v yet", path, u.settle)}
	if u.pastCap() {
		e.Code = ReasonNeverSettles
	}

	if u.torn {
		e.Err = fmt.Errorf("send %q: its last bytes are missing yet", path)
	}

	return e
}

// settled judges a watched file that changed under its jobs, however it came to be tried now; the
// error is one to wait upon. Of any other file the watcher, or the user who pushed it, has said
// that it is to be taken.
func (e *Engine) settled(job state.Job, src *source, now time.Time) (short bool, err error) {
	if !job.Watched() || job.Unrest.IsZero() {
		return false, nil
	}

	u := unrest{settle: e.settleTime(job), rested: now.Sub(e.firstLook(job, now)), lasts: now.Sub(job.Unrest)}
	since := job.Seen
	if since.IsZero() {
		since = lastChange(job.Snapshot)
	}

	if !since.After(now) { // else the clock was set back
		u.rested = max(u.rested, now.Sub(since))
	}

	if e.cfg.Torn != nil {
		if u.torn, err = e.cfg.Torn(job.Path, job.Snapshot.Size, src); err != nil {
			return false, sourceError(job, err)
		}
	}

	wait, short := u.wait()
	if wait > 0 {
		return false, u.err(job.Path, wait)
	}

	if short && (e.cfg.Spool == "" || job.Changes == 0) {
		return false, e.neverSettles(job)
	}

	return short, nil
}

// neverSettles is about a file that does not rest for longer than a copy takes, of which there can
// be none.
func (e *Engine) neverSettles(job state.Job) error {
	u := unrest{settle: e.settleTime(job)}
	u.lasts = u.limit()

	return u.err(job.Path, u.settle)
}

// changedAgain is the event of a watched file that is another one now.
func (e *Engine) changedAgain(job state.Job, to state.Snapshot, now time.Time) state.SourceChanged {
	u := unrest{settle: e.settleTime(job)}
	ev := state.SourceChanged{Snapshot: to, Seen: now, Unrest: now}
	// What is sent had settled, and what nobody looked at for so long may have.
	known := job.Phase == state.PhaseQueued && now.Sub(job.Updated) < 2*u.limit()
	if known && !job.Unrest.IsZero() {
		ev.Unrest = job.Unrest
		u.lasts = now.Sub(job.Unrest)
	}

	wait, _ := u.wait()
	ev.NotBefore = now.Add(wait)

	return ev
}

// lastChange is the last time that a state tells of itself.
func lastChange(s state.Snapshot) time.Time {
	if s.ChangeTime.After(s.ModTime) {
		return s.ChangeTime
	}

	return s.ModTime
}

func (e *Engine) settleTime(job state.Job) time.Duration {
	if e.cfg.SettleOf != nil {
		return e.cfg.SettleOf(job)
	}

	return e.cfg.Settle
}

// firstLook is when this process first saw the job with its snapshot: what is left to go by when
// the clock is set.
func (e *Engine) firstLook(job state.Job, now time.Time) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()

	look, known := e.looks[job.ID]
	if !known || !look.snap.Same(job.Snapshot) {
		look.snap, look.at = job.Snapshot, now
		e.looks[job.ID] = look
	}

	return look.at
}

type firstLook struct {
	snap state.Snapshot
	at   time.Time
}

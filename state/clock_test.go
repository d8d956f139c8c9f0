package state

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestWaitsHoldWhenTheClockIsSet: the record of a wait tells a time of day, and what is waited is
// how far that was ahead when it was set.
func TestWaitsHoldWhenTheClockIsSet(t *testing.T) {
	const wait = time.Minute
	// set makes the record what it would be if the clock had been ahead by so much when the wait
	// began.
	set := func(t *testing.T, path string, id JobID, ahead time.Duration) {
		t.Helper()
		s := openTest(t, path)
		err := s.update(func(tx *writeTx) error {
			j, err := tx.job(id)
			if err != nil {
				return err
			}

			j.NextAttempt = j.NextAttempt.Add(ahead)
			k, _ := id.key()

			return tx.putJob(k, j)
		})
		if err != nil {
			t.Fatal(err)
		}

		s.Close()
	}
	for _, c := range []struct {
		name  string
		ahead time.Duration
		event Event
		least time.Duration
	}{
		{"not set", 0, Retry{Reason: "offline"}, wait - 10*time.Second},
		{"set back by a day", 24 * time.Hour, Retry{Reason: "offline"}, wait - 10*time.Second},
		{"set back by ten years", 87600 * time.Hour, Retry{Reason: "offline"}, wait - 10*time.Second},
		{"set back, parked", 24 * time.Hour, Parked{Reason: "unreadable"}, wait - 10*time.Second},
		{"set back, a file that settles", 24 * time.Hour, SourceChanged{Snapshot: snap(30, 1)},
			wait - 10*time.Second},
		{"set forward by a day", -24 * time.Hour, Retry{Reason: "offline"}, -25 * time.Hour},
	} {
		for _, then := range []Event{nil, Pause{}} {
			t.Run(c.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "state.db")
				s := openTest(t, path)

				j := enqueue(t, s, uploadJob(1), Queued)
				at := time.Now().Add(wait)
				switch e := c.event.(type) {
				case Retry:
					e.At = at
					commit(t, s, j.ID, e)
				case Parked:
					e.At = at
					commit(t, s, j.ID, e)
				case SourceChanged:
					e.NotBefore = at
					j.ID = commit(t, s, j.ID, e).Successor
				}

				s.Close()
				set(t, path, j.ID, c.ahead)
				s = openTest(t, path)
				if then != nil { // what else is written of it changes nothing
					commit(t, s, j.ID, then)
					commit(t, s, j.ID, Resume{})
				}

				now := time.Now()
				if c.least > 0 {
					if next := s.NextAttempt(now); next.Sub(now) > wait || next.Sub(now) < c.least {
						t.Errorf("next attempt in %s", next.Sub(now))
					}
				}

				for _, read := range []func() (Job, error){
					func() (Job, error) { return s.Job(j.ID) },
					func() (Job, error) { return s.FindJob(string(j.ID)) },
					func() (Job, error) { j, _, err := s.LastJob(j.Path); return j, err },
					func() (Job, error) { l, err := s.OpenJobs(); return l[0], err },
					func() (Job, error) { l, err := s.Jobs(Filter{}); return l[len(l)-1], err },
				} {
					if got, err := read(); err != nil || got.NextAttempt.Sub(now) > wait+clockSlack ||
						got.NextAttempt.Sub(now) < c.least {
						t.Errorf("it says in %s, %v", got.NextAttempt.Sub(now), err)
					}
				}

				if got, err := s.Runnable(now.Add(wait+time.Second), 0, nil); err != nil || len(got) != 1 ||
					!got[0].Runnable(now.Add(wait+time.Second)) {
					t.Errorf("after the wait: %+v, %v", got, err)
				}
			})
		}
	}
}

// TestWaitsHoldWhileTheClockIsSet: in a running program only the monotonic clock counts.
func TestWaitsHoldWhileTheClockIsSet(t *testing.T) {
	for _, back := range []time.Duration{24 * time.Hour, 500 * time.Millisecond} {
		s := newStore(t)
		j := enqueue(t, s, uploadJob(1), Queued)
		now := time.Now()
		commit(t, s, j.ID, Retry{At: now.Add(back), Reason: "offline"})
		s.mu.Lock()
		o := s.jobs.open[j.ID]
		s.jobs.file(o, false)
		o.nextAttempt = now.Add(-time.Millisecond) // the time has come, and the clock was set back
		s.jobs.file(o, true)
		s.mu.Unlock()

		for range 2 {
			if got, err := s.Runnable(now, 0, nil); err != nil || len(got) != 1 || !got[0].Runnable(now) {
				t.Errorf("set back by %s: runnable: %+v, %v", back, got, err)
			}

			commit(t, s, j.ID, Pause{}) // the record as it was
			commit(t, s, j.ID, Resume{})
		}
	}
}

// TestIDsSortWhenTheClockIsSetBack: a job is newer than those that were there before it.
func TestIDsSortWhenTheClockIsSetBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	ahead := uploadJob(1)
	ahead.ID = JobID(fmt.Sprintf("%016x%016x", time.Now().Add(23*time.Hour).UnixNano(), 1))
	old := enqueue(t, s, ahead, Queued)
	commit(t, s, old.ID, Failed{Reason: "refused"})
	s.Close()
	s = openTest(t, path)
	if j := enqueue(t, s, uploadJob(1), Queued); j.ID <= old.ID {
		t.Errorf("%s does not come after %s", j.ID, old.ID)
	}
}

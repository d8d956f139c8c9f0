package state

import (
	"slices"
	"testing"
	"time"
)

// TestPagesOfTheNewest: page after page back in time, open jobs and those that ended, each once.
func TestPagesOfTheNewest(t *testing.T) {
	s := newStore(t)
	var want []JobID
	for i := range 25 {
		j := enqueue(t, s, uploadJob(i), Queued)
		if i%3 == 0 {
			run(t, s, j.ID, Cancel{})
		}

		want = append(want, j.ID)
	}

	slices.Reverse(want)
	for _, f := range []Filter{{}, {Open: true}, {Status: []Status{StatusCancelled}},
		{Status: []Status{StatusQueued}}} {
		all, err := s.Jobs(Filter{Open: f.Open, Status: f.Status, Newest: true})
		if err != nil {
			t.Fatal(err)
		}

		f.Newest, f.Limit = true, 4
		var got []JobID
		for {
			page, err := s.Jobs(f)
			if err != nil {
				t.Fatal(err)
			}

			if len(page) == 0 {
				break
			}

			for _, j := range page {
				got = append(got, j.ID)
			}

			f.After = got[len(got)-1]
		}

		if f.Open || len(f.Status) > 0 {
			want = want[:0]
			for _, j := range all {
				want = append(want, j.ID)
			}
		}

		if !slices.Equal(got, want) || len(got) == 0 {
			t.Errorf("%+v: %d jobs, want %d", f, len(got), len(want))
		}
	}
}

// TestWaitsAreGroupedWithoutReading: by reason, with the oldest of each and the first time; what is
// paused, parked or runs is not among them.
func TestWaitsAreGroupedWithoutReading(t *testing.T) {
	s := newStore(t)
	now := time.Now()
	var offline []JobID
	for i, minutes := range []int{9, 3, 7, 5, 1} {
		j := enqueue(t, s, uploadJob(i), Queued)
		commit(t, s, j.ID, Retry{Reason: "offline", At: now.Add(time.Duration(minutes) * time.Minute)})
		offline = append(offline, j.ID)
	}

	other := enqueue(t, s, uploadJob(5), Queued)
	commit(t, s, other.ID, Retry{Reason: "locked", At: now.Add(time.Hour)})
	commit(t, s, enqueue(t, s, uploadJob(6), Queued).ID, Parked{Reason: "offline"})
	commit(t, s, enqueue(t, s, uploadJob(7), Queued).ID, Retry{Reason: "offline", At: now.Add(-time.Minute)})
	commit(t, s, offline[3], Pause{})

	runs := func(id JobID) bool { return id == offline[4] }
	check := func(what string, s *Store) {
		t.Helper()
		waits := s.Waits(runs, now, 2)
		if len(waits) != 2 || waits[0].Reason != "locked" ||
			!slices.Equal(waits[0].First, []JobID{other.ID}) {
			t.Fatalf("%s: %+v", what, waits)
		}

		w := waits[1]
		if w.Count != 3 || !slices.Equal(w.First, offline[:2]) || !w.Next.Equal(now.Add(3*time.Minute)) {
			t.Errorf("%s: %+v", what, w)
		}

		first, err := s.Job(offline[0])
		if err != nil || first.Since.IsZero() || !w.Since.Equal(first.Since) {
			t.Errorf("%s: since %v, want %v, %v", what, w.Since, first.Since, err)
		}
	}
	check("as committed", s)
	path := s.Path()
	s.Close()
	check("as read at the start", openTest(t, path))
}

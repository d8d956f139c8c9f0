package state

import (
	"slices"
	"testing"
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
	for _, f := range []Filter{{}, {Open: true}, {Status: []Status{StatusCancelled}}} {
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

package owner

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"hoist/state"
)

// addEnded adds n jobs that ended to the state, of names that a round has alone.
func addEnded(tb testing.TB, o *Owner, round string, n int) {
	tb.Helper()
	for n > 0 {
		some := min(n, 10_000)
		n -= some
		jobs := make([]state.Job, some)
		for i := range jobs {
			name := fmt.Sprintf("drawing %d of %s %d.dwg", i, round, n)
			jobs[i] = state.Job{Kind: state.Upload, Path: "/drawings/" + name, Rel: name,
				Root: "w", Size: 1000, Snapshot: state.Snapshot{Size: 1000, FileID: "f" + name},
				Target: state.Target{Address: "oss://bucket/" + name, Bucket: "bucket",
					Key: name, Name: name}}
		}

		added, _, err := o.store.EnqueueAll(jobs)
		if err != nil {
			tb.Fatal(err)
		}

		var group errgroup.Group
		group.SetLimit(512) // they share their commits
		for _, j := range added {
			group.Go(func() error {
				_, err := o.store.Commit(j.ID, state.Cancel{})
				return err
			})
		}

		if err := group.Wait(); err != nil {
			tb.Fatal(err)
		}
	}
}

// TestStatusCostsNothingOfWhatEnded: it makes as much after 3,000 jobs as after 300.
func TestStatusCostsNothingOfWhatEnded(t *testing.T) {
	options, _ := newOptions(t)
	o := open(t, Serving, options)
	cost := func() float64 {
		return testing.AllocsPerRun(20, func() {
			if _, err := o.Status(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}

	addEnded(t, o, "a few", 300)
	few := cost()
	addEnded(t, o, "many", 2700)
	if many := cost(); many > few+20 {
		t.Errorf("%.0f allocations after 300 jobs, %.0f after 3,000", few, many)
	}

	if st, _ := o.Status(t.Context()); st.Jobs.Cancelled != 3000 {
		t.Errorf("%+v", st.Jobs)
	}
}

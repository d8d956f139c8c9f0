package state

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestPriority: what has a higher one runs first, also after a start, and also when it was given later.
func TestPriority(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	var ids []JobID
	for i, p := range []int{0, -1, 1, 0, 1} {
		j := uploadJob(i)
		j.Priority = p
		ids = append(ids, enqueue(t, s, j, Queued).ID)
	}

	order := func(s *Store, want ...int) {
		t.Helper()
		jobs, err := s.Runnable(time.Now(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}

		var got []int
		for _, j := range jobs {
			got = append(got, slices.Index(ids, j.ID))
		}

		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}

	order(s, 2, 4, 0, 3, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openTest(t, path)
	order(s, 2, 4, 0, 3, 1)

	other := map[string]int{"1.dwg": 1, "3.dwg": -1}
	if err := s.Prioritize("w1", func(rel string) int { return other[rel] }); err != nil {
		t.Fatal(err)
	}

	order(s, 1, 0, 2, 4, 3)

	// the watch says it once more, and a change of the source keeps it
	again := uploadJob(0)
	again.Priority = 1
	enqueue(t, s, again, Merged)
	order(s, 0, 1, 2, 4, 3)
	commit(t, s, ids[0], SourceChanged{Snapshot: snap(26, 1)})

	jobs, err := s.Jobs(Filter{Root: "w1", Open: true, Newest: true, Limit: 1})
	if err != nil || jobs[0].Rel != "0.dwg" || jobs[0].Priority != 1 {
		t.Errorf("%+v, %v", jobs, err)
	}

	if !s.Prioritized("w1") || s.Prioritized("w2") {
		t.Error("a watch does not know whether it has priorities")
	}
}

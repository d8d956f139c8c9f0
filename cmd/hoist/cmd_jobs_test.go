package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// TestJobsOfManyPages: all jobs are listed once and in order, however many there are, and a limit counts
// what a filter leaves.
func TestJobsOfManyPages(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "status") // makes the home

	s, err := state.Open(filepath.Join(l.home, "state.db"), state.Options{})
	must(t, err)

	const files = 2*jobsPage + 500
	jobs := make([]state.Job, files)
	for i := range jobs {
		path := filepath.Join(l.dir, fmt.Sprintf("%04d.dwg", i))
		jobs[i] = state.Job{Kind: state.Upload, Profile: "default", Path: path,
			Snapshot: state.Snapshot{Size: int64(i)},
			Target: state.Target{Address: fmt.Sprintf("oss://bucket/%04d.dwg", i), Bucket: "bucket",
				Key: fmt.Sprint(i)}}
		if i%2 > 0 {
			jobs[i].Attention, jobs[i].Reason = true, transfer.ReasonConflict
		}
	}

	_, _, err = s.EnqueueAll(jobs)
	must(t, err)
	must(t, s.Close())

	listed := func(args ...string) (numbers []int) {
		out, _ := l.run(0, append([]string{"jobs", "--json"}, args...)...)
		for line := range strings.Lines(out) {
			var j control.Job
			must(t, json.Unmarshal([]byte(line), &j))
			numbers = append(numbers, int(*j.Size))
		}

		return numbers
	}

	all := listed()
	if len(all) != files || !slices.IsSorted(all) {
		t.Errorf("%d jobs, in order: %v", len(all), slices.IsSorted(all))
	}

	slices.Reverse(all)
	if newest := listed("--newest"); !slices.Equal(newest, all) {
		t.Errorf("%d of the newest, the first is %d", len(newest), newest[0])
	}

	odd := listed("--reason", transfer.ReasonConflict, "--limit", fmt.Sprint(jobsPage+1))
	if len(odd) != jobsPage+1 || odd[len(odd)-1] != 2*jobsPage+1 {
		t.Errorf("%d of those with a reason, the last is %d", len(odd), odd[len(odd)-1])
	}
}

package owner

import (
	"fmt"
	"runtime"
	"testing"

	"hoist/state"
)

// TestALookReadsNoQueue: "status" when nothing runs costs the same however many jobs are queued.
func TestALookReadsNoQueue(t *testing.T) {
	options, _ := newOptions(t)
	o := open(t, Passive, options)
	const queued = 3000
	jobs := make([]state.Job, queued)
	for i := range jobs {
		rel := fmt.Sprintf("d/%04d.dwg", i)
		jobs[i] = state.Job{Path: "/plans/" + rel, Snapshot: state.Snapshot{Size: 1},
			Target: state.Target{Address: "oss://drawings/" + rel, Bucket: "drawings", Key: rel, Name: rel}}
	}

	if _, _, err := o.store.EnqueueAll(jobs); err != nil {
		t.Fatal(err)
	}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	if s, err := o.Status(t.Context()); err != nil || s.Jobs.Queued != queued {
		t.Fatalf("%+v, %v", s, err)
	}

	runtime.ReadMemStats(&after)
	if got := after.Mallocs - before.Mallocs; got > queued {
		t.Errorf("%d allocations for a status of %d queued jobs", got, queued)
	}
}

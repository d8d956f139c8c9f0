package owner

import (
	"fmt"
	"testing"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer/plan"
)

// TestLongPlans: a plan of more than one group is queued whole, and each file is told its own job.
func TestLongPlans(t *testing.T) {
	options, _ := newOptions(t)
	o := open(t, Passive, options)

	planned := make([]plan.File, 2*queueGroup+5)
	for i := range planned {
		p := &planned[i]
		p.Source.Path, p.Bytes = fmt.Sprintf("/p/%d.dwg", i), int64(i)
		if i%7 == 0 {
			p.Result = plan.Unchanged
			continue
		}

		p.Job = state.Job{Kind: state.Upload, Path: p.Source.Path,
			Target: state.Target{Address: "aps://H/P/F/" + fmt.Sprint(i)}}
	}

	out := control.Plan{Batch: "batch"}
	if err := o.enqueue(planned, &out, false); err != nil {
		t.Fatal(err)
	}

	for i, f := range out.Files {
		if f.Path != planned[i].Source.Path || *f.Bytes != int64(i) || (f.Job == "") != (i%7 == 0) {
			t.Fatalf("file %d: %+v", i, f)
		}

		if f.Bytes == &planned[i].Bytes {
			t.Fatal("what is told of a file keeps the whole plan in memory")
		}

		if f.Job == "" {
			continue
		}

		if j, err := o.store.Job(state.JobID(f.Job)); err != nil || j.Path != f.Path {
			t.Fatalf("file %d: job of %s, %v", i, j.Path, err)
		}
	}
}

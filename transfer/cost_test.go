package transfer

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

// A small file's cost is counted here, not timed: what a bound says may only ever be made less.

// smallCost is what one file of many cost.
type smallCost struct {
	calls      float64 // of the API; the PUT is not among them
	commits    float64 // that the engine asked for; those that come together share one
	allocs     float64 // of the whole process, the emulator among them
	stateBytes float64 // of the compact copy of the state
}

// atMost reports what is above its bound.
func (c smallCost) atMost(t *testing.T, bound smallCost) {
	t.Helper()
	t.Logf("a file: %+v", c)
	for _, x := range []struct {
		what       string
		got, bound float64
	}{
		{"calls", c.calls, bound.calls}, {"commits", c.commits, bound.commits},
		{"allocations", c.allocs, bound.allocs}, {"bytes of state", c.stateBytes, bound.stateBytes},
	} {
		if x.got > x.bound && (x.what != "allocations" || !raced) {
			t.Errorf("%.3f %s a file, want at most %.3f", x.got, x.what, x.bound)
		}
	}
}

func TestCostOfSmallFilesOfABucket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the counts are those of Unix: each system allocates in its own way")
	}

	const files = 200
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent", ""); err != nil {
			t.Fatal(err)
		}

		for i := range files {
			w.write(fmt.Sprintf("d/%02d/f%03d.txt", i/50, i), 1000, uint64(i))
		}

		req := plan.PushRequest{Profile: "default", Remote: mustAddress(t, "oss://drawings/2026"),
			Sources: w.sources("d", "")}
		push := func(e *Engine) { w.start(w.push(e, req)) }
		w.measure(files, push).atMost(t, smallCost{calls: 0.15, commits: 3, allocs: 1000, stateBytes: 660})

		again := w.measure(files, push)
		again.stateBytes = 0
		again.atMost(t, smallCost{calls: 0.02, commits: 0, allocs: 112})

		pulled := w.measure(files, func(e *Engine) { w.pull(e, "oss://drawings/2026/", "pulled") })
		pulled.stateBytes = 0
		pulled.atMost(t, smallCost{calls: 0.065, commits: 2.05, allocs: 815})
	})
}

// measure runs what start queues of so many files, over a network whose calls take 50 ms.
func (w *world) measure(files int, start func(*Engine)) smallCost {
	w.t.Helper()
	w.srv.SetFault(func(emulator.Request) emulator.Fault {
		return emulator.Fault{Delay: 50 * time.Millisecond}
	})
	w.srv.ResetJournal()
	e, err := New(Config{Store: w.store,
		Clients: func(string) (*apsclient.Client, error) { return w.client, nil }})
	if err != nil {
		w.t.Fatal(err)
	}

	var commits atomic.Int64
	e.onCommit = func(_ state.JobID, after bool, _ []state.Event) error {
		if after {
			commits.Add(1)
		}

		return nil
	}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start(e)
	w.runUntil(e, func() bool { return w.store.Counts(nil, time.Now()).Queued == 0 })
	runtime.ReadMemStats(&after)

	calls := 0
	for _, r := range w.srv.Requests() {
		if !strings.HasPrefix(r.Op, "s3-") {
			calls++
		}
	}

	// the copy that is made at the close has no free pages
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}

	info, err := os.Stat(w.store.Path() + state.BackupSuffix)
	if err != nil {
		w.t.Fatal(err)
	}

	w.open()

	n := float64(files)

	return smallCost{calls: float64(calls) / n, commits: float64(commits.Load()) / n,
		allocs: float64(after.Mallocs-before.Mallocs) / n, stateBytes: float64(info.Size()) / n}
}

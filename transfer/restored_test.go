package transfer

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestDoubtedJobs: a job that comes from an older copy of the state, and was done since, makes
// nothing twice and forgets nothing, whatever the service tells of contents and however late.
func TestDoubtedJobs(t *testing.T) {
	const size = 6 * mib // two chunks of reading, more than one part
	none := emulator.Fault{}
	for _, c := range []struct {
		name   string
		noSHA1 bool
		before bool          // the copy knows a first version
		late   time.Duration // until the service shows what was made
		change func(w *world)
		fault  emulator.Fault // of the first byte that is read of what is there
	}{
		{"the service tells SHA-1", false, false, 0, nil, none},
		{"it tells none", true, false, 0, nil, none},
		{"it shows late", false, false, 10 * time.Second, nil, none},
		{"it tells none and shows late", true, false, 10 * time.Second, nil, none},
		{"a second version", false, true, 0, nil, none},
		{"a second version, it tells none", true, true, 0, nil, none},
		{"a second version, it tells none and shows late", true, true, 10 * time.Second, nil, none},
		{"a touched file", true, false, 0, func(w *world) {
			w.touch("plan.rvt", time.Now().Add(time.Hour))
		}, none},
		{"damaged on the way", true, false, 0, nil, emulator.Fault{Kind: emulator.CorruptBytes, After: 100}},
		{"cut on the way", true, false, 0, nil, emulator.Fault{Kind: emulator.ResetBody, After: 100}},
		{"another content of the same size", true, false, 0,
			func(w *world) { w.write("plan.rvt", size, 2) }, none},
		{"another last byte", true, false, 0, func(w *world) {
			b := w.write("plan.rvt", size, 1)
			b[size-1]++
			if err := os.WriteFile(w.path("plan.rvt"), b, 0o644); err != nil {
				w.t.Fatal(err)
			}
		}, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(e *emulator.Config, _ *apsclient.Config, _ *Config) {
					e.Knobs.NoSHA1, e.Visibility = c.noSHA1, c.late
				})
				var want [][]byte
				if c.before {
					want = append(want, w.write("plan.rvt", size, 9))
					w.enqueue(w.job("plan.rvt"))
					w.runAll(w.engine())
					time.Sleep(c.late)
				}

				want = append(want, w.write("plan.rvt", size, 1))
				j := w.enqueue(w.job("plan.rvt"))
				w.store.Close() // keeps a copy with the queued job
				path := filepath.Join(w.home, "state.db")
				old, err := os.ReadFile(path + state.BackupSuffix)
				if err != nil {
					t.Fatal(err)
				}

				w.open()
				w.runAll(w.engine()) // publishes version 1
				w.store.Close()
				if c.change != nil {
					c.change(w)
				}

				os.Remove(path)
				if err := os.WriteFile(path+state.BackupSuffix, old, 0o600); err != nil {
					t.Fatal(err)
				}

				if r, err := state.Repair(path); err != nil || len(r.Parked) != 1 {
					t.Fatal(r, err)
				}

				w.open()
				if _, err := w.store.Commit(j.ID, state.RetryNow{}); err != nil {
					t.Fatal(err)
				}

				e := w.engine()
				res, err := e.Resolver("default")
				if err == nil { // a listing from before it shows is at hand
					_, _, err = res.Find(t.Context(), w.project, w.base, "plan.rvt")
				}

				if err != nil {
					t.Fatal(err)
				}

				w.srv.SetFault(faultsAt("s3-get", 1, 1, c.fault))
				w.runAll(e)
				now, err := os.ReadFile(w.path("plan.rvt"))
				if err != nil {
					t.Fatal(err)
				}

				if !bytes.Equal(now, want[len(want)-1]) {
					want = append(want, now)
				}

				w.wantVersions("plan.rvt", want...)
				if open, err := w.store.OpenJobs(); err != nil || len(open) != 0 {
					t.Errorf("left open: %+v, %v", open, err)
				}
			})
		})
	}
}

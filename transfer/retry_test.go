package transfer

import (
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestTakenUpAgain: whatever takes a job up again compares first, except a forced one before its
// first version.
func TestTakenUpAgain(t *testing.T) {
	commit := func(w *world, id state.JobID, e state.Event) {
		if _, err := w.store.Commit(id, e); err != nil {
			w.t.Fatal(err)
		}
	}
	requeue := func(w *world, id state.JobID) {
		if _, v, err := w.store.Requeue(id); err != nil || v != state.Queued {
			w.t.Fatal(v, err)
		}
	}
	publish := func(w *world) {
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
	}
	forced := func(w *world) state.JobID {
		j := w.job("plan.rvt")
		j.Force = true
		return w.enqueue(j).ID
	}
	failed := func(w *world) state.JobID {
		j := w.enqueue(w.job("plan.rvt"))
		commit(w, j.ID, state.SourceChanged{Gone: true})
		return j.ID
	}

	for _, c := range []struct {
		name     string
		do       func(w *world)
		versions int
	}{
		{"failed, sent by another job, retried", func(w *world) {
			id := failed(w)
			publish(w)
			requeue(w, id)
		}, 1},
		{"failed, sent by another job, retried twice", func(w *world) {
			id := failed(w)
			publish(w)
			requeue(w, id)
			w.runAll(w.engine())
			requeue(w, id)
		}, 1},
		{"cancelled, sent by another job, retried", func(w *world) {
			j := w.enqueue(w.job("plan.rvt"))
			commit(w, j.ID, state.Cancel{})
			publish(w)
			requeue(w, j.ID)
		}, 1},
		{"failed and touched, sent by another job, retried", func(w *world) {
			id := failed(w)
			publish(w)
			w.touch("plan.rvt", time.Now().Add(-time.Hour))
			requeue(w, id)
		}, 1},
		{"forced and failed, retried", func(w *world) {
			publish(w)
			id := forced(w)
			commit(w, id, state.SourceChanged{Gone: true})
			requeue(w, id)
		}, 1},
		{"forced and cancelled, retried", func(w *world) {
			publish(w)
			id := forced(w)
			commit(w, id, state.Cancel{})
			requeue(w, id)
		}, 1},
		{"forced", func(w *world) {
			publish(w)
			forced(w)
		}, 2},
		{"forced, paused and resumed by the next process", func(w *world) {
			publish(w)
			id := forced(w)
			commit(w, id, state.Pause{})
			w.store.Close()
			w.open()
			commit(w, id, state.Resume{})
		}, 2},
		{"forced, parked and retried while open", func(w *world) {
			publish(w)
			id := forced(w)
			commit(w, id, state.Parked{Reason: ReasonConflict, Error: "reserved"})
			commit(w, id, state.RetryNow{})
		}, 2},
		{"forced and touched before it began", func(w *world) {
			publish(w)
			forced(w)
			w.touch("plan.rvt", time.Now().Add(-time.Hour))
		}, 2},
		{"forced and killed in the middle", func(w *world) {
			publish(w)
			forced(w)
			killed := make(chan struct{})
			w.srv.SetFault(func(r emulator.Request) emulator.Fault {
				if r.Op == "signed-s3-upload" && !w.isDead() {
					w.kill()
					close(killed)
				}

				return emulator.Fault{}
			})
			w.runUntil(w.engine(), func() bool {
				select {
				case <-killed:
					return true
				default:
					return false
				}
			})
			w.srv.SetFault(nil)
			w.revive()
			w.store.Close()
			w.open()
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				content := w.write("plan.rvt", small, 1)
				c.do(w)
				w.runAll(w.engine())

				want := [][]byte{content}
				if c.versions == 2 {
					want = append(want, content)
				}

				w.wantVersions("plan.rvt", want...)
			})
		})
	}
}

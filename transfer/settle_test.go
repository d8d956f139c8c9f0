package transfer

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/state"
)

func TestUnrest(t *testing.T) {
	const settle = 10 * time.Second
	for _, row := range []struct {
		name          string
		rested, lasts time.Duration
		torn          bool
		wait          time.Duration
		short         bool
	}{
		{"just seen", 0, 0, false, settle, false},
		{"rests", 4 * time.Second, 4 * time.Second, false, 6 * time.Second, false},
		{"settled", settle, settle, false, 0, false},
		{"settled and torn", settle, settle, true, settle, false},
		{"torn near the cap", settle, 35 * time.Second, true, 5 * time.Second, false},
		{"torn and past the cap", settle, 40 * time.Second, true, 0, false},
		{"rests shortly near the cap", time.Second, 39 * time.Second, false, time.Second, false},
		{"past the cap, just seen", 0, time.Minute, false, shortRest, false},
		{"past the cap, rests shortly", shortRest, time.Minute, false, 0, true},
		{"past the cap, rests shortly and is torn", shortRest, time.Minute, true, settle - shortRest, false},
	} {
		u := unrest{settle: settle, rested: row.rested, lasts: row.lasts, torn: row.torn}
		if wait, short := u.wait(); wait != row.wait || short != row.short {
			t.Errorf("%s: %v %v, want %v %v", row.name, wait, short, row.wait, row.short)
		}
	}

	u := unrest{settle: time.Minute, rested: time.Minute - 1, lasts: 4*time.Minute - 1}
	if wait, short := u.wait(); wait != 1 || short {
		t.Errorf("the cap is four settle times: %v %v", wait, short)
	}
}

// trailer ends a file that tells that it is whole.
var trailer = []byte("END-ISO-10303-21;")

func tornWithoutTrailer(_ string, size int64, r io.ReaderAt) (bool, error) {
	end := make([]byte, len(trailer))
	_, err := r.ReadAt(end, max(0, size-int64(len(end))))

	return !bytes.Equal(end, trailer), err
}

// TestASaveWithPausesIsNeverTorn: a watched file is saved again, slowly, while its old state is on
// its way. Whatever makes the job go on meanwhile, the first version is the whole save.
func TestASaveWithPausesIsNeverTorn(t *testing.T) {
	n := 0
	for _, row := range []struct {
		name  string
		pause time.Duration // between the writes of the save, of which there are twelve
		does  func(w *world, e *Engine)
		// the watcher tells of what lies there at the cap, and later when it has settled
		capped, tells bool
		noSpool       bool
	}{
		{name: "by itself", pause: 3 * time.Second},
		{name: "by itself, without a spool", pause: 3 * time.Second, noSpool: true},
		{name: "past the cap", pause: 8 * time.Second, tells: true},
		{name: "past the cap, without a spool", pause: 8 * time.Second, tells: true, noSpool: true},
		{name: "past the cap, without a spool, of a format that does not tell", pause: 8 * time.Second,
			noSpool: true},
		{name: "the watcher gives up at the cap", pause: 8 * time.Second, tells: true, capped: true},
		{name: "longer pauses than it settles", pause: 12 * time.Second, tells: true},
		{name: "tried again and again", pause: 3 * time.Second, does: func(w *world, e *Engine) {
			w.eachOpen(func(j state.Job) { w.commit(j.ID, state.RetryNow{}) })
			e.Kick()
		}},
		{name: "paused and resumed", pause: 3 * time.Second, does: func(w *world, e *Engine) {
			w.eachOpen(func(j state.Job) { w.commit(j.ID, state.Pause{}); w.commit(j.ID, state.Resume{}) })
			e.Kick()
		}},
		{name: "cancelled and retried", pause: 3 * time.Second, does: func(w *world, e *Engine) {
			for range 2 { // the second is of the state that the first has found
				w.eachOpen(func(j state.Job) {
					w.commit(j.ID, state.Cancel{})
					if _, _, err := w.store.Requeue(j.ID); err != nil {
						w.t.Error(err)
					}
				})
				e.Kick()
				time.Sleep(time.Second)
			}
		}},
	} {
		for _, restarts := range []bool{false, true} {
			if n++; !tried(n) {
				continue
			}

			name := row.name
			if restarts {
				name += ", restarted"
			}

			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, onePartAtATime)
					w.cfg.Spool = filepath.Join(w.home, "spool")
					if row.noSpool {
						w.cfg.Spool = ""
					}

					if row.tells {
						w.cfg.Torn = tornWithoutTrailer
					}

					old := append(w.write("plan.rvt", 11*mib, 1), trailer...)
					w.save2("plan.rvt", old)
					w.enqueue(w.watchedJob("plan.rvt"))
					var delay atomic.Int64 // the first upload is slow
					delay.Store(int64(time.Second))
					w.srv.SetFault(func(r emulator.Request) emulator.Fault {
						return emulator.Fault{Delay: time.Duration(delay.Load())}
					})
					run := w.runs()
					run.start()
					time.Sleep(3 * time.Second)
					delay.Store(int64(50 * time.Millisecond))

					var saved []byte
					for i := range 12 {
						saved = append(saved, bytes.Repeat([]byte{byte(i)}, mib)...)
						if i == 11 {
							saved = append(saved, trailer...)
						}

						w.save2("plan.rvt", saved)
						time.Sleep(row.pause)
						if restarts {
							run.stop()
							run.start()
						}

						if row.does != nil {
							row.does(w, run.e)
						}

						if at := time.Duration(i) * row.pause; row.capped && at > 40*time.Second {
							j := w.watchedJob("plan.rvt")
							j.Changes, j.Unrest = 1, time.Unix(0, 0)
							if _, _, err := w.store.Enqueue(j); err != nil {
								t.Error(err)
							}
						}
					}

					for i := 0; !w.settled() && i < 300; i++ {
						time.Sleep(time.Second)
					}

					run.stop()
					got := w.versions("plan.rvt")
					if len(got) > 0 && bytes.Equal(got[0], old) { // its upload ended before the save began
						got = got[1:]
					}

					if len(got) != 1 || !bytes.Equal(got[0], saved) {
						t.Errorf("%d versions, want the save alone:%s", len(got), sizes(got))
					}
				})
			})
		}
	}
}

func sizes(versions [][]byte) (text string) {
	for _, v := range versions {
		text += " " + time.Duration(len(v)/mib).String()
	}

	return text
}

// TestAFileThatNeverSettles: one that is saved faster than a copy of it can be judged waits with a
// reason, and is there as soon as it rests.
func TestAFileThatNeverSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		w.cfg.Spool = filepath.Join(w.home, "spool")
		w.save("plan.rvt", 0)
		w.enqueue(w.watchedJob("plan.rvt"))
		run := w.runs()
		w.srv.SetFault(func(r emulator.Request) emulator.Fault { return emulator.Fault{Delay: time.Second} })
		run.start()

		var reasons []string
		var want []byte
		for i := 1; i <= 90; i++ {
			time.Sleep(time.Second)
			want = w.save("plan.rvt", i)
			w.eachOpen(func(j state.Job) { reasons = append(reasons, j.Reason) })
		}

		w.wantVersions("plan.rvt")
		w.eachOpen(func(j state.Job) { reasons = append(reasons, j.Reason) })
		time.Sleep(time.Minute)
		run.stop()
		w.wantVersions("plan.rvt", want)
		if !slices.Contains(reasons, ReasonSourceChanged) && !slices.Contains(reasons, ReasonNeverSettles) {
			t.Errorf("the reasons were %q", slices.Compact(reasons))
		}
	})
}

// watchedJob is a job of a file that a watch found settled.
func (w *world) watchedJob(name string) state.Job {
	j := w.job(name)
	j.Root, j.Rel = "watch", name

	return j
}

func (w *world) eachOpen(f func(state.Job)) {
	w.t.Helper()
	open, err := w.store.OpenJobs()
	if err != nil {
		w.t.Fatal(err)
	}

	for _, j := range open {
		f(j)
	}
}

func (w *world) commit(id state.JobID, ev state.Event) {
	w.t.Helper()
	if _, err := w.store.Commit(id, ev); err != nil {
		w.t.Logf("commit %T: %v", ev, err)
	}
}

// save2 writes a state and gives it the time of the bubble.
func (w *world) save2(name string, data []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), data, 0o644); err != nil {
		w.t.Fatal(err)
	}

	w.touch(name, time.Now())
}

// runs starts and stops engines of one world, one after the other.
func (w *world) runs() *runs { return &runs{w: w} }

type runs struct {
	w    *world
	e    *Engine
	halt func()
}

func (r *runs) start() {
	ctx, cancel := context.WithCancel(r.w.t.Context())
	r.e = r.w.engine()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.e.Run(ctx); err != nil {
			r.w.t.Error(err)
		}
	})
	r.halt = func() { cancel(); wg.Wait() }
}

func (r *runs) stop() { r.halt() }

package transfer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestPushParksWhatChangesTwice: a push does not chase a file that is being written.
func TestPushParksWhatChangesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		w.write("plan.rvt", 6*mib, 1)
		w.enqueue(w.job("plan.rvt"))
		size := 6 * mib
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" {
				return emulator.Fault{DoAfter: func() { size++; w.write("plan.rvt", size, 2) }}
			}

			return emulator.Fault{}
		})
		e := w.engine()
		w.runUntil(e, func() bool {
			open, err := w.store.OpenJobs()
			return err == nil && len(open) == 1 && open[0].Attention
		})
		open, _ := w.store.OpenJobs()
		if open[0].Reason != ReasonChanging {
			t.Errorf("%+v, want the successor parked as %s", open[0], ReasonChanging)
		}

		w.wantVersions("plan.rvt")

		w.srv.SetFault(nil) // it rests now: the parked job comes back by itself
		want := w.write("plan.rvt", 6*mib, 3)
		w.runUntil(w.engine(), func() bool {
			open, err := w.store.OpenJobs()
			return err == nil && len(open) == 0
		})
		w.wantVersions("plan.rvt", want)
	})
}

// TestPushParksWhatIsNeverQuiet: nor with a spool, where it waits for a quiet second. A person's
// retry takes the state of that moment.
func TestPushParksWhatIsNeverQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cfg.Spool = filepath.Join(w.home, "spool")
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" {
				return emulator.Fault{Delay: time.Second}
			}

			return emulator.Fault{}
		})
		w.save("plan.rvt", 0)
		w.enqueue(w.job("plan.rvt"))
		ctx, stop := context.WithCancel(t.Context())

		ended := make(chan error, 1)
		e := w.engine()
		go func() { ended <- e.Run(ctx) }()

		defer stop()

		parked := func() bool {
			open, err := w.store.OpenJobs()
			return err == nil && len(open) == 1 && open[0].Attention && open[0].Reason == ReasonChanging
		}
		n := 1
		for ; n < 100 && !parked(); n++ { // it is written four times a second
			time.Sleep(250 * time.Millisecond)
			w.save("plan.rvt", n)
		}

		if n > 40 {
			t.Errorf("not parked within %d saves", n)
		}

		w.wantVersions("plan.rvt")

		want := w.save("plan.rvt", n)
		time.Sleep(5 * time.Second)
		open, err := w.store.OpenJobs()
		if err != nil || len(open) != 1 {
			t.Fatalf("%d open jobs, %v; want the parked one", len(open), err)
		}

		if _, err := w.store.Commit(open[0].ID, state.RetryNow{}); err != nil {
			t.Fatal(err)
		}

		e.Kick()
		time.Sleep(10 * time.Second) // before it would come back by itself
		w.wantVersions("plan.rvt", want)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestFileThatIsSavedFasterThanItUploads: with a spool it gets its versions nevertheless, each a
// state that was saved, and one as soon as the last is there: nothing is begun that the next save
// ends, but the first try.
func TestFileThatIsSavedFasterThanItUploads(t *testing.T) {
	t.Run("told of each save", func(t *testing.T) { savedFasterThanItUploads(t, false) })
	t.Run("told by the cap", func(t *testing.T) { savedFasterThanItUploads(t, true) })
}

func savedFasterThanItUploads(t *testing.T, capped bool) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		w.cfg.Spool = filepath.Join(w.home, "spool")
		const pace, upload = 5 * time.Second, time.Minute // of three parts
		began := time.Now()
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" {
				return emulator.Fault{Delay: upload / 3}
			}

			return emulator.Fault{}
		})
		saves := [][]byte{w.save("plan.rvt", 0)}
		j := w.job("plan.rvt")
		j.Root, j.Rel = "watch", "plan.rvt"
		w.enqueue(j)
		ctx, cancel := context.WithCancel(t.Context())

		ended := make(chan error)
		e := w.engine()
		go func() { ended <- e.Run(ctx) }()

		for i := 1; i <= 62; i++ { // five minutes of saves
			time.Sleep(pace)
			saves = append(saves, w.save("plan.rvt", i))
			next := j
			if capped {
				if i%9 != 8 {
					continue
				}

				const rest = 2500 * time.Millisecond
				time.Sleep(rest)
				next.Changes, next.Unrest = 1, time.Unix(0, 0)
			}

			snap, err := state.SnapshotPath(w.path("plan.rvt"))
			if err != nil {
				t.Fatal(err)
			}

			next.Snapshot, next.Size = snap, snap.Size
			if _, _, err := w.store.Enqueue(next); err != nil {
				t.Fatal(err)
			}

			if capped {
				time.Sleep(pace / 2)
			}
		}

		var at []time.Duration
		for _, r := range w.srv.Requests() {
			if r.Op == "create-item" || r.Op == "create-version" {
				at = append(at, r.Time.Sub(began))
			}
		}

		// for the looks; each version waits for the rests of a save
		const slack = 2 * time.Second
		first, versions := 3*pace, 4
		if capped {
			first, versions = 45*time.Second+3*pace, 3
		}

		for n := range versions {
			if most := first + time.Duration(n+1)*(upload+pace) + slack; len(at) <= n || at[n] > most {
				t.Errorf("versions after %v, want number %d after %v at most", at, n+1, most)
				break
			}
		}

		for i := 0; !w.settled() && i < 1000; i++ {
			time.Sleep(time.Second)
		}

		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}

		got := w.versions("plan.rvt")
		last := -1
		for i, v := range got {
			at := slices.IndexFunc(saves, func(s []byte) bool { return slices.Equal(s, v) })
			if at < 0 {
				t.Errorf("version %d is no state that was saved", i+1)
			}

			if at <= last {
				t.Errorf("version %d is save %d, after save %d", i+1, at, last)
			}

			last = at
		}

		if last != len(saves)-1 {
			t.Errorf("the last version is save %d of %d", last, len(saves)-1)
		}

		if left, _ := os.ReadDir(w.cfg.Spool); len(left) != 0 {
			t.Errorf("left in the spool: %v", left)
		}
	})
}

// TestSnapshotOfAnOlderState: a job that takes up a newer state of the file after its snapshot was
// taken, and before it began to send, sends the newer one. Without the state in the snapshot's name
// and without opening the source anew, the older bytes are sent as the newer version.
func TestSnapshotOfAnOlderState(t *testing.T) {
	for name, size := range map[string]int{"shorter": 3 * mib, "of the same size": 4 * mib,
		"longer": 6 * mib} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.cfg.Spool = filepath.Join(w.home, "spool")
				w.write("plan.rvt", 4*mib, 1)
				again := func() state.Job {
					j := w.job("plan.rvt", "new folder")
					j.Root, j.Rel, j.Changes = "watch", "plan.rvt", 1
					return j
				}
				w.enqueue(again())
				var newer []byte
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op != "create-folder" || newer != nil {
						return emulator.Fault{}
					}

					if list, _ := os.ReadDir(w.cfg.Spool); len(list) != 1 {
						t.Errorf("%d snapshots in the spool, want one", len(list))
					}

					newer = w.write("plan.rvt", size, 2)
					if _, v, err := w.store.Enqueue(again()); err != nil || v != state.Merged {
						t.Errorf("the newer state: %v, %v", v, err)
					}

					return emulator.Fault{}
				})
				w.runAll(w.engine())
				w.wantVersions("new folder/plan.rvt", newer)
				if left, _ := os.ReadDir(w.cfg.Spool); len(left) != 0 {
					t.Errorf("left in the spool: %v", left)
				}
			})
		})
	}
}

// TestSnapshotIsOfOneMoment: a file that is rewritten while it is copied is copied again, also when
// its size and time are as before.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	for _, edit := range []string{"written", "written and its time restored"} {
		t.Run(edit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.cfg.Spool = filepath.Join(w.home, "spool")
				w.write("plan.rvt", 4*mib, 1)
				w.touch("plan.rvt", time.Now().Add(-time.Minute))
				j := w.job("plan.rvt")
				j.Root, j.Rel, j.Changes = "watch", "plan.rvt", 1
				w.enqueue(j)
				rewrite := func(at int64) {
					info, err := os.Stat(w.path("plan.rvt"))
					if err != nil {
						t.Fatal(err)
					}

					f, err := os.OpenFile(w.path("plan.rvt"), os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()

					if _, err := f.WriteAt(bytes.Repeat([]byte("new"), mib), at); err != nil {
						t.Error(err)
					}

					if edit != "written" {
						w.touch("plan.rvt", info.ModTime())
					}
				}
				e := w.engine()
				copies := 0
				e.onEffect = func(name string, after bool) error {
					if name != "copy to the spool" {
						return nil
					}

					if !after {
						copies++
					}

					if copies == 1 && !after {
						rewrite(0)
					} else if copies == 1 {
						rewrite(mib)
					}

					return nil
				}
				w.runAll(e)
				want, err := os.ReadFile(w.path("plan.rvt"))
				if err != nil {
					t.Fatal(err)
				}

				w.wantVersions("plan.rvt", want)
				if copies < 2 {
					t.Errorf("copied %d times", copies)
				}
			})
		})
	}
}

// TestSpoolMax: two files are copied while the bound leaves room, the rest is sent from where it
// lies.
func TestSpoolMax(t *testing.T) {
	for bound, copies := range map[int64]int{0: 2, 9 * mib: 2, 6 * mib: 1, -1: 0} {
		t.Run(fmt.Sprint(bound), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.cfg.Spool, w.cfg.SpoolMax = filepath.Join(w.home, "spool"), bound
				var most atomic.Int64
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op != "s3-put" {
						return emulator.Fault{}
					}

					list, _ := filepath.Glob(filepath.Join(w.cfg.Spool, "*.snapshot"))
					most.Store(max(most.Load(), int64(len(list))))

					return emulator.Fault{Delay: 10 * time.Second} // so that both are on their way at once
				})

				want := map[string][]byte{}
				for i, name := range []string{"a.rvt", "b.rvt"} {
					want[name] = w.write(name, 4*mib, uint64(i))
					j := w.job(name)
					j.Root, j.Rel, j.Changes = "watch", name, 1
					w.enqueue(j)
				}

				w.runAll(w.engine())

				for name, data := range want {
					w.wantVersions(name, data)
				}

				if most.Load() != int64(copies) {
					t.Errorf("%d copies in the spool, want %d", most.Load(), copies)
				}
			})
		})
	}
}

// save writes a state of 11 MiB and gives it the time of the bubble.
func (w *world) save(name string, n int) []byte {
	data := w.write(name, 11*mib, uint64(n))
	w.touch(name, time.Now())
	return data
}

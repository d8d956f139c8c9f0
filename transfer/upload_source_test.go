package transfer

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// beforePart calls f once, when the service has received part n and before it answers.
func (w *world) beforePart(n int, f func()) {
	var once sync.Once
	w.srv.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" && r.Part == n {
			return emulator.Fault{DoAfter: func() { once.Do(f) }}
		}

		return emulator.Fault{}
	})
}

func onePartAtATime(_ *emulator.Config, _ *apsclient.Config, c *Config) {
	c.PartSize, c.Parts = 5*mib, 1
}

// TestSourceChangesBetweenParts: whatever happens to the file while it is sent, what is published
// is one whole state of it.
func TestSourceChangesBetweenParts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *world) (want []byte) // nil: nothing may be published
		reason string
	}{
		{"grows", func(w *world) []byte { return w.write("plan.rvt", 16*mib, 2) }, ""},
		{"shrinks", func(w *world) []byte { return w.write("plan.rvt", 7*mib, 3) }, ""},
		{"rewritten in place, same size", func(w *world) []byte {
			data := w.write("plan.rvt", 11*mib, 4)
			w.touch("plan.rvt", time.Now().Add(time.Minute))
			return data
		}, ""},
		{"rewritten in place, size and time as before", func(w *world) []byte { // only the content tells
			was, err := os.Stat(w.path("plan.rvt"))
			if err != nil {
				w.t.Error(err)
				return nil
			}

			data := w.write("plan.rvt", 11*mib, 6)
			w.touch("plan.rvt", was.ModTime())

			return data
		}, ""},
		{"replaced by rename", func(w *world) []byte {
			data := w.write("plan.tmp", 11*mib, 5)
			w.touch("plan.tmp", time.Now().Add(time.Minute))
			if err := os.Rename(w.path("plan.tmp"), w.path("plan.rvt")); err != nil {
				w.t.Error(err)
			}

			return data
		}, ""},
		{"renamed to the backup and written anew", func(w *world) []byte {
			if err := os.Rename(w.path("plan.rvt"), w.path("plan.bak")); err != nil {
				w.t.Error(err)
			}

			data := w.write("plan.rvt", 11*mib, 5)
			w.touch("plan.rvt", time.Now().Add(time.Minute))

			return data
		}, ""},
		{"touched only", func(w *world) []byte {
			data, err := os.ReadFile(w.path("plan.rvt"))
			if err != nil {
				w.t.Error(err)
			}

			w.touch("plan.rvt", time.Now().Add(time.Minute))

			return data
		}, ""},
		{"linked: the change time alone moves", func(w *world) []byte {
			data, err := os.ReadFile(w.path("plan.rvt"))
			if err == nil {
				err = os.Link(w.path("plan.rvt"), w.path("other name.rvt"))
			}

			if err != nil {
				w.t.Error(err)
			}

			return data
		}, ""},
		{"deleted", func(w *world) []byte { w.remove("plan.rvt"); return nil }, ReasonVanished},
		{"replaced by a folder", func(w *world) []byte {
			w.remove("plan.rvt")
			os.Mkdir(w.path("plan.rvt"), 0o755)
			return nil
		}, ReasonNotAFile},
	} {
		test := func(t *testing.T, hold bool) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, onePartAtATime)
				w.write("plan.rvt", 11*mib, 1)
				j := w.enqueue(w.job("plan.rvt"))
				var want []byte
				w.beforePart(2, func() { want = tt.change(w) })
				e := w.engine()
				e.holdOpen = hold
				w.runAll(e)
				if tt.reason != "" {
					w.wantVersions("plan.rvt")
					if got := w.get(j.ID); got.Reason != tt.reason {
						t.Errorf("reason %q %q, want %q", got.Reason, got.Error, tt.reason)
					}

					return
				}

				w.wantVersions("plan.rvt", want)
			})
		}
		t.Run(tt.name, func(t *testing.T) { test(t, replaceableWhileOpen) })
		t.Run(tt.name+", open only while it is read", func(t *testing.T) { test(t, false) })
	}
}

// TestAPartOfAChangedFileIsNotKept: a part during which the file changed is not acknowledged: it may
// hold bytes of both states.
func TestAPartOfAChangedFileIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		w.write("plan.rvt", 11*mib, 1)
		j := w.enqueue(w.job("plan.rvt"))
		w.beforePart(2, func() { w.write("plan.rvt", 12*mib, 2) })
		e := w.engine()
		e.onCommit = func(id state.JobID, _ bool, events []state.Event) error {
			if p, ok := events[0].(state.PartStored); ok && id == j.ID && p.Part == 2 {
				t.Error("part 2 is acknowledged")
			}

			return nil
		}
		w.runAll(e)
	})
}

// TestSourceChangesBeforeTheCompletion: the file is looked at once more when all its parts are sent.
// In a bucket that makes the object visible.
func TestSourceChangesBeforeTheCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		w.write("plan.rvt", 11*mib, 1)
		w.enqueue(w.inBucket("plan.rvt"))

		e := w.engine()

		var want []byte
		var once sync.Once
		e.onCommit = func(id state.JobID, after bool, _ []state.Event) error {
			if after && w.get(id).Phase == state.PhaseUploaded {
				once.Do(func() { want = w.write("plan.rvt", 7*mib, 2) })
			}

			return nil
		}

		w.runAll(e)
		w.wantObject(crashBucket, "plan.rvt", want)
		if n := w.calls("signed-s3-upload"); n != 1 {
			t.Errorf("completed %d times", n)
		}
	})
}

// remove deletes a file so that its name is free at once. Windows may keep the name of a file that
// is open until it is closed.
func (w *world) remove(name string) {
	if err := os.Rename(w.path(name), w.path("deleted."+name)); err != nil {
		w.t.Error(err)
	}

	if err := os.Remove(w.path("deleted." + name)); err != nil {
		w.t.Error(err)
	}
}

func (w *world) touch(name string, at time.Time) {
	if err := os.Chtimes(w.path(name), at, at); err != nil {
		w.t.Error(err)
	}
}

// TestSourceChangesBeforeThePublish: between the last part and the create.
func TestSourceChangesBeforeThePublish(t *testing.T) {
	for _, op := range []string{"create-storage", "get-signed-s3-upload-urls", "signed-s3-upload"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, onePartAtATime)
				w.write("plan.rvt", 6*mib, 1)
				w.enqueue(w.job("plan.rvt"))
				var once sync.Once
				var want []byte
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op == op {
						return emulator.Fault{DoAfter: func() {
							once.Do(func() { want = w.write("plan.rvt", 7*mib, 2) })
						}}
					}

					return emulator.Fault{}
				})
				w.runAll(w.engine())
				w.wantVersions("plan.rvt", want)
			})
		})
	}
}

func TestSourcesThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		other := w.write("other.rvt", small, 9) // never blocked by the rest
		for _, name := range []string{"folder", "link", "gone", "secret"} {
			w.write(name, small, 1)
		}

		ids := map[string]state.JobID{}
		for _, name := range []string{"folder", "link", "gone", "secret", "other.rvt"} {
			ids[name] = w.enqueue(w.job(name)).ID
		}

		os.Remove(w.path("folder"))
		os.Mkdir(w.path("folder"), 0o755)
		os.Remove(w.path("link"))
		err := os.Symlink(w.path("other.rvt"), w.path("link"))
		if _, missing := os.Lstat(w.path("link")); err != nil || missing != nil {
			t.Logf("no symbolic links here: %v", errors.Join(err, missing))
			os.Remove(w.path("link"))
			os.Mkdir(w.path("link"), 0o755)
		}

		os.Remove(w.path("gone"))
		secret := os.Geteuid() != 0 && runtime.GOOS != "windows"
		if secret {
			os.Chmod(w.path("secret"), 0)
		}

		w.runAll(w.engine())
		w.wantParked(ids["folder"], ReasonNotAFile)
		w.wantParked(ids["link"], ReasonNotAFile)
		if secret {
			w.wantParked(ids["secret"], ReasonUnreadable)
		}

		w.wantParked(ids["gone"], ReasonVanished)
		w.wantDone(ids["other.rvt"], state.ResultCreated)
		w.wantVersions("other.rvt", other)
	})
}

func TestShrunkToNothingAsksAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		data := w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		w.write("plan.rvt", 0, 0)
		j := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		w.wantParked(j.ID, ReasonShrankToZero)
		w.wantVersions("plan.rvt", data)
	})
}

func TestConflicts(t *testing.T) {
	t.Run("reserved by somebody else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			one := w.write("plan.rvt", small, 1)
			w.enqueue(w.job("plan.rvt"))
			w.runAll(w.engine())
			f, _ := w.srv.File("Project Files/plan.rvt")
			if err := w.srv.Reserve(f.ItemID, "ANNA"); err != nil {
				t.Fatal(err)
			}

			w.write("plan.rvt", small, 2)
			j := w.enqueue(w.job("plan.rvt"))
			w.runAll(w.engine())
			w.wantParked(j.ID, ReasonConflict)
			w.wantVersions("plan.rvt", one)
		})
	})
	t.Run("newer than the base", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			one := w.write("plan.rvt", small, 1)
			first := w.enqueue(w.job("plan.rvt"))
			w.runAll(w.engine())
			done := w.get(first.ID)
			theirs := w.write("theirs.rvt", small, 5)
			w.addVersion(done, theirs)
			w.write("plan.rvt", small, 2)
			j := w.enqueue(w.job("plan.rvt"))
			w.runAll(w.engine())
			w.wantParked(j.ID, ReasonConflict)
			w.wantVersions("plan.rvt", one, theirs)
		})
	})
	t.Run("deleted before the next version", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.write("plan.rvt", small, 1)
			first := w.enqueue(w.job("plan.rvt"))
			w.runAll(w.engine())
			done := w.get(first.ID)
			two := w.write("plan.rvt", small, 2)
			j := w.enqueue(w.job("plan.rvt"))
			var once sync.Once
			w.srv.SetFault(func(r emulator.Request) emulator.Fault {
				if r.Op != "create-version" {
					return emulator.Fault{}
				}

				f := emulator.Fault{}
				once.Do(func() {
					f = emulator.Fault{Kind: emulator.FailBefore, Status: 404, Do: func() {
						w.deleteItem(done)
					}}
				})

				return f
			})
			w.runAll(w.engine())
			w.wantDone(j.ID, state.ResultCreated)

			got := 0
			for _, f := range w.srv.Items() {
				if f.Path == "Project Files/plan.rvt" && !f.Hidden {
					got++
					w.wantVersions("plan.rvt", two)
				}
			}

			if got != 1 {
				t.Errorf("%d items of the name are visible, want 1", got)
			}
		})
	})
	t.Run("created by somebody else at the same moment", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			mine, theirs := w.write("plan.rvt", small, 1), w.write("theirs.rvt", small, 5)
			j := w.enqueue(w.job("plan.rvt"))
			var once sync.Once
			w.srv.SetFault(func(r emulator.Request) emulator.Fault {
				if r.Op != "create-item" {
					return emulator.Fault{}
				}

				return emulator.Fault{Do: func() {
					once.Do(func() {
						if _, _, err := w.srv.AddFile(string(w.project), "Project Files/plan.rvt",
							newReader(theirs), int64(len(theirs))); err != nil {
							t.Error(err)
						}
					})
				}}
			})
			w.runAll(w.engine())
			w.wantDone(j.ID, state.ResultVersioned)
			w.wantVersions("plan.rvt", theirs, mine)
		})
	})
}

// deleteItem hides an item as another program would, behind the fault hook.
func (w *world) deleteItem(of state.Job) {
	hook := w.client.WithScopes(apsclient.TransferScopes...)
	done := make(chan struct{})
	go func() { // a call from within the hook of another call
		defer close(done)
		if _, err := hook.Versions.Create(w.t.Context(), w.project,
			apsclient.NewVersion{Item: apsclient.ItemID(of.Item), Deleted: true}); err != nil {
			w.t.Error(err)
		}
	}()
	<-done
}

// addVersion makes a version as another program would.
func (w *world) addVersion(of state.Job, data []byte) {
	w.t.Helper()
	ctx := w.t.Context()
	c := w.client.WithScopes(apsclient.TransferScopes...)
	object, err := c.Items.CreateStorage(ctx, w.project, w.base, of.Target.Name)
	if err != nil {
		w.t.Fatal(err)
	}

	urls, err := c.Objects.UploadURLs(ctx, object, apsclient.UploadURLsRequest{Parts: 1, FirstPart: 1})
	if err != nil {
		w.t.Fatal(err)
	}

	etag, err := c.Data.PutPart(ctx, urls.URLs[0],
		apsclient.PartBody{R: newReader(data), Size: int64(len(data))})
	if err != nil {
		w.t.Fatal(err)
	}

	if _, err := c.Objects.Complete(ctx, object,
		apsclient.Completion{UploadKey: urls.UploadKey, Size: int64(len(data)),
			ETags: []string{etag}}); err != nil {
		w.t.Fatal(err)
	}

	if _, err := c.Versions.Create(ctx, w.project,
		apsclient.NewVersion{Item: apsclient.ItemID(of.Item), Name: of.Target.Name,
			Storage: object}); err != nil {
		w.t.Fatal(err)
	}
}

func TestPauseAndCancelStopARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		data := w.write("plan.rvt", 16*mib, 1)
		j := w.enqueue(w.job("plan.rvt"))
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" {
				return emulator.Fault{Delay: 10 * time.Second}
			}

			return emulator.Fault{}
		})
		ctx, cancel := context.WithCancel(t.Context())

		ended := make(chan error)
		e := w.engine()
		go func() { ended <- e.Run(ctx) }()
		time.Sleep(15 * time.Second)
		if _, err := w.store.Commit(j.ID, state.Pause{}); err != nil {
			t.Fatal(err)
		}

		synctest.Wait()
		if n := len(e.Active()); n != 0 {
			t.Errorf("%d runs after a pause", n)
		}

		time.Sleep(time.Hour)
		if _, err := w.store.Commit(j.ID, state.Resume{}); err != nil {
			t.Fatal(err)
		}

		time.Sleep(15 * time.Second)
		if a := e.Active(); len(a) != 1 || a[0].PartsDone < 1 {
			t.Errorf("active after resume: %+v", a)
		}

		for !w.settled() {
			time.Sleep(time.Second)
		}

		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("plan.rvt", data)

		w.write("plan.rvt", 16*mib, 2)
		j = w.enqueue(w.job("plan.rvt"))
		time.Sleep(15 * time.Second)
		if _, err := w.store.Commit(j.ID, state.Cancel{}); err != nil {
			t.Fatal(err)
		}

		time.Sleep(time.Minute)
		if n := len(e.Active()); n != 0 {
			t.Errorf("%d runs after a cancel", n)
		}

		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}

		w.wantVersions("plan.rvt", data)
	})
}

// TestNetworkThatComesBack: hours without an answer cost few attempts, and when it is back
// everything goes on within seconds.
func TestNetworkThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 30 {
			name := string(rune('a'+i/10)) + string(rune('0'+i%10))
			w.write(name, small, uint64(i))
			w.enqueue(w.job(name))
		}

		w.kill()
		ctx, cancel := context.WithCancel(t.Context())

		ended := make(chan error)
		e := w.engine()
		go func() { ended <- e.Run(ctx) }()
		time.Sleep(time.Hour)
		before := w.attempts.Load()
		time.Sleep(3 * time.Hour)
		if a := w.attempts.Load() - before; a > 3*60*60 {
			t.Errorf("%d attempts in three hours without a network", a)
		}

		w.revive()
		back := time.Now()

		for !w.settled() {
			time.Sleep(time.Second)
		}

		if took := time.Since(back); took > 30*time.Second {
			t.Errorf("took %v after the network came back", took)
		}

		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}

		if n := len(w.srv.Items()); n != 30 {
			t.Errorf("%d items, want 30", n)
		}
	})
}

func TestStoreFailureEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		e := w.engine()
		broken := errors.New("the disk of the state is full")
		e.onCommit = func(state.JobID, bool, []state.Event) error { return broken }
		if err := e.Run(t.Context()); !errors.Is(err, broken) {
			t.Errorf("run ended with %v, want %v", err, broken)
		}
	})
}

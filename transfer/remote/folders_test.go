package remote

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

func TestEnsureFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.resolver()

		var wg sync.WaitGroup
		ids := make([]apsclient.FolderID, 10)
		for i := range ids {
			wg.Go(func() {
				id, err := r.EnsureFolder(t.Context(), w.project, w.base, []string{"a", "b"}, w.store)
				if err != nil {
					t.Error(err)
				}

				ids[i] = id
			})
		}

		wg.Wait()
		if len(slices.Compact(ids)) != 1 || ids[0] == "" {
			t.Errorf("ten callers got %q", ids)
		}

		// the base was not seen by this resolver before
		w.wantCalls(t, "ten callers for two new folders", "list-folder-contents", "get-folder",
			"create-folder", "create-folder")
		if _, err := r.EnsureFolder(t.Context(), w.project, w.base, []string{"a", "b"}, w.store); err != nil {
			t.Fatal(err)
		}

		if _, ok, err := r.Find(t.Context(), w.project, ids[0], "x.dwg"); ok || err != nil {
			t.Errorf("a new folder holds something: %v, %v", ok, err)
		}

		w.wantCalls(t, "folders that we made ourselves")
		if id, err := r.EnsureFolder(t.Context(), w.project, w.base, nil, w.store); id != w.base ||
			err != nil {
			t.Errorf("no names: %q, %v; want the base", id, err)
		}
	})
}

// TestFoldersThatDifferInCase: of names that differ in case, or in the form of Unicode, asked for at
// once, one is made and the others clash with it, whatever the service makes of case.
func TestFoldersThatDifferInCase(t *testing.T) {
	for _, folds := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.srv.SetKnobs(func(k *emulator.Knobs) { k.CaseInsensitiveNames = folds })
			w.srv.SetFault(func(emulator.Request) emulator.Fault {
				return emulator.Fault{Delay: 100 * time.Millisecond}
			})
			r := w.resolver()

			var wg sync.WaitGroup
			var made, clashes atomic.Int32
			for _, name := range []string{"Ar\u00e9a", "ar\u00e9a", "Are\u0301a", "AR\u00c9A"} {
				wg.Go(func() {
					_, err := r.EnsureFolder(t.Context(), w.project, w.base, []string{name}, w.store)
					_, clash := errors.AsType[*NameClashError](err)
					switch {
					case err == nil:
						made.Add(1)
					case clash:
						clashes.Add(1)
					default:
						t.Errorf("%q: %v", name, err)
					}
				})
			}

			wg.Wait()
			if made.Load() != 1 || clashes.Load() != 3 {
				t.Errorf("the service folds %t: %d made, %d clashes", folds, made.Load(), clashes.Load())
			}
		})
	}
}

// Whatever becomes of the creation's reply, one folder is there in the end.
func TestEnsureFolderUnderFaults(t *testing.T) {
	for name, row := range map[string]struct {
		fault emulator.Fault
		late  time.Duration // the service shows new folders late
		tries int           // calls of EnsureFolder until it succeeds
	}{
		"lost reply": {fault: emulator.Fault{Kind: emulator.LoseReply}, tries: 1},
		"lost reply, shown late": {fault: emulator.Fault{Kind: emulator.LoseReply}, late: 2 * time.Second,
			tries: 1},
		"lost reply, shown very late": {fault: emulator.Fault{Kind: emulator.LoseReply},
			late: 25 * time.Second, tries: 1},
		"server error before": {fault: emulator.Fault{Kind: emulator.FailBefore, Status: 500}, tries: 1},
		"throttled":           {fault: emulator.Fault{Kind: emulator.SlowDown}, tries: 3},
		"in flight, then refused": {fault: emulator.Fault{Kind: emulator.FailBefore, Status: 409},
			tries: 2},
		"refused for good at first": {fault: emulator.Fault{Kind: emulator.FailBefore, Status: 403},
			tries: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *emulator.Config) { c.Visibility = row.late })
				var mu sync.Mutex
				left := 1
				w.srv.SetFault(func(q emulator.Request) emulator.Fault {
					mu.Lock()
					defer mu.Unlock()
					if q.Op != "create-folder" || left == 0 {
						return emulator.Fault{}
					}

					left--

					return row.fault
				})

				var id apsclient.FolderID
				var err error
				for range row.tries {
					if id, err = w.resolver().EnsureFolder(t.Context(), w.project, w.base, []string{"a"},
						w.store); err == nil {
						break
					}
				}

				if err != nil || id == "" {
					t.Fatalf("after %d tries: %v", row.tries, err)
				}

				if n := w.foldersNamed("a"); n != 1 {
					t.Errorf("%d folders, want 1", n)
				}

				if len(w.store) != 0 {
					t.Errorf("the intent is left: %v", w.store)
				}
			})
		})
	}
}

// A process that died with the reply on its way left an intent: the next one looks before it
// creates.
func TestEnsureFolderAfterADeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// without the intent it would create again
		w := newWorld(t, func(c *emulator.Config) {
			c.Visibility = 8 * time.Second
		})
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op == "create-folder" {
				return emulator.Fault{DoAfter: func() { w.dead.Store(true) }}
			}

			return emulator.Fault{}
		})
		if _, err := w.resolver().EnsureFolder(t.Context(), w.project, w.base, []string{"a"},
			w.store); err == nil {
			t.Fatal("it outlived its death")
		}

		w.srv.SetFault(nil)
		w.dead.Store(false)
		w.srv.ResetJournal()
		if _, err := w.resolver().EnsureFolder(t.Context(), w.project, w.base, []string{"a"},
			w.store); err != nil {
			t.Fatal(err)
		}

		if _, ops := w.api(); slices.Contains(ops, "create-folder") || w.foldersNamed("a") != 1 {
			t.Errorf("calls %q, %d folders; want no creation and 1", ops, w.foldersNamed("a"))
		}
	})
}

// TestClashIsNotBelievedGone: a clash that was there is gone when two listings in a row lack it, and one
// that is empty now and then makes no folder of another case.
func TestClashIsNotBelievedGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.resolver()
		w.addFolder(w.srv.Demo().Project, "Project Files/a")
		empty := 0 // listings from now on
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op != "list-folder-contents" || empty == 0 {
				return emulator.Fault{}
			}

			empty--

			return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusOK,
				Header: http.Header{"Content-Type": {"application/vnd.api+json"}},
				Body:   []byte(`{"jsonapi":{"version":"1.0"},"links":{},"data":[]}`)}
		})

		for _, step := range []struct {
			empty int
			clash bool
		}{{0, true}, {1, true}, {0, true}, {2, false}} {
			time.Sleep(time.Hour)
			empty = step.empty
			err := r.Clash(t.Context(), w.project, w.base, "A", false)
			if _, clash := errors.AsType[*NameClashError](err); clash != step.clash {
				t.Errorf("with %d empty listings: %v, want a clash: %t", step.empty, err, step.clash)
			}

			if empty > 0 {
				t.Errorf("%d empty listings were not asked for", empty)
			}
		}
	})
}

func TestEnsureFolderThatSomebodyElseMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.resolver()
		// our listing is from before
		if _, _, err := r.FindFolder(t.Context(), w.project, w.base, "a"); err != nil {
			t.Fatal(err)
		}

		id := w.addFolder(w.srv.Demo().Project, "Project Files/a")
		got, err := r.EnsureFolder(t.Context(), w.project, w.base, []string{"a"}, w.store)
		if err != nil || string(got) != id {
			t.Errorf("got %q, %v; want %q", got, err, id)
		}

		got, err = r.EnsureFolder(t.Context(), w.project, w.base, []string{"A"}, w.store)
		if c, ok := errors.AsType[*NameClashError](err); !ok || c.Other != "a" || c.Kind != "folder" {
			t.Errorf("a name that differs in case alone: %q, %v; want a clash with folder a", got, err)
		}

		_, err = r.EnsureFolder(t.Context(), w.project, w.base, []string{"a:b"}, w.store)
		if !errors.Is(err, apsclient.ErrBadRequest) {
			t.Errorf("a refused name: %v, want a bad request", err)
		}
	})
}

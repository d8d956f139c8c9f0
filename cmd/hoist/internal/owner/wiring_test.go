package owner

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/watcher"
)

// TestWatchesAreWired: what an owner gives its watches, beside what they do with it.
func TestWatchesAreWired(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is watched cannot be renamed there")
	}

	for _, c := range []struct {
		name  string
		scene func(t *testing.T, l *life, watch func() control.Watch)
	}{
		{"a file whose job failed is owed, and sent by another",
			func(t *testing.T, l *life, _ func() control.Watch) {
				l.cloud.SetKnobs(func(k *emulator.Knobs) { k.Portal = emulator.Portal{Status: 503} })
				l.put("tower.rvt", []byte("second"), time.Time{}, false)
				time.Sleep(time.Minute)

				jobs, err := l.owner.store.OpenJobs()
				if err != nil || len(jobs) != 1 {
					t.Fatalf("jobs: %+v, %v", jobs, err)
				}

				if _, err := l.owner.store.Commit(jobs[0].ID,
					state.Failed{Reason: "unexpected"}); err != nil {
					t.Fatal(err)
				}

				l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
				time.Sleep(2 * time.Minute)
				if tip := l.tip("tower.rvt"); !bytes.Equal(tip, []byte("second")) {
					t.Errorf("the cloud has %q", tip)
				}
			}},
		{"an empty folder in the place of the root removes nothing", func(t *testing.T, l *life,
			watch func() control.Watch) {
			elsewhere := filepath.Join(l.away, "root")
			l.move(l.root, elsewhere)
			if err := os.Mkdir(l.root, 0o700); err != nil {
				t.Fatal(err)
			}

			time.Sleep(10 * time.Second)
			if w := watch(); w.State != watcher.StateUnavailable || *w.Files != 1 {
				t.Errorf("10 s later: %s, %d files", w.State, *w.Files)
			}

			time.Sleep(5 * time.Minute)
			if err := os.Remove(l.root); err != nil {
				t.Fatal(err)
			}

			l.move(elsewhere, l.root)
			time.Sleep(10 * time.Second)
			if w := watch(); w.State == watcher.StateUnavailable || *w.Files != 1 || *w.Synced != 1 {
				t.Errorf("10 s after it is back: %s, %d files, %d synced", w.State, *w.Files, *w.Synced)
			}
		}},
		{"a start over the bare place of a disk removes nothing", func(t *testing.T, l *life,
			watch func() control.Watch) {
			l.close()

			elsewhere := filepath.Join(l.away, "root")
			l.move(l.root, elsewhere)
			if err := os.Mkdir(l.root, 0o700); err != nil {
				t.Fatal(err)
			}

			l.open()
			time.Sleep(5 * time.Minute)
			if w := watch(); w.State != watcher.StateUnavailable || !strings.Contains(w.Detail, "mounted") {
				t.Errorf("it is bare: %s, %s", w.State, w.Detail)
			}

			if err := os.Remove(l.root); err != nil { // nothing was left in it
				t.Fatal(err)
			}

			l.move(elsewhere, l.root)
			time.Sleep(10 * time.Second)
			if w := watch(); w.State == watcher.StateUnavailable || *w.Synced != 1 {
				t.Errorf("10 s after it is back: %s, %d synced", w.State, *w.Synced)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				l := newLife(t, dir, 1)
				l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
				l.open()
				l.put("tower.rvt", []byte("first"), time.Time{}, false)
				l.rest()
				c.scene(t, l, func() control.Watch {
					list, err := l.owner.Watches(t.Context())
					if err != nil || len(list) != 1 {
						t.Fatalf("%+v, %v", list, err)
					}

					return list[0]
				})
				l.close()
				if err := l.cloud.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

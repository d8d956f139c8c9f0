package owner

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/watcher"
)

// TestFilesAreNotForgotten: whatever became of the job of a watched file, it is reported again as
// long as it does not equal its published record, and counts as pending until then.
func TestFilesAreNotForgotten(t *testing.T) {
	for _, c := range []struct {
		name  string
		event state.Event
		again bool
	}{
		{"failed", state.Failed{Reason: "unexpected", Error: "400"}, true},
		{"said to be gone", state.SourceChanged{Gone: true}, true},
		{"cancelled", state.Cancel{}, false},
		{"parked", state.Parked{Reason: "forbidden", Error: "403"}, false},
		{"the same as in the cloud", state.Unchanged{Item: "i", Version: "v",
			Record: &state.PublishedRecord{Root: "w1", Rel: "a.dwg"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, err := state.Open(filepath.Join(t.TempDir(), "state.db"), state.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer store.Close()

				root := t.TempDir()
				path := filepath.Join(root, "a.dwg")
				if err := os.WriteFile(path, []byte("1"), 0o600); err != nil {
					t.Fatal(err)
				}

				book, err := watcher.NewBook(root, &watcher.Rules{}, time.Second, nil)
				if err != nil {
					t.Fatal(err)
				}

				wt, err := watcher.New(watcher.Config{Book: book, Baseline: baseline{store, "w1"},
					Poll: true})
				if err != nil {
					t.Fatal(err)
				}

				var jobs []state.Job
				emit := func(_ context.Context, changes []watcher.Change) error {
					j, v, err := store.Enqueue(state.Job{Path: path, Root: "w1", Rel: changes[0].Path,
						Target:   state.Target{Address: "aps://h/p/f/a.dwg"},
						Snapshot: snapshotOf(changes[0].Snapshot)})
					if err == nil && v == state.Queued {
						jobs = append(jobs, j)
					}

					return err
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{}, 2)
				m := newWatches(&Owner{store: store})

				go func() { _ = wt.Run(ctx, emit); ended <- struct{}{} }()
				go func() { m.payOwed(ctx, config.Watch{ID: "w1"}, wt); ended <- struct{}{} }()

				time.Sleep(time.Minute)
				synctest.Wait()
				if len(jobs) != 1 {
					t.Fatalf("reported %d times", len(jobs))
				}

				if _, err := store.Commit(jobs[0].ID, c.event); err != nil {
					t.Fatal(err)
				}

				n, err := m.count(control.Watch{}, config.Watch{ID: "w1", Path: root}, seenBy(wt.Status()))
				if err != nil || (*n.Pending > 0) != c.again {
					t.Errorf("pending: %d, %v", *n.Pending, err)
				}

				time.Sleep(time.Minute)
				synctest.Wait()
				if (len(jobs) > 1) != c.again {
					t.Errorf("reported %d times", len(jobs))
				}

				cancel()
				<-ended
				<-ended
			})
		})
	}
}

package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
)

// inWatch makes the folder of the world a watch's.
func (w *world) inWatch(name string) state.Job {
	j := w.job(name)
	j.Root, j.Rel = "w1", name

	return j
}

// TestWatchedFolderAway: a file that cannot be found is believed to be gone only if its folder can
// be listed and the watched folder is the one it was.
func TestWatchedFolderAway(t *testing.T) {
	rename := func(w *world, to string) error { return os.Rename(w.dir, to) }
	for _, c := range []struct {
		name   string
		away   func(w *world, to string) error
		back   func(w *world, to string) error
		reason string // meanwhile; "" the file is gone
	}{
		{"renamed and back", rename, func(w *world, to string) error { return os.Rename(to, w.dir) },
			ReasonFolderAway},
		{"an empty mount point, and back", func(w *world, to string) error {
			return errors.Join(os.Rename(w.dir, to), os.Mkdir(w.dir, 0o700))
		}, func(w *world, to string) error {
			return errors.Join(os.Remove(w.dir), os.Rename(to, w.dir))
		}, ReasonFolderAway},
		{"a file in its place, and back", func(w *world, to string) error {
			return errors.Join(os.Rename(w.dir, to), os.WriteFile(w.dir, nil, 0o600))
		}, func(w *world, to string) error {
			return errors.Join(os.Remove(w.dir), os.Rename(to, w.dir))
		}, ReasonFolderAway},
		{"the file alone", func(w *world, _ string) error {
			return os.Remove(w.path("sub/plan.rvt"))
		}, nil, ""},
		{"the folder of the file", func(w *world, _ string) error {
			return os.RemoveAll(w.path("sub"))
		}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.dir = filepath.Join(t.TempDir(), "watched")
				w.write(".hoist-root", 1, 1)
				content := w.write("sub/plan.rvt", small, 1)
				j := w.enqueue(w.inWatch("sub/plan.rvt"))
				to := filepath.Join(t.TempDir(), "away")
				if err := c.away(w, to); err != nil {
					t.Fatal(err)
				}

				if c.reason == "" {
					w.runAll(w.engine())
					if j := w.get(j.ID); j.End != state.EndFailed || j.Reason != ReasonVanished {
						t.Errorf("%+v", j)
					}

					if owed, err := w.store.Owed("w1", 0); err != nil || len(owed) != 1 {
						t.Errorf("owed: %v, %v", owed, err)
					}

					return
				}

				w.runUntil(w.engine(), func() bool { return w.get(j.ID).Attempts > 5 })
				if j := w.get(j.ID); j.Reason != c.reason || !j.Open() || j.Attention {
					t.Errorf("meanwhile: %+v", j)
				}

				if err := c.back(w, to); err != nil {
					t.Fatal(err)
				}

				began := time.Now()
				w.runAll(w.engine())
				if took := time.Since(began); took > 2*backoffCap {
					t.Errorf("it went on after %s", took)
				}

				w.wantVersions("plan.rvt", content)
			})
		})
	}
}

func TestRootAway(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, ".hoist-root"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	gone := &changedError{Path: filepath.Join(root, "a.rvt"), Gone: true}
	stale := &fs.PathError{Op: "open", Path: gone.Path, Err: errors.New("stale file handle")}
	watched := state.Job{Kind: state.Upload, Root: "w1", Rel: "a.rvt", Path: gone.Path}
	lost := watched
	lost.Path = filepath.Join(root, "lost", "a.rvt")
	push := lost
	push.Root = state.PathRoot + "1"

	down := lost
	down.Kind = state.Download
	for _, c := range []struct {
		name string
		job  state.Job
		err  error
		away bool
	}{
		{"gone, the root is there", watched, gone, false},
		{"an error on disk, the root is there", watched, stale, false},
		{"gone, the root is not there", lost, gone, true},
		{"an error on disk, the root is not there", lost, stale, true},
		{"changed, the root is not there", lost, &changedError{Path: lost.Path}, false},
		{"no file of a watch", push, gone, false},
		{"a download", down, gone, false},
		{"the network", lost, errors.New("no route"), false},
	} {
		if err := RootAway(c.job, c.err); (err != nil) != c.away {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

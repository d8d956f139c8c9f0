package transfer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
	"hoist/transfer/plan"
)

// userEdits are what a user's program may do to a file while a download takes its place. mine is
// what it writes; it must be found again, wherever.
var userEdits = []struct {
	name string
	do   func(path string, mine []byte) error // in a goroutine: it may have to wait for milliseconds
	// whether what it did is new content
	work bool
}{
	{"appends", func(path string, mine []byte) error {
		return write(path, os.O_WRONLY|os.O_APPEND, mine)
	}, true},
	{"rewrites the first bytes", func(path string, mine []byte) error {
		return write(path, os.O_RDWR, mine)
	}, true},
	{restoresTime, func(path string, mine []byte) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}

		return errors.Join(write(path, os.O_RDWR, mine), os.Chtimes(path, info.ModTime(), info.ModTime()))
	}, true},
	{"saves anew", func(path string, mine []byte) error {
		return write(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mine)
	}, true},
	{"saves by a rename", func(path string, mine []byte) error {
		return errors.Join(os.WriteFile(path+".tmp", mine, 0o644), os.Rename(path+".tmp", path))
	}, true},
	{"renames to the backup and saves", func(path string, mine []byte) error {
		_ = os.Rename(path, path+".bak")
		return os.WriteFile(path, mine, 0o644)
	}, true},
	{"links", func(path string, mine []byte) error {
		return os.Link(path, filepath.Join(filepath.Dir(path), "linked.dwg"))
	}, false},
	{"touches", func(path string, mine []byte) error {
		return os.Chtimes(path, time.Now(), time.Now())
	}, false},
	{"deletes", func(path string, mine []byte) error { return os.Remove(path) }, false},
	{"puts a link in the place", func(path string, mine []byte) error {
		err := os.WriteFile(path+".other", mine, 0o644)
		return errors.Join(err, os.Remove(path), os.Symlink(path+".other", path))
	}, true},
	{"puts a folder in the place", func(path string, mine []byte) error {
		return errors.Join(os.Remove(path), os.Mkdir(path, 0o755),
			os.WriteFile(filepath.Join(path, "mine"), mine, 0o644))
	}, true},
}

const restoresTime = "rewrites the first bytes and restores the time"

func write(path string, flag int, data []byte) error {
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return err
	}

	_, err = f.Write(data)

	return errors.Join(err, f.Close())
}

// TestEditsWhileAFileIsPlaced: whatever a user does to the file at whatever moment, the work is
// there in the end, under the name or beside it, and the record never passes it for what was
// fetched.
func TestEditsWhileAFileIsPlaced(t *testing.T) {
	row := -1
	for _, before := range []string{"nothing", "synced", "another"} {
		for _, plain := range []bool{false, true} {
			for _, step := range placeSteps(t, before, plain) {
				for _, edit := range userEdits {
					if row++; !tried(row) {
						continue
					}

					if (plain || runtime.GOOS != "linux") && edit.name == restoresTime {
						continue // without leases it may come between a rename and the look
					}

					name := strings.Join([]string{before, step, edit.name}, ", ")
					if plain {
						name += ", names that cannot be exchanged"
					}

					t.Run(name, func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							w, job, data := placing(t, before)
							var once sync.Once
							var edited sync.WaitGroup
							var failed error
							mine := bytes.Repeat([]byte("precious"), 2)
							e := w.placeEngine(plain, func(now string) error {
								if now == step {
									once.Do(func() {
										edited.Go(func() { failed = edit.do(job.Path, mine) })

										for range 2000 { // real time, in which it comes as far as it can
											_, _ = os.Lstat(job.Path)
										}
									})
								}

								return nil
							})
							w.runAll(e)
							edited.Wait()
							// The place may be taken, or empty, by then; and Windows may refuse
							// an edit while a file is moved. The program tells its user.
							passed := errors.Is(failed, fs.ErrNotExist) || errors.Is(failed, fs.ErrExist)
							if failed != nil && !passed && runtime.GOOS != "windows" {
								t.Fatal(failed)
							}

							w.wantKept(job, data, edit.work && failed == nil, mine)
						})
					})
				}
			}
		}
	}
}

// link makes a symbolic link, which is seen as one.
func (w *world) link(to, at string) {
	w.t.Helper()
	if err := os.Symlink(w.path(to), w.path(at)); err != nil {
		w.t.Skip("no symbolic links here:", err)
	}

	if info, err := os.Lstat(w.path(at)); err != nil || info.Mode()&os.ModeSymlink == 0 {
		w.t.Skip("links are not seen as such here")
	}
}

// TestPlacesOfADownload are what may lie around the name, and what becomes of it.
func TestPlacesOfADownload(t *testing.T) {
	for _, row := range []struct {
		name  string
		lies  func(w *world) (kept string, want []byte) // before; kept is a file that stays
		wants string                                    // result, or reason
	}{
		{"a name that differs in case alone", func(w *world) (string, []byte) {
			data := w.write("A.dwg", 10, 9)
			if _, err := os.Lstat(w.path("a.dwg")); err == nil {
				w.t.Skip("names differ in more than case here")
			}

			return "A.dwg", data
		}, state.ResultDownloaded},
		{"a file with another name elsewhere", func(w *world) (string, []byte) {
			data := w.write("a.dwg", 10, 9)
			if err := os.Link(w.path("a.dwg"), w.path("elsewhere.dwg")); err != nil {
				w.t.Skip("no hard links here:", err)
			}

			return "elsewhere.dwg", data
		}, state.ResultDownloaded},
		{"a link to a file", func(w *world) (string, []byte) {
			data := w.write("real.dwg", 10, 9)
			w.link("real.dwg", "a.dwg")

			return "real.dwg", data
		}, ReasonNotAFile},
		{"a link to nothing", func(w *world) (string, []byte) {
			w.link("nothing.dwg", "a.dwg")

			return "", nil
		}, ReasonNotAFile},
		{"a folder that may not be written", func(w *world) (string, []byte) {
			data := w.write("a.dwg", 10, 9)
			if os.Geteuid() <= 0 {
				w.t.Skip("nothing is forbidden to this user")
			}

			w.t.Cleanup(func() { _ = os.Chmod(w.dir, 0o755) })
			if err := os.Chmod(w.dir, 0o555); err != nil {
				w.t.Fatal(err)
			}

			return "a.dwg", data
		}, ReasonUnreadable},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, job, data := placing(t, "another")
			if err := os.Remove(w.path("a.dwg")); err != nil {
				t.Fatal(err)
			}

			kept, want := row.lies(w)
			w.runAll(w.engine())
			job = w.get(job.ID)
			if job.Result != row.wants && job.Reason != row.wants {
				t.Errorf("%q %q %q, want %s", job.Result, job.Reason, job.Error, row.wants)
			}

			if job.Result == state.ResultDownloaded {
				w.wantFile("a.dwg", data)
			}

			if kept != "" {
				w.wantFile(kept, want)
			}
		})
	}
}

// placing is a world with a download that is ready to run, of data, over what was there before.
func placing(t *testing.T, before string) (w *world, job state.Job, data []byte) {
	w = newWorld(t)
	remote := w.srv.DemoRemote() + "/a.dwg"
	if before == "synced" {
		w.remote("Project Files/a.dwg", small, 1)
		e := w.engine()
		w.pull(e, remote, "a.dwg")
		w.runAll(e)
	}

	if before == "another" {
		w.write("a.dwg", small, 3)
	}

	data = w.remote("Project Files/a.dwg", small, 2)

	return w, w.pull(w.engine(), remote, "a.dwg",
		func(r *plan.PullRequest) { r.Overwrite = before == "another" })[0], data
}

// placeEngine calls at before and after each effect on the disk and around the commit that follows.
func (w *world) placeEngine(plain bool, at func(step string) error) *Engine {
	w.cfg.plainNames = plain
	e := w.engine()
	when := func(name string, after bool) error {
		if after {
			return at("after " + name)
		}

		return at("before " + name)
	}
	e.onEffect = when
	e.onCommit = func(_ state.JobID, after bool, ev []state.Event) error {
		if _, ok := ev[0].(state.Placed); ok {
			return when("the commit", after)
		}

		return nil
	}

	return e
}

// placeSteps are the moments of a clean run from the judgement of what is there on.
func placeSteps(t *testing.T, before string, plain bool) (steps []string) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := placing(t, before)
		w.runAll(w.placeEngine(plain, func(step string) error {
			if !strings.HasSuffix(step, "backdate") && !slices.Contains(steps, step) {
				steps = append(steps, step)
			}

			return nil
		}))
	})
	if len(steps) < 6 {
		t.Fatalf("only the steps %q", steps)
	}

	return steps
}

// wantKept checks that nothing of a user is lost, and that the record is of the content fetched.
func (w *world) wantKept(job state.Job, data []byte, worked bool, mine []byte) {
	w.t.Helper()

	found := false
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			got, err := os.ReadFile(path)
			found = found || err == nil && bytes.Contains(got, mine)
		}

		return nil
	})
	if worked && !found {
		w.t.Error("the user's work is nowhere")
	}

	job = w.newestJob(job)
	rec, known, err := w.store.Published(job.Root, job.Rel)
	if err != nil {
		w.t.Fatal(err)
	}

	known = known && rec.Version == job.Version
	if job.End != state.EndDone && job.Reason != ReasonLocalDiffers && job.Reason != ReasonNotAFile {
		w.t.Errorf("the job is %s %q %q %q", job.Phase, job.End, job.Reason, job.Error)
	}

	if job.End == state.EndDone { // else what was fetched waits beside
		w.wantNoLitter()
	}

	got, err := os.ReadFile(job.Path)
	if err != nil {
		return
	}

	snap, err := state.SnapshotPath(job.Path)
	if err != nil {
		w.t.Fatal(err)
	}

	if same := known && rec.Snapshot.Same(snap); same && !bytes.Equal(got, data) {
		w.t.Error("the record says that the user's work is what was fetched")
	}
}

package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// remote puts size pseudo-random bytes at a path below the demonstration project's root and returns
// them.
func (w *world) remote(path string, size int, seed uint64) []byte {
	w.t.Helper()
	data := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	rng.Read(data)
	if _, _, err := w.srv.AddFile(w.srv.Demo().Project, path, bytes.NewReader(data),
		int64(size)); err != nil {
		w.t.Fatal(err)
	}

	return data
}

// pull plans and enqueues; the path is below the world's folder.
func (w *world) pull(e *Engine, address, path string, change ...func(*plan.PullRequest)) []state.Job {
	w.t.Helper()
	return w.start(w.planPull(e, address, path, change...))
}

func (w *world) planPull(e *Engine, address, path string, change ...func(*plan.PullRequest)) []plan.File {
	w.t.Helper()

	req := plan.PullRequest{Profile: "default", Remote: mustAddress(w.t, address), Path: w.path(path),
		Batch: "1"}
	for _, c := range change {
		c(&req)
	}

	plans, err := planAll(w.t.Context(), w.at(e), w.store, req)
	if err != nil {
		w.t.Fatal(err)
	}

	return plans
}

// planAll plans all files of a pull.
func planAll(ctx context.Context, r *remote.Resolver, store *state.Store,
	req plan.PullRequest) (all []plan.File,
	err error) {
	p, err := plan.NewPull(ctx, r, store, req)
	if err != nil {
		return nil, err
	}
	defer p.Close()

	for err == nil && !p.Done() {
		var run []plan.File
		run, err = p.Next(ctx)
		all = append(all, run...)
	}

	return all, err
}

func (w *world) wantFile(name string, want []byte) {
	w.t.Helper()
	got, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Error(err)
	} else if !bytes.Equal(got, want) {
		w.t.Errorf("%s has %d bytes that are not the %d wanted", name, len(got), len(want))
	}
}

// wantNoLitter checks that no temporary file of ours is left.
func (w *world) wantNoLitter() {
	w.t.Helper()
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && remote.OwnName(d.Name()) {
			w.t.Errorf("left behind: %s", path)
		}

		return nil
	})
}

func (w *world) fetched() (bytes int64, requests int) {
	for _, r := range w.srv.Requests() {
		if r.Op == "s3-get" && (r.Status == 206 || r.Status == 200) {
			bytes += r.Bytes
			requests++
		}
	}

	return bytes, requests
}

func TestPullTreeAndPushItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		files := map[string][]byte{}
		for i, p := range []string{"a.dwg", "sub/b.dwg", "sub/deep er/c d.dwg", "sub/50%20off.dwg",
			"empty.dwg"} {
			size := small + i
			if p == "empty.dwg" {
				size = 0
			}

			files[p] = w.remote("Project Files/set/"+p, size, uint64(i))
		}

		w.srv.ResetJournal()
		e := w.engine()
		jobs := w.pull(e, w.srv.DemoRemote()+"/set", "out")
		if n, ops := w.api(); n != 7 { // hubs, projects, top folders, four folders
			t.Errorf("the plan made %d calls: %q", n, ops)
		}

		w.srv.ResetJournal()
		w.runAll(e)

		for _, j := range jobs {
			w.wantDone(j.ID, state.ResultDownloaded)
		}

		for p, data := range files {
			w.wantFile("out/"+p, data)
		}

		w.wantNoLitter()
		w.wantCalls(t, "five files", slices.Repeat([]string{"get-signed-s3-download-url"}, 5)...)

		// Pulled again, and pushed back: nothing moves.
		e = w.engine()
		if u, _, _ := results(w.planPull(e, w.srv.DemoRemote()+"/set", "out")); u != 5 {
			t.Errorf("%d of 5 unchanged when pulled again", u)
		}

		w.srv.ResetJournal()
		plans := w.push(e, plan.PushRequest{Profile: "default",
			Remote:  mustAddress(t, w.srv.DemoRemote()+"/set"),
			Sources: w.sources("out", "")})
		if u, _, _ := results(plans); u != 5 {
			t.Errorf("%d of 5 unchanged when pushed back", u)
		}

		w.wantCalls(t, "pushing back what was pulled", slices.Repeat([]string{"list-folder-contents"}, 4)...)
	})
}

func TestPullFileLandings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one := w.remote("Project Files/a.dwg", small, 1)
		two := w.remote("Project Files/a.dwg", small, 2)
		address := w.srv.DemoRemote() + "/a.dwg"
		if err := os.MkdirAll(w.path("dir"), 0o755); err != nil {
			t.Fatal(err)
		}

		e := w.engine()
		w.pull(e, address, "renamed.dwg")
		w.pull(e, address, "dir")
		w.pull(e, address, "new/deeper/x.dwg")
		w.pull(e, address, "slash", func(r *plan.PullRequest) { r.Path += string(filepath.Separator) })
		w.pull(e, address, "old.dwg", func(r *plan.PullRequest) { r.Version = 1 })
		w.runAll(e)
		w.wantFile("renamed.dwg", two)
		w.wantFile("dir/a.dwg", two)
		w.wantFile("new/deeper/x.dwg", two)
		w.wantFile("slash/a.dwg", two)
		w.wantFile("old.dwg", one)
		w.wantNoLitter()

		_, err := planAll(t.Context(), w.at(e), w.store,
			plan.PullRequest{Profile: "default", Remote: mustAddress(t, address), Path: w.path("x"),
				Version: 7})
		if nf, ok := errors.AsType[*remote.NotFoundError](err); !ok || nf.What != "version" {
			t.Errorf("a version that is not there: %v", err)
		}

		_, err = planAll(t.Context(), w.at(e), w.store,
			plan.PullRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()),
				Path: w.path("old.dwg")})
		if _, ok := errors.AsType[*remote.UsageError](err); !ok {
			t.Errorf("a folder onto a file: %v", err)
		}
	})
}

// The rules of the contract for files that are there already.
func TestPullOverExistingFiles(t *testing.T) {
	for name, row := range map[string]struct {
		// "": none; "old": version 1 as it was pulled; "touched": the same with another time;
		// "same": the tip's content; "mine": something else
		local     string
		overwrite bool
		want      string // result, or reason
		kept      bool   // the old file is kept under another name
		fetches   bool
	}{
		"nothing there":        {want: state.ResultDownloaded, fetches: true},
		"last synced":          {local: "old", want: state.ResultDownloaded, fetches: true},
		"last synced, touched": {local: "touched", want: state.ResultDownloaded, fetches: true},
		"equal content":        {local: "same", want: state.ResultUnchanged},
		"different":            {local: "mine", want: ReasonLocalDiffers},
		"different size":       {local: "longer", want: ReasonLocalDiffers},
		"different, overwritten": {local: "mine", overwrite: true, want: state.ResultDownloaded, kept: true,
			fetches: true},
		"last synced, overwritten": {local: "old", overwrite: true, want: state.ResultDownloaded,
			fetches: true},
		"equal, overwritten": {local: "same", overwrite: true, want: state.ResultUnchanged},
		"a folder":           {local: "folder", want: ReasonNotAFile},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				one := w.remote("Project Files/a.dwg", small, 1)
				address := w.srv.DemoRemote() + "/a.dwg"
				local := []byte(nil)

				path := "d/a.dwg"
				e := w.engine()
				switch row.local {
				case "old", "touched":
					w.pull(e, address, path)
					w.runAll(e)
					w.wantFile(path, one)
					local = one
					if row.local == "touched" {
						later := time.Now().Add(time.Hour)
						if err := os.Chtimes(w.path(path), later, later); err != nil {
							t.Fatal(err)
						}
					}
				case "mine":
					local = w.write(path, small, 77)
				case "longer":
					local = w.write(path, small+1, 77)
				case "folder":
					w.write(path+"/x", 3, 1)
				}

				two := w.remote("Project Files/a.dwg", small, 2)
				if row.local == "same" {
					w.write(path, 1, 1)
					if err := os.WriteFile(w.path(path), two, 0o644); err != nil {
						t.Fatal(err)
					}
				}

				e = w.engine()
				w.srv.ResetJournal()
				// PATH is a folder: the file would land in it, so ask for the parent's contents
				if row.local == "folder" {
					w.pull(e, w.srv.DemoRemote(), "d", func(r *plan.PullRequest) {
						r.Overwrite = row.overwrite
					})
				} else {
					w.pull(e, address, path, func(r *plan.PullRequest) { r.Overwrite = row.overwrite })
				}

				w.runAll(e)
				jobs, err := w.store.Jobs(state.Filter{})
				if err != nil {
					t.Fatal(err)
				}

				j := jobs[len(jobs)-1]
				if j.Result != row.want && !(j.Attention && j.Reason == row.want) {
					t.Errorf("result %q reason %q (%s), want %s", j.Result, j.Reason, j.Error, row.want)
				}

				if _, n := w.fetched(); n > 0 != row.fetches {
					t.Errorf("%d ranges fetched, want some: %v", n, row.fetches)
				}

				switch {
				case row.want == ReasonLocalDiffers:
					w.wantFile(path, local)
				case row.want != ReasonNotAFile:
					w.wantFile(path, two)
				}

				w.wantNoLitter()
				var others []string
				entries, err := os.ReadDir(w.path("d"))
				if err != nil {
					t.Fatal(err)
				}

				for _, d := range entries {
					if d.Name() != "a.dwg" {
						others = append(others, d.Name())
					}
				}

				if !row.kept && len(others) > 0 || row.kept && len(others) != 1 {
					t.Fatalf("beside it: %q", others)
				}

				if row.kept {
					if !regexp.MustCompile(`^a~\d{8}-\d{6}\.dwg$`).MatchString(others[0]) {
						t.Errorf("the old file is kept as %q", others[0])
					}

					w.wantFile("d/"+others[0], local)
				}
			})
		})
	}
}

// Remote names are hostile: nothing lands outside the folder that was asked for.
func TestHostileNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.client.Buckets.Create(t.Context(), "hostile", "persistent", ""); err != nil {
			t.Fatal(err)
		}

		keys := []string{"p/../../escape.txt", "p//etc/passwd", "p/CON", "p/trailing. ", "p/" + `..\..\x`,
			"p/C:/x", "p/.hoist-x.part", "p/ok/../ok", "p/nl\nname"}
		w.write("src/x", 3, 1)

		e := w.engine()
		for i, key := range keys {
			w.write("src/x", 3+i, uint64(i))
			src := w.sources("src", "")[0]
			src.Rel = key
			w.start(w.push(e, plan.PushRequest{Profile: "default", Remote: mustAddress(t, "oss://hostile"),
				Sources: []plan.Source{src}}))
			w.runAll(e)
		}

		parent := w.path("pulled/jail")
		if err := os.MkdirAll(filepath.Join(parent, "in"), 0o755); err != nil {
			t.Fatal(err)
		}

		outside := t.TempDir()
		if runtime.GOOS != "windows" { // a link in the way must not lead out either
			if err := os.Symlink(outside, filepath.Join(parent, "in", "ok")); err != nil {
				t.Fatal(err)
			}
		}

		plans := w.planPull(e, "oss://hostile/p/", "pulled/jail/in")
		for _, p := range plans {
			if rel, err := filepath.Rel(w.path("pulled/jail/in"), p.Job.Path); err != nil ||
				!filepath.IsLocal(rel) {
				t.Errorf("%s would land at %s", p.Remote, p.Job.Path)
			}
		}

		w.start(plans)
		w.runAll(e)
		_ = filepath.WalkDir(w.path("pulled"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() &&
				!strings.HasPrefix(path, filepath.Join(parent, "in")+string(filepath.Separator)) {
				t.Errorf("%s landed outside", path)
			}

			return nil
		})
		if entries, _ := os.ReadDir(outside); len(entries) > 0 {
			t.Errorf("%q went through the link", entries)
		}

		if _, err := os.Lstat(filepath.Join(parent, "in", "%2E%2E", "%2E%2E", "escape.txt")); err != nil {
			t.Errorf("a mapped name is not there: %v", err)
		}
	})
}

func TestKeptName(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	for _, row := range []struct {
		name string
		n    int
		want string
	}{
		{"plan.rvt", 0, "plan~20260304-050607.rvt"},
		{"plan.rvt", 2, "plan~20260304-050607-2.rvt"},
		{"README", 0, "README~20260304-050607"},
		{".profile", 0, ".profile~20260304-050607"},
		{"a.tar.gz", 0, "a.tar~20260304-050607.gz"},
	} {
		if got := keptName(row.name, at, row.n); got != row.want {
			t.Errorf("keptName(%q, %d) = %q, want %q", row.name, row.n, got, row.want)
		}
	}
}

// TestPulledFileHasTheTimeOfItsVersion, unless somebody asked for another; what is recorded is the
// file with that time.
func TestPulledFileHasTheTimeOfItsVersion(t *testing.T) {
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprint("own time ", own), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				want := w.remote("Project Files/a.dwg", small, 1)
				published := time.Now().Truncate(time.Second)
				time.Sleep(24 * time.Hour)
				e := w.engine()
				w.pull(e, w.srv.DemoRemote()+"/a.dwg", "d/a.dwg",
					func(r *plan.PullRequest) { r.OwnTime = own })
				w.runAll(e)
				w.wantFile("d/a.dwg", want)

				at, err := os.Stat(w.path("d/a.dwg"))
				if err != nil {
					t.Fatal(err)
				}

				if got := at.ModTime().Sub(published).Abs() < 2*time.Second; got == own {
					t.Errorf("the file is of %v, its version of %v", at.ModTime(), published)
				}

				w.srv.ResetJournal()
				if files := w.planPull(e, w.srv.DemoRemote()+"/a.dwg",
					"d/a.dwg"); files[0].Result != plan.Unchanged {
					t.Errorf("pulled again: %s", files[0].Result)
				}
			})
		})
	}
}

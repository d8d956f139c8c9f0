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
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// remote puts size pseudo-random bytes at a path below the demonstration project's root and returns them.
func (w *world) remote(path string, size int, seed uint64) []byte {
	w.t.Helper()
	data := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	rng.Read(data)
	if _, _, err := w.srv.AddFile(w.srv.Demo().Project, path, bytes.NewReader(data), int64(size)); err != nil {
		w.t.Fatal(err)
	}
	return data
}

// pull plans and enqueues; the path is below the world's folder.
func (w *world) pull(e *Engine, remote, path string, change ...func(*PullRequest)) []state.Job {
	w.t.Helper()
	return w.start(w.planPull(e, remote, path, change...))
}

func (w *world) planPull(e *Engine, remote, path string, change ...func(*PullRequest)) []Planned {
	w.t.Helper()
	req := PullRequest{Profile: "default", Remote: mustAddress(w.t, remote), Path: w.path(path), Batch: "1"}
	for _, c := range change {
		c(&req)
	}
	plans, err := e.PlanPull(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	return plans
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
		if err == nil && ownName(d.Name()) {
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
		for i, p := range []string{"a.dwg", "sub/b.dwg", "sub/deep er/c d.dwg", "sub/50%20off.dwg", "empty.dwg"} {
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
		plans := w.push(e, PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()+"/set"), Sources: w.sources("out", "")})
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
		remote := w.srv.DemoRemote() + "/a.dwg"
		if err := os.MkdirAll(w.path("dir"), 0o755); err != nil {
			t.Fatal(err)
		}
		e := w.engine()
		w.pull(e, remote, "renamed.dwg")
		w.pull(e, remote, "dir")
		w.pull(e, remote, "new/deeper/x.dwg")
		w.pull(e, remote, "slash", func(r *PullRequest) { r.Path += string(filepath.Separator) })
		w.pull(e, remote, "old.dwg", func(r *PullRequest) { r.Version = 1 })
		w.runAll(e)
		w.wantFile("renamed.dwg", two)
		w.wantFile("dir/a.dwg", two)
		w.wantFile("new/deeper/x.dwg", two)
		w.wantFile("slash/a.dwg", two)
		w.wantFile("old.dwg", one)
		w.wantNoLitter()

		_, err := e.PlanPull(t.Context(), PullRequest{Profile: "default", Remote: mustAddress(t, remote), Path: w.path("x"), Version: 7})
		if nf, ok := errors.AsType[*NotFoundError](err); !ok || nf.What != "version" {
			t.Errorf("a version that is not there: %v", err)
		}
		_, err = e.PlanPull(t.Context(), PullRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()), Path: w.path("old.dwg")})
		if _, ok := errors.AsType[*UsageError](err); !ok {
			t.Errorf("a folder onto a file: %v", err)
		}
	})
}

// The rules of the contract for files that are there already.
func TestPullOverExistingFiles(t *testing.T) {
	for name, row := range map[string]struct {
		local     string // "": none; "old": version 1 as it was pulled; "touched": the same with another time; "same": the tip's content; "mine": something else
		overwrite bool
		want      string // result, or reason
		kept      bool   // the old file is kept under another name
		fetches   bool
	}{
		"nothing there":            {want: state.ResultDownloaded, fetches: true},
		"last synced":              {local: "old", want: state.ResultDownloaded, fetches: true},
		"last synced, touched":     {local: "touched", want: state.ResultDownloaded, fetches: true},
		"equal content":            {local: "same", want: state.ResultUnchanged},
		"different":                {local: "mine", want: ReasonLocalDiffers},
		"different size":           {local: "longer", want: ReasonLocalDiffers},
		"different, overwritten":   {local: "mine", overwrite: true, want: state.ResultDownloaded, kept: true, fetches: true},
		"last synced, overwritten": {local: "old", overwrite: true, want: state.ResultDownloaded, fetches: true},
		"equal, overwritten":       {local: "same", overwrite: true, want: state.ResultUnchanged},
		"a folder":                 {local: "folder", want: ReasonNotAFile},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				one := w.remote("Project Files/a.dwg", small, 1)
				remote := w.srv.DemoRemote() + "/a.dwg"
				local := []byte(nil)
				path := "d/a.dwg"
				e := w.engine()
				switch row.local {
				case "old", "touched":
					w.pull(e, remote, path)
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
				if row.local == "folder" { // PATH is a folder: the file would land in it, so ask for the parent's contents
					w.pull(e, w.srv.DemoRemote(), "d", func(r *PullRequest) { r.Overwrite = row.overwrite })
				} else {
					w.pull(e, remote, path, func(r *PullRequest) { r.Overwrite = row.overwrite })
				}
				w.runAll(e)
				jobs, err := w.store.Jobs(state.Filter{Batch: "1"})
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

// Killed at counted requests, again and again: nothing that was committed is fetched twice.
func TestDownloadResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize, c.Parts = minPartSize, 2 })
		const size = 12*minPartSize + 12345
		data := w.remote("Project Files/big.rvt", size, 1)
		e := w.engine()
		j := w.pull(e, w.srv.DemoRemote()+"/big.rvt", "big.rvt")[0]
		w.srv.ResetJournal()
		const kills = 5
		for kill := range kills {
			gets, ctx := 0, context.Context(nil)
			ctx, cancel := context.WithCancel(t.Context())
			var mu sync.Mutex
			w.srv.SetFault(func(q emulator.Request) emulator.Fault {
				mu.Lock()
				defer mu.Unlock()
				if q.Op == "s3-get" {
					if gets++; gets == 3 { // at most two ranges a life, so that every life dies
						return emulator.Fault{Do: func() { w.kill(); cancel() }}
					}
				}
				return emulator.Fault{}
			})
			if err := w.engine().Run(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(w.path("big.rvt")); err == nil {
				t.Fatalf("kill %d: a part of the file is under its name", kill)
			}
			w.revive()
		}
		w.srv.SetFault(nil)
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("big.rvt", data)
		w.wantNoLitter()
		if n, _ := w.fetched(); n > size+kills*2*minPartSize {
			t.Errorf("%d bytes fetched of a file of %d in %d deaths with 2 ranges of %d in flight", n, size, kills, minPartSize)
		}
		rec, ok, err := w.store.Published(j.Root, j.Rel)
		if err != nil || !ok || rec.SHA1 == "" || rec.Version == "" || rec.Snapshot.Size != size {
			t.Errorf("record %+v %v %v", rec, ok, err)
		}
	})
}

// Killed around every commit of a download.
func TestDownloadKilledAroundEveryCommit(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		for n, done := 0, false; !done; n++ {
			t.Run(fmt.Sprintf("overwrite=%v commit %d", overwrite, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize = minPartSize })
					data := w.remote("Project Files/a.rvt", 2*minPartSize+7, 1)
					var mine []byte
					if overwrite {
						mine = w.write("a.rvt", 10, 3)
					}
					e := w.engine()
					j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "a.rvt", func(r *PullRequest) { r.Overwrite = overwrite })[0]
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					var count atomic.Int32
					dead := errors.New("killed")
					e.onCommit = func(_ state.JobID, after bool, _ []state.Event) error {
						if int(count.Add(1))-1 == n {
							w.kill()
							cancel()
							return dead
						}
						if w.isDead() {
							return dead
						}
						return nil
					}
					_ = e.Run(ctxUntil(ctx, w, j.ID))
					done = !w.isDead()
					w.revive()
					w.runAll(w.engine())
					w.wantDone(j.ID, state.ResultDownloaded)
					w.wantFile("a.rvt", data)
					w.wantNoLitter()
					entries, _ := os.ReadDir(w.dir)
					want := 1
					if overwrite {
						want = 2
					}
					if len(entries) != want {
						t.Errorf("%d files, want %d", len(entries), want)
					}
					for _, d := range entries {
						if d.Name() != "a.rvt" {
							w.wantFile(d.Name(), mine)
						}
					}
				})
			})
		}
	}
}

// ctxUntil ends when the job ended, or with ctx.
func ctxUntil(ctx context.Context, w *world, id state.JobID) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for index := w.store.Index(); ; {
			if j, err := w.store.Job(id); err != nil || !j.Open() {
				return
			}
			var err error
			if index, err = w.store.Wait(ctx, index); err != nil {
				return
			}
		}
	}()
	return ctx
}

func TestDownloadUnderFaults(t *testing.T) {
	one := func(f emulator.Fault, op string, from, n int) func(*world) func(emulator.Request) emulator.Fault {
		return func(*world) func(emulator.Request) emulator.Fault {
			var mu sync.Mutex
			seen := 0
			return func(q emulator.Request) emulator.Fault {
				mu.Lock()
				defer mu.Unlock()
				if q.Op != op {
					return emulator.Fault{}
				}
				if seen++; seen < from || seen >= from+n {
					return emulator.Fault{}
				}
				return f
			}
		}
	}
	const size = 3*minPartSize + 99
	for name, row := range map[string]struct {
		fault func(*world) func(emulator.Request) emulator.Fault
		knobs func(*emulator.Knobs)
		most  int64  // bytes fetched at most
		park  string // reason
		asks  int    // download URLs at most, 0: 1
	}{
		"broken in mid-range":      {fault: one(emulator.Fault{Kind: emulator.ResetBody, After: 3 << 20}, "s3-get", 2, 1), most: size + 3*mib},
		"broken again and again":   {fault: one(emulator.Fault{Kind: emulator.ResetBody, After: 1 << 20}, "s3-get", 1, 9), most: size + 9*mib},
		"stalled":                  {fault: one(emulator.Fault{Kind: emulator.Stall, After: 1 << 20}, "s3-get", 2, 1), most: size + mib},
		"URL ended":                {fault: one(emulator.Fault{Kind: emulator.ExpireNow}, "s3-get", 3, 1), most: size, asks: 2},
		"slow down":                {fault: one(emulator.Fault{Kind: emulator.SlowDown}, "s3-get", 1, 2), most: size},
		"server error at the URL":  {fault: one(emulator.Fault{Kind: emulator.FailBefore, Status: 503}, "get-signed-s3-download-url", 1, 2), most: size, asks: 3},
		"damaged on the way":       {fault: one(emulator.Fault{Kind: emulator.CorruptBytes, After: 100}, "s3-get", 2, 1), most: 2 * size, asks: 2},
		"always damaged":           {fault: one(emulator.Fault{Kind: emulator.CorruptBytes, After: 100}, "s3-get", 1, 1000), most: 9 * size, park: ReasonDamaged, asks: 9},
		"no SHA-1":                 {knobs: func(k *emulator.Knobs) { k.NoSHA1 = true }, most: size},
		"download not allowed":     {knobs: func(k *emulator.Knobs) { k.DenyDownload = true }, park: ReasonForbidden},
		"replaced: 412 at a range": {fault: one(emulator.Fault{Kind: emulator.FailBefore, Status: 412}, "s3-get", 3, 1), most: 2 * size, asks: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize, c.Parts = minPartSize, 2 })
				data := w.remote("Project Files/a.rvt", size, 1)
				e := w.engine()
				j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "a.rvt")[0]
				w.srv.ResetJournal()
				if row.knobs != nil {
					w.srv.SetKnobs(row.knobs)
				}
				if row.fault != nil {
					w.srv.SetFault(row.fault(w))
				}
				w.runAll(e)
				w.wantNoLitter()
				if row.park != "" {
					if got := w.get(j.ID); !got.Attention || got.Reason != row.park {
						t.Errorf("reason %q (%s), want %s", got.Reason, got.Error, row.park)
					}
					if _, err := os.Lstat(w.path("a.rvt")); err == nil {
						t.Error("something is under the name")
					}
					return
				}
				w.wantDone(j.ID, state.ResultDownloaded)
				w.wantFile("a.rvt", data)
				if n, _ := w.fetched(); n > row.most {
					t.Errorf("%d bytes fetched, want at most %d", n, row.most)
				}
				if n := w.calls("get-signed-s3-download-url"); n > max(row.asks, 1) {
					t.Errorf("%d URLs asked for, want at most %d", n, max(row.asks, 1))
				}
			})
		})
	}
}

// An object of a reused key that is replaced in mid-download: the new content is fetched whole.
func TestObjectReplacedDuringDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize, c.Parts = minPartSize, 1 })
		if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent", ""); err != nil {
			t.Fatal(err)
		}
		put := func(name string, size int, seed uint64) []byte {
			data := w.write(name, size, seed)
			id := apsclient.NewObjectID("drawings", "a.rvt")
			urls, err := w.client.Objects.UploadURLs(t.Context(), id, apsclient.UploadURLsRequest{Parts: 1})
			if err != nil {
				t.Error(err)
				return nil
			}
			etag, err := w.client.Data.PutPart(t.Context(), urls.URLs[0], apsclient.PartBody{R: bytes.NewReader(data), Size: int64(size)})
			if err == nil {
				_, err = w.client.Objects.Complete(t.Context(), id, apsclient.Completion{UploadKey: urls.UploadKey, Size: int64(size), ETags: []string{etag}})
			}
			if err != nil {
				t.Error(err)
			}
			return data
		}
		put("src/one.rvt", 3*minPartSize, 1)
		e := w.engine()
		j := w.pull(e, "oss://drawings/a.rvt", "a.rvt")[0]
		var two []byte
		gets := 0
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op != "s3-get" {
				return emulator.Fault{}
			}
			if gets++; gets == 2 {
				return emulator.Fault{Do: func() {
					w.srv.SetFault(nil)
					two = put("src2/two.rvt", 4*minPartSize, 2)
				}}
			}
			return emulator.Fault{}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := e.Run(ctxUntil(ctx, w, j.ID)); err != nil {
			t.Fatal(err)
		}
		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("a.rvt", two)
		w.wantNoLitter()
	})
}

func TestDownloadOfAnObjectThatIsNotAssembled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, e *Config) {
			c.Assembly = time.Hour
			e.PartSize = minPartSize + mib
		})
		data := w.write("src/a.rvt", 3*minPartSize+5, 1)
		e := w.engine()
		w.start(w.push(e, PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()), Sources: w.sources("src", "")}))
		w.runAll(e)
		w.cfg.PartSize = minPartSize // ranges that lie across the chunks
		e = w.engine()
		w.srv.ResetJournal()
		j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "out.rvt")[0]
		w.runAll(e)
		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("out.rvt", data)
		if n, _ := w.fetched(); n != int64(len(data)) {
			t.Errorf("%d bytes fetched of %d", n, len(data))
		}
	})
}

func TestDownloadWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		data := w.remote("Project Files/a.rvt", small, 1)
		e := w.engine()
		var free atomic.Int64
		free.Store(100)
		e.freeSpace = func(string) (int64, error) { return free.Load(), nil }
		j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "a.rvt")[0]
		w.runAll(e)
		got := w.get(j.ID)
		if !got.Attention || got.Reason != ReasonNoSpace || got.NextAttempt.IsZero() || !strings.Contains(got.Error, fmt.Sprint(small-100)) {
			t.Fatalf("reason %q at %v: %s; want no-space with the %d bytes that are missing", got.Reason, got.NextAttempt, got.Error, small-100)
		}
		if _, n := w.fetched(); n > 0 {
			t.Errorf("%d ranges fetched though there is no room", n)
		}
		free.Store(1 << 30)
		w.runUntil(e, func() bool { j := w.get(j.ID); return !j.Open() })
		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("a.rvt", data)
	})
}

func TestVersionWithoutContent(t *testing.T) {
	w := newWorld(t)
	item, _ := w.addFile(w.srv.Demo().Project, "Project Files/a.dwg", "x")
	if _, err := w.client.Versions.Create(t.Context(), w.project, apsclient.NewVersion{Item: apsclient.ItemID(item), Deleted: true}); err != nil {
		t.Fatal(err)
	}
	e := w.engine()
	var deleted apsclient.Version
	for v, err := range w.client.Items.Versions(t.Context(), w.project, apsclient.ItemID(item)) {
		if err != nil {
			t.Fatal(err)
		}
		if v.Storage == "" {
			deleted = v
		}
	}
	p, err := e.planFetch(PullRequest{Profile: "default"}, Place{Kind: KindItem, Address: mustAddress(t, w.srv.DemoRemote()+"/a.dwg"), Version: &deleted}, w.dir, nil, "a.dwg")
	if err != nil || p.Result != PlanAttention || p.Reason != ReasonNoContent {
		t.Errorf("plan %+v, %v; want no-content", p, err)
	}
}

// Remote names are hostile: nothing lands outside the folder that was asked for.
func TestHostileNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.client.Buckets.Create(t.Context(), "hostile", "persistent", ""); err != nil {
			t.Fatal(err)
		}
		keys := []string{"p/../../escape.txt", "p//etc/passwd", "p/CON", "p/trailing. ", "p/" + `..\..\x`, "p/C:/x", "p/.hoist-x.part", "p/ok/../ok", "p/nl\nname"}
		w.write("src/x", 3, 1)
		e := w.engine()
		for i, key := range keys {
			w.write("src/x", 3+i, uint64(i))
			src := w.sources("src", "")[0]
			src.Rel = key
			w.start(w.push(e, PushRequest{Profile: "default", Remote: mustAddress(t, "oss://hostile"), Sources: []Source{src}}))
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
			if rel, err := filepath.Rel(w.path("pulled/jail/in"), p.Job.Path); err != nil || !filepath.IsLocal(rel) {
				t.Errorf("%s would land at %s", p.Remote, p.Job.Path)
			}
		}
		w.start(plans)
		w.runAll(e)
		_ = filepath.WalkDir(w.path("pulled"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasPrefix(path, filepath.Join(parent, "in")+string(filepath.Separator)) {
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

func TestFilesThatFallTogetherLocally(t *testing.T) {
	w := pullWalk{rules: localRules{folds: true}, into: "x", taken: map[string]string{}}
	srv := newWorld(t)
	w.e, w.req = srv.engine(), PullRequest{Profile: "default"}
	add := func(name string) {
		t.Helper()
		v := apsclient.Version{Name: name, Storage: "urn:adsk.objects:os.object:b/k", Size: 1}
		q := Place{Kind: KindItem, Address: mustAddress(t, "aps://H/P/Files").Join(name), Item: apsclient.Item{Name: name, Tip: &v}}
		if err := w.add(t.Context(), q, nil, strings.Split(name, "/"), ""); err != nil {
			t.Fatal(err)
		}
	}
	add("A.dwg")
	add("a.DWG")
	add("b")
	add("B/c")
	w.refuseFilesInTheWay()
	var got []string
	for _, p := range w.out {
		got = append(got, p.Reason)
	}
	if want := []string{"", ReasonAmbiguous, ReasonAmbiguous, ""}; !slices.Equal(got, want) {
		t.Errorf("reasons %q, want %q", got, want)
	}
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		data := w.remote("Project Files/a.rvt", 3*mib+17, 1)
		gets := 0
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op == "s3-get" {
				if gets++; gets < 3 {
					return emulator.Fault{Kind: emulator.ResetBody, After: mib}
				}
			}
			return emulator.Fault{}
		})
		var out bytes.Buffer
		total := 0
		p, err := w.resolver().Stream(t.Context(), mustAddress(t, w.srv.DemoRemote()+"/a.rvt"), 0, &out, func(n int) { total += n })
		if err != nil || !bytes.Equal(out.Bytes(), data) || p.Bytes != int64(len(data)) || total != len(data) {
			t.Errorf("streamed %d of %d bytes, plan %d, told %d: %v", out.Len(), len(data), p.Bytes, total, err)
		}
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op == "s3-get" {
				return emulator.Fault{Kind: emulator.CorruptBytes, After: 9}
			}
			return emulator.Fault{}
		})
		if _, err := w.resolver().Stream(t.Context(), mustAddress(t, w.srv.DemoRemote()+"/a.rvt"), 0, &out, nil); err == nil {
			t.Error("damaged bytes were not noticed")
		}
		if _, err := w.resolver().Stream(t.Context(), mustAddress(t, w.srv.DemoRemote()), 0, &out, nil); err == nil {
			t.Error("a folder was streamed")
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

// What a cancelled download has fetched is removed, whether it runs or rests.
func TestCancelledDownloadLeavesNothing(t *testing.T) {
	for _, running := range []bool{true, false} {
		t.Run(fmt.Sprintf("running=%v", running), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize, c.Parts = minPartSize, 1 })
				w.remote("Project Files/a.rvt", 3*minPartSize, 1)
				e := w.engine()
				j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "a.rvt")[0]
				event := state.Event(state.Cancel{})
				if !running {
					event = state.Pause{}
				}
				gets := 0
				w.srv.SetFault(func(q emulator.Request) emulator.Fault {
					if q.Op == "s3-get" {
						if gets++; gets == 2 {
							return emulator.Fault{Kind: emulator.Stall, After: 1 << 20, Do: func() {
								if _, err := w.store.Commit(j.ID, event); err != nil {
									t.Error(err)
								}
							}}
						}
					}
					return emulator.Fault{}
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- e.Run(ctx) }()
				time.Sleep(5 * time.Second)
				if !running {
					if _, err := os.Lstat(w.get(j.ID).Temp); err != nil {
						t.Fatalf("a paused download lost what it has: %v", err)
					}
					cancelled, err := w.store.Commit(j.ID, state.Cancel{})
					if err != nil {
						t.Fatal(err)
					}
					if err := e.Discard(cancelled); err != nil {
						t.Fatal(err)
					}
				}
				w.wantNoLitter()
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

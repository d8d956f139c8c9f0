package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// sources lists the local files of the world below dir, with Rel below prefix.
func (w *world) sources(dir, prefix string) []plan.Source {
	w.t.Helper()
	var out []plan.Source
	root := w.path(dir)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}

		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}

		snap, err := state.SnapshotPath(path)
		out = append(out, plan.Source{Path: path, Rel: prefix + filepath.ToSlash(rel), Snapshot: snap})

		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}

	return out
}

// start enqueues what a plan wants done.
func (w *world) start(plans []plan.File) []state.Job {
	w.t.Helper()

	var jobs []state.Job
	for _, p := range plans {
		if p.Result != plan.Unchanged {
			jobs = append(jobs, p.Job)
		}
	}

	jobs, verdicts, err := w.store.EnqueueAll(jobs)
	if err != nil {
		w.t.Fatal(err)
	}

	for i, v := range verdicts {
		if v != state.Queued {
			w.t.Fatalf("%s: %s", jobs[i].Path, v)
		}
	}

	return jobs
}

func (w *world) push(e *Engine, req plan.PushRequest) []plan.File {
	w.t.Helper()
	plans, err := planned(w.t.Context(), w.at(e), w.store, req)
	if err != nil {
		w.t.Fatal(err)
	}

	return plans
}

// planned is a whole push, planned at once.
func planned(ctx context.Context, r *remote.Resolver, store *state.Store, req plan.PushRequest) ([]plan.File,
	error) {
	p, err := plan.NewPush(ctx, r, store, req)
	if err != nil {
		return nil, err
	}

	var out []plan.File
	for {
		run, err := p.Next(ctx)
		if err != nil || len(run) == 0 {
			return out, err
		}

		out = append(out, run...)
	}
}

func results(plans []plan.File) (unchanged, attention, todo int) {
	for _, p := range plans {
		switch p.Result {
		case plan.Unchanged:
			unchanged++
		case plan.Attention:
			attention++
		default:
			todo++
		}
	}

	return unchanged, attention, todo
}

func TestPushTreeAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.write("tree/a.dwg", small, 1)
		b := w.write("tree/sub/b.dwg", small, 2)
		w.write("tree/sub/deep/c.dwg", 3, 3)
		req := plan.PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()+"/new"),
			Batch: "1"}
		req.Sources = w.sources("tree", "tree/")

		e := w.engine()
		plans := w.push(e, req)
		for _, p := range plans {
			if !strings.HasPrefix(p.Remote, w.srv.DemoRemote()+"/new/tree/") || p.Job.Root == "" ||
				p.Job.Watched() {
				t.Errorf("plan %s root %q", p.Remote, p.Job.Root)
			}
		}

		// One look at the project's tree: nothing below "new" is there yet.
		w.wantCalls(t, "the plan of a new tree", "list-hubs", "list-projects", "list-top-folders",
			"list-folder-contents")
		jobs := w.start(plans)
		w.runAll(e)

		for _, j := range jobs {
			w.wantDone(j.ID, state.ResultCreated)
		}

		w.wantVersions("new/tree/a.dwg", a)
		w.wantVersions("new/tree/sub/b.dwg", b)
		if n := w.calls("create-folder"); n != 4 {
			t.Errorf("%d folders created, want 4", n)
		}

		if n := w.calls("list-folder-contents"); n != 0 {
			t.Errorf("%d listings of folders that we made ourselves", n)
		}

		// Again, by a new process, which knows the way: a look at each folder and nothing else.
		w.srv.ResetJournal()
		e = w.engine()
		req.Sources = w.sources("tree", "tree/")
		plans = w.push(e, req)
		if u, _, _ := results(plans); u != 3 {
			t.Errorf("%d of 3 unchanged", u)
		}

		for _, p := range plans {
			if p.Record == nil || p.Record.Version == "" {
				t.Errorf("%s: unchanged without a record", p.Remote)
			}
		}

		w.wantCalls(t, "an unchanged tree", "list-folder-contents", "list-folder-contents",
			"list-folder-contents", "list-folder-contents", "list-folder-contents")

		// --force sends them; a change sends the changed one; a hidden item counts as absent.
		req.Force = true
		if _, _, todo := results(w.push(e, req)); todo != 3 {
			t.Errorf("%d of 3 forced", todo)
		}

		req.Force = false

		a2 := w.write("tree/a.dwg", small, 9)
		for _, f := range w.srv.Items() {
			if strings.HasSuffix(f.Path, "/c.dwg") {
				if _, err := w.client.Versions.Create(t.Context(), w.project,
					apsclient.NewVersion{Item: apsclient.ItemID(f.ItemID), Deleted: true}); err != nil {
					t.Fatal(err)
				}
			}
		}

		req.Sources = w.sources("tree", "tree/")
		e = w.engine()
		plans = w.push(e, req)
		if u, _, todo := results(plans); u != 1 || todo != 2 {
			t.Errorf("%d unchanged and %d to do, want 1 and 2", u, todo)
		}

		w.start(plans)
		w.runAll(e)
		w.wantVersions("new/tree/a.dwg", a, a2)

		// A version that somebody else made on top: the file is not what is there any more.
		w.addFile(w.srv.Demo().Project, "Project Files/new/tree/sub/b.dwg", "theirs")
		req.Sources = w.sources("tree", "tree/")
		if u, _, todo := results(w.push(e, req)); u != 2 || todo != 1 {
			t.Errorf("%d unchanged and %d to do after another's version, want 2 and 1", u, todo)
		}
	})
}

// TestPushAgainBeforeItShows: what was published a moment ago is not sent again while the service
// does not show it yet.
func TestPushAgainBeforeItShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, _ *Config) {
			c.Visibility = 10 * time.Second
		})
		var want [][]byte
		for seed := range uint64(2) { // a new item, a new version
			want = append(want, w.write("set/plan.rvt", small, seed))
			for again := range 2 {
				e := w.engine() // nothing cached
				plans := w.push(e, plan.PushRequest{Profile: "default",
					Remote:  mustAddress(t, w.srv.DemoRemote()),
					Sources: w.sources("set", "")})
				if got := plans[0].Result == plan.Unchanged; got != (again == 1) {
					t.Errorf("content %d, push %d: %q", seed, again+1, plans[0].Result)
				}

				w.start(plans)
				w.runAll(e)
			}
		}

		w.wantVersions("plan.rvt", want...)
	})
}

// TestPlanPushOfWhatIsSavedAllTheTime: its job reads from a snapshot from the first try, and others
// do not.
func TestPlanPushOfWhatIsSavedAllTheTime(t *testing.T) {
	w := newWorld(t)
	w.write("d/a.dwg", 10, 1)
	w.write("d/b.dwg", 10, 2)
	two := w.sources("d", "")
	two[1].Changing = true
	plans, err := planned(t.Context(), w.at(w.engine()), w.store,
		plan.PushRequest{Profile: "default", Sources: two, Remote: mustAddress(t, w.srv.DemoRemote())})
	if err != nil || len(plans) != 2 || plans[0].Job.Changes != 0 || plans[1].Job.Changes == 0 {
		t.Errorf("%+v, %v", plans, err)
	}
}

func TestPlanPushRefusals(t *testing.T) {
	w := newWorld(t)
	w.write("d/a.dwg", 10, 1)
	w.write("d/b.dwg", 10, 2)
	e := w.engine()

	address := mustAddress(t, w.srv.DemoRemote())
	two := w.sources("d", "")
	for name, row := range map[string]struct {
		req  plan.PushRequest
		want func(error) bool
	}{
		"a name for two": {plan.PushRequest{Sources: two, Remote: address, As: "x"}, func(err error) bool {
			_, ok := errors.AsType[*remote.UsageError](err)
			return ok
		}},
		"onto a project": {plan.PushRequest{Sources: two, Remote: address.Parent()}, func(err error) bool {
			_, ok := errors.AsType[*remote.UsageError](err)
			return ok
		}},
		"onto the top": {plan.PushRequest{Sources: two, Remote: mustAddress(t, "oss://")},
			func(err error) bool {
				_, ok := errors.AsType[*remote.UsageError](err)
				return ok
			}},
		"into no bucket": {plan.PushRequest{Sources: two, Remote: mustAddress(t, "oss://no-such-bucket/x")},
			func(err error) bool {
				_, ok := errors.AsType[*remote.NotFoundError](err)
				return ok
			}},
		"into no hub": {plan.PushRequest{Sources: two, Remote: mustAddress(t, "aps://No/Such/Hub")},
			func(err error) bool {
				_, ok := errors.AsType[*remote.NotFoundError](err)
				return ok
			}},
		"into no top level": {plan.PushRequest{Sources: two, Remote: address.Parent().Join("Nothing")},
			func(err error) bool {
				_, ok := errors.AsType[*remote.NotFoundError](err)
				return ok
			}},
	} {
		row.req.Profile = "default"
		if _, err := planned(t.Context(), w.at(e), w.store, row.req); !row.want(err) {
			t.Errorf("%s: %v", name, err)
		}
	}

	if n := w.calls("create-storage") + w.calls("create-folder"); n != 0 {
		t.Errorf("%d things were made by plans", n)
	}
}

func TestPushOfARefusedNameIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("d/good.dwg", 10, 1)
		w.write("d/l'étage.dwg", 10, 2)
		w.write("d/run.exe", 10, 3)
		e := w.engine()

		plans := w.push(e, plan.PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()),
			Sources: w.sources("d", "")})
		for _, p := range plans {
			switch filepath.Base(p.Source.Path) {
			case "good.dwg":
				if p.Result != "" || p.Warning != "" {
					t.Errorf("good.dwg: %+v", p)
				}
			case "run.exe":
				if p.Result != "" || p.Warning == "" {
					t.Errorf("run.exe: result %q warning %q, want a warning alone", p.Result, p.Warning)
				}
			default:
				if p.Result != plan.Attention || p.Reason != ReasonNameRefused {
					t.Errorf("%s: result %q reason %q", p.Remote, p.Result, p.Reason)
				}
			}
		}

		w.start(plans)
		w.runAll(e)
		jobs, err := w.store.OpenJobs()
		if err != nil || len(jobs) != 1 || jobs[0].Reason != ReasonNameRefused || !jobs[0].Attention {
			t.Errorf("open jobs %+v, %v; want the parked one", jobs, err)
		}
	})
}

func TestPushToABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent", ""); err != nil {
			t.Fatal(err)
		}

		data := w.write("d/sub/a.dwg", smallFile+1, 1)
		for i := range 5 {
			w.write("d/"+string(rune('b'+i))+".dwg", 10+i, uint64(i))
		}

		req := plan.PushRequest{Profile: "default", Remote: mustAddress(t, "oss://drawings/2026"),
			Sources: w.sources("d", "")}
		e := w.engine()
		w.srv.ResetJournal()
		plans := w.push(e, req)
		w.wantCalls(t, "the plan of a first push", "get-bucket-details", "list-bucket-objects")

		for _, j := range w.start(plans) {
			if !strings.HasPrefix(j.Target.Key, "2026/") || j.Target.Bucket != "drawings" {
				t.Errorf("target %+v", j.Target)
			}
		}

		w.runAll(e)

		tokens := 0
		for _, r := range w.srv.Requests() {
			if r.Op == "token" {
				tokens++
			}
		}

		if tokens > 0 {
			t.Errorf("%d tokens were asked for by the transfer, the plan's should do", tokens)
		}

		if n := w.calls("get-object-details"); n != 0 {
			t.Errorf("%d looks at single objects, the plan's listing should do", n)
		}

		o, err := w.client.Objects.Details(t.Context(), apsclient.NewObjectID("drawings", "2026/sub/a.dwg"))
		if err != nil || o.Size != int64(len(data)) {
			t.Fatalf("object %+v, %v", o, err)
		}

		// Again in the same home: nothing is sent. An object whose SHA-1 was not computed as it was
		// sent is looked at once; from then on a listing is enough.
		w.srv.ResetJournal()
		e = w.engine()
		plans = w.push(e, req)
		w.wantCalls(t, "the plan of a second push", "get-bucket-details", "list-bucket-objects")
		if jobs := w.start(plans); len(jobs) != 1 || jobs[0].Target.Name != "a.dwg" {
			t.Errorf("a second push looks at %+v, want the large file alone", jobs)
		}

		w.runAll(e)
		if n := w.calls("s3-put"); n != 0 {
			t.Errorf("%d parts sent of unchanged files", n)
		}

		w.srv.ResetJournal()
		w.start(w.push(e, req))
		w.wantCalls(t, "a third push", "get-bucket-details", "list-bucket-objects")
	})
}

// A lost reply of the listing or a hidden hub must not make a plan that sends everything again.
func TestPlanPushFailsWithItsListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("d/a.dwg", 10, 1)
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op == "list-folder-contents" {
				return emulator.Fault{Kind: emulator.FailBefore, Status: 503}
			}

			return emulator.Fault{}
		})
		_, err := planned(t.Context(), w.at(w.engine()), w.store,
			plan.PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()+"/x"),
				Sources: w.sources("d", "")})
		if !errors.Is(err, apsclient.ErrUnavailable) {
			t.Errorf("error %v, want that the service is unavailable", err)
		}
	})
}

// TestPlanPushInRuns: a push of many is planned run by run, in the order of its sources, by one listing, and
// nothing is kept of what was planned.
func TestPlanPushInRuns(t *testing.T) {
	w := newWorld(t)
	if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent", ""); err != nil {
		t.Fatal(err)
	}

	var req plan.PushRequest
	const files, kept = 20_000, 100 // bytes a file at the end
	for i := range files {
		rel := fmt.Sprintf("%d.txt", i)
		one := plan.Source{Path: w.path(rel), Rel: rel, Snapshot: state.Snapshot{Size: 1}}
		req.Sources = append(req.Sources, one)
	}

	req.Sources = append(req.Sources, req.Sources[7]) // named twice
	req.Profile, req.Remote = "default", mustAddress(t, "oss://drawings")
	pushing, err := plan.NewPush(t.Context(), w.at(w.engine()), w.store, req)
	if err != nil {
		t.Fatal(err)
	}

	before := liveHeap()
	n := 0
	for {
		run, err := pushing.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		if len(run) == 0 {
			break
		}

		if len(run) > 1000 {
			t.Errorf("a run of %d files", len(run))
		}

		for _, f := range run {
			if f.Source.Rel != fmt.Sprintf("%d.txt", n) || f.Job.Target.Seen != state.SeenNothing {
				t.Fatalf("file %d is %s, seen %q", n, f.Source.Rel, f.Job.Target.Seen)
			}

			n++
		}
	}

	if grown := liveHeap() - before; grown > files*kept && !raced {
		t.Errorf("%d bytes of the heap are kept of %d files that were planned", grown, files)
	}

	runtime.KeepAlive(pushing)
	if lists := w.calls("list-bucket-objects"); n != files || lists != 1 {
		t.Errorf("%d files by %d listings", n, lists)
	}
}

// TestPlanPushReadsSideBySide: a hundred folders that are there take few times as long as one call, and
// each is read once, one that may not be read too.
func TestPlanPushReadsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := w.engine()
		address := mustAddress(t, w.srv.DemoRemote())
		place, err := w.at(e).ResolveFolder(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}

		const folders = 100
		var forbidden apsclient.FolderID
		var sources []plan.Source
		for i := range folders {
			dir := fmt.Sprintf("d%02d", i)
			id, err := w.at(e).EnsureFolder(t.Context(), place.Project.ID, place.Folder.ID,
				[]string{dir}, nil)
			if err != nil {
				t.Fatal(err)
			}

			forbidden = id
			for _, name := range []string{"a.dwg", "b.dwg"} {
				rel := dir + "/" + name
				sources = append(sources,
					plan.Source{Path: w.path(rel), Rel: rel, Snapshot: state.Snapshot{Size: 1}})
			}
		}

		w.srv.ResetJournal()
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			f := emulator.Fault{Delay: 50 * time.Millisecond}
			if r.Op == "list-folder-contents" && strings.Contains(r.Path, string(forbidden)) {
				f.Kind, f.Status = emulator.FailBefore, 403
			}

			return f
		})
		began := time.Now()
		plans, err := planned(t.Context(), w.at(e), w.store,
			plan.PushRequest{Profile: "default", Sources: sources, Remote: address})
		if err != nil || len(plans) != len(sources) {
			t.Fatalf("%d files, %v", len(plans), err)
		}

		if took := time.Since(began); took > 700*time.Millisecond {
			t.Errorf("%d folders took %v at 50 ms a call", folders, took)
		}

		if n := w.calls("list-folder-contents"); n != folders+1 {
			t.Errorf("%d listings of %d folders and the one above them", n, folders)
		}

		for i, p := range plans {
			if bad := i >= len(plans)-2; (p.Warning != "") != bad || p.Job.Target.Folder == "" {
				t.Errorf("%s: warning %q, folder %q", p.Remote, p.Warning, p.Job.Target.Folder)
			}
		}
	})
}

// liveHeap is what of the heap is in use once the garbage is collected.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)

	return int64(m.HeapAlloc)
}

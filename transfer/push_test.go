package transfer

import (
	"errors"
	"hoist/transfer/remote"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// sources lists the local files of the world below dir, with Rel below prefix.
func (w *world) sources(dir, prefix string) []Source {
	w.t.Helper()
	var out []Source
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
		out = append(out, Source{Path: path, Rel: prefix + filepath.ToSlash(rel), Snapshot: snap})

		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}

	return out
}

// start enqueues what a plan wants done.
func (w *world) start(plans []Planned) []state.Job {
	w.t.Helper()

	var jobs []state.Job
	for _, p := range plans {
		if p.Result != PlanUnchanged {
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

func (w *world) push(e *Engine, req PushRequest) []Planned {
	w.t.Helper()
	plans, err := e.PlanPush(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}

	return plans
}

func results(plans []Planned) (unchanged, attention, todo int) {
	for _, p := range plans {
		switch p.Result {
		case PlanUnchanged:
			unchanged++
		case PlanAttention:
			attention++
		default:
			todo++
		}
	}

	return unchanged, attention, todo
}

func TestLand(t *testing.T) {
	folder := remote.Place{Kind: remote.KindFolder, Address: mustAddress(t, "aps://H/P/Files"), Missing: []string{"new"}}

	prefix := remote.Place{Kind: remote.KindPrefix, Address: mustAddress(t, "oss://bkt/p/"), Key: "p/", Bucket: "b"}
	src := func(pairs ...string) (out []Source) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, Source{Path: pairs[i], Rel: pairs[i+1]})
		}

		return out
	}
	for name, row := range map[string]struct {
		place     remote.Place
		req       PushRequest
		at        []string
		collision string // remote
		refused   bool
	}{
		"files": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/x/d/b", "d/b")},
			at: []string{"aps://H/P/Files/new/a", "aps://H/P/Files/new/d/b"}},
		"another name": {place: folder, req: PushRequest{Sources: src("/x/a", "a"), As: "z"},
			at: []string{"aps://H/P/Files/new/z"}},
		"two on one": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/y/a", "a")},
			collision: "aps://H/P/Files/new/a"},
		"the same file twice": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/x/a", "a")},
			at: []string{"aps://H/P/Files/new/a"}},
		"file and folder": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/y/a/b", "a/b")},
			collision: "aps://H/P/Files/new/a"},
		"key below a prefix": {place: prefix, req: PushRequest{Sources: src("/x/a", "d/a")},
			at: []string{"oss://bkt/p/d/a"}},
		"two on one key": {place: prefix, req: PushRequest{Sources: src("/x/a", "a", "/y/a", "a")},
			collision: "oss://bkt/p/a"},
		"refused name": {place: folder, req: PushRequest{Sources: src("/x/a:b", "a:b")},
			at: []string{"aps://H/P/Files/new/a:b"}, refused: true},
		"refused folder": {place: folder, req: PushRequest{Sources: src("/x/d/a", "d?/a")},
			at: []string{"aps://H/P/Files/new/d?/a"}, refused: true},
		"mapped name": {place: folder,
			req: PushRequest{Sources: src("/x/a:b", "a:b"), MapNames: true},
			at:  []string{"aps://H/P/Files/new/a%253Ab"}},
		"any name in oss": {place: prefix, req: PushRequest{Sources: src("/x/a:b", "a:b")},
			at: []string{"oss://bkt/p/a:b"}},
		"mapped onto another": {place: folder,
			req:       PushRequest{Sources: src("/x/a:b", "a:b", "/x/a%3Ab", "a%3Ab"), MapNames: true},
			collision: "aps://H/P/Files/new/a%253Ab"},
		"too long, though mapped": {place: folder,
			req: PushRequest{Sources: src("/x/a", strings.Repeat(":", 200)), MapNames: true},
			at:  []string{"aps://H/P/Files/new/" + strings.Repeat("%253A", 200)}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := land(row.place, row.req)
			if row.collision != "" {
				c, ok := errors.AsType[*CollisionError](err)
				if !ok || c.Remote != row.collision || len(c.Sources) != 2 {
					t.Fatalf("error %v, want a collision on %s", err, row.collision)
				}

				return
			}

			if err != nil {
				t.Fatal(err)
			}

			var at []string
			refused := false
			for _, l := range got {
				at = append(at, address(row.place, l.names).String())
				refused = refused || l.refused != ""
			}

			if !slices.Equal(at, row.at) || refused != row.refused {
				t.Errorf("lands on %q refused %v, want %q %v", at, refused, row.at, row.refused)
			}
		})
	}
}

func TestPushTreeAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.write("tree/a.dwg", small, 1)
		b := w.write("tree/sub/b.dwg", small, 2)
		w.write("tree/sub/deep/c.dwg", 3, 3)
		req := PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()+"/new"), Batch: "1"}
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

		// Again, by a new process: a look at each folder and nothing else.
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

		w.wantCalls(t, "an unchanged tree", "list-hubs", "list-projects", "list-top-folders",
			"list-folder-contents", "list-folder-contents", "list-folder-contents", "list-folder-contents",
			"list-folder-contents")

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
				plans := w.push(e, PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()),
					Sources: w.sources("set", "")})
				if got := plans[0].Result == PlanUnchanged; got != (again == 1) {
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
	plans, err := w.engine().PlanPush(t.Context(),
		PushRequest{Profile: "default", Sources: two, Remote: mustAddress(t, w.srv.DemoRemote())})
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
		req  PushRequest
		want func(error) bool
	}{
		"a name for two": {PushRequest{Sources: two, Remote: address, As: "x"}, func(err error) bool {
			_, ok := errors.AsType[*remote.UsageError](err)
			return ok
		}},
		"onto a project": {PushRequest{Sources: two, Remote: address.Parent()}, func(err error) bool {
			_, ok := errors.AsType[*remote.UsageError](err)
			return ok
		}},
		"onto the top": {PushRequest{Sources: two, Remote: mustAddress(t, "oss://")}, func(err error) bool {
			_, ok := errors.AsType[*remote.UsageError](err)
			return ok
		}},
		"into no bucket": {PushRequest{Sources: two, Remote: mustAddress(t, "oss://no-such-bucket/x")},
			func(err error) bool {
				_, ok := errors.AsType[*remote.NotFoundError](err)
				return ok
			}},
		"into no hub": {PushRequest{Sources: two, Remote: mustAddress(t, "aps://No/Such/Hub")},
			func(err error) bool {
				_, ok := errors.AsType[*remote.NotFoundError](err)
				return ok
			}},
		"into no top level": {PushRequest{Sources: two, Remote: address.Parent().Join("Nothing")},
			func(err error) bool {
				_, ok := errors.AsType[*remote.NotFoundError](err)
				return ok
			}},
	} {
		row.req.Profile = "default"
		if _, err := e.PlanPush(t.Context(), row.req); !row.want(err) {
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

		plans := w.push(e, PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()),
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
				if p.Result != PlanAttention || p.Reason != ReasonNameRefused {
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

		data := w.write("d/sub/a.dwg", small, 1)
		for i := range 5 {
			w.write("d/"+string(rune('b'+i))+".dwg", 10+i, uint64(i))
		}

		req := PushRequest{Profile: "default", Remote: mustAddress(t, "oss://drawings/2026"),
			Sources: w.sources("d", "")}
		e := w.engine()
		w.srv.ResetJournal()
		plans := w.push(e, req)
		w.wantCalls(t, "the plan of a first push", "get-bucket-details")

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

		o, err := w.client.Objects.Details(t.Context(), apsclient.NewObjectID("drawings", "2026/sub/a.dwg"))
		if err != nil || o.Size != int64(len(data)) {
			t.Fatalf("object %+v, %v", o, err)
		}

		// Again in the same home: nothing is sent. Each object is looked at once, which shows its
		// SHA-1; from then on a listing is enough.
		w.srv.ResetJournal()
		e = w.engine()
		plans = w.push(e, req)
		w.wantCalls(t, "the plan of a second push", "get-bucket-details")
		w.start(plans)
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
		_, err := w.engine().PlanPush(t.Context(),
			PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()+"/x"),
				Sources: w.sources("d", "")})
		if !errors.Is(err, apsclient.ErrUnavailable) {
			t.Errorf("error %v, want that the service is unavailable", err)
		}
	})
}

func TestRecordRootTellsPlacesApart(t *testing.T) {
	p := remote.Place{Hub: apsclient.Hub{ID: "h"}, Project: apsclient.Project{ID: "p"}}
	base := RecordRoot("default", p, filepath.Join("x", "a.dwg"))
	if got := RecordRoot("default", p, filepath.Join("x", "b.dwg")); got != base {
		t.Error("files of one folder have different roots")
	}

	q := p
	q.Project.ID = "q"
	for name, other := range map[string]string{
		"profile": RecordRoot("other", p, filepath.Join("x", "a.dwg")),
		"project": RecordRoot("default", q, filepath.Join("x", "a.dwg")),
		"folder":  RecordRoot("default", p, filepath.Join("y", "a.dwg")),
	} {
		if other == base {
			t.Errorf("another %s has the same root", name)
		}
	}

	if !strings.HasPrefix(base, state.PathRoot) {
		t.Errorf("root %q does not begin with state.PathRoot", base)
	}
}

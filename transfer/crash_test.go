package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// The crash table: the points are those of a clean run, every request and every commit in turn, so that a new step is in it by itself. At
// each point each misfortune happens once, and the end is always the same: exactly one version with the right bytes, a record that agrees
// with it, and no part PUT again after its commit.
//
// What keeps it so, and which rows fail without it:
//   - the intent and the look before a create is repeated (publish.go, lookAndWait): create-item, create-version "reply lost" and "killed
//     after the effect" make two versions;
//   - the look after a completion without answer (upload.go, isAssembled), with SecondCompleteFails: signed-s3-upload "reply lost" and
//     "killed after the effect" send every part again;
//   - the commit of each part by its worker (upload_parts.go, putPart): commit of PartStored "killed after" sends stored parts again;
//   - the intent of folders (folders.go): create-folder "killed after the effect" would make a second folder or fail with 409;
//   - the marker of oss:// objects (upload.go, marker): see TestUploadToBucket.

var errDead = errors.New("this process is dead")

type crashPoint struct {
	commit string // event type, "" for a request
	op     string
	nth    int // occurrence, from 1
}

func (p crashPoint) String() string {
	if p.commit != "" {
		return fmt.Sprintf("commit %s %d", p.commit, p.nth)
	}
	return fmt.Sprintf("%s %d", p.op, p.nth)
}

// crashWorld prepares a scenario; the returned function checks its end.
type crashScenario struct {
	name  string
	start func(t *testing.T) (w *world, job state.Job, check func())
	only  []string // operations and commits that differ from the scenario before; nil: all
}

func crashOptions(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize, c.Parts = 5*mib, 1 }

var crashScenarios = []crashScenario{
	{"new item in a new folder", func(t *testing.T) (*world, state.Job, func()) {
		w := newWorld(t, crashOptions)
		w.srv.SetKnobs(func(k *emulator.Knobs) { k.SecondCompleteFails = true })
		data := w.write("plan.rvt", 6*mib, 1)
		j := w.enqueue(w.job("plan.rvt", "new"))
		return w, j, func() {
			w.wantVersions("new/plan.rvt", data)
			if n := len(slices.DeleteFunc(w.srv.Folders(string(w.project)), func(f string) bool { return f != "Project Files/new" })); n != 1 {
				t.Errorf("the new folder is there %d times", n)
			}
		}
	}, nil},
	{"next version", func(t *testing.T) (*world, state.Job, func()) {
		w := newWorld(t, crashOptions)
		one := w.write("plan.rvt", 6*mib, 1)
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		two := w.write("plan.rvt", 6*mib, 2)
		j := w.enqueue(w.job("plan.rvt"))
		w.srv.ResetJournal()
		return w, j, func() { w.wantVersions("plan.rvt", one, two) }
	}, nil},
	{"next version, storage rewritten", func(t *testing.T) (*world, state.Job, func()) {
		w := newWorld(t, crashOptions)
		w.srv.SetKnobs(func(k *emulator.Knobs) { k.RewriteStorage, k.NoSHA1 = true, true })
		one := w.write("plan.rvt", 6*mib, 1)
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		two := w.write("plan.rvt", 6*mib, 2)
		j := w.enqueue(w.job("plan.rvt"))
		w.srv.ResetJournal()
		return w, j, func() { w.wantVersions("plan.rvt", one, two) }
	}, []string{"create-version", "state.Intended", "state.Published"}},
}

func TestCrashTable(t *testing.T) {
	for _, s := range crashScenarios {
		t.Run(s.name, func(t *testing.T) {
			for _, p := range crashPoints(t, s) {
				if s.only != nil && !slices.Contains(s.only, p.op+p.commit) {
					continue
				}
				modes := []string{"fails before the effect", "reply lost", "killed before", "killed after the effect"}
				if p.commit != "" {
					modes = []string{"killed before", "killed after"}
				}
				for _, mode := range modes {
					t.Run(p.String()+" "+mode, func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { crash(t, s, p, mode) })
					})
				}
			}
		})
	}
}

// crashPoints lists what a clean run asks and commits.
func crashPoints(t *testing.T, s crashScenario) (points []crashPoint) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, _, check := s.start(t)
		var mu sync.Mutex
		commits := map[string]int{}
		e := w.engine()
		e.onCommit = func(_ state.JobID, after bool, ev []state.Event) error {
			mu.Lock()
			defer mu.Unlock()
			for i, ev := range ev {
				name := fmt.Sprintf("%T", ev)
				if commits[name]++; i == 0 && !after {
					points = append(points, crashPoint{commit: name, nth: (commits[name] + 1) / 2})
				}
			}
			return nil
		}
		w.runAll(e)
		check()
		for _, name := range []string{"Reserved", "Opened", "PartStored", "AllStored", "Assembled", "Intended", "Published", "Finished"} {
			if commits["state."+name] == 0 {
				t.Fatalf("a clean run committed no %s; the table would not cover it: %v", name, commits)
			}
		}
		ops := map[string]int{}
		for _, r := range w.srv.Requests() {
			ops[r.Op]++
			points = append(points, crashPoint{op: r.Op, nth: ops[r.Op]})
		}
	})
	return points
}

func crash(t *testing.T, s crashScenario, p crashPoint, mode string) {
	w, job, check := s.start(t)
	var hit atomic.Bool
	var mu sync.Mutex
	seen := 0
	here := func(name string) bool {
		mu.Lock()
		defer mu.Unlock()
		if name == p.op || name == p.commit {
			seen++
			return seen == p.nth
		}
		return false
	}
	e := w.engine()
	e.onCommit = func(_ state.JobID, after bool, ev []state.Event) error {
		if w.isDead() {
			return errDead
		}
		if p.commit == "" || after != (mode == "killed after") || !here(fmt.Sprintf("%T", ev[0])) {
			return nil
		}
		hit.Store(true)
		w.kill()
		return errDead
	}
	if p.commit == "" {
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if !here(r.Op) {
				return emulator.Fault{}
			}
			hit.Store(true)
			switch mode {
			case "fails before the effect":
				return emulator.Fault{Kind: emulator.FailBefore, Status: 503}
			case "reply lost":
				return emulator.Fault{Kind: emulator.LoseReply}
			case "killed before":
				return emulator.Fault{Kind: emulator.FailBefore, Status: 503, Do: w.kill}
			}
			return emulator.Fault{DoAfter: w.kill}
		})
	}
	runMortal(t, w, e)
	if !hit.Load() {
		t.Fatalf("the run never came to %v", p)
	}
	w.srv.SetFault(nil)
	if w.isDead() {
		committed, err := w.store.Parts(job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
		w.revive()
		w.open()
		before := len(w.srv.Requests())
		w.runAll(w.engine())
		for _, r := range w.srv.Requests()[before:] {
			if r.Op == "s3-put" && slices.ContainsFunc(committed, func(c state.Part) bool { return c.Number == r.Part }) {
				t.Errorf("part %d was sent again after its commit", r.Part)
			}
		}
	}
	stored := map[int]int{}
	for _, n := range w.storedParts() {
		if stored[n]++; stored[n] > 1 && p.op != "s3-put" && p.commit != "state.PartStored" {
			t.Errorf("part %d was stored %d times", n, stored[n])
		}
	}
	done := w.get(job.ID)
	if done.End != state.EndDone {
		t.Fatalf("the job is %s %q %q %q", done.Phase, done.End, done.Reason, done.Error)
	}
	check()
	rec, ok, err := w.store.Published(job.Root, job.Rel)
	if err != nil || !ok || rec.Version != done.Version || rec.Storage != done.Object || !rec.Snapshot.Same(job.Snapshot) {
		t.Errorf("the record %+v %v %v does not agree with the job %+v", rec, ok, err, done)
	}
	if f, ok := w.srv.File("Project Files/" + done.Target.Address[len(w.srv.DemoRemote())+1:]); !ok || f.ItemID != done.Item || f.Versions[len(f.Versions)-1].ID != done.Version {
		t.Errorf("the cloud's tip %+v is not the job's %s", f, done.Version)
	}
}

// runMortal runs an engine until its work is done or it died.
func runMortal(t *testing.T, w *world, e *Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	index := w.store.Index()
	for !w.settled() && !w.isDead() {
		var err error
		short, stop := context.WithTimeout(ctx, time.Second)
		if index, err = w.store.Wait(short, index); err != nil && ctx.Err() != nil {
			w.dump()
			t.Fatalf("neither done nor dead after an hour: %v", err)
		}
		stop()
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, errDead) {
		t.Errorf("run: %v", err)
	}
}

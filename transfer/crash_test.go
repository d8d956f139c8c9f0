package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
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

// The crash table: the points are those of clean runs (crash_scenarios_test.go), every request,
// every commit and every change of the local disk (Engine.effect) in turn, so that a new step is in
// it by itself; an event of package state that no
// clean run commits fails the test. At each point each misfortune happens once, and the end is
// always the same: exactly one version with the right bytes, record and receipts that agree with
// it, and nothing that was committed sent or fetched again.
//
// What keeps it so, and which rows fail without it:
//   - the intent and the look before a create is repeated (publish.go, publish): create-item,
//     create-version "reply lost" and "killed after the effect" make two versions;
//   - the further signs by which a version is ours when the service names another storage
//     (publish.go, isOurs): "next version, storage rewritten", the same rows;
//   - the patience of the looks (apsclient.Doubt): "next version, shown late", the same rows;
//   - the look after a completion without answer (upload.go, isAssembled), with
//     SecondCompleteFails: signed-s3-upload "reply lost" and "killed after the effect" send every
//     part again;
//   - its waits, when the service shows the object late: TestAssembledShownLate;
//   - the marker of oss:// objects (upload.go, marker): "next content of a key", the object that
//     was there has the same size, so that signed-s3-upload "fails before the effect" would end
//     with the old bytes;
//   - the commit of each part by its worker (upload_parts.go, put): commit of PartStored
//     "killed after" sends stored parts again;
//   - that only the parts a completion names are sent again (upload.go, repair): "a part the
//     service holds otherwise" stores part 1 anew;
//   - the intent of folders (folders.go): TestEnsureFolderAfterADeath, when the service shows the
//     folder late;
//   - the snapshot that lies in the spool until its job has ended (upload_spool.go, cleanSpool): "a
//     file that is saved all the time", commit of PartStored "killed after" loses the state that
//     was on its way;
//   - the range that is synced and committed before its slot is free (download_fetch.go, part):
//     "download", commit of PartStored "killed after" fetches it again;
//   - the look at the name before it is given (judge.go, judgeLocal): "download", commit of Placed
//     "killed before" finds the file of another;
//   - that a copy has its name only when it is whole (upload_spool.go, spool): the same scenario,
//     "copy to the spool killed after";
//   - that what an earlier run has moved away is known and settled (place.go, tidy): "download over
//     another file", "exchange killed after" loses it, and so does "move the old file away killed
//     after" when names cannot be exchanged.

var errDead = errors.New("this process is dead")

type crashPoint struct {
	commit string // event type, or
	effect string // change of the disk, or
	op     string // request
	nth    int    // occurrence, from 1
}

func (p crashPoint) String() string {
	if p.commit != "" {
		return fmt.Sprintf("commit %s %d", p.commit, p.nth)
	}

	if p.effect != "" {
		return fmt.Sprintf("%s %d", p.effect, p.nth)
	}

	return fmt.Sprintf("%s %d", p.op, p.nth)
}

func (p crashPoint) modes() []string {
	if p.op == "" {
		return []string{"killed before", "killed after"}
	}

	return []string{"fails before the effect", "reply lost", "killed before", "killed after the effect"}
}

// notSteps are the events that are no step of a transfer: what a person wishes, and what a failed
// attempt leaves behind.
var notSteps = []string{"Pause", "Resume", "RetryNow", "Cancel", "Retry", "Parked", "Failed"}

func TestCrashTable(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range crashScenarios {
		s.run(t, seen)
	}

	for _, name := range eventsOfState(t) {
		if !seen[name] && !slices.Contains(notSteps, name) {
			t.Errorf("no scenario commits %s: the table does not cover that step", name)
		}
	}
}

// run goes through the rows of a scenario; seen collects the events of its clean run.
func (s crashScenario) run(t *testing.T, seen map[string]bool) {
	points := crashPoints(t, s, seen)
	t.Run(s.name, func(t *testing.T) {
		for i, p := range points {
			if !tried(i) {
				continue
			}

			if s.only != nil && !slices.Contains(s.only, p.op+p.commit+p.effect) {
				continue
			}

			for _, mode := range p.modes() {
				t.Run(p.String()+" "+mode, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { crash(t, s, p, mode) })
				})
			}
		}
	})
}

// eventsOfState lists the events that package state knows, as its source does.
func eventsOfState(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "state", "event.go"), nil, 0)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the source is not beside the test")
	}

	if err != nil {
		t.Fatal(err)
	}

	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "event" && f.Recv != nil {
			names = append(names, f.Recv.List[0].Type.(*ast.Ident).Name)
		}
	}

	if len(names) < 20 {
		t.Fatalf("found only the events %q", names)
	}

	return names
}

func eventName(ev state.Event) string { return strings.TrimPrefix(fmt.Sprintf("%T", ev), "state.") }

// crashPoints lists what a clean run asks and commits; seen collects the events.
func crashPoints(t *testing.T, s crashScenario, seen map[string]bool) (points []crashPoint) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s.options...)
		r := s.start(w)
		w.srv.SetFault(r.fault)
		var mu sync.Mutex
		commits := map[string]int{}
		e := w.engine()
		e.onCommit = func(_ state.JobID, after bool, ev []state.Event) error {
			mu.Lock()
			defer mu.Unlock()

			for i, ev := range ev {
				name := eventName(ev)
				seen[name] = true
				if i == 0 && !after {
					commits[name]++
					points = append(points, crashPoint{commit: name, nth: commits[name]})
				}
			}

			return nil
		}
		e.onEffect = func(name string, after bool) error {
			mu.Lock()
			defer mu.Unlock()

			if after { // else it may be one that this file system has not
				commits[name]++
				points = append(points, crashPoint{effect: name, nth: commits[name]})
			}

			return nil
		}
		w.runAll(e)
		asked := w.srv.Requests() // those of the check are none of the scenario's
		w.wantWhole(r)

		ops := map[string]int{}
		for _, q := range asked {
			ops[q.Op]++
			points = append(points, crashPoint{op: q.Op, nth: ops[q.Op]})
		}
	})

	return points
}

func crash(t *testing.T, s crashScenario, p crashPoint, mode string) {
	w := newWorld(t, s.options...)
	r := s.start(w)
	var hit atomic.Bool
	var mu sync.Mutex
	seen := 0
	here := func(name string) bool {
		mu.Lock()
		defer mu.Unlock()
		if name == p.op+p.commit+p.effect {
			seen++
			return seen == p.nth
		}

		return false
	}
	e := w.engine()
	dies := func(mine bool, name string, after bool) error {
		if w.isDead() {
			return errDead
		}

		if !mine || after != (mode == "killed after") || !here(name) {
			return nil
		}

		hit.Store(true)
		w.kill()

		return errDead
	}
	e.onCommit = func(_ state.JobID, after bool, ev []state.Event) error {
		return dies(p.commit != "", eventName(ev[0]), after)
	}
	e.onEffect = func(name string, after bool) error { return dies(p.effect != "", name, after) }
	w.srv.SetFault(func(q emulator.Request) emulator.Fault {
		if p.op == "" || !here(q.Op) {
			return r.faultOf(q)
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
	runMortal(t, w, e)
	if !hit.Load() {
		t.Fatalf("the run never came to %v", p)
	}

	w.srv.SetFault(r.fault)
	inFlight := map[sentPart]bool{} // at the death: stored, and not committed
	if w.isDead() {
		synctest.Wait() // the service ends what it had begun, saves of the scenario included
		committed := w.committedParts()
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}

		w.revive()
		w.open()

		before := w.srv.Requests()
		for _, q := range before {
			if q.Op == "s3-put" && !committed[sentPart{q.UploadKey, q.Part}] {
				inFlight[sentPart{q.Path, q.Part}] = true
			}
		}

		w.runUntil(w.engine(), w.quiet)

		for _, q := range w.srv.Requests()[len(before):] {
			if part := (sentPart{q.UploadKey, q.Part}); q.Op == "s3-put" && committed[part] &&
				!slices.Contains(r.repaired, q.Part) {
				t.Errorf("part %d was sent again after its commit", q.Part)
			}
		}
	}

	stored := map[sentPart]int{}
	for _, q := range w.srv.Requests() {
		part := sentPart{q.Path, q.Part} // of an object, whatever the session
		if q.Op != "s3-put" || q.Status != 200 || slices.Contains(r.repaired, q.Part) {
			continue
		}

		if stored[part]++; stored[part] > 1 && !inFlight[part] && p.op != "s3-put" {
			t.Errorf("part %d was stored %d times", part.number, stored[part])
		}
	}

	w.wantWhole(r)
}

// sentPart is a part of an upload session, or of an object.
type sentPart struct {
	of     string
	number int
}

// committedParts are the parts that the sessions of open jobs have.
func (w *world) committedParts() map[sentPart]bool {
	w.t.Helper()
	jobs, err := w.store.OpenJobs()
	if err != nil {
		w.t.Fatal(err)
	}

	out := map[sentPart]bool{}
	for _, j := range jobs {
		parts, err := w.store.Parts(j.ID)
		if err != nil {
			w.t.Fatal(err)
		}

		for _, p := range parts {
			out[sentPart{j.UploadKey, p.Number}] = true
		}
	}

	return out
}

// wantWhole checks the end of a scenario: what the scenario itself wants, and records and receipts
// that agree with the cloud.
func (w *world) wantWhole(r crashRun) {
	w.t.Helper()

	for _, job := range r.jobs {
		done := w.newestJob(job)
		if done.End != state.EndDone {
			w.t.Fatalf("the job of %s is %s %q %q %q", done.Path, done.Phase, done.End, done.Reason,
				done.Error)
		}

		rec, ok, err := w.store.Published(job.Root, job.Rel)
		if err != nil || !ok || rec.Version != done.Version || rec.Storage != done.Object ||
			!rec.Snapshot.Same(done.Snapshot) {
			w.t.Errorf("the record %+v %v %v does not agree with the job %+v", rec, ok, err, done)
		}

		if now, err := state.SnapshotPath(done.Path); err != nil || !now.Same(rec.Snapshot) {
			w.t.Errorf("the record is of another state than the file on disk has: %+v %+v %v", rec.Snapshot,
				now, err)
		}

		if f, ok := w.srv.File("Project Files/" +
			strings.TrimPrefix(done.Target.Address, w.srv.DemoRemote()+"/")); done.Target.Bucket == "" &&
			(!ok || f.ItemID != done.Item || f.Versions[len(f.Versions)-1].ID != done.Version) {
			w.t.Errorf("the cloud's tip %+v is not the job's %s", f, done.Version)
		}
	}

	receipts, err := w.store.Receipts(0, 0)
	if err != nil {
		w.t.Fatal(err)
	}

	if err := state.CheckReceipts(receipts, ""); err != nil || len(receipts) != r.receipts {
		w.t.Errorf("%d receipts, want %d: %v", len(receipts), r.receipts, err)
	}

	r.check()
}

// newestJob is the last job of a file: that of the newest state, where the file changed.
func (w *world) newestJob(of state.Job) state.Job {
	w.t.Helper()
	jobs, err := w.store.Jobs(state.Filter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}

	newest := of
	for _, j := range jobs {
		if j.Root == of.Root && j.Rel == of.Rel && j.ID >= newest.ID {
			newest = j
		}
	}

	return newest
}

// wantObject checks the content of an object of a bucket.
func (w *world) wantObject(bucket, key string, want []byte) {
	w.t.Helper()
	r, err := w.srv.ReadObject(string(apsclient.NewObjectID(bucket, key)))
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		w.t.Errorf("%s/%s has %d bytes that are not the %d of the file: %v", bucket, key, len(got), len(want),
			err)
	}
}

// quiet reports whether nothing is left to do, a save included that a request has begun.
func (w *world) quiet() bool {
	if !w.settled() {
		return false
	}

	synctest.Wait()

	return w.settled()
}

// runMortal runs an engine until its work is done or it died.
func runMortal(t *testing.T, w *world, e *Engine) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()

	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()

	index := w.store.Index()
	for !w.isDead() && !w.quiet() {
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

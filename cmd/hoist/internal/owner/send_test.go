package owner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// manyEmpty makes empty files, a hundred a folder.
func manyEmpty(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		folder := filepath.Join(dir, fmt.Sprintf("Level %04d", i/100))
		if i%100 == 0 {
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
		}

		f, err := os.Create(filepath.Join(folder, fmt.Sprintf("A-%07d plan.dwg", i)))
		if err == nil {
			err = f.Close()
		}

		if err != nil {
			t.Fatal(err)
		}
	}

	return dir + string(filepath.Separator)
}

// atMost lets few jobs of a push be open at once, until the test ends.
func atMost(t *testing.T, n int) {
	t.Helper()
	before := openAtOnce
	openAtOnce = n
	t.Cleanup(func() { openAtOnce = before })
}

// sent is what a test learned of a push whose jobs it ends itself.
type sent struct {
	owner *Owner
	files int // told
	jobs  int // told their end
	most  int // open jobs at once
	end   bool
	acts  errgroup.Group
	each  func() // after each file; nil: nothing

	held   []string // jobs that end once no more are queued
	before int      // files told at the progress before
}

func (s *sent) sending() Sending {
	s.acts.SetLimit(256)

	return Sending{
		Begin: func(int, []control.RuleCount) {},
		File: func(f control.PlanFile) error {
			s.files++
			c := s.owner.store.Counts(nil, time.Now())
			s.most = max(s.most, c.Queued)
			if s.each != nil {
				s.each()
			}

			if f.Job != "" && s.end {
				s.held = append(s.held, f.Job)
			}

			return nil
		},
		Update: func(u control.Update) error {
			if u.Job != nil {
				s.jobs++
				return nil
			}

			if s.files == s.before {
				s.endAll()
			}

			s.before = s.files

			return nil
		},
	}
}

// endAll ends the jobs that are held, many at a time.
func (s *sent) endAll() {
	for _, id := range s.held {
		s.acts.Go(func() error {
			_, err := s.owner.store.Commit(state.JobID(id), state.Cancel{})
			return err
		})
	}

	s.held = s.held[:0]
}

// bucketFor makes a bucket and returns a prefix in it.
func bucketFor(t *testing.T, o *Owner) string {
	t.Helper()
	c, err := o.client("")
	if err != nil {
		t.Fatal(err)
	}

	if _, err := c.Buckets.Create(t.Context(), "many-files", "persistent", ""); err != nil {
		t.Fatal(err)
	}

	return "oss://many-files/all"
}

// TestSendIsFlat: what a push takes of memory does not grow with its files. HOIST_LONG=1 HOIST_NIGHTLY=1
// does it with a million of them, and 1,000, 10,000 and 100,000 for comparison.
func TestSendIsFlat(t *testing.T) {
	sizes, few := []int{20_000}, 2000
	if os.Getenv("HOIST_LONG") != "" && os.Getenv("HOIST_NIGHTLY") != "" {
		sizes = []int{1000, 10_000, 100_000, 1_000_000}
		few = openAtOnce
	}

	const (
		most = 40      // bytes a file that stay until the push ends: where it lands
		sway = 6 << 20 // of what is planned, open, changed last and committed at any time
	)

	atMost(t, few)

	for _, n := range sizes {
		options, _ := newOptions(t)
		o := open(t, Passive, options)
		request := control.PushRequest{Paths: []string{manyEmpty(t, n)}, Remote: bucketFor(t, o)}
		s := &sent{owner: o, end: true}
		before := heap()
		early, peak := uint64(0), uint64(0) // with the first fifth, and after it
		s.each = func() {
			at := &peak
			if s.files <= n/5 {
				at = &early
			}

			if s.files%max(n/20, 200) == 0 {
				*at = max(*at, heap())
			}
		}

		began := time.Now()
		if err := errors.Join(o.Send(t.Context(), request, s.sending()), s.acts.Wait()); err != nil {
			t.Fatal(err)
		}

		took := time.Since(began)
		t.Logf("%9d files: %5.1f MiB, %5.1f of it early, %5.1f s, %3.0f µs a file, at most %d jobs open", n,
			float64(peak-before)/(1<<20), float64(early-before)/(1<<20), took.Seconds(),
			float64(took.Microseconds())/float64(n), s.most)

		if s.files != n || s.jobs != n {
			t.Errorf("%d files and %d jobs were told of %d", s.files, s.jobs, n)
		}

		if grown := int64(peak) - int64(early); grown > sway+most*int64(n) {
			t.Errorf("%d bytes came with the last four fifths of %d files", grown, n)
		}

		if s.most > few+2000 {
			t.Errorf("%d jobs were open at once", s.most)
		}
	}
}

// heap is what is reachable, and as little as may be of what others leave behind meanwhile.
func heap() uint64 {
	least := uint64(math.MaxUint64)
	for range 2 {
		runtime.GC()

		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc)
	}

	return least
}

// TestSendGoesOn: what a push had not queued when it ended is queued by who goes on with the work of the
// home, but for what a user cancelled; who cancels all wants none of it.
func TestSendGoesOn(t *testing.T) {
	atMost(t, 500)

	options, _ := newOptions(t)
	o := open(t, Passive, options)

	const files = 3500
	request := control.PushRequest{Paths: []string{manyEmpty(t, files)}, Remote: bucketFor(t, o)}
	ctx, interrupt := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")

	first := &sent{owner: o}
	to := first.sending()
	to.Update = func(control.Update) error { // progress: all that goes into the queue is there
		st, err := o.Status(t.Context())
		if err != nil || len(st.Pushes) != 1 || st.Pushes[0].Left == nil ||
			*st.Pushes[0].Left != files-first.files {
			t.Errorf("%+v, %v: %d files were told", st.Pushes, err, first.files)
		}

		interrupt(interrupted)

		return nil
	}
	if err := o.Send(ctx, request, to); !errors.Is(err, interrupted) {
		t.Fatal(err)
	}

	if first.files >= files || first.most >= files {
		t.Fatalf("%d were told, and %d open", first.files, first.most)
	}

	jobs, err := o.store.OpenJobs()
	if err != nil || len(jobs) >= files {
		t.Fatal(len(jobs), err)
	}

	if _, err := o.store.Commit(jobs[0].ID, state.Cancel{}); err != nil {
		t.Fatal(err)
	}

	shut(t, o)

	o = open(t, Passive, options)
	if st, err := o.Status(t.Context()); err != nil || len(st.Pushes) != 1 || st.Pushes[0].Left != nil {
		t.Fatalf("%+v, %v", st.Pushes, err)
	}

	endsWhatIsLeft(t, o, files)

	third := &sent{owner: o}
	to = third.sending()
	to.Update = func(control.Update) error {
		_, err := o.DropPushes(t.Context())
		jobs, more := o.store.OpenJobs()
		for _, j := range jobs {
			_, again := o.store.Commit(j.ID, state.Cancel{})
			more = errors.Join(more, again)
		}

		return errors.Join(err, more)
	}
	err = o.Send(t.Context(), request, to)
	if kind, _ := problem.Of(err); kind != problem.Attention {
		t.Errorf("not all was queued: %v", err)
	}

	if list, err := o.pendingPushes(); err != nil || len(list) > 0 || third.files >= files {
		t.Errorf("%v, %v, %d files", list, err, third.files)
	}
}

// endsWhatIsLeft goes on with what was begun of so many files, one of which a user has cancelled.
func endsWhatIsLeft(t *testing.T, o *Owner, files int) {
	t.Helper()

	s := &sent{owner: o, end: true}
	if err := errors.Join(o.GoOn(t.Context(), s.sending()), s.acts.Wait()); err != nil {
		t.Fatal(err)
	}

	if s.files != files-1 || s.jobs != files-1 {
		t.Errorf("%d files and %d jobs were told", s.files, s.jobs)
	}

	if st, err := o.Status(t.Context()); err != nil || len(st.Pushes) != 0 || st.Jobs.Cancelled != files {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestDropPushes: what was queued when all pushes are dropped is told, and none of those after it goes on.
func TestDropPushes(t *testing.T) {
	atMost(t, 500)

	options, _ := newOptions(t)
	o := open(t, Passive, options)
	remote := bucketFor(t, o)
	first := control.PushRequest{Paths: []string{manyEmpty(t, 3500)}, Remote: remote + "/1"}
	second := control.PushRequest{Paths: []string{manyEmpty(t, 600)}, Remote: remote + "/2"}
	err := o.changePending(func([]pendingPush) []pendingPush {
		return []pendingPush{{Batch: "1", Request: first, Began: time.Now()},
			{Batch: "2", Request: second, Began: time.Now()}}
	})
	if err != nil {
		t.Fatal(err)
	}

	s := &sent{owner: o, end: true}
	dropped := false
	to := s.sending()
	update := to.Update
	to.Update = func(u control.Update) error {
		if !dropped {
			dropped = true
			if d, err := o.DropPushes(t.Context()); err != nil || d.Pushes != 2 {
				t.Errorf("%+v, %v", d, err)
			}
		}

		return update(u)
	}

	err = errors.Join(o.GoOn(t.Context(), to), s.acts.Wait())
	if kind, _ := problem.Of(err); kind != problem.Attention {
		t.Error(err)
	}

	c := o.store.Counts(nil, time.Now())
	if s.files >= 3500 || s.files != c.Cancelled || s.jobs != s.files || c.Queued > 0 {
		t.Errorf("%d files and %d jobs were told of %+v", s.files, s.jobs, c)
	}

	if list, err := o.pendingPushes(); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestGoOnBesideFailed: a push that cannot go on holds up none of the others, and stays.
func TestGoOnBesideFailed(t *testing.T) {
	atMost(t, 50)

	options, _ := newOptions(t)
	o := open(t, Passive, options)
	remote := bucketFor(t, o)
	gone := control.PushRequest{Paths: []string{filepath.Join(t.TempDir(), "gone")}, Remote: remote}
	there := control.PushRequest{Paths: []string{manyEmpty(t, 200)}, Remote: remote}
	err := o.changePending(func([]pendingPush) []pendingPush {
		return []pendingPush{{Batch: "1", Request: gone, Began: time.Now()},
			{Batch: "2", Request: there, Began: time.Now()}}
	})
	if err != nil {
		t.Fatal(err)
	}

	s := &sent{owner: o, end: true}
	err = errors.Join(o.GoOn(t.Context(), s.sending()), s.acts.Wait())
	if kind, _ := problem.Of(err); kind != problem.NotFound || s.jobs != 200 {
		t.Errorf("%v, %d jobs", err, s.jobs)
	}

	if list, err := o.pendingPushes(); err != nil || len(list) != 1 || list[0].Batch != "1" {
		t.Errorf("%v, %v", list, err)
	}
}

// TestSettled: which files a push that goes on leaves to the last job of them.
func TestSettled(t *testing.T) {
	began := time.Now()
	before, after := began.Add(-time.Minute), began.Add(time.Minute)
	now := state.Snapshot{Size: 1, ModTime: before, FileID: "1"}
	edited := state.Snapshot{Size: 2, ModTime: after, FileID: "1"}
	p := &planning{asked: pendingPush{Batch: "b"}, began: began}
	for name, c := range map[string]struct {
		job  state.Job
		want bool
	}{
		"done":                     {state.Job{End: state.EndDone, Created: after, Snapshot: now}, true},
		"edited since it was done": {state.Job{End: state.EndDone, Created: after, Snapshot: edited}, true},
		"done before the push began": {state.Job{End: state.EndDone, Created: before, Snapshot: edited},
			false},
		"cancelled": {state.Job{End: state.EndCancelled, Created: after, Snapshot: now}, true},
		"edited since it was cancelled": {state.Job{End: state.EndCancelled, Created: after,
			Snapshot: edited}, false},
		"queued":           {state.Job{Batch: "b", Created: after, Snapshot: now}, false},
		"paused":           {state.Job{Batch: "b", Paused: true, Snapshot: edited}, true},
		"paused of others": {state.Job{Batch: "c", Paused: true, Snapshot: now}, false},
		"parked":           {state.Job{Batch: "b", Attention: true, Snapshot: now}, true},
		"parked, edited":   {state.Job{Batch: "b", Attention: true, Snapshot: edited}, false},
		"a download that is parked with what it fetched": {state.Job{Kind: state.Download, Batch: "b",
			Attention: true, Snapshot: edited}, true},
	} {
		if got := p.settled(c.job, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestPausedPush: the more of a push that is paused whole is not queued, and a daemon that starts then leaves
// it.
func TestPausedPush(t *testing.T) {
	atMost(t, 500)

	f := &followed{most: openAtOnce, more: make(chan plannedRun)}
	if f.room() == nil {
		t.Error("no room beside nothing")
	}

	if f.paused = 251; f.room() != nil {
		t.Error("room beside many that are paused")
	}

	options, _ := newOptions(t)
	o := open(t, Passive, options)
	err := o.changePending(func([]pendingPush) []pendingPush { return []pendingPush{{Batch: "b"}} })
	if err != nil {
		t.Fatal(err)
	}

	j, _, err := o.store.Enqueue(state.Job{Kind: state.Upload, Path: "/p/a.dwg", Batch: "b", Paused: true,
		Target: state.Target{Address: "oss://many-files/a.dwg"}})
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	if err := o.unpaused(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("it does not wait for the user: %v", err)
	}

	if _, err := o.store.Commit(j.ID, state.Resume{}); err != nil {
		t.Fatal(err)
	}

	if err := o.unpaused(ctx); err != nil {
		t.Error(err)
	}

	_, _, err = o.store.Enqueue(state.Job{Kind: state.Upload, Path: "/p/b.dwg", Batch: "b", Paused: true,
		Target: state.Target{Address: "oss://many-files/b.dwg"}})
	if err != nil {
		t.Fatal(err)
	}

	if err := o.unpaused(ctx); err != nil {
		t.Errorf("one paused file holds up the others: %v", err)
	}
}

package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestUploadFromEnqueueToReceipt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")

	s := openTest(t, path)
	j := enqueue(t, s, uploadJob(1), Queued)
	for i, e := range uploadSteps {
		got := commit(t, s, j.ID, e)
		// What is read back, and what a new process reads, is what Commit returned.
		read, err := s.Job(j.ID)
		if err != nil {
			t.Fatal(err)
		}

		if !reflect.DeepEqual(read, got) {
			t.Fatalf("after step %d %s:\n got %+v\nwant %+v", i, e.event(), read, got)
		}

		if i == 4 {
			parts, err := s.Parts(j.ID)
			if err != nil {
				t.Fatal(err)
			}

			want := []Part{{1, 10, "e1", "m1"}, {2, 10, "e2", ""}, {3, 5, "e3", ""}}
			if !reflect.DeepEqual(parts, want) {
				t.Fatalf("parts: got %v, want %v", parts, want)
			}
		}

		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		s = openTest(t, path)
		if read, err = s.Job(j.ID); err != nil || !reflect.DeepEqual(read, got) {
			t.Fatalf("reopened after step %d: got %+v, %v", i, read, err)
		}
	}

	// What the receipt tells, which has no MD5.
	if parts, err := s.Parts(j.ID); err != nil ||
		!reflect.DeepEqual(parts, []Part{{1, 10, "e1", ""}, {2, 10, "e2", ""}, {3, 5, "e3", ""}}) {
		t.Errorf("parts of a job that is done: %v, %v", parts, err)
	}

	rec, ok, err := s.Published("w1", "1.dwg")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}

	if rec.Version != "urn:version" || !reflect.DeepEqual(rec.ETags, []string{"e1", "e2", "e3"}) ||
		!rec.Snapshot.Same(snap(25, 0)) || rec.PartSize != 10 || rec.Storage != "urn:o" {
		t.Errorf("published record: %+v", rec)
	}

	receipts, err := s.Receipts(0, 0)
	if err != nil || len(receipts) != 1 {
		t.Fatal(receipts, err)
	}

	var line map[string]any
	if err := json.Unmarshal(receipts[0].Line, &line); err != nil {
		t.Fatal(err)
	}

	if line["seq"] != 1.0 || line["sha256"] != "abc" || line["version"] != "urn:version" ||
		line["instance"] != s.Instance() || line["size"] != 25.0 {
		t.Errorf("receipt: %s", receipts[0].Line)
	}

	history, err := s.History(j.ID)
	if err != nil {
		t.Fatal(err)
	}

	var names []string
	for _, h := range history {
		names = append(names, h.Event)
	}

	if got, want := strings.Join(names, " "),
		"queued reserved opened all-stored assembled intended published finished"; got != want {
		t.Errorf("history: got %s, want %s", got, want)
	}

	enqueue(t, s, uploadJob(1), Same)
	again := uploadJob(1)
	again.Force = true
	enqueue(t, s, again, Queued)
}

func TestDownload(t *testing.T) {
	s := newStore(t)
	j := Job{Kind: Download, Path: filepath.FromSlash("/in/a.dwg"),
		Target: Target{Address: "aps://H/P/F/a.dwg"}}
	j = enqueue(t, s, j, Queued)
	enqueue(t, s, Job{Kind: Download, Path: j.Path, Target: Target{Address: "aps://H/P/F/b.dwg"}}, Busy)
	j = run(t, s, j.ID,
		Resolved{Item: "i", Version: "v", Number: 3, Object: "o", Size: -1},
		FetchStarted{ETag: "e", Temp: "t", Size: 25, PartSize: 20, Parts: 2},
		PartStored{Part: 2, Size: 5}, PartStored{Part: 1, Size: 20}, Verified{SHA1: "s"},
		Placed{Snapshot: snap(25, 7)},
		Finished{Result: ResultDownloaded, Record: &PublishedRecord{Root: "", Rel: j.Path}})
	if j.Status(false, epoch) != StatusDone || j.Size != 25 {
		t.Errorf("got %+v", j)
	}

	if r, ok, err := s.Published("", j.Path); err != nil || !ok || r.Version != "v" ||
		!r.Snapshot.Same(snap(25, 7)) {
		t.Errorf("record: %+v, %v, %v", r, ok, err)
	}

	if receipts, err := s.Receipts(0, 0); err != nil || len(receipts) != 0 {
		t.Errorf("a download left receipts: %v, %v", receipts, err)
	}
}

func TestPartsCount(t *testing.T) {
	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)
	run(t, s, j.ID, uploadSteps[:5]...)

	steps := []struct {
		name  string
		e     Event
		parts int
		bytes int64
		phase Phase
	}{
		{"stored twice counts once", PartStored{Part: 3, Size: 5, ETag: "again"}, 3, 25, PhaseUploading},
		{"all", AllStored{}, 3, 25, PhaseUploaded},
		{"two lost, one of them twice, one never stored", PartsLost{Parts: []int{3, 3, 2, 9}}, 1, 10,
			PhaseUploading},
		{"stored again", PartStored{Part: 2, Size: 10, ETag: "n2"}, 2, 20, PhaseUploading},
		{"session lost", SessionLost{}, 0, 0, PhaseReserved},
	}
	for _, st := range steps {
		got := commit(t, s, j.ID, st.e)
		if got.PartsDone != st.parts || got.BytesDone != st.bytes || got.Phase != st.phase {
			t.Errorf("%s: got %d parts, %d bytes, %s; want %d, %d, %s", st.name, got.PartsDone, got.BytesDone,
				got.Phase, st.parts, st.bytes, st.phase)
		}
	}

	if parts, err := s.Parts(j.ID); err != nil || len(parts) != 0 {
		t.Errorf("parts after a lost session: %v, %v", parts, err)
	}
}

func TestRefusedEventChangesNothing(t *testing.T) {
	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)
	index := s.Index()
	_, err := s.Commit(j.ID, Reserved{Object: "o"}, Assembled{})
	if _, ok := errors.AsType[*TransitionError](err); !ok {
		t.Fatalf("got %v, want a TransitionError", err)
	}

	if got, _ := s.Job(j.ID); !reflect.DeepEqual(got, j) || s.Index() != index {
		t.Errorf("a refused commit changed the job: %+v", got)
	}

	if _, err := s.Commit(NewJobID(), Pause{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("commit to no job: %v", err)
	}
}

// TestFailingRequestKeepsItsGroup: one request that fails after it wrote is taken out; the others
// of its group are committed.
func TestFailingRequestKeepsItsGroup(t *testing.T) {
	s := newStore(t)
	s.stopOnce.Do(func() { close(s.stop) }) // the test is the writer now
	s.stopped.Wait()
	t.Cleanup(func() { closeBolt(s.db) })
	boom := errors.New("boom")
	put := func(k string, err error) *request {
		return &request{done: make(chan struct{}), f: func(tx *writeTx) error {
			if err := tx.put(bucketIntents, []byte(k), []byte("x")); err != nil {
				return err
			}

			return err
		}}
	}
	group := []*request{put("a", nil), put("b", boom), put("c", nil)}
	s.commit(group)

	for i, want := range []error{nil, boom, nil} {
		if !errors.Is(group[i].err, want) {
			t.Errorf("request %d: got %v, want %v", i, group[i].err, want)
		}
	}

	for k, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, ok, err := s.Intent(k); err != nil || ok != want {
			t.Errorf("intent %s: %v, %v", k, ok, err)
		}
	}
}

func TestConcurrentCommits(t *testing.T) {
	s := newStore(t)
	j := uploadJob(1)
	j.Snapshot.Size = 1000
	j = enqueue(t, s, j, Queued)
	run(t, s, j.ID, Reserved{Object: "o"}, Opened{UploadKey: "k", PartSize: 10, Parts: 100})

	var wg sync.WaitGroup
	for n := 1; n <= 100; n++ {
		wg.Go(func() {
			if _, err := s.Commit(j.ID, PartStored{Part: n, Size: 10, ETag: fmt.Sprint(n)}); err != nil {
				t.Error(err)
			}
		})
	}

	wg.Wait()
	got := commit(t, s, j.ID, AllStored{})
	if got.PartsDone != 100 || got.BytesDone != 1000 {
		t.Errorf("got %d parts, %d bytes", got.PartsDone, got.BytesDone)
	}
}

func TestWaitAndChanges(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())

	start := s.Index()
	woken := make(chan Changes)
	go func() {
		c, err := s.Changes(ctx, start)
		if err != nil {
			t.Error(err)
		}

		woken <- c
	}()
	a := enqueue(t, s, uploadJob(1), Queued)
	c := <-woken
	if len(c.Jobs) != 1 || c.Jobs[0] != a.ID || c.Index <= start || c.Lost {
		t.Errorf("got %+v", c)
	}

	b := enqueue(t, s, uploadJob(2), Queued)
	commit(t, s, a.ID, Pause{})
	if c, err := s.Changes(ctx, start); err != nil || !reflect.DeepEqual(c.Jobs, []JobID{b.ID, a.ID}) {
		t.Errorf("got %+v, %v", c, err)
	}

	if c, err := s.Changes(ctx, s.Index()+5); err != nil || !c.Lost || c.Index != s.Index() {
		t.Errorf("an index of another state: %+v, %v", c, err)
	}

	if c, err := s.Changes(ctx, 0); err != nil || !c.Lost {
		t.Errorf("before memory began: %+v, %v", c, err)
	}

	cancel()

	if _, err := s.Wait(ctx, s.Index()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}

	ended := make(chan error)
	go func() {
		_, err := s.Wait(context.Background(), s.Index())
		ended <- err
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}

	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("wait on a closed store: %v", err)
	}

	if _, err := s.Commit(a.ID, Pause{}); !errors.Is(err, ErrClosed) {
		t.Errorf("commit on a closed store: %v", err)
	}

	if _, err := s.Job(a.ID); !errors.Is(err, ErrClosed) {
		t.Errorf("read on a closed store: %v", err)
	}
}

func TestIndexSurvivesRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	enqueue(t, s, uploadJob(1), Queued)
	before, instance := s.Index(), s.Instance()
	s.Close()
	s = openTest(t, path)
	if s.Index() < before {
		t.Errorf("index went back from %d to %d", before, s.Index())
	}

	if s.Instance() != instance || len(instance) != 32 {
		t.Errorf("instance was %q, is %q", instance, s.Instance())
	}
}

func TestRunnableAndCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")

	s := openTest(t, path)
	var ids []JobID
	for i := range 8 {
		ids = append(ids, enqueue(t, s, uploadJob(i), Queued).ID)
	}

	now := time.Now()
	commit(t, s, ids[0], Retry{At: now.Add(time.Hour), Reason: "offline"})
	commit(t, s, ids[1], Parked{Reason: "forbidden"})
	commit(t, s, ids[2], Parked{Reason: "no-space", At: now.Add(time.Minute)})
	commit(t, s, ids[3], Pause{})
	commit(t, s, ids[4], Failed{Reason: "too-large"})
	commit(t, s, ids[5], Cancel{})
	check := func(s *Store) {
		t.Helper()
		got := s.Counts([]JobID{ids[6]}, now)
		want := Counts{Queued: 1, Active: 1, Waiting: 1, Paused: 1, Attention: 2, Failed: 1, Cancelled: 1}
		if got != want {
			t.Errorf("counts: got %+v, want %+v", got, want)
		}

		if open, attention := s.CountsIn("w1"); open != 6 || attention != 2 {
			t.Errorf("counts in w1: %d, %d", open, attention)
		}

		if got := s.NextAttempt(now); got.Sub(now.Add(time.Minute)).Abs() > time.Second {
			t.Errorf("next attempt %v", got)
		}

		rows := []struct {
			name  string
			at    time.Time
			limit int
			skip  JobID
			want  []JobID
		}{
			{"now", now, 0, "", []JobID{ids[6], ids[7]}},
			{"limit", now, 1, "", []JobID{ids[6]}},
			{"active", now, 1, ids[6], []JobID{ids[7]}},
			{"later", now.Add(2 * time.Hour), 0, "", []JobID{ids[2], ids[0], ids[6], ids[7]}},
		}
		for _, r := range rows {
			jobs, err := s.Runnable(r.at, r.limit, func(id JobID) bool { return id == r.skip })
			if err != nil {
				t.Fatal(err)
			}

			var got []JobID
			for _, j := range jobs {
				got = append(got, j.ID)
			}

			if !reflect.DeepEqual(got, r.want) {
				t.Errorf("runnable %s: got %v, want %v", r.name, got, r.want)
			}
		}
	}
	check(s)
	s.Close()
	s = openTest(t, path)
	check(s)
	commit(t, s, ids[1], RetryNow{})
	commit(t, s, ids[3], Resume{})
	if got, want := s.Counts(nil, now),
		(Counts{Queued: 4, Waiting: 1, Attention: 1, Failed: 1, Cancelled: 1}); got != want {
		t.Errorf("counts: got %+v, want %+v", got, want)
	}
}

func TestJobsAndFindJob(t *testing.T) {
	s := newStore(t)
	var ids []JobID
	for i := range 6 {
		j := uploadJob(i)
		if i%2 == 1 {
			j.Batch = "odd"
		}

		ids = append(ids, enqueue(t, s, j, Queued).ID)
	}

	commit(t, s, ids[0], Cancel{})
	commit(t, s, ids[1], Parked{Reason: "conflict"}, Pause{})
	commit(t, s, ids[2], Parked{Reason: "conflict"})
	commit(t, s, ids[4], Parked{Reason: "conflict"})

	rows := []struct {
		name string
		f    Filter
		want []JobID
	}{
		{"all", Filter{}, ids},
		{"open", Filter{Open: true}, ids[1:]},
		{"page", Filter{Limit: 2, After: ids[1]}, ids[2:4]},
		{"open page", Filter{Limit: 2, After: ids[1], Open: true}, ids[2:4]},
		{"newest", Filter{Newest: true, Limit: 2}, []JobID{ids[5], ids[4]}},
		{"newest open", Filter{Newest: true, Open: true, Limit: 2, Batch: "odd"}, []JobID{ids[5], ids[3]}},
		{"path", Filter{Path: "3.DWG"}, ids[3:4]},
		{"batch", Filter{Batch: "odd"}, []JobID{ids[1], ids[3], ids[5]}},
		{"paused", Filter{Status: []Status{StatusPaused}}, ids[1:2]},
		{"cancelled or active", Filter{Status: []Status{StatusCancelled, StatusActive},
			Active: func(id JobID) bool {
				return id == ids[4]
			}}, []JobID{ids[0], ids[4]}},
		{"kind", Filter{Kind: Download}, nil},
		{"attention", Filter{Status: []Status{StatusAttention}}, []JobID{ids[2], ids[4]}},
		{"attention, one runs", Filter{Status: []Status{StatusAttention}, Active: func(id JobID) bool {
			return id == ids[4]
		}}, ids[2:3]},
		{"attention or paused", Filter{Status: []Status{StatusAttention, StatusPaused}},
			[]JobID{ids[1], ids[2], ids[4]}},
	}
	for _, r := range rows {
		jobs, err := s.Jobs(r.f)
		if err != nil {
			t.Fatal(err)
		}

		var got []JobID
		for _, j := range jobs {
			got = append(got, j.ID)
		}

		if !reflect.DeepEqual(got, r.want) {
			t.Errorf("%s: got %v, want %v", r.name, got, r.want)
		}
	}

	if j, err := s.FindJob(strings.ToUpper(string(ids[3][:20]))); err != nil || j.ID != ids[3] {
		t.Errorf("by prefix: %v, %v", j.ID, err)
	}

	if _, err := s.FindJob(string(ids[3][:4])); err == nil {
		t.Error("a prefix of all found one")
	} else if e, ok := errors.AsType[*PrefixError](err); !ok || len(e.IDs) < 2 {
		t.Errorf("a prefix of all: %v", err)
	}

	for _, none := range []string{"", "xyz", strings.Repeat("f", 32), strings.Repeat("0", 33)} {
		if _, err := s.FindJob(none); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", none, err)
		}
	}
}

// TestOpenJobsBeyondAPage: open jobs are read in pages, which must not show.
func TestOpenJobsBeyondAPage(t *testing.T) {
	s := newStore(t)

	jobs := make([]Job, 2*indexPage+1)
	for i := range jobs {
		jobs[i] = uploadJob(i)
	}

	queued, _, err := s.EnqueueAll(jobs)
	if err != nil {
		t.Fatal(err)
	}

	for _, limit := range []int{0, indexPage, indexPage + 1} {
		got, err := s.Jobs(Filter{Open: true, After: queued[0].ID, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}

		want := queued[1:]
		if limit > 0 {
			want = want[:limit]
		}

		if !slices.EqualFunc(got, want, func(a, b Job) bool { return a.ID == b.ID }) {
			t.Errorf("limit %d: %d jobs, want %d in their order", limit, len(got), len(want))
		}
	}
}

// TestSuccessorIsNeverMissed: a job and its successor change hands in one commit, so that who lists
// the open jobs meanwhile always finds one of them.
func TestSuccessorIsNeverMissed(t *testing.T) {
	s := newStore(t)

	j := enqueue(t, s, uploadJob(1), Queued)
	changed := make(chan error, 1)
	go func() {
		for n := range 300 {
			ended, err := s.Commit(j.ID, SourceChanged{Snapshot: snap(25, n+1)})
			if err != nil {
				changed <- err
				return
			}

			j.ID = ended.Successor
		}

		changed <- nil
	}()

	for {
		open, err := s.OpenJobs()
		if err != nil || len(open) == 0 {
			t.Fatalf("%d open jobs (%v), want one at least", len(open), err)
		}

		select {
		case err := <-changed:
			if err != nil {
				t.Fatal(err)
			}

			return
		default:
		}
	}
}

// TestWhatTheIndexRulesOutIsNotRead: which jobs a list by status reads, of ten in each condition.
func TestWhatTheIndexRulesOutIsNotRead(t *testing.T) {
	s := newStore(t)
	soon := time.Now().Add(time.Hour)
	for i := range 40 {
		j := enqueue(t, s, uploadJob(i), Queued)
		if e := []Event{nil, Retry{At: soon, Reason: "offline"}, Parked{Reason: "conflict"},
			Pause{}}[i%4]; e != nil {
			commit(t, s, j.ID, e)
		}
	}

	for status, most := range map[Status]int{StatusQueued: 20, StatusWaiting: 10, StatusAttention: 10,
		StatusPaused: 10} {
		f := Filter{Status: []Status{status}}
		if read := len(s.jobs.page(f, "", 0)); read > most {
			t.Errorf("%s: %d jobs are read, want at most %d", status, read, most)
		}

		if jobs, err := s.Jobs(f); err != nil || len(jobs) != 10 {
			t.Errorf("%s: %d jobs, %v", status, len(jobs), err)
		}
	}

	if jobs, err := s.Jobs(Filter{Status: []Status{StatusPaused, StatusWaiting}}); err != nil ||
		len(jobs) != 20 {
		t.Errorf("of two statuses: %d jobs, %v", len(jobs), err)
	}
}

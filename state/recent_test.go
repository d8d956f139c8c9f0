package state

import (
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestRecentIsWhatTheFileSays: what is kept decoded never differs from the record, whatever happened.
func TestRecentIsWhatTheFileSays(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	local := time.Now().In(time.FixedZone("there", 3600)) // with a monotonic reading
	j := uploadJob(1)
	j.Snapshot.ModTime, j.Snapshot.ChangeTime, j.Seen = local, local, stored(local)
	j.Target.Dirs = []string{}
	j = enqueue(t, s, j, Queued)

	same := func() {
		t.Helper()
		k, _ := j.ID.key()

		kept, ok := s.recentJob(j.ID)
		if !ok {
			t.Fatal("the job is not kept")
		}

		var filed Job
		if err := s.view(func(tx *bolt.Tx) (err error) {
			filed, err = readJob(tx, k)
			return err
		}); err != nil {
			t.Fatal(err)
		}

		if !reflect.DeepEqual(filed, kept) {
			t.Errorf("kept is not what the file says:\n%+v\n%+v", kept, filed)
		}
	}
	same()

	size := j.Snapshot.Size
	for _, e := range []Event{
		Retry{At: local.Add(time.Hour), Reason: "r", Error: "e"}, RetryNow{},
		FolderFound{Folder: "f"}, Reserved{Object: "o"},
		Opened{UploadKey: "k", Expires: local.Add(time.Hour), PartSize: max(size, 1), Parts: 1},
		PartStored{Part: 1, Size: size, ETag: "e"}, AllStored{}, Assembled{},
		Intended{Intent: Intent{Kind: "item", Time: local}}, Published{Item: "i", Version: "v"},
	} {
		run(t, s, j.ID, e)
		same()
	}

	run(t, s, j.ID, Finished{Result: ResultCreated})
	same()
}

func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	r := recent{jobs: map[JobID]Job{}}
	many := func(phase Phase, end string) (jobs []Job) {
		for range 2 * keptRecent {
			jobs = append(jobs, Job{ID: NewJobID(), Phase: phase, End: end})
			r.keep(jobs[len(jobs)-1])
		}

		return jobs
	}
	want := func(what string, most int) {
		t.Helper()
		if len(r.jobs) != most {
			t.Errorf("with %s %d jobs are kept, want %d", what, len(r.jobs), most)
		}
	}
	queued := many(PhaseQueued, "")
	want("queued ones", keptRecent/2)
	r.listed(queued)
	want("those whose turn comes", keptRecent)

	running := Job{ID: NewJobID(), Phase: PhaseUploading}
	r.keep(running)
	if _, ok := r.jobs[running.ID]; !ok {
		t.Error("the one that runs is not kept")
	}

	want("one that runs", keptRecent)
	r = recent{jobs: map[JobID]Job{}}
	ended := many(PhaseDone, EndDone)
	want("those that ended", keptEnded)
	r.drop(ended[len(ended)-1].ID)
	want("one that is pruned", keptEnded-1)
}

// TestIndexTakesEveryChange: also one of the reason alone.
func TestIndexTakesEveryChange(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)
	for _, reason := range []string{"one", "two"} {
		run(t, s, j.ID, Parked{Reason: reason})
		if b := s.Backlog(); b.Attention[reason] != 1 || len(b.Attention) != 1 {
			t.Errorf("after %q: %+v", reason, b)
		}
	}
}

// TestGlanceReadsWhatEndsLikeThePath: a reason may be written by the end that it has in common with the
// name of the file.
func TestGlanceReadsWhatEndsLikeThePath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	j := uploadJob(1)
	j.Root, j.Rel = "w1", "a/outline"
	run(t, s, enqueue(t, s, j, Queued).ID, Parked{Reason: "offline"})
	s.Close()

	if b := openTest(t, path).Backlog(); b.Attention["offline"] != 1 {
		t.Errorf("%+v", b)
	}
}

// TestListedIsNotOlder: what is listed beside a commit in which more jobs end than are kept is not kept as it
// was before.
func TestListedIsNotOlder(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var jobs []Job
	for i := range 3 * keptEnded {
		jobs = append(jobs, uploadJob(i))
	}

	ids, _, err := s.EnqueueAll(jobs)
	if err != nil {
		t.Fatal(err)
	}

	stop := make(chan struct{})
	var lists, cancels sync.WaitGroup
	lists.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := s.Runnable(time.Now(), 0, nil); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for _, j := range ids {
		cancels.Go(func() {
			if _, err := s.Commit(j.ID, Cancel{}); err != nil {
				t.Error(err)
			}
		})
	}

	cancels.Wait()
	close(stop)
	lists.Wait()

	for _, j := range ids {
		if now, err := s.Job(j.ID); err != nil || now.Open() {
			t.Fatalf("a cancelled job is %+v, %v", now, err)
		}
	}
}

package state

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

// TestEnqueueMeetsAnOpenJob: every phase in which an open job can be, met by the same and by a
// newer snapshot.
func TestEnqueueMeetsAnOpenJob(t *testing.T) {
	reach := map[Phase]int{PhaseQueued: 0, PhaseReserved: 1, PhaseUploading: 3, PhaseUploaded: 6,
		PhaseCompleted: 7, PhasePublishing: 8, PhasePublished: 9}

	s := newStore(t)
	n := 0
	for phase, steps := range reach {
		n++
		j := enqueue(t, s, uploadJob(n), Queued)
		run(t, s, j.ID, uploadSteps[:steps]...)
		got := enqueue(t, s, uploadJob(n), Merged)
		if got.ID != j.ID || got.Phase != phase || got.Pending != nil {
			t.Errorf("%s, same snapshot: %+v", phase, got)
		}

		if phase != PhasePublished {
			commit(t, s, j.ID, Parked{Reason: "forbidden"})
		}

		newer := uploadJob(n)
		newer.Snapshot = snap(30, 1)
		got = enqueue(t, s, newer, Merged)
		if got.Attention || !got.Runnable(time.Now()) {
			t.Errorf("%s: a newer snapshot left it parked", phase)
		}

		if phase == PhaseQueued {
			if got.Snapshot != newer.Snapshot || got.Size != 30 || got.Pending != nil {
				t.Errorf("queued: did not take the snapshot: %+v", got)
			}

			continue
		}

		if got.Pending == nil || *got.Pending != newer.Snapshot || got.Snapshot != snap(25, 0) {
			t.Errorf("%s: pending %v", phase, got.Pending)
		}

		// However it goes on, the newer content gets a job.
		var end Job
		if steps < 8 {
			end = commit(t, s, j.ID, SourceChanged{Snapshot: snap(30, 1)})
		} else {
			end = run(t, s, j.ID, uploadSteps[steps:]...)
		}

		next, err := s.Job(end.Successor)
		if err != nil {
			t.Fatalf("%s: successor: %v", phase, err)
		}

		if next.Snapshot != newer.Snapshot || next.Phase != PhaseQueued ||
			next.Batch != j.Batch || next.Size != 30 {
			t.Errorf("%s: successor %+v", phase, next)
		}

		if again := enqueue(t, s, newer, Merged); again.ID != next.ID {
			t.Errorf("%s: enqueued once more it met %s, want %s", phase, again.ID, next.ID)
		}
	}
}

// TestSavedAllTheTime: that a file changes under its jobs goes over to the job of its newer state,
// whoever says so first.
func TestSavedAllTheTime(t *testing.T) {
	s := newStore(t)
	enqueue(t, s, uploadJob(1), Queued)
	again := uploadJob(1)
	again.Snapshot, again.Changes = snap(30, 1), 1
	j := enqueue(t, s, again, Merged)
	if j.Changes != 1 {
		t.Errorf("merged into a queued job: %d changes", j.Changes)
	}

	run(t, s, j.ID, Reserved{Object: "urn:o"}, Opened{UploadKey: "k", PartSize: 30, Parts: 1},
		PartStored{Part: 1, Size: 30, ETag: "e"}, AllStored{}, Assembled{}, Intended{})
	calm := uploadJob(1)
	calm.Snapshot = snap(31, 2)
	enqueue(t, s, calm, Merged)
	end := run(t, s, j.ID, Published{Item: "i", Version: "v", Number: 1}, Finished{Result: ResultCreated})
	if next, err := s.Job(end.Successor); err != nil || next.Changes != 1 {
		t.Errorf("its successor: %d changes, %v", next.Changes, err)
	}
}

func TestSourceChangedQueuesTheNext(t *testing.T) {
	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)
	run(t, s, j.ID, uploadSteps[:3]...)
	later := time.Now().Add(time.Hour)
	index := s.Index()
	end := commit(t, s, j.ID, SourceChanged{Snapshot: snap(30, 1), NotBefore: later})
	if s.Index() != index+1 {
		t.Errorf("it took %d commits", s.Index()-index)
	}

	next, err := s.Job(end.Successor)
	if err != nil {
		t.Fatal(err)
	}

	if end.End != EndSuperseded || next.Changes != 1 || !next.NextAttempt.Equal(later) ||
		next.Runnable(time.Now()) || next.Object != "" {
		t.Errorf("ended %+v\nnext %+v", end, next)
	}

	// The settled snapshot ends the wait.
	settled := uploadJob(1)
	settled.Snapshot = snap(31, 2)
	if got := enqueue(t, s, settled, Merged); got.ID != next.ID || !got.Runnable(time.Now()) ||
		got.Snapshot != settled.Snapshot {
		t.Errorf("settled: %+v", got)
	}

	gone := commit(t, s, next.ID, SourceChanged{Gone: true})
	if gone.End != EndFailed || gone.Reason != ReasonVanished || gone.Successor != "" {
		t.Errorf("gone: %+v", gone)
	}

	if jobs, err := s.OpenJobs(); err != nil || len(jobs) != 0 {
		t.Errorf("open jobs: %v, %v", jobs, err)
	}
}

func TestCancelledSnapshotIsUnwanted(t *testing.T) {
	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)
	commit(t, s, j.ID, Cancel{})
	enqueue(t, s, uploadJob(1), Unwanted)
	changed := uploadJob(1)
	changed.Snapshot = snap(26, 1)
	k := enqueue(t, s, changed, Queued)
	run(t, s, k.ID, uploadSteps[0])
	newest := uploadJob(1)
	newest.Snapshot = snap(27, 2)
	enqueue(t, s, newest, Merged)
	if end := commit(t, s, k.ID, Cancel{}); end.Successor != "" {
		t.Error("a cancelled job has a successor")
	}

	enqueue(t, s, newest, Unwanted)
	// Who asks for a cancelled job again wants it.
	again, v, err := s.Requeue(k.ID)
	if err != nil || v != Queued || again.Snapshot != newest.Snapshot || again.Force {
		t.Errorf("requeue: %+v, %s, %v", again, v, err)
	}

	// A push names the file: nothing is unwanted there.
	push := uploadJob(9)
	push.Root, push.Rel = "", ""
	p := enqueue(t, s, push, Queued)
	commit(t, s, p.ID, Cancel{})
	enqueue(t, s, push, Queued)
}

// TestForceEndsWithItsVersion: a newer content that waited for a forced job is compared again.
func TestForceEndsWithItsVersion(t *testing.T) {
	for name, c := range map[string]struct {
		steps []Event // after the newer content came
		force bool
	}{
		"published": {uploadSteps[2:], false},
		"unchanged": {[]Event{Unchanged{Item: "i", Version: "v1", Number: 1}}, false},
		"failed":    {[]Event{Failed{Reason: "refused", Error: "400"}}, true},
		"changed":   {[]Event{SourceChanged{Snapshot: snap(30, 3)}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			forced := uploadJob(1)
			forced.Force = true
			j := enqueue(t, s, forced, Queued)
			run(t, s, j.ID, uploadSteps[:2]...)

			newer := uploadJob(1)
			newer.Snapshot = snap(26, 1)
			enqueue(t, s, newer, Merged)
			run(t, s, j.ID, c.steps...)
			ended, err := s.Job(j.ID)
			if err != nil {
				t.Fatal(err)
			}

			if next, err := s.Job(ended.Successor); err != nil || next.Force != c.force {
				t.Errorf("successor of a job that %s: %+v, %v", ended.End, next, err)
			}
		})
	}
}

// TestRetryIsNotForced: a job that ended and is asked for again compares before it sends.
func TestRetryIsNotForced(t *testing.T) {
	s := newStore(t)
	forced := uploadJob(1)
	forced.Force = true
	j := enqueue(t, s, forced, Queued)
	run(t, s, j.ID, Failed{Reason: "refused", Error: "400"})
	if next, v, err := s.Requeue(j.ID); err != nil || v != Queued || next.Force {
		t.Errorf("%s, %+v, %v", v, next, err)
	}
}

func TestOneOpenJobToATarget(t *testing.T) {
	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)

	push := uploadJob(1) // the same file, named on the command line
	push.Root, push.Rel = "", ""
	if got := enqueue(t, s, push, Merged); got.ID != j.ID {
		t.Errorf("a push of the same file made job %s", got.ID)
	}

	other := uploadJob(2) // another file to the same place
	other.Target.Address = uploadJob(1).Target.Address
	if got := enqueue(t, s, other, Busy); got.ID != j.ID {
		t.Errorf("busy with %s, want %s", got.ID, j.ID)
	}

	moved := uploadJob(1) // the same file of the same watch, mapped elsewhere
	moved.Target.Address = "aps://Hub/Project/Elsewhere/1.dwg"
	if got := enqueue(t, s, moved, Merged); got.ID != j.ID || got.Target.Address != moved.Target.Address {
		t.Errorf("mapped anew: %+v", got)
	}

	enqueue(t, s, other, Queued) // the old place is free
	run(t, s, j.ID, uploadSteps[0])
	enqueue(t, s, uploadJob(1), Busy)

	jobs, verdicts, err := s.EnqueueAll([]Job{uploadJob(3), uploadJob(4), uploadJob(3)})
	if err != nil {
		t.Fatal(err)
	}

	if want := []Verdict{Queued, Queued, Merged}; !reflect.DeepEqual(verdicts, want) ||
		jobs[0].ID != jobs[2].ID {
		t.Errorf("got %v", verdicts)
	}
}

func TestEnqueueRefuses(t *testing.T) {
	s := newStore(t)
	rows := map[string]func(*Job){
		"no path":           func(j *Job) { j.Path = "" },
		"no target":         func(j *Job) { j.Target.Address = "" },
		"no rel in a watch": func(j *Job) { j.Rel = "" },
		"NUL":               func(j *Job) { j.Rel = "a\x00b" },
		"kind":              func(j *Job) { j.Kind = "sideways" },
		"id":                func(j *Job) { j.ID = "7" },
	}
	for name, spoil := range rows {
		j := uploadJob(1)
		spoil(&j)
		if _, _, err := s.Enqueue(j); err == nil {
			t.Errorf("%s: taken", name)
		}
	}

	j := enqueue(t, s, uploadJob(1), Queued)
	twice := uploadJob(2)
	twice.ID = j.ID
	if _, _, err := s.Enqueue(twice); err == nil {
		t.Error("an id was taken twice")
	}
}

func TestPublishedRecordDecides(t *testing.T) {
	s := newStore(t)
	rec := PublishedRecord{Root: "w1", Rel: "1.dwg", Remote: uploadJob(1).Target.Address,
		Snapshot: snap(25, 0)}
	if err := s.PutPublished(rec); err != nil {
		t.Fatal(err)
	}

	enqueue(t, s, uploadJob(1), Same)
	elsewhere := uploadJob(1)
	elsewhere.Target.Address = "aps://Hub/Project/Elsewhere/1.dwg"
	j := enqueue(t, s, elsewhere, Queued)
	commit(t, s, j.ID, Failed{Reason: "r"})
	touched := uploadJob(1)
	touched.Snapshot.ChangeTime = touched.Snapshot.ChangeTime.Add(time.Second)
	j = enqueue(t, s, touched, Queued) // the change time alone: the engine compares the content
	commit(t, s, j.ID, Unchanged{Record: &PublishedRecord{}})
	enqueue(t, s, touched, Same)
	enqueue(t, s, uploadJob(1), Queued)
}

// TestCommitOn: what was decided about one state of a file is nothing about another that a queued job has
// taken up.
func TestCommitOn(t *testing.T) {
	s := newStore(t)
	seen := enqueue(t, s, uploadJob(1), Queued)
	saved := uploadJob(1)
	saved.Snapshot = snap(30, 1)
	now := enqueue(t, s, saved, Merged)

	for _, e := range []Event{Reserved{Object: "urn:o"}, Parked{Reason: "content-doubtful"}, Unchanged{}} {
		if _, err := s.CommitOn(seen, e); !errors.Is(err, ErrOvertaken) {
			t.Errorf("%T: %v", e, err)
		}
	}

	j, err := s.Job(seen.ID)
	if err != nil || j.Phase != PhaseQueued || j.Attention || !j.Snapshot.Same(saved.Snapshot) {
		t.Errorf("%+v, %v", j, err)
	}

	now, err = s.CommitOn(now, Reserved{Object: "urn:o"})
	if err != nil || now.Phase != PhaseReserved {
		t.Fatalf("%+v, %v", now, err)
	}

	saved.Snapshot = snap(35, 2)
	if later := enqueue(t, s, saved, Merged); later.Pending == nil {
		t.Errorf("%+v", later)
	}

	if _, err := s.CommitOn(now, Opened{UploadKey: "key", PartSize: 10, Parts: 3}); err != nil {
		t.Errorf("of a job that has begun: %v", err)
	}
}

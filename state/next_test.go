package state

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sampleEvents has one good event of every type; uploads are of 25 bytes.
func sampleEvents() []Event {
	return []Event{
		FolderFound{Folder: "f"}, Reserved{Object: "o"},
		Opened{UploadKey: "k", Expires: epoch, PartSize: 10, Parts: 3},
		PartStored{Part: 1, Size: 10, ETag: "e"}, PartsLost{Parts: []int{1}}, SessionLost{},
		AllStored{}, Assembled{}, Intended{Intent: Intent{Kind: "item"}},
		Published{Item: "i", Version: "v", Number: 1},
		Finished{Result: ResultCreated}, Unchanged{}, SourceChanged{Snapshot: snap(30, 1)},
		Resolved{Version: "v", Object: "o", Size: 25},
		FetchStarted{ETag: "e", Temp: "t", PartSize: 10, Parts: 3},
		Verified{}, Placed{},
		Renamed{Item: "i", Version: "v", Number: 1}, Hidden{}, Dropped{Why: "taken"},
		Retry{At: epoch, Reason: "offline"}, Parked{Reason: "forbidden"}, Failed{Reason: "refused"},
		Pause{}, Resume{}, RetryNow{}, Cancel{},
	}
}

// at brings a new job to a phase by the events that lead there.
func at(t testing.TB, kind Kind, phase Phase) Job {
	t.Helper()
	j := uploadJob(1)
	j.ID, j.Kind, j.Phase, j.Size = "j", kind, PhaseQueued, 25
	steps := uploadSteps
	switch {
	case kind == Rename || kind == Hide || phase == PhaseRenaming:
		j.From = "old"
		steps = []Event{Intended{Intent: Intent{Kind: "item"}}}
	case kind == Download:
		steps = []Event{
			Resolved{Version: "v", Object: "o", Size: 25},
			FetchStarted{ETag: "e", Temp: "t", PartSize: 10, Parts: 3},
			PartStored{Part: 1, Size: 10}, PartStored{Part: 2, Size: 10}, PartStored{Part: 3, Size: 5},
			Verified{}, Placed{}, Finished{Result: ResultDownloaded},
		}
	}

	for _, e := range steps {
		if j.Phase == phase {
			return j
		}

		var err error
		if j, err = j.Next(e); err != nil {
			t.Fatal(err)
		}
	}

	if j.Phase != phase {
		t.Fatalf("%s never gets to %s", kind, phase)
	}

	return j
}

// TestWhichEventFitsWhichPhase is the whole table: phases and, for each, the events that fit and
// where they lead. All others must be refused.
func TestWhichEventFitsWhichPhase(t *testing.T) {
	const ends = Phase("(ends)")

	always := map[string]Phase{"retry": "", "parked": "", "failed": ends, "pause": "", "resume": "",
		"retry-now": "", "cancel": ends}
	rows := []struct {
		kind  Kind
		phase Phase
		fit   map[string]Phase // "" stays
	}{
		{Upload, PhaseQueued, map[string]Phase{"folder-found": "", "reserved": PhaseReserved,
			"unchanged": ends, "source-changed": ends}},
		{Upload, PhaseReserved, map[string]Phase{"folder-found": "", "reserved": "", "opened": PhaseUploading,
			"unchanged": ends, "source-changed": ends}},
		{Upload, PhaseUploading, map[string]Phase{"folder-found": "", "opened": "", "part-stored": "",
			"parts-lost": "", "session-lost": PhaseReserved, "unchanged": ends, "source-changed": ends}},
		{Upload, PhaseUploaded, map[string]Phase{"folder-found": "", "parts-lost": PhaseUploading,
			"session-lost": PhaseReserved, "assembled": PhaseCompleted, "unchanged": ends,
			"source-changed": ends}},
		{Upload, PhaseCompleted, map[string]Phase{"folder-found": "", "intended": PhasePublishing,
			"unchanged": ends, "source-changed": ends}},
		{Upload, PhasePublishing, map[string]Phase{"folder-found": "", "intended": "",
			"published": PhasePublished, "unchanged": ends}},
		{Upload, PhasePublished, map[string]Phase{"finished": ends, "cancel": "refused"}},
		{Upload, PhaseRenaming, map[string]Phase{"intended": "", "renamed": ends, "dropped": PhaseQueued}},
		{Rename, PhaseQueued,
			map[string]Phase{"folder-found": "", "intended": PhaseRenaming, "dropped": ends}},
		{Rename, PhaseRenaming, map[string]Phase{"folder-found": "", "intended": "", "renamed": ends,
			"dropped": ends}},
		{Hide, PhaseQueued, map[string]Phase{"folder-found": "", "intended": PhaseHiding, "dropped": ends}},
		{Hide, PhaseHiding, map[string]Phase{"folder-found": "", "intended": "", "hidden": ends,
			"dropped": ends}},
		{Download, PhaseQueued, map[string]Phase{"resolved": PhaseResolved, "unchanged": ends}},
		{Download, PhaseResolved, map[string]Phase{"resolved": "", "fetch-started": PhaseFetching,
			"unchanged": ends}},
		{Download, PhaseFetching, map[string]Phase{"part-stored": "", "parts-lost": "",
			"session-lost": PhaseResolved}},
		{Download, PhaseVerified, map[string]Phase{"parts-lost": PhaseFetching, "session-lost": PhaseResolved,
			"placed": PhasePlaced}},
		{Download, PhasePlaced, map[string]Phase{"finished": ends, "cancel": "refused"}},
	}
	for _, r := range rows {
		j := at(t, r.kind, r.phase)
		if r.phase == PhaseUploading {
			j.UploadKey, j.PartsDone, j.BytesDone = "k", 0, 0
		}

		if r.phase == PhaseFetching {
			j.PartsDone, j.BytesDone = 0, 0
		}

		for _, e := range sampleEvents() {
			want, fits := r.fit[e.event()]
			if !fits {
				want, fits = always[e.event()]
			}

			if want == "refused" {
				fits = false
			}

			got, err := j.Next(e)
			switch {
			case !fits:
				if _, ok := errors.AsType[*TransitionError](err); !ok || !reflect.DeepEqual(got, j) {
					t.Errorf("%s %s, %s: got phase %s, %v; want it refused", r.kind, r.phase, e.event(),
						got.Phase, err)
				}
			case err != nil:
				t.Errorf("%s %s, %s: %v", r.kind, r.phase, e.event(), err)
			case want == ends:
				if got.Open() {
					t.Errorf("%s %s, %s: still open in %s", r.kind, r.phase, e.event(), got.Phase)
				}
			case want == "":
				want = r.phase
				fallthrough
			default:
				if got.Phase != want || !got.Open() {
					t.Errorf("%s %s, %s: got %s %s, want %s", r.kind, r.phase, e.event(), got.Phase, got.End,
						want)
				}
			}
		}
	}

	for _, end := range []Event{Failed{Reason: "r"}, Cancel{}, SourceChanged{}, Unchanged{}} {
		j, err := at(t, Upload, PhaseReserved).Next(end)
		if err != nil {
			t.Fatal(err)
		}

		for _, e := range sampleEvents() {
			if got, err := j.Next(e); err == nil || !reflect.DeepEqual(got, j) {
				t.Errorf("after %s: %s was taken", end.event(), e.event())
			}
		}
	}

	if _, err := (Job{}).Next(nil); err == nil {
		t.Error("no event was taken")
	}
}

// TestGoneWhileItsNameIsTaken: a file that went while its create was refused for its name ends its job;
// in any other doubt a create may have had its effect, whatever became of the file.
func TestGoneWhileItsNameIsTaken(t *testing.T) {
	parked := func(reason string) Job {
		j, err := at(t, Upload, PhasePublishing).Next(Parked{Reason: reason})
		if err != nil {
			t.Fatal(err)
		}

		return j
	}

	got, err := parked(ReasonNameClash).Next(SourceChanged{Gone: true})
	if err != nil || got.Open() || got.Reason != ReasonVanished {
		t.Errorf("its name is taken: %v, open %v, %s", err, got.Open(), got.Reason)
	}

	tried, err := parked(ReasonNameClash).Next(RetryNow{})
	if err != nil {
		t.Fatal(err)
	}

	for name, j := range map[string]Job{"in doubt": at(t, Upload, PhasePublishing),
		"refused else": parked("refused"), "tried again": tried} {
		if _, err := j.Next(SourceChanged{Gone: true}); err == nil {
			t.Errorf("%s: it ended", name)
		}
	}

	if _, err := parked(ReasonNameClash).Next(SourceChanged{Snapshot: snap(30, 1)}); err == nil {
		t.Error("a file that changed and is there: it ended")
	}
}

func TestRefusedForWhatItSays(t *testing.T) {
	rows := []struct {
		name  string
		phase Phase
		e     Event
	}{
		{"no storage id", PhaseQueued, Reserved{}},
		{"no upload key", PhaseReserved, Opened{PartSize: 10, Parts: 3}},
		{"too few parts", PhaseReserved, Opened{UploadKey: "k", PartSize: 10, Parts: 2}},
		{"too many parts", PhaseReserved, Opened{UploadKey: "k", PartSize: 10, Parts: 4}},
		{"no part size", PhaseReserved, Opened{UploadKey: "k", Parts: 3}},
		{"part 0", PhaseUploading, PartStored{Part: 0, Size: 10}},
		{"part 4 of 3", PhaseUploading, PartStored{Part: 4, Size: 10}},
		{"more than the file", PhaseUploading, PartStored{Part: 1, Size: 26}},
		{"parts missing", PhaseUploading, AllStored{}},
		{"no version", PhasePublishing, Published{Item: "i"}},
		{"unknown result", PhasePublished, Finished{Result: "fine"}},
		{"parked without a reason", PhaseQueued, Parked{}},
		{"failed without a reason", PhaseQueued, Failed{}},
	}
	for _, r := range rows {
		j := at(t, Upload, r.phase)
		if _, err := j.Next(r.e); err == nil {
			t.Errorf("%s: taken", r.name)
		}
	}

	// An object store needs no intent, and takes none.
	j := at(t, Upload, PhaseCompleted)
	j.Target.Bucket = "b"
	if _, err := j.Next(Intended{}); err == nil {
		t.Error("intent for an object: taken")
	}

	if done, err := j.Next(Finished{Result: ResultCreated}); err != nil || done.End != EndDone {
		t.Errorf("object finished: %v, %v", done.End, err)
	}

	// A session opened anew under the same key keeps its parts.
	j = at(t, Upload, PhaseUploading)
	j.PartsDone, j.BytesDone = 1, 10
	if renewed, err := j.Next(Opened{UploadKey: "key", Expires: epoch.Add(time.Hour), PartSize: 10,
		Parts: 3}); err != nil || renewed.PartsDone != 1 ||
		!renewed.UploadExpires.Equal(epoch.Add(time.Hour)) {
		t.Errorf("renewed session: %+v, %v", renewed, err)
	}
}

func TestStatusAndRunnable(t *testing.T) {
	now := epoch
	rows := []struct {
		name     string
		j        Job
		active   bool
		want     Status
		runnable bool
	}{
		{"new", Job{}, false, StatusQueued, true},
		{"running", Job{}, true, StatusActive, true},
		{"later", Job{NextAttempt: now.Add(1)}, false, StatusWaiting, false},
		{"just now", Job{NextAttempt: now}, false, StatusQueued, true},
		{"parked", Job{Attention: true}, false, StatusAttention, false},
		{"parked, tried later", Job{Attention: true, NextAttempt: now.Add(1)}, false, StatusAttention, false},
		{"parked, tried now", Job{Attention: true, NextAttempt: now}, false, StatusAttention, true},
		{"parked and running", Job{Attention: true, NextAttempt: now}, true, StatusActive, true},
		{"paused", Job{Paused: true, Attention: true}, true, StatusPaused, false},
		{"done", Job{End: EndDone}, true, StatusDone, false},
		{"failed", Job{End: EndFailed}, false, StatusFailed, false},
		{"cancelled", Job{End: EndCancelled}, false, StatusCancelled, false},
		{"superseded", Job{End: EndSuperseded}, false, StatusCancelled, false},
	}
	for _, r := range rows {
		if got := r.j.Status(r.active, now); got != r.want {
			t.Errorf("%s: status %s, want %s", r.name, got, r.want)
		}

		if got := r.j.Runnable(now); got != r.runnable {
			t.Errorf("%s: runnable %v, want %v", r.name, got, r.runnable)
		}
	}
}

func TestWaitsAndProgress(t *testing.T) {
	j := at(t, Upload, PhaseReserved)
	step := func(e Event) {
		t.Helper()
		var err error
		if j, err = j.Next(e); err != nil {
			t.Fatal(err)
		}
	}
	step(Retry{At: epoch.Add(time.Hour), Reason: "offline", Error: "no route"})
	step(Parked{Reason: "forbidden", Error: "403", At: epoch.Add(2 * time.Hour)})
	if !j.Attention || j.Attempts != 2 || j.Streak != 2 || j.Reason != "forbidden" ||
		!j.NextAttempt.Equal(epoch.Add(2*time.Hour)) {
		t.Errorf("parked: %+v", j)
	}

	step(Opened{UploadKey: "k", PartSize: 10, Parts: 3})
	if j.Attention || j.Attempts != 2 || j.Streak != 0 || j.Reason != "" || !j.NextAttempt.IsZero() {
		t.Errorf("after progress: %+v", j)
	}

	step(Retry{At: epoch, Reason: "offline"})
	step(Retry{At: epoch, Reason: "offline"})
	if j.Streak != 2 || j.Failures("offline") != 2 || j.Failures("forbidden") != 0 {
		t.Errorf("after two alike: %+v", j)
	}

	step(Retry{At: epoch, Reason: "service-error"})
	if j.Streak != 3 || j.Failures("service-error") != 1 || j.Failures("offline") != 0 {
		t.Errorf("after another one: %+v", j)
	}

	step(RetryNow{})
	if j.Streak != 0 || j.Reason != "" || !j.NextAttempt.IsZero() {
		t.Errorf("after retry-now: %+v", j)
	}
}

// TestRandomEventsKeepInvariants throws random events, good and bad, at a job.
func TestRandomEventsKeepInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{Upload, Download}).Draw(t, "kind")
		j := uploadJob(1)
		j.ID, j.Kind, j.Phase = "j", kind, PhaseQueued
		j.Size = rapid.Int64Range(0, 60).Draw(t, "size")
		j.Doubt = rapid.Bool().Draw(t, "doubt")
		if rapid.Bool().Draw(t, "oss") {
			j.Target.Bucket = "b"
		}

		phases := []Phase{PhaseQueued, PhaseReserved, PhaseUploading, PhaseUploaded, PhaseCompleted,
			PhasePublishing, PhasePublished, PhaseDone}
		if kind == Download {
			phases = []Phase{PhaseQueued, PhaseResolved, PhaseFetching, PhaseVerified, PhasePlaced, PhaseDone}
		}

		stored := map[int]int64{}
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			e := drawEvent(t, j, stored)
			before := j
			after, err := j.Next(e)
			if err != nil {
				if !reflect.DeepEqual(after, before) {
					t.Fatalf("%s was refused and changed the job", e.event())
				}

				continue
			}

			if !reflect.DeepEqual(j, before) {
				t.Fatalf("%s changed the job it was asked on", e.event())
			}

			j = after

			switch e := e.(type) {
			case PartStored:
				stored[e.Part] = e.Size
			case PartsLost:
				for _, n := range e.Parts {
					delete(stored, n)
				}
			case SessionLost:
				clear(stored)
			}

			from, to := slices.Index(phases, before.Phase), slices.Index(phases, j.Phase)
			_, lost := e.(PartsLost)
			_, session := e.(SessionLost)

			var sum int64
			for _, n := range stored {
				sum += n
			}

			switch {
			case before.End != "":
				t.Fatalf("%s was taken after the end", e.event())
			case to < 0:
				t.Fatalf("phase %s is not one of a %s", j.Phase, kind)
			case to < from && !lost && !session:
				t.Fatalf("%s went back from %s to %s", e.event(), before.Phase, j.Phase)
			case (j.End == EndDone) != (j.Phase == PhaseDone) || (j.Result != "") != (j.Phase == PhaseDone):
				t.Fatalf("end %q, result %q in phase %s", j.End, j.Result, j.Phase)
			case j.End != "" && j.Runnable(time.Now()):
				t.Fatal("an ended job is runnable")
			case j.End != "" && j.Paused:
				t.Fatal("an ended job is paused")
			case j.PartsDone != len(stored) || j.BytesDone != sum:
				t.Fatalf("%d parts, %d bytes counted; %d, %d stored", j.PartsDone, j.BytesDone, len(stored),
					sum)
			case j.PartsDone > j.PartsTotal || j.BytesDone > max(j.Size, 0):
				t.Fatalf("%d of %d parts, %d of %d bytes", j.PartsDone, j.PartsTotal, j.BytesDone, j.Size)
			case kind == Upload && to >= slices.Index(phases, PhaseUploaded) && j.Result != ResultUnchanged &&
				(j.PartsDone != j.PartsTotal || j.BytesDone != j.Size || j.Object == ""):
				t.Fatalf("%s with %d of %d parts", j.Phase, j.PartsDone, j.PartsTotal)
			case j.Phase == PhasePublished && (j.Version == "" || j.Intent == nil):
				t.Fatal("published without a version or an intent")
			case j.Doubt && j.Open() && to > 0:
				t.Fatal("in doubt after the look")
			case j.Attention && j.Reason == "":
				t.Fatal("parked without a reason")
			}

			// What the file keeps is the job.
			if read, err := decodeJob(j.ID, encodeJob(j)); err != nil || !reflect.DeepEqual(read, j) {
				t.Fatalf("read back: %+v, %v\nwant %+v", read, err, j)
			}
		}
	})
}

// drawEvent draws an event that fits half of the time. Events about parts say what is stored, as
// the store does.
func drawEvent(t *rapid.T, j Job, stored map[int]int64) Event {
	partSize := rapid.Int64Range(1, 30).Draw(t, "part size")
	parts := int((max(j.Size, 1)-1)/partSize + 1)
	if rapid.IntRange(0, 9).Draw(t, "wrong plan") == 0 {
		parts++
	}

	part := rapid.IntRange(0, max(1, j.PartsTotal)+1).Draw(t, "part")
	size := j.PartSize
	if part == j.PartsTotal && part > 0 {
		size = j.Size - int64(part-1)*j.PartSize
	}

	was, again := stored[part]
	lost := PartsLost{Parts: []int{part}, counted: true, bytes: was}
	if again {
		lost.count = 1
	}

	events := append(sampleEvents(),
		Opened{UploadKey: "k", PartSize: partSize, Parts: parts},
		FetchStarted{PartSize: partSize, Parts: parts},
		PartStored{Part: part, Size: size, again: again, was: was},
		PartStored{Part: part, Size: size, again: again, was: was},
		PartStored{Part: part, Size: size, again: again, was: was}, AllStored{}, AllStored{}, Verified{},
		Verified{}, Assembled{}, Placed{})
	for i, e := range events {
		switch e := e.(type) {
		case PartStored:
			w, a := stored[e.Part]
			e.again, e.was = a, w
			events[i] = e
		case PartsLost:
			events[i] = lost
		case Resolved:
			e.Size = j.Size
			events[i] = e
		}
	}

	return rapid.SampledFrom(events).Draw(t, "event")
}

package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// endings are jobs that come to their end in each of the ways that differ in what a row holds.
func endings() map[string]struct {
	job   Job
	steps []Event
} {
	type way = struct {
		job   Job
		steps []Event
	}
	bucket := uploadJob(2)
	bucket.Root, bucket.Rel = PathRoot+"0123456789", "2026/a b.dwg"
	bucket.Target = Target{Address: "oss://drawings/2026/a b.dwg", Bucket: "drawings", Key: bucket.Rel,
		Name: "a b.dwg"}
	down := Job{Kind: Download, Path: "/plans/b.dwg", Root: PathRoot + "1", Rel: "Files/b.dwg",
		Profile: "other",
		Target: Target{Address: "aps://Hub/Project/Files/b.dwg", Project: "b.1",
			Folder: "urn:folder", Name: "b.dwg"}}
	empty := uploadJob(4)
	empty.Snapshot = snap(0, 0)

	return map[string]way{
		"an item": {uploadJob(1), uploadSteps},
		"an object": {bucket, []Event{Reserved{Object: "urn:adsk.objects:os.object:drawings/2026%2Fa b.dwg"},
			Retry{Reason: "offline", Error: "no route", At: epoch}, RetryNow{}, uploadSteps[1],
			uploadSteps[2], uploadSteps[3], uploadSteps[4], AllStored{}, Assembled{},
			Finished{Result: ResultVersioned, Record: &PublishedRecord{}}}},
		"unchanged": {uploadJob(3), []Event{Unchanged{Item: "urn:i", Version: "urn:v", Number: 3}}},
		"empty": {empty, []Event{Reserved{Object: "urn:o"}, Opened{UploadKey: "k", PartSize: 10, Parts: 1},
			PartStored{Part: 1, ETag: "e"}, AllStored{}, Assembled{}, uploadSteps[7], uploadSteps[8],
			Finished{Result: ResultCreated, Record: &PublishedRecord{}}}},
		"a download": {down, []Event{Resolved{Item: "urn:i", Version: "urn:v", Number: 2,
			Object: "urn:o", Size: 10, SHA1: "ab"},
			FetchStarted{ETag: "e", Temp: "/plans/.tmp", PartSize: 10, Parts: 1},
			PartStored{Part: 1, Size: 10}, Verified{SHA1: "ab", Snapshot: snap(10, 0)},
			Placed{Snapshot: snap(10, 0)}, Finished{Result: ResultDownloaded, Record: &PublishedRecord{}}}},
	}
}

// TestRowsTellWhatTheJobWas: whatever way a job came to its end, all that reads it finds what the
// commit returned and the lines that were written, also after the start of a new process.
func TestRowsTellWhatTheJobWas(t *testing.T) {
	for name, way := range endings() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			s := openTest(t, path)
			j := enqueue(t, s, way.job, Queued)
			open := run(t, s, j.ID, way.steps[:len(way.steps)-1]...)
			before, err := s.History(j.ID)
			if err != nil && open.Open() {
				t.Fatal(err)
			}

			done := commit(t, s, j.ID, way.steps[len(way.steps)-1])
			for range 2 {
				read, err := s.Job(j.ID)
				if err != nil || !reflect.DeepEqual(read, done) {
					t.Errorf("read back\n got %+v, %v\nwant %+v", read, err, done)
				}

				if last, found, err := s.LastJob(way.job.Path); err != nil || !found || last.ID != j.ID {
					t.Errorf("the last job of its path: %+v, %v, %v", last, found, err)
				}

				for part, want := range map[string]int{strings.ToUpper(filepath.Base(way.job.Path)): 1,
					"nowhere": 0} {
					if found, err := s.Jobs(Filter{Path: part}); err != nil || len(found) != want {
						t.Errorf("search for %q: %d jobs, %v", part, len(found), err)
					}
				}

				lines, err := s.History(j.ID)
				if err != nil || len(lines) != len(before)+1 || !lines[len(before)].Time.Equal(done.Ended) {
					t.Fatalf("history: %+v, %v; before its end %+v", lines, err, before)
				}

				for i, l := range before {
					if apart := lines[i].Time.Sub(l.Time).Abs(); apart > time.Millisecond ||
						lines[i].Event != l.Event ||
						lines[i].Detail != l.Detail {
						t.Errorf("line %d: got %+v, want %+v", i, lines[i], l)
					}
				}

				s.Close()
				if r, err := Check(path); err != nil || !r.Sound() || r.Jobs != 1 {
					t.Errorf("check: %+v, %v", r, err)
				}

				s = openTest(t, path)
			}
		})
	}
}

// TestOpenAndDoneAreListedTogether, in the order of their ids.
func TestOpenAndDoneAreListedTogether(t *testing.T) {
	s := newStore(t)
	var want []JobID
	for i := range 9 {
		j := enqueue(t, s, uploadJob(i), Queued)
		if i%3 > 0 {
			run(t, s, j.ID, uploadSteps...)
		}

		want = append(want, j.ID)
	}

	ids := func(f Filter) (out []JobID) {
		jobs, err := s.Jobs(f)
		if err != nil {
			t.Fatal(err)
		}

		for _, j := range jobs {
			out = append(out, j.ID)
		}

		return out
	}
	if got := ids(Filter{}); !slices.Equal(got, want) {
		t.Errorf("all: %v, want %v", got, want)
	}

	if got := ids(Filter{After: want[3], Limit: 3}); !slices.Equal(got, want[4:7]) {
		t.Errorf("after: %v, want %v", got, want[4:7])
	}

	if got, back := ids(Filter{Newest: true, Limit: 4}), slices.Clone(want[5:]); true {
		if slices.Reverse(back); !slices.Equal(got, back) {
			t.Errorf("the newest: %v, want %v", got, back)
		}
	}

	if got := ids(Filter{Status: []Status{StatusDone}}); len(got) != 6 {
		t.Errorf("done: %v", got)
	}

	for _, id := range want {
		if j, err := s.FindJob(string(id[20:])); err != nil || j.ID != id {
			t.Errorf("by its end: %v, %v", j.ID, err)
		}
	}

	if c := s.Counts(nil, time.Now()); c.Done != 6 || c.Queued != 3 {
		t.Errorf("counts: %+v", c)
	}
}

// TestRowsAreBounded: the oldest go when there are too many or when they are too old, but nobody who
// still waits for a job misses it.
func TestRowsAreBounded(t *testing.T) {
	const old = 2 * keptForAsking
	for _, tt := range []struct {
		name string
		kept keptFor
		ago  time.Duration // when the first half ended
		want int           // rows at the end, of 10
	}{
		{"few and new", keptFor{100, HistoryAge}, 0, 10},
		{"too many", keptFor{7, HistoryAge}, old, 7},
		{"too many within the hour", keptFor{1, HistoryAge}, 0, 10},
		{"too old", keptFor{100, old - 1}, old, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			s.kept = keptFor{1000, 100 * 365 * 24 * time.Hour}
			var jobs []Job
			for i := range 10 {
				if i == 5 {
					backdate(t, s, jobs, tt.ago)
					s.kept = tt.kept
				}

				j := enqueue(t, s, uploadJob(i), Queued)
				jobs = append(jobs, run(t, s, j.ID, Unchanged{}))
			}

			left, err := s.Jobs(Filter{})
			if err != nil || len(left) != tt.want || s.Counts(nil, time.Now()).Done != tt.want {
				t.Errorf("%d are left, %v; counts %+v", len(left), err, s.Counts(nil, time.Now()))
			}

			for i, j := range jobs {
				_, err := s.Job(j.ID)
				if gone := i < len(jobs)-tt.want; errors.Is(err, ErrNotFound) != gone {
					t.Errorf("job %d: %v", i, err)
				}

				if _, found, err := s.LastJob(j.Path); err != nil || found != (i >= len(jobs)-tt.want) {
					t.Errorf("the last job of path %d: found %v, %v", i, found, err)
				}
			}
		})
	}
}

// backdate makes jobs that are done look as if they had been made and ended earlier.
func backdate(t *testing.T, s *Store, jobs []Job, by time.Duration) {
	t.Helper()
	err := s.update(func(tx *writeTx) error {
		for i := range jobs {
			j := &jobs[i]
			k, _ := j.ID.key()
			if err := tx.delete(bucketDone, k); err != nil {
				return err
			}

			made := j.Created.Add(time.Duration(i-len(jobs)) - by) // in order, however coarse the clock is
			j.ID = idOf(append(seqKey(uint64(made.UnixNano())), k[8:]...))
			j.Created, j.Updated, j.Ended = made, made, made
			k, _ = j.ID.key()
			if err := errors.Join(tx.put(bucketPaths, pathKey(j.Path), k),
				tx.putRow(k, *j, nil, nil)); err != nil {
				return err
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTwoPathsOfOneKey: the job of another path is never taken for that of the path that is asked for.
func TestTwoPathsOfOneKey(t *testing.T) {
	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)
	k, _ := j.ID.key()
	if err := s.update(func(tx *writeTx) error {
		return tx.put(bucketPaths, pathKey("/other"), k)
	}); err != nil {
		t.Fatal(err)
	}

	if last, found, err := s.LastJob("/other"); found || err != nil {
		t.Errorf("found %+v, %v", last, err)
	}
}

// TestOneSharedRecordAFolder: what the jobs of a folder have in common is there once; when another
// record has its key by chance, a row has all of its own.
func TestOneSharedRecordAFolder(t *testing.T) {
	s := newStore(t)
	for i := range 3 {
		run(t, s, enqueue(t, s, uploadJob(i), Queued).ID, uploadSteps...)
	}

	clash := uploadJob(4)
	clash.Root = "w2"
	shared := encodeRecord(sharedRecord{Root: "w2", Project: "b.1"}, "")
	if err := s.update(func(tx *writeTx) error {
		return tx.put(bucketShared, sharedKey(shared), encodeRecord(sharedRecord{Root: "other"}, ""))
	}); err != nil {
		t.Fatal(err)
	}

	done := run(t, s, enqueue(t, s, clash, Queued).ID, uploadSteps...)
	if j, err := s.Job(done.ID); err != nil || !reflect.DeepEqual(j, done) {
		t.Errorf("got %+v, %v\nwant %+v", j, err, done)
	}

	if err := s.view(func(tx *bolt.Tx) error {
		if n := tx.Bucket(bucketShared).Stats().KeyN; n != 2 {
			t.Errorf("%d shared records, want 2", n)
		}

		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestRowWithoutItsReceipt: damage of one receipt costs the rows that need it, and a repair drops
// those alone.
func TestRowWithoutItsReceipt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	var ids []JobID
	for i := range 3 {
		ids = append(ids, run(t, s, enqueue(t, s, uploadJob(i), Queued).ID, uploadSteps...).ID)
	}

	if err := s.update(func(tx *writeTx) error {
		tx.wrote = true
		return tx.Bucket(bucketReceipts).Put(seqKey(2), []byte("nonsense"))
	}); err != nil {
		t.Fatal(err)
	}

	s.mu.Lock()
	s.recent.drop(ids[1]) // as after a start
	s.mu.Unlock()

	if _, err := s.Job(ids[1]); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("the job of a damaged receipt: %v", err)
	}

	for _, key := range []string{"a", "b"} { // so that no older commit has it any more
		if err := s.SetMeta(key, ""); err != nil {
			t.Fatal(err)
		}
	}

	s.Close()
	if r, err := Check(path); err != nil || r.Sound() {
		t.Errorf("check: %+v, %v", r, err)
	}

	if err := os.Remove(path + BackupSuffix); err != nil {
		t.Fatal(err)
	}

	if r, err := Repair(path); err != nil || !r.Repaired {
		t.Fatal(r, err)
	}

	s = openTest(t, path)
	for i, id := range ids {
		if _, err := s.Job(id); (err == nil) != (i != 1) {
			t.Errorf("after the repair, job %d: %v", i, err)
		}
	}

	if c := s.Counts(nil, time.Now()); c.Done != 2 {
		t.Errorf("counts: %+v", c)
	}

	s.Close()
	if r, err := Check(path); err != nil || !r.Sound() {
		t.Errorf("after the repair: %v, %v", r.Problems, err)
	}
}

// TestLinesComeBack: history of whatever events, with a clock that is set back.
func TestLinesComeBack(t *testing.T) {
	j := Job{Created: epoch, Ended: epoch.Add(1234567 * time.Microsecond), Object: "urn:o",
		PartsTotal: 3, PartSize: 5}
	var lines []historyRecord
	for i := range keptHistory + 10 {
		lines = append(lines, historyRecord{Time: epoch.Add(time.Duration(i%7-3) * time.Hour),
			Event:  append(slices.Clone(lineEvents[1:]), "something-new")[i%len(lineEvents)],
			Detail: []string{"", "urn:o", "a text", "3 parts of 5 bytes"}[i%4]})
	}

	got, err := unpackLines(j, packLines(j, lines))
	if err != nil {
		t.Fatal(err)
	}

	for i, l := range lines[10:] {
		if fmt.Sprint(got[i]) != fmt.Sprint(HistoryLine(l)) {
			t.Fatalf("line %d: got %+v, want %+v", i, got[i], l)
		}
	}
}

// TestSearchPassesReceiptsInAnyOrder: of several blocks, and numbers under which nothing lies.
func TestSearchPassesReceiptsInAnyOrder(t *testing.T) {
	s := newStore(t)
	var all []JobID
	for i := range 8 {
		all = append(all, enqueue(t, s, uploadJob(i), Queued).ID)
	}

	steps := append(slices.Clone(uploadSteps[:9]),
		Finished{Result: ResultCreated, Record: &PublishedRecord{}})
	for _, i := range []int{5, 0, 7, 2, 4, 1, 6, 3} {
		run(t, s, all[i], steps...)
	}

	err := s.view(func(tx *bolt.Tx) error {
		paths := newSearch(tx, "DRAWINGS/")
		for _, number := range []uint64{8, 1, 9, searchRun, 3*searchRun + 1, 2} {
			want, err := findReceipt(tx, number)
			if got := paths.ofReceipt(number); got != want.Path || (err == nil) != (number <= 8) {
				t.Errorf("receipt %d: %q, want %q, %v", number, got, want.Path, err)
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	for i, id := range all {
		part := filepath.Base(uploadJob(i).Path)
		if found, err := s.Jobs(Filter{Path: part, Newest: i%2 == 0}); err != nil || len(found) != 1 ||
			found[0].ID != id {
			t.Errorf("%s: %d jobs, %v", part, len(found), err)
		}
	}
}

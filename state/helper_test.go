package state

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"
)

// openTest opens the state in a folder of its own and closes it at the end.
func openTest(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})

	return s
}

func newStore(t testing.TB) *Store {
	t.Helper()
	return openTest(t, filepath.Join(t.TempDir(), "state.db"))
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)

func snap(size int64, n int) Snapshot {
	return Snapshot{Size: size, ModTime: epoch.Add(time.Duration(n)), ChangeTime: epoch.Add(time.Duration(n)),
		FileID: "1:2"}
}

// uploadJob is a drawing of a watch, of 25 bytes.
func uploadJob(n int) Job {
	return Job{
		Kind: Upload, Root: "w1", Path: filepath.FromSlash(fmt.Sprintf("/plans/%d.dwg", n)),
		Rel: fmt.Sprintf("%d.dwg", n),
		Target: Target{Address: fmt.Sprintf("aps://Hub/Project/Files/%d.dwg", n), Project: "b.1",
			Name: fmt.Sprintf("%d.dwg", n)},
		Snapshot: snap(25, 0), Batch: "b1",
	}
}

func enqueue(t testing.TB, s *Store, j Job, want Verdict) Job {
	t.Helper()
	got, v, err := s.Enqueue(j)
	if err != nil {
		t.Fatal(err)
	}

	if v != want {
		t.Fatalf("enqueue %s: got %s, want %s", j.Path, v, want)
	}

	return got
}

func commit(t testing.TB, s *Store, id JobID, events ...Event) Job {
	t.Helper()
	j, err := s.Commit(id, events...)
	if err != nil {
		t.Fatal(err)
	}

	return j
}

// events up to each phase of an upload of 25 bytes in 3 parts.
var uploadSteps = []Event{
	Reserved{Object: "urn:o"},
	Opened{UploadKey: "key", Expires: epoch.Add(24 * time.Hour), PartSize: 10, Parts: 3},
	PartStored{Part: 2, Size: 10, ETag: "e2"},
	PartStored{Part: 1, Size: 10, ETag: "e1", MD5: "m1"},
	PartStored{Part: 3, Size: 5, ETag: "e3"},
	AllStored{},
	Assembled{},
	Intended{Intent: Intent{Kind: "item", Parent: "folder", Name: "1.dwg", Time: epoch}},
	Published{Item: "urn:item", Version: "urn:version", Number: 1},
	Finished{Result: ResultCreated, Record: &PublishedRecord{}, Receipt: []byte(`{"sha256":"abc","seq":99}`)},
}

// run commits the steps one by one.
func run(t testing.TB, s *Store, id JobID, steps ...Event) Job {
	t.Helper()

	var j Job
	for _, e := range steps {
		j = commit(t, s, id, e)
	}

	return j
}

package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestDirs(t *testing.T) {
	s := newStore(t)
	put := func(folder, first, data string) DirChange {
		return DirChange{Folder: folder, Put: []DirChunk{{first, []byte(data)}}}
	}
	err := s.UpdateDirs("w", []DirChange{put("", "", "root"), put("a", "", "a1"), put("a", "m", "a2"),
		put("a/b", "", "ab"), put("ab", "", "x")})
	if err != nil {
		t.Fatal(err)
	}

	if err := s.UpdateDirs("w2", []DirChange{put("a", "", "other")}); err != nil {
		t.Fatal(err)
	}

	check := func(folder string, want ...string) {
		t.Helper()
		chunks, err := s.DirChunks("w", folder)
		if err != nil {
			t.Fatal(err)
		}

		var got []string
		for _, c := range chunks {
			got = append(got, c.First+"="+string(c.Data))
		}

		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v", folder, got, want)
		}
	}
	check("", "=root")
	check("a", "=a1", "m=a2")
	check("a/b", "=ab")
	err = s.UpdateDirs("w", []DirChange{
		{Folder: "a", Delete: []string{"m"}, Put: []DirChunk{{"", []byte("new")}}},
		{Folder: "ab", Delete: []string{"", "none"}},
	})
	if err != nil {
		t.Fatal(err)
	}

	check("a", "=new")
	check("a/b", "=ab")
	check("ab")
	if err := s.UpdateDirs("w", []DirChange{put("a", "", string(make([]byte, maxChunk+1)))}); err == nil {
		t.Error("a chunk that is too long was taken")
	}

	if err := s.DropRoot("w"); err != nil {
		t.Fatal(err)
	}

	check("a/b")
	if chunks, err := s.DirChunks("w2", "a"); err != nil || len(chunks) != 1 {
		t.Errorf("another root: %v, %v", chunks, err)
	}
}

func TestPublished(t *testing.T) {
	s := newStore(t)

	var recs []PublishedRecord
	for i := range 5 {
		recs = append(recs, PublishedRecord{Root: "w", Rel: fmt.Sprint(i), Remote: "aps://x",
			Version: fmt.Sprint("v", i), Snapshot: snap(1, i), At: epoch, ETags: []string{"e"}})
	}

	for n := range 100 {
		recs[4].ETags = append(recs[4].ETags, fmt.Sprint(n))
	}

	if err := s.PutPublished(recs...); err != nil {
		t.Fatal(err)
	}

	got, ok, err := s.Published("w", "3")
	if err != nil || !ok || !reflect.DeepEqual(got, recs[3]) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}

	if got, _, _ := s.Published("w", "4"); got.ETags != nil {
		t.Errorf("101 ETags: %+v", got)
	}

	if _, ok, err := s.Published("w", "9"); ok || err != nil {
		t.Errorf("absent: %v, %v", ok, err)
	}

	page, err := s.PublishedIn("w", "1", 2)
	if err != nil || len(page) != 2 || page[0].Rel != "2" || page[1].Rel != "3" {
		t.Errorf("page %+v, %v", page, err)
	}

	if all, err := s.PublishedIn("w", "", 0); err != nil || len(all) != 5 {
		t.Errorf("all %d, %v", len(all), err)
	}
}

// TestEachPublished: every record once, in order, however many there are, and none of another root.
func TestEachPublished(t *testing.T) {
	for _, n := range []int{0, 1, publishedAtOnce, publishedAtOnce + 1, 2 * publishedAtOnce} {
		s := newStore(t)

		recs := []PublishedRecord{{Root: "v", Rel: "a", Snapshot: snap(1, 1)},
			{Root: "x", Rel: "a", Snapshot: snap(1, 1)}}
		for i := range n {
			recs = append(recs, PublishedRecord{Root: "w", Rel: fmt.Sprintf("%06d", i), Snapshot: snap(1, 1)})
		}

		if err := s.PutPublished(recs...); err != nil {
			t.Fatal(err)
		}

		i := 0
		err := s.EachPublished("w", func(r PublishedRecord) error {
			if r.Root != "w" || r.Rel != fmt.Sprintf("%06d", i) {
				t.Errorf("record %d of %d is %s of %s", i, n, r.Rel, r.Root)
			}

			i++

			return nil
		})
		if err != nil || i != n {
			t.Errorf("%d of %d, %v", i, n, err)
		}

		stop := errors.New("enough")
		if err := s.EachPublished("w", func(PublishedRecord) error { return stop }); n > 0 &&
			!errors.Is(err, stop) {
			t.Errorf("not ended: %v", err)
		}
	}
}

func TestIntentsAndMeta(t *testing.T) {
	s := newStore(t)
	if err := s.PutIntent("", nil); err == nil || strings.Contains(err.Error(), "%!") {
		t.Errorf("an empty key: %v", err)
	}

	if _, ok, err := s.Intent("k"); ok || err != nil {
		t.Error(ok, err)
	}

	if err := s.PutIntent("k", []byte("v")); err != nil {
		t.Fatal(err)
	}

	if v, ok, err := s.Intent("k"); !ok || err != nil || string(v) != "v" {
		t.Error(v, ok, err)
	}

	if err := s.DeleteIntent("k"); err != nil {
		t.Fatal(err)
	}

	if _, ok, _ := s.Intent("k"); ok {
		t.Error("a deleted intent is there")
	}

	if err := s.PutIntent("", nil); err == nil {
		t.Error("an intent without a key was taken")
	}

	if err := s.SetMeta("schema", "99"); err != nil {
		t.Fatal(err)
	}

	if v, ok, err := s.Meta("schema"); !ok || err != nil || v != "99" {
		t.Error(v, ok, err)
	}

	if err := s.view(func(tx *bolt.Tx) error {
		v, err := schemaVersion(tx, "")
		if v != len(migrations) {
			t.Errorf("SetMeta changed the schema version to %d", v)
		}

		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := newStore(t)
	a := enqueue(t, s, uploadJob(1), Queued)

	j := enqueue(t, s, uploadJob(2), Queued)
	b := enqueue(t, s, uploadJob(3), Queued)
	for i := range keptHistory + 50 {
		commit(t, s, j.ID, Retry{At: epoch, Reason: "r", Error: fmt.Sprint(i)}, RetryNow{})
	}

	lines, err := s.History(j.ID)
	if err != nil || len(lines) != keptHistory {
		t.Fatalf("%d lines, %v", len(lines), err)
	}

	if last := lines[keptHistory-2]; last.Detail != fmt.Sprintf("r: %d", keptHistory+49) {
		t.Errorf("the newest retry is %q", last.Detail)
	}

	for _, id := range []JobID{a.ID, b.ID} {
		if lines, err := s.History(id); err != nil || len(lines) != 1 {
			t.Errorf("a neighbour has %d lines, %v", len(lines), err)
		}
	}
}

// TestEndedJobsArePruned fills the list of ended jobs beyond what is kept, with ends long ago.
func TestEndedJobsArePruned(t *testing.T) {
	s := newStore(t)
	s.kept.jobs = 100
	old := enqueue(t, s, uploadJob(1), Queued)
	recent := enqueue(t, s, uploadJob(2), Queued)
	commit(t, s, old.ID, Cancel{})
	err := s.update(func(tx *writeTx) error {
		for range s.kept.jobs {
			seq, err := tx.Bucket(bucketEnded).NextSequence()
			if err != nil {
				return err
			}

			v := fmt.Appendf(nil, `{"id":%q,"end":"cancelled","time":%q}`, NewJobID(),
				time.Now().Add(-2*keptForAsking).Format(time.RFC3339))
			if err := tx.put(bucketEnded, seqKey(seq), v); err != nil {
				return err
			}
		}

		v := fmt.Appendf(nil, `{"id":%q,"end":"cancelled","time":"2020-01-02T03:04:05Z"}`, old.ID)

		return tx.put(bucketEnded, seqKey(1), v)
	})
	if err != nil {
		t.Fatal(err)
	}

	commit(t, s, recent.ID, Cancel{})
	if _, err := s.Job(old.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the oldest ended job: %v", err)
	}

	if lines, err := s.History(old.ID); err != nil || len(lines) != 0 {
		t.Errorf("its history: %v, %v", lines, err)
	}

	if _, err := s.Job(recent.ID); err != nil {
		t.Errorf("the newest ended job: %v", err)
	}

	if c := s.Counts(nil, time.Now()); c.Cancelled != 1 {
		t.Errorf("counts: %+v", c)
	}
}

func TestSnapshots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.dwg")
	if err := os.WriteFile(path, []byte("drawing"), 0o600); err != nil {
		t.Fatal(err)
	}

	byPath, err := SnapshotPath(path)
	if err != nil {
		t.Fatal(err)
	}

	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	byFile, err := SnapshotFile(f)
	if err != nil {
		t.Fatal(err)
	}

	if byPath != byFile || byPath.Size != 7 || byPath.FileID == "" || byPath.ChangeTime.IsZero() {
		t.Errorf("by path %+v\nby file %+v", byPath, byFile)
	}

	// Saved anew beside it and renamed over it: another file, whatever its size and time.
	if runtime.GOOS == "windows" {
		f.Close() // os.Open does not share deletion there
	}

	other := filepath.Join(filepath.Dir(path), "tmp")
	if err := os.WriteFile(other, []byte("gniward"), 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.Chtimes(other, byPath.ModTime, byPath.ModTime); err != nil {
		t.Fatal(err)
	}

	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}

	now, err := SnapshotPath(path)
	if err != nil {
		t.Fatal(err)
	}

	if now.Same(byPath) || !now.SameContentLikely(byPath) {
		t.Errorf("before %+v\nafter %+v", byPath, now)
	}

	if _, err := SnapshotPath(filepath.Dir(path)); err == nil {
		t.Error("a folder has a snapshot")
	}

	if _, err := SnapshotPath(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestSame(t *testing.T) {
	base := snap(10, 0)
	rows := []struct {
		name         string
		change       func(*Snapshot)
		same, likely bool
	}{
		{"itself", func(*Snapshot) {}, true, true},
		{"other zone", func(s *Snapshot) { s.ModTime = s.ModTime.In(time.FixedZone("x", 3600)) }, true, true},
		{"size", func(s *Snapshot) { s.Size++ }, false, false},
		{"a nanosecond", func(s *Snapshot) { s.ModTime = s.ModTime.Add(1) }, false, false},
		{"change time", func(s *Snapshot) { s.ChangeTime = s.ChangeTime.Add(1) }, false, true},
		{"change time unknown", func(s *Snapshot) { s.ChangeTime = time.Time{} }, true, true},
		{"file id", func(s *Snapshot) { s.FileID = "9:9" }, false, true},
		{"file id unknown", func(s *Snapshot) { s.FileID = "" }, true, true},
	}
	for _, r := range rows {
		o := base
		r.change(&o)
		if base.Same(o) != r.same || o.Same(base) != r.same || base.SameContentLikely(o) != r.likely {
			t.Errorf("%s: same %v, likely %v", r.name, base.Same(o), base.SameContentLikely(o))
		}
	}
}

func TestJobIDsSort(t *testing.T) {
	last := JobID("")
	for range 1000 {
		id := NewJobID()
		if _, ok := id.key(); !ok || id <= last {
			t.Fatalf("%s after %s", id, last)
		}

		last = id
	}
}

package owner

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer"
)

// TestDamagedRecordOfADoubtfulFile: one record that cannot be read does not keep the status from telling
// the rest; its file is named.
func TestDamagedRecordOfADoubtfulFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := state.Open(path, state.Options{})
	if err != nil {
		t.Fatal(err)
	}

	adopted := []state.PublishedRecord{{Root: "w", Rel: "a.dwg", Item: "i", Version: "v", Sign: "noise",
		At: time.Now()}}
	if err := s.PutPublished(adopted...); err != nil {
		t.Fatal(err)
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	damage(t, path)
	if s, err = state.Open(path, state.Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	m := &watches{owner: &Owner{store: s, log: slog.New(slog.DiscardHandler)}}
	r := &watching{doubtful: map[string]time.Time{"a.dwg": time.Now(), "b.dwg": {}}}
	c := config.Watch{ID: "w", Path: t.TempDir()}
	got := m.doubted(r, c)
	if want := []string{filepath.Join(c.Path, "a.dwg"), filepath.Join(c.Path, "b.dwg")}; got == nil ||
		!slices.Equal(got.Paths, want) {
		t.Errorf("got %+v, want %v", got, want)
	}
}

// damage makes the published records of a state unreadable.
func damage(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	n := 0
	if err := db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("published"))

		return b.ForEach(func(k, _ []byte) error {
			n++
			return b.Put(k, []byte("garbage"))
		})
	}); err != nil || n == 0 {
		t.Fatal(n, err)
	}
}

// TestFixOfManyWhoWait: one fix is told of a group only when it is known to be that of all.
func TestFixOfManyWhoWait(t *testing.T) {
	one := state.Job{ID: "1", Path: "/a", Reason: transfer.ReasonLocked}
	for count, fix := range map[int]string{1: fixOf(one), 2: ""} {
		var c causes
		c.jobs(state.Wait{Reason: one.Reason, Count: count}, []state.Job{one})
		if got := c.list(); len(got) != 1 || got[0].Fix != fix {
			t.Errorf("%d jobs: %+v, want the fix %q", count, got, fix)
		}
	}
}

package state

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestFlippedBytes: a byte that changed anywhere is found by Check, or changes nothing that is
// read; what Check calls sound opens, what it calls usable opens, and what it does not does not. A
// store that is open finds a changed record when it reads it.
func TestFlippedBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	fixture(t, s)
	gone := uploadJob(4)
	j := enqueue(t, s, gone, Queued)
	commit(t, s, j.ID, SourceChanged{Gone: true})
	run(t, s, enqueue(t, s, uploadJob(5), Queued).ID, uploadSteps[:4]...) // with counters of their own
	want := dump(t, s)
	s.Close()
	whole, err := os.ReadFile(path + BackupSuffix)
	if err != nil {
		t.Fatal(err)
	}

	rng := rand.New(rand.NewPCG(7, 7))
	var places []int // one in every record, and some in all that is not empty
	for _, k := range slices.Sorted(maps.Keys(want)) {
		places = append(places, bytes.Index(whole, []byte(want[k]))+rng.IntN(len(want[k])))
	}

	for len(places) < 400 {
		if at := rng.IntN(len(whole)); whole[at] != 0 {
			places = append(places, at)
		}
	}

	found := 0
	for _, at := range places {
		b := bytes.Clone(whole)
		b[at] ^= 1 << rng.IntN(8)
		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}

		r, err := Check(path)
		if err != nil {
			t.Fatalf("byte %d: check: %v", at, err)
		}

		s, err := Open(path, Options{})
		if (err == nil) != r.Usable {
			t.Fatalf("byte %d: usable %v, %v, open: %v", at, r.Usable, r.Problems, err)
		}

		told := !r.Sound() || len(r.Notes) > 0 // of a meta page: the commit before is read
		if told {
			found++
		}

		if err != nil {
			continue
		}

		if got := dump(t, s); !told && !maps.Equal(got, want) {
			t.Fatalf("byte %d: nothing found, and other records", at)
		}

		abandon(s)
	}

	if found < len(places)*9/10 {
		t.Errorf("%d of %d flips were found", found, len(places))
	}
}

func TestLastJob(t *testing.T) {
	s := newStore(t)
	if _, found, err := s.LastJob(uploadJob(1).Path); found || err != nil {
		t.Error(found, err)
	}

	first := enqueue(t, s, uploadJob(1), Queued)
	enqueue(t, s, uploadJob(2), Queued)
	commit(t, s, first.ID, Failed{Reason: "refused", Error: "400"})
	second := enqueue(t, s, uploadJob(1), Queued)
	if j, found, err := s.LastJob(second.Path); !found || err != nil || j.ID != second.ID {
		t.Errorf("%+v, %v, %v", j, found, err)
	}
}

// TestOwed: a file of a watch that has no job and may differ from its record is looked at again.
func TestOwed(t *testing.T) {
	push := func() Job {
		j := uploadJob(1)
		j.Root, j.Rel = PathRoot+"x", "1.dwg"

		return j
	}
	other := func() Job { // another file of the watch that goes to the same place
		j := uploadJob(1)
		j.Path, j.Rel = "/plans/other.dwg", "other.dwg"

		return j
	}

	newer := func() Job {
		j := uploadJob(1)
		j.Snapshot = snap(26, 1)

		return j
	}
	rel := uploadJob(1).Rel
	for name, c := range map[string]struct {
		do   func(t *testing.T, s *Store)
		owed []string
	}{
		"failed": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, Failed{Reason: "refused"})
		}, []string{rel}},
		"vanished": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, SourceChanged{Gone: true})
		}, []string{rel}},
		"vanished, and a newer content waits": {func(t *testing.T, s *Store) {
			j := enqueue(t, s, uploadJob(1), Queued)
			run(t, s, j.ID, uploadSteps[0])
			enqueue(t, s, newer(), Merged)
			commit(t, s, j.ID, SourceChanged{Gone: true})
		}, nil},
		"failed, and reported again": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, Failed{Reason: "refused"})
			enqueue(t, s, uploadJob(1), Queued)
		}, nil},
		"failed, and looked at": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, Failed{Reason: "refused"})
			if err := s.Unowe("w1", []string{rel}); err != nil {
				t.Fatal(err)
			}
		}, nil},
		"cancelled for this content": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, Cancel{})
		}, nil},
		"parked": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, Parked{Reason: "forbidden"})
		}, nil},
		"published": {func(t *testing.T, s *Store) {
			run(t, s, enqueue(t, s, uploadJob(1), Queued).ID, uploadSteps...)
		}, nil},
		"superseded": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, SourceChanged{Snapshot: snap(27, 1)})
		}, nil},
		"a push of it failed": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, push(), Queued).ID, Failed{Reason: "refused"})
		}, nil},
		"a push of it that the watch met failed": {func(t *testing.T, s *Store) {
			j := enqueue(t, s, push(), Queued)
			enqueue(t, s, uploadJob(1), Merged)
			commit(t, s, j.ID, Failed{Reason: "refused"})
		}, []string{rel}},
		"a push of it that the watch met is published": {func(t *testing.T, s *Store) {
			j := enqueue(t, s, push(), Queued)
			enqueue(t, s, uploadJob(1), Merged)
			run(t, s, j.ID, uploadSteps...)
			enqueue(t, s, uploadJob(1), Same)
		}, nil},
		"another file is on its way there": {func(t *testing.T, s *Store) {
			enqueue(t, s, other(), Queued)
			enqueue(t, s, uploadJob(1), Busy)
		}, nil},
		"another file was on its way there": {func(t *testing.T, s *Store) {
			j := enqueue(t, s, other(), Queued)
			enqueue(t, s, uploadJob(1), Busy)
			commit(t, s, j.ID, Cancel{})
		}, []string{rel}},
		"the watch is removed": {func(t *testing.T, s *Store) {
			commit(t, s, enqueue(t, s, uploadJob(1), Queued).ID, Failed{Reason: "refused"})
			if err := s.DropRoot("w1"); err != nil {
				t.Fatal(err)
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			s := openTest(t, path)
			c.do(t, s)
			s.Close()
			if r, err := Check(path); err != nil || !r.Sound() {
				t.Errorf("check: %v, %v", r.Problems, err)
			}

			s = openTest(t, path) // it is durable
			if got, err := s.Owed("w1", 0); err != nil || !slices.Equal(got, c.owed) {
				t.Errorf("owed: %v, %v, want %v", got, err, c.owed)
			}
		})
	}
}

// TestOneDamagedRecord: who asks for it is told, and nothing else stops; receipts go on.
func TestOneDamagedRecord(t *testing.T) {
	for _, c := range []struct {
		name        string
		bucket, key []byte
		read        func(s *Store) error
	}{
		{"a receipt", bucketReceipts, seqKey(1), func(s *Store) error {
			_, err := s.Receipts(0, 0)
			return err
		}},
		{"the head of the receipts", bucketMeta, metaReceiptHead, nil},
		{"a text", bucketMeta, []byte(metaUser + "m"), func(s *Store) error {
			_, _, err := s.Meta("m")
			return err
		}},
		{"a published record", bucketPublished, fileKey(uploadJob(1)), func(s *Store) error {
			_, _, err := s.Published("w1", uploadJob(1).Rel)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			fixture(t, s)
			err := s.db.Update(func(tx *bolt.Tx) error {
				v := slices.Clone(tx.Bucket(c.bucket).Get(c.key))
				v[0] ^= 1

				return tx.Bucket(c.bucket).Put(c.key, v)
			})
			if err != nil {
				t.Fatal(err)
			}

			if c.read != nil {
				if _, ok := errors.AsType[*DamagedError](c.read(s)); !ok {
					t.Errorf("read: %v", err)
				}
			}

			run(t, s, enqueue(t, s, uploadJob(6), Queued).ID, uploadSteps...)
			if c.name == "a receipt" {
				return
			}

			receipts, err := s.Receipts(0, 0)
			if err != nil || len(receipts) != 2 || CheckReceipts(receipts, "") != nil {
				t.Errorf("receipts: %d, %v, %v", len(receipts), err, CheckReceipts(receipts, ""))
			}
		})
	}
}

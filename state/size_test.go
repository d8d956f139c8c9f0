package state

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestBytesOfAFile holds what a published file takes in the pages of the state: what a bound says
// may only ever be made less. done and paths go with the bounded history of jobs; published and receipts
// stay.
func TestBytesOfAFile(t *testing.T) {
	const files = 1000
	s := newStore(t)
	var jobs []Job
	for i := range files {
		name := fmt.Sprintf("drawing-%05d.dwg", i)
		rel := fmt.Sprintf("Projects/Tower 1/Level %02d/%s", i/50, name)
		jobs = append(jobs, Job{Kind: Upload, Profile: "default", Root: "w-0123456789abcdef", Rel: rel,
			Path: "/home/ana/work/" + rel, Batch: string(NewJobID()),
			Snapshot: Snapshot{Size: 100_000, ModTime: epoch, ChangeTime: epoch, FileID: "fe01:1234567"},
			Target: Target{Address: "aps://My Account/My Project/Project Files/" + rel, Name: name,
				BasePath: "aps://My Account/My Project/Project Files",
				Dirs:     []string{"Projects", "Tower 1", "Level"},
				Project:  "b.01234567-89ab-cdef-0123-456789abcdef",
				Base:     "urn:adsk.wipprod:fs.folder:co.hC6k4hndRWaeIVhIjvHu8w"}})
	}

	jobs, _, err := s.EnqueueAll(jobs)
	if err != nil {
		t.Fatal(err)
	}

	// of a queue, as large as the file gets
	pagesOf(t, s, files, map[string]int{"jobs": 470, "history": 70, "targets": 155})

	steps := func(i int) [][]Event {
		sum := sha512.Sum512(fmt.Append(nil, i)) // ids and sums that differ
		item, etag := base64.RawURLEncoding.EncodeToString(sum[:16]), hex.EncodeToString(sum[16:32])
		object := fmt.Sprintf("%x-%x-%x-%x-%x", sum[32:36], sum[36:38], sum[38:40], sum[40:42], sum[42:48])

		return [][]Event{
			{FolderFound{Folder: "urn:adsk.wipprod:fs.folder:co.hC6k4hndRWaeIVhIjvHu8w"},
				Reserved{Object: "urn:adsk.objects:os.object:wip.dm.prod/" + object + ".dwg"}},
			{Opened{UploadKey: "AQICAHjBmFyZGVjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo", PartSize: 5 << 20, Parts: 1,
				Expires: epoch.Add(24 * time.Hour)}},
			{PartStored{Part: 1, Size: 100_000, ETag: etag}, AllStored{}},
			{Assembled{}},
			{Intended{Intent: Intent{Kind: "item",
				Parent: "urn:adsk.wipprod:fs.folder:co.hC6k4hndRWaeIVhIjvHu8w",
				Name:   "drawing.dwg", User: "ABCDEFGH1234", Time: epoch}}},
			{Published{Item: "urn:adsk.wipprod:dm.lineage:" + item,
				Version: "urn:adsk.wipprod:fs.file:vf." + item + "?version=1", Number: 1},
				Finished{Result: ResultCreated, Record: &PublishedRecord{}}},
		}
	}
	const together = 50
	for at := 0; at < files; at += together {
		for step := range steps(0) { // as many jobs as share a commit
			if err := s.update(func(tx *writeTx) error {
				for i, j := range jobs[at : at+together] {
					if _, err := tx.apply(j.ID, steps(at + i)[step]); err != nil {
						return err
					}
				}

				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}

	pagesOf(t, s, files, map[string]int{"published": 295, "receipts": 145, "done": 90, "paths": 56, "jobs": 0,
		"history": 0, "ended": 0})
}

// pagesOf checks what the buckets take in pages for each of so many files.
func pagesOf(t *testing.T, s *Store, files int, bounds map[string]int) {
	t.Helper()
	err := s.view(func(tx *bolt.Tx) error {
		for name, bound := range bounds {
			st, keys := tx.Bucket([]byte(name)).Stats(), files
			if name == "receipts" {
				keys = files/blockOf + files%blockOf
			}

			got := (st.LeafAlloc + st.BranchAlloc) / files
			t.Logf("%s: %d bytes of pages a file", name, got)
			if got > bound || bound > 0 && st.KeyN != keys {
				t.Errorf("%s: %d keys, %d bytes of pages a file, want at most %d", name, st.KeyN, got, bound)
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

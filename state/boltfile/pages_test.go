package boltfile_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"hoist/state/boltfile"

	bolt "go.etcd.io/bbolt"
)

// file is what bbolt writes: small buckets inside their parent's page, a deep one, and values of
// several pages; some keys deleted, so that pages are free.
func file(t *testing.T) ([]byte, map[string]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}

	want := map[string]string{}
	for _, bucket := range []struct {
		name        string
		count, size int
	}{{"empty", 0, 0}, {"inline", 3, 10}, {"alone", 1, 10}, {"deep", 1000, 300}, {"long", 3, 20_000},
		{"one", 1, 20_000}} {
		err := db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte(bucket.name))
			for i := range bucket.count {
				k, v := fmt.Sprintf("key %06d", i), bytes.Repeat([]byte{byte(i)}, bucket.size)
				want[bucket.name+"/"+k] = string(v)
				if err == nil {
					err = b.Put([]byte(k), v)
				}
			}

			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	err = db.Update(func(tx *bolt.Tx) error {
		delete(want, "deep/key 000003")
		return tx.Bucket([]byte("deep")).Delete([]byte("key 000003"))
	})
	if err != nil {
		t.Fatal(err)
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	return b, want
}

// walk reads everything and returns it with the problems.
func walk(b []byte) (map[string]string, []string) {
	got := map[string]string{}
	f := bytes.NewReader(b)
	metas, problems := boltfile.ReadMetas(f)
	if len(metas) == 0 {
		return got, problems
	}

	t := boltfile.NewTree(f, int64(len(b)), metas[0])

	below := t.Buckets(func(name string) boltfile.Visit {
		return func(k, v []byte) { got[name+"/"+string(k)] = string(v) }
	})
	for name, some := range below {
		problems = append(problems, fmt.Sprintf("%s: %v", name, some))
	}

	problems = append(problems, t.Free()...)
	if n := t.Leaked(); n > 0 {
		problems = append(problems, fmt.Sprintf("%d pages are leaked", n))
	}

	return got, problems
}

func TestWalkReadsWhatBboltWrote(t *testing.T) {
	b, want := file(t)
	got, problems := walk(b)
	if len(problems) > 0 || !maps.Equal(got, want) {
		t.Errorf("read %d of %d keys, problems %v", len(got), len(want), problems)
	}
}

// Whatever bytes are damaged: the walk ends, and what it reads without a problem is not less than
// what was written.
func TestWalkSurvivesDamage(t *testing.T) {
	b, want := file(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		broken := bytes.Clone(b)
		page := rng.IntN(len(b) / os.Getpagesize())
		for range 1 + rng.IntN(4) { // in the head of a page, where its structure is
			broken[page*os.Getpagesize()+rng.IntN(64)] = byte(rng.Uint32())
		}

		if rng.IntN(10) == 0 {
			broken = broken[:rng.IntN(len(b))]
		}

		got, problems := walk(broken)
		if len(problems) == 0 && len(got) < len(want) {
			t.Fatalf("page %d: read %d of %d keys and found nothing wrong", page, len(got), len(want))
		}
	}
}

// TestCountOfNone: a count that became 0 hides a whole page, with nothing out of place on it.
func TestCountOfNone(t *testing.T) {
	b, want := file(t)
	leaf := []byte{2, 0} // the flags of a leaf, before its count
	tried := 0
	for at := 8; at+4 <= len(b); at += 2 {
		if !bytes.Equal(b[at:at+2], leaf) || b[at+2] == 0 || b[at+3] != 0 {
			continue
		}

		broken := bytes.Clone(b)
		broken[at+2] = 0
		got, problems := walk(broken)
		if len(got) < len(want) {
			tried++
		}

		if len(problems) == 0 && !maps.Equal(got, want) {
			t.Errorf("byte %d: read %d of %d keys and found nothing wrong", at, len(got), len(want))
		}
	}

	if tried < 5 {
		t.Errorf("%d pages were emptied", tried)
	}
}

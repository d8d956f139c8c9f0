package state

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// someReceipt is a receipt whose fields are there or not, by chance.
func someReceipt(rng *rand.Rand, i int) *receiptRecord {
	r := &receiptRecord{Job: string(NewJobID()), Path: fmt.Sprintf("/plans/Level %d/%d.dwg", i/50, i),
		Remote: fmt.Sprintf("aps://Hub/Project/Files/Level %d/%d.dwg", i/50, i), Size: rng.Int64N(1 << 40),
		ModTime:   epoch.Add(time.Duration(rng.Int64N(1 << 60))),
		PartETags: []string{}, Queued: epoch.Add(time.Duration(i)), Published: stored(time.Now()),
		Attempts: 1 + rng.IntN(3)}
	for range rng.IntN(4) {
		r.PartETags = append(r.PartETags, fmt.Sprintf("%032x", rng.Uint64()))
	}

	if rng.IntN(2) == 0 {
		r.Item, r.Number = fmt.Sprintf("urn:item:%x", rng.Uint64()), rng.IntN(9)
		r.Storage = "urn:adsk.objects:os.object:b/<&>"
	}

	return r
}

// putReceipts adds receipts, a further field to those that extra says, and returns all lines there are
// as they were made, after those given.
func putReceipts(t testing.TB, s *Store, had []Receipt, n int, extra func(i int) bool) []Receipt {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(len(had)), 5))
	for n > 0 {
		from := len(had)
		if err := s.update(func(tx *writeTx) error {
			had = had[:from]
			for range min(n, 1+rng.IntN(90)) { // as many as share a commit
				var more []byte
				if i := len(had); extra != nil && extra(i) {
					more = fmt.Appendf(nil, `{"more":"%x"}`, i)
				} else if rng.IntN(3) == 0 {
					more = []byte(`{"sha256":"abc"}`)
				}

				r := someReceipt(rng, len(had))
				if err := tx.putReceipt(r, more); err != nil {
					return err
				}

				line, err := json.Marshal(r)
				if err == nil {
					line, err = merge(line, more)
				}

				if had = append(had, Receipt{r.Seq, line}); err != nil {
					return err
				}
			}

			return nil
		}); err != nil {
			t.Fatal(err)
		}

		n -= len(had) - from
	}

	return had
}

// blocksIn are the numbers under which blocks lie, and how many receipts lie singly.
func blocksIn(t testing.TB, s *Store) (blocks []uint64, single int) {
	t.Helper()
	err := s.view(func(tx *bolt.Tx) error {
		blocks, single = nil, 0

		return tx.Bucket(bucketReceipts).ForEach(func(k, v []byte) error {
			if isBlock(v) {
				blocks = append(blocks, binary.BigEndian.Uint64(k))
			} else {
				single++
			}

			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}

	return blocks, single
}

// sayReceipts checks that the store and its check tell these lines, to the byte.
func sayReceipts(t testing.TB, s *Store, want []Receipt) {
	t.Helper()
	got, err := s.Receipts(0, len(want)+1)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%d receipts, %v; want %d", len(got), err, len(want))
	}

	if err := CheckReceipts(got, noReceipt); err != nil {
		t.Error(err)
	}

	if r, err := s.Check(); err != nil || !r.Sound() || len(r.Notes) > 0 || r.Keys["receipts"] != len(want) {
		t.Errorf("check: %v, %v, %v, %d receipts", r.Problems, r.Notes, err, r.Keys["receipts"])
	}
}

// TestReceiptsComeBackFromBlocks: a mix over many blocks, to the byte, from wherever a listing begins and
// ends; one that holds more than the record leaves those around it single.
func TestReceiptsComeBackFromBlocks(t *testing.T) {
	s := newStore(t)
	lines := putReceipts(t, s, nil, 10*blockOf+7, func(i int) bool { return i/blockOf == 3 && i%20 == 0 })
	sayReceipts(t, s, lines)

	blocks, single := blocksIn(t, s)
	if want := []uint64{64, 128, 192, 320, 384, 448, 512, 576, 640}; !slices.Equal(blocks, want) ||
		single != blockOf+7 {
		t.Errorf("blocks %v and %d single receipts, want %v and %d", blocks, single, want, blockOf+7)
	}

	for _, after := range []int{0, 1, 62, 63, 64, 65, 190, 193, 255, 256, 257, 639, 640, 646, 647, 700} {
		for _, limit := range []int{1, 2, 63, 64, 65, 130} {
			from := min(after, len(lines))
			want := lines[from:min(from+limit, len(lines))]
			if got, err := s.Receipts(uint64(after), limit); err != nil || len(got) != len(want) ||
				len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%d after %d: %d, %v; want %d", limit, after, len(got), err, len(want))
			}
		}
	}
}

// TestBlocksAreMadeOfWhatFits: of 64 receipts that all come back from it and follow one another.
func TestBlocksAreMadeOfWhatFits(t *testing.T) {
	const spoiled = 30
	record := func(r receiptRecord) []byte { return encodeRecord(&r, "") }
	line := func(r receiptRecord) []byte { b, _ := json.Marshal(r); return b }
	for name, c := range map[string]struct {
		lies   func(r receiptRecord) []byte
		packed bool
	}{
		"records": {record, true},
		"lines":   {line, true},
		"a break in the chain": {lies: func(r receiptRecord) []byte {
			if r.Seq == spoiled {
				r.Prev = noReceipt
			}

			return record(r)
		}},
		"a prev that is none": {lies: func(r receiptRecord) []byte {
			if r.Seq == 1 {
				r.Prev = strings.Repeat("x", len(noReceipt))
			}

			return record(r)
		}},
		"no list of parts": {lies: func(r receiptRecord) []byte {
			if r.Seq == spoiled {
				r.PartETags = nil
			}

			return line(r)
		}},
		"long lists of parts": {lies: func(r receiptRecord) []byte {
			r.PartETags = slices.Repeat([]string{"0123456789abcdef"}, blockMax/blockOf/10)
			return record(r)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, rng := newStore(t), rand.New(rand.NewPCG(1, 1))
			var want []Receipt
			if err := s.update(func(tx *writeTx) error {
				prev := noReceipt
				for seq := uint64(1); seq <= blockOf; seq++ {
					r := someReceipt(rng, int(seq))
					r.Seq, r.Prev = seq, prev
					v := c.lies(*r)
					receipts, err := receiptsAt(seqKey(seq), v)
					if err != nil {
						return err
					}

					want, prev = append(want, receipts...), hashOf(receipts[0].Line)
					if err := tx.put(bucketReceipts, seqKey(seq), v); err != nil {
						return err
					}
				}

				return tx.packReceipts(blockOf)
			}); err != nil {
				t.Fatal(err)
			}

			if blocks, _ := blocksIn(t, s); len(blocks) == 1 != c.packed {
				t.Errorf("blocks %v, want one: %v", blocks, c.packed)
			}

			if got, err := s.Receipts(0, 0); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%d receipts, %v: not what they were", len(got), err)
			}
		})
	}
}

// TestDamagedReceiptIsNotPacked: it stays as it is, for a repair, and nothing stops.
func TestDamagedReceiptIsNotPacked(t *testing.T) {
	s := newStore(t)
	lines := putReceipts(t, s, nil, blockOf-1, nil)
	if err := s.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketReceipts).Put(seqKey(30), []byte("damage"))
	}); err != nil {
		t.Fatal(err)
	}

	lines = putReceipts(t, s, lines, 2*blockOf, nil)
	if blocks, _ := blocksIn(t, s); !slices.Equal(blocks, []uint64{2 * blockOf}) {
		t.Errorf("blocks %v", blocks)
	}

	if got, err := s.Receipts(30, 0); err != nil || !reflect.DeepEqual(got, lines[30:]) {
		t.Errorf("those behind: %d, %v", len(got), err)
	}
}

// TestDamagedBlock: a byte that changed in a block is found, who reads elsewhere is not hindered, and a
// repair keeps the receipts of all other blocks to the byte, or with a copy all.
func TestDamagedBlock(t *testing.T) {
	from := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, from)
	lines := putReceipts(t, s, nil, 4*blockOf+5, nil)
	block := []byte(dump(t, s)["receipts/"+string(seqKey(2*blockOf))])
	s.Close()
	whole, err := os.ReadFile(from + BackupSuffix)
	if err != nil {
		t.Fatal(err)
	}

	rng := rand.New(rand.NewPCG(1, 2))
	at := bytes.Index(whole, block)
	for i, off := range []int{0, 1, 5, 33, 40, len(block) - 1, rng.IntN(len(block)), rng.IntN(len(block))} {
		path := filepath.Join(t.TempDir(), "state.db")
		b := bytes.Clone(whole)
		b[at+off] ^= 1 << rng.IntN(8)
		want := slices.Concat(lines[:blockOf], lines[2*blockOf:])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}

		if i%2 == 1 {
			want = lines
			if err := os.WriteFile(path+BackupSuffix, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}

		s := openTest(t, path)
		if got, err := s.Receipts(2*blockOf, 0); err != nil || !reflect.DeepEqual(got, lines[2*blockOf:]) {
			t.Errorf("byte %d: those behind: %d, %v", off, len(got), err)
		}

		_, err := s.Receipts(blockOf+3, 1)
		if _, ok := errors.AsType[*DamagedError](err); !ok {
			t.Errorf("byte %d: one of the block: %v", off, err)
		}

		abandon(s)
		if r, err := Check(path); err != nil || r.Sound() || !r.Usable {
			t.Errorf("byte %d: check: %+v, %v", off, r, err)
		}

		if r, err := Repair(path); err != nil || !r.Repaired || r.Kept["receipts"] != len(want) {
			t.Fatalf("byte %d: repair: %+v, %v", off, r, err)
		}

		s = openTest(t, path)
		if got, err := s.Receipts(0, 0); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d: after the repair %d receipts, %v; want %d", off, len(got), err, len(want))
		}

		putReceipts(t, s, lines, 4*blockOf, nil) // what is left is packed again
		if blocks, _ := blocksIn(t, s); len(blocks) < 7 {
			t.Errorf("byte %d: after the repair: blocks %v", off, blocks)
		}

		err = s.view(func(tx *bolt.Tx) error { _, err := findReceipt(tx, blockOf+9); return err })
		if _, ok := errors.AsType[*DamagedError](err); ok || (err == nil) != (len(want) == len(lines)) {
			t.Errorf("byte %d: who looks for one of the block: %v", off, err)
		}
	}
}

// singly writes a state as schema 4 has it: each receipt by itself.
func singly(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	if err := db.Update(func(tx *bolt.Tx) error {
		w := &writeTx{Tx: tx}
		single := map[string][]byte{}
		if err := each(tx, bucketReceipts, nil, nil, func(k, v []byte) (bool, error) {
			receipts, err := receiptsAt(k, v)
			for _, one := range receipts {
				single[string(seqKey(one.Seq))] = one.Line
				var r receiptRecord
				if json.Unmarshal(one.Line, &r) == nil && r.SHA256 == "" &&
					!bytes.Contains(one.Line, []byte("more")) {
					single[string(seqKey(one.Seq))] = encodeRecord(&r, "")
				}
			}

			return true, err
		}); err != nil {
			return err
		}

		for k, v := range single {
			if err := w.put(bucketReceipts, []byte(k), v); err != nil {
				return err
			}
		}

		if err := tx.Bucket(bucketMeta).Delete(metaPacked); err != nil {
			return err
		}

		return putSchema(tx.Bucket(bucketMeta), 4)
	}); err != nil {
		t.Fatal(err)
	}
}

// TestReceiptsOfSchema4: an older file says what it said, and is packed with what is published next, however
// often the process is killed meanwhile.
func TestReceiptsOfSchema4(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	lines := putReceipts(t, s, nil, 9*blockOf+20, func(i int) bool { return i == 70 })
	abandon(s)
	singly(t, path)

	s = openTest(t, path)
	if blocks, single := blocksIn(t, s); len(blocks) > 0 || single != len(lines) {
		t.Fatalf("before: blocks %v, %d single", blocks, single)
	}

	for n := 0; n < 3*blockOf; n += 30 {
		sayReceipts(t, s, lines)
		lines = putReceipts(t, s, lines, 30, nil)
		abandon(s)
		s = openTest(t, path)
	}

	sayReceipts(t, s, lines)
	if blocks, single := blocksIn(t, s); len(blocks) != 11 || single != blockOf+len(lines)%blockOf {
		t.Errorf("in the end: blocks %v, %d single of %d", blocks, single, len(lines))
	}
}

// TestImportMakesBlocks: what an export holds comes back to the byte, in two halves that part a block.
func TestImportMakesBlocks(t *testing.T) {
	from, s := newStore(t), newStore(t)
	lines := putReceipts(t, from, nil, 5*blockOf+9, nil)
	for _, until := range []int{2*blockOf + 30, len(lines)} {
		if _, err := s.ImportReceipts(lines[:until]); err != nil {
			t.Fatal(err)
		}
	}

	sayReceipts(t, s, lines)
	if blocks, single := blocksIn(t, s); len(blocks) != 5 || single != 9 {
		t.Errorf("blocks %v, %d single", blocks, single)
	}
}

// TestJobsOfBlocks: jobs whose receipts are in blocks are read, searched for and told with their parts.
func TestJobsOfBlocks(t *testing.T) {
	s := newStore(t)
	done := map[JobID]Job{}
	var ids []JobID
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 2*blockOf + 10 {
		ids = append(ids, enqueue(t, s, uploadJob(i), Queued).ID)
	}

	for _, i := range rng.Perm(len(ids)) { // receipts come in another order
		done[ids[i]] = commit(t, s, ids[i], uploadSteps...)
	}

	if blocks, _ := blocksIn(t, s); len(blocks) != 2 {
		t.Fatalf("blocks %v", blocks)
	}

	s.mu.Lock()
	s.recent = recent{jobs: map[JobID]Job{}} // as after a start
	s.mu.Unlock()
	for i, id := range ids {
		if j, err := s.Job(id); err != nil || !reflect.DeepEqual(j, done[id]) {
			t.Fatalf("job %d: %+v, %v\nwant %+v", i, j, err, done[id])
		}

		if parts, err := s.Parts(id); err != nil || len(parts) != 3 || parts[2].ETag != "e3" {
			t.Fatalf("parts of job %d: %v, %v", i, parts, err)
		}

		part := strings.ToUpper(filepath.Base(done[id].Path))
		found, err := s.Jobs(Filter{Path: string(filepath.Separator) + part, Newest: i%2 == 0})
		if err != nil || len(found) != 1 || found[0].ID != id {
			t.Fatalf("search for %s: %d jobs, %v", part, len(found), err)
		}
	}
}

// FuzzBlock: whatever lies under a number of receipts, it is read without a panic.
func FuzzBlock(f *testing.F) {
	s := newStore(f)
	putReceipts(f, s, nil, blockOf, nil)
	block := dump(f, s)["receipts/"+string(seqKey(blockOf))]
	f.Add(seqKey(blockOf), []byte(block[:len(block)-sumSize]))
	f.Add(seqKey(3), encodeBlock(noReceipt, nil, nil))
	f.Add([]byte("k"), []byte{blockMark})
	f.Fuzz(func(_ *testing.T, k, v []byte) {
		_, _ = receiptsAt(k, v)
		sv := salvage{data: map[string]map[string][]byte{"receipts": {string(k): v}}}
		sv.unpackReceipts()
		if len(k) == 8 {
			pathsAt(k, sealed(bucketReceipts, k, v))
		}
	})
}

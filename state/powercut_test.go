package state

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hoist/state/boltfile"

	bolt "go.etcd.io/bbolt"
)

// abandon closes a store as a kill does: nothing more is written.
func abandon(s *Store) {
	s.stopOnce.Do(func() {
		close(s.stop)
		s.stopped.Wait()
		closeBolt(s.db)
	})
}

// dump reads every key of every bucket.
func dump(t testing.TB, s *Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := s.view(func(tx *bolt.Tx) error {
		clear(out)

		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				out[string(name)+"/"+string(k)] = string(v)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}

	return out
}

// moment is the file and what it says after a commit.
type moment struct {
	event string
	file  []byte
	says  map[string]string
}

// moments runs a few jobs to their ends and records the file around every commit.
func moments(t *testing.T) []moment {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	t.Cleanup(func() { abandon(s) })
	var all []moment
	note := func(event string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}

		all = append(all, moment{event, b, dump(t, s)})
	}
	note("open")

	// the second job that is done makes a block
	if _, err := s.ImportReceipts(putReceipts(t, newStore(t), nil, blockOf-2, nil)); err != nil {
		t.Fatal(err)
	}

	note("import")

	var ids []JobID
	for i := range 4 {
		ids = append(ids, enqueue(t, s, uploadJob(i), Queued).ID)
		note("enqueue")
	}

	if err := s.UpdateDirs("w1",
		[]DirChange{{Folder: "a", Put: []DirChunk{{"x",
			bytes.Repeat([]byte("record "), 1500)}}}}); err != nil {
		t.Fatal(err)
	}

	note("dirs")

	for i, id := range ids {
		steps := uploadSteps
		switch i {
		case 2:
			steps = append(steps[:4:4], SourceChanged{Snapshot: snap(99, 9)})
		case 3:
			steps = steps[:8]
		}

		for _, e := range steps {
			commit(t, s, id, e)
			note(e.event())
		}
	}

	if blocks, single := blocksIn(t, s); len(blocks) != 1 || single > 0 {
		t.Fatalf("blocks %v, %d single receipts", blocks, single)
	}

	return all
}

const testPage = 4096

// changed lists the pages, after the two meta pages, in which b differs from a.
func changed(a, b []byte) (pages []int) {
	for p := 2; p*testPage < len(b); p++ {
		from, to := p*testPage, min((p+1)*testPage, len(b))
		if to > len(a) || !bytes.Equal(a[from:to], b[from:to]) {
			pages = append(pages, p)
		}
	}

	return pages
}

// overlay copies pages of b over a copy of a, which grows as b did.
func overlay(a, b []byte, pages []int) []byte {
	out := make([]byte, len(b))
	copy(out, a)

	for _, p := range pages {
		copy(out[p*testPage:min((p+1)*testPage, len(out))], b[p*testPage:])
	}

	return out
}

// TestPowerCut: of a commit any subset of its data pages is on the disk and the meta page is not,
// or is torn. The state opens as before or as after the commit, nothing between.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	if os.Getpagesize() != testPage {
		t.Skipf("pages of %d bytes", os.Getpagesize())
	}

	all := moments(t)
	rng := rand.New(rand.NewPCG(1, 2))

	path := filepath.Join(t.TempDir(), "state.db")
	tried := 0
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		pages := changed(a.file, b.file)
		if len(pages) == 0 {
			t.Fatalf("commit %d (%s) changed no page", i, b.event)
		}

		subsets := [][]int{nil, pages}
		for range 3 {
			var some []int
			for _, p := range pages {
				if rng.IntN(2) == 0 {
					some = append(some, p)
				}
			}

			subsets = append(subsets, some)
		}

		for _, some := range subsets {
			tried++
			opensAs(t, path, overlay(a.file, b.file, some),
				fmt.Sprintf("%s, pages %v of %v", b.event, some, pages), a.says)
		}

		// All pages, and the changed meta page torn: at a sector, at any byte, garbage.
		meta := 0
		if bytes.Equal(a.file[:testPage], b.file[:testPage]) {
			meta = testPage
		}

		for _, cut := range []int{16 + rng.IntN(64), rng.IntN(testPage), 512, 48} {
			tried++
			torn := overlay(a.file, b.file, pages)
			copy(torn[meta:meta+cut], b.file[meta:])
			opensAs(t, path, torn, fmt.Sprintf("%s, meta torn at %d", b.event, cut), a.says, b.says)
		}

		// Only the root is wrong: nothing but the checksum tells.
		torn := overlay(a.file, b.file, pages)
		copy(torn[meta:], b.file[meta:meta+testPage])
		torn[meta+32] ^= 0xff
		opensAs(t, path, torn, b.event+", meta with another root", a.says)

		torn = overlay(a.file, b.file, pages)
		for k := range torn[meta : meta+testPage] {
			torn[meta+k] = byte(rng.Uint32())
		}

		opensAs(t, path, torn, b.event+", meta garbage", a.says)
	}

	if tried < 200 {
		t.Errorf("only %d cuts were tried", tried)
	}
}

// opensAs opens the bytes as a state that must say one of what is given.
func opensAs(t *testing.T, path string, file []byte, what string, says ...map[string]string) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}

	s, err := Open(path, Options{})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer abandon(s)

	got := dump(t, s)
	for _, want := range says {
		if maps.Equal(got, want) {
			return
		}
	}

	t.Errorf("%s: it says what never was committed", what)
}

// TestDamage: a disk that lies or rots: lost data pages under a new meta page, garbage pages,
// flipped bits, a short file. The state opens, or says that it is damaged and can be repaired; a
// repaired one is sound, and no job in it may act on the remote unless it is exactly what was
// committed.
func TestDamage(t *testing.T) {
	t.Parallel()
	if os.Getpagesize() != testPage {
		t.Skipf("pages of %d bytes", os.Getpagesize())
	}

	all := moments(t)
	rng := rand.New(rand.NewPCG(3, 4))
	inUse := func(m moment) (pages []int) {
		metas, _ := boltfile.ReadMetas(bytes.NewReader(m.file))
		tr := boltfile.NewTree(bytes.NewReader(m.file), int64(len(m.file)), metas[0])
		tr.Buckets(func(string) boltfile.Visit { return nil })

		for p := 2; p < int(metas[0].Pages); p++ {
			if tr.Used(uint64(p)) {
				pages = append(pages, p)
			}
		}

		return pages
	}
	pick := func(m moment) int {
		pages := inUse(m)
		return pages[rng.IntN(len(pages))]
	}
	kinds := map[string]func(m, before moment) []byte{
		"lost pages": func(m, before moment) []byte {
			var some []int
			for _, p := range changed(before.file, m.file) {
				if rng.IntN(2) == 0 {
					some = append(some, p)
				}
			}

			out := overlay(before.file, m.file, some)
			copy(out[:2*testPage], m.file)

			return out
		},
		"garbage page": func(m, _ moment) []byte {
			out := bytes.Clone(m.file)
			p := pick(m)
			for k := range testPage {
				out[p*testPage+k] = byte(rng.Uint32())
			}

			return out
		},
		"zeroed page": func(m, _ moment) []byte {
			out := bytes.Clone(m.file)
			p := pick(m)
			clear(out[p*testPage : (p+1)*testPage])

			return out
		},
		"flipped header bits": func(m, _ moment) []byte {
			out := bytes.Clone(m.file)
			for range 3 {
				out[pick(m)*testPage+rng.IntN(64)] ^= 1 << rng.IntN(8)
			}

			return out
		},
		"pages exchanged": func(m, _ moment) []byte {
			out := bytes.Clone(m.file)
			p, q := pick(m), pick(m)
			copy(out[p*testPage:], m.file[q*testPage:(q+1)*testPage])
			copy(out[q*testPage:], m.file[p*testPage:(p+1)*testPage])

			return out
		},
		"short file": func(m, _ moment) []byte { return m.file[:rng.IntN(len(m.file))] },
	}

	copies := map[bool][]byte{true: all[len(all)/2].file, false: nil}
	opened, repaired := 0, 0
	for name, spoil := range kinds {
		for withCopy, copied := range copies {
			for range 10 {
				i := 1 + rng.IntN(len(all)-1)
				path := filepath.Join(t.TempDir(), "state.db")
				if withCopy {
					if err := os.WriteFile(path+BackupSuffix, copied, 0o600); err != nil {
						t.Fatal(err)
					}
				}

				if err := os.WriteFile(path, spoil(all[i], all[i-1]), 0o600); err != nil {
					t.Fatal(err)
				}

				if survives(t, path, fmt.Sprintf("%s after %s", name, all[i].event), all) {
					repaired++
				} else {
					opened++
				}
			}
		}
	}

	t.Logf("%d opened, %d repaired", opened, repaired)
	if repaired < 40 || opened < 10 {
		t.Errorf("%d opened, %d were repaired: the damage is not what it was meant to be", opened, repaired)
	}
}

// survives opens a damaged state, after a repair where one is needed.
func survives(t *testing.T, path, what string, all []moment) (repaired bool) {
	t.Helper()
	before, err := Check(path)
	if err != nil {
		t.Errorf("%s: check: %v", what, err)
	}

	s, err := Open(path, Options{})
	if before.Usable != (err == nil) {
		t.Errorf("%s: Check finds it usable: %v (%q), Open says: %v", what, before.Usable, before.Problems,
			err)
	}

	if err == nil {
		defer abandon(s)
		_, err := s.Jobs(Filter{})
		if _, damaged := errors.AsType[*DamagedError](err); err != nil && !damaged {
			t.Errorf("%s: opened, then %v", what, err)
		}

		return false
	}

	if _, ok := errors.AsType[*DamagedError](err); !ok {
		t.Errorf("%s: %v is not a DamagedError", what, err)
		return false
	}

	if r, err := Check(path); err != nil || r.Sound() {
		t.Errorf("%s: Open refuses it (%v), Check finds nothing (%v)", what, err, r)
	}

	r, err := Repair(path)
	if err != nil {
		t.Errorf("%s: repair: %v", what, err)
		return true
	}

	if !r.Repaired || len(r.Problems) == 0 || !slices.Contains(traces(path), r.Damaged) {
		t.Errorf("%s: report %+v", what, r)
	}

	if r, err := Check(path); err != nil || !r.Sound() {
		t.Errorf("%s: after the repair: %v, %v", what, r.Problems, err)
	}

	s, err = Open(path, Options{})
	if err != nil {
		t.Errorf("%s: after the repair: %v", what, err)
		return true
	}
	defer abandon(s)
	jobs, err := s.OpenJobs()
	if err != nil {
		t.Errorf("%s: after the repair: %v", what, err)
	}

	for _, j := range jobs {
		if j.Doubt && j.Attention && !j.Runnable(epoch.AddDate(100, 0, 0)) && j.Phase == PhaseQueued {
			continue
		}

		k, _ := j.ID.key()

		v := dump(t, s)["jobs/"+string(k)]
		known := false
		for _, m := range all {
			known = known || m.says["jobs/"+string(k)] == v
		}

		if !known {
			t.Errorf("%s: job %s may run and is what never was committed: %s", what, j.ID, v)
		}
	}

	return true
}

// TestRepairKeepsTheNewest: damage to one leaf of jobs costs those jobs their newest form alone.
func TestRepairKeepsTheNewest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)

	open, _ := fixture(t, s)
	var more []JobID
	for i := range 200 {
		more = append(more, enqueue(t, s, uploadJob(100+i), Queued).ID)
	}

	s.Close() // keeps a copy
	s = openTest(t, path)
	commit(t, s, open, uploadSteps[4])
	finished := run(t, s, more[7], uploadSteps...)
	var leaf int64
	if err := s.view(func(tx *bolt.Tx) error {
		// The first leaf of jobs.
		k, _ := open.key()
		was := tx.Bucket(bucketJobs).Get(k)
		for id := 2; ; id++ {
			info, err := tx.Page(id)
			if err != nil || info == nil {
				return err
			}

			b := make([]byte, testPage*(info.OverflowCount+1))
			f, err := os.Open(path)
			if err != nil {
				return err
			}

			f.ReadAt(b, int64(id)*int64(os.Getpagesize()))
			f.Close()
			if info.Type == "leaf" && bytes.Contains(b, was) {
				leaf = int64(id)
				return nil
			}
		}
	}); err != nil || leaf == 0 {
		t.Fatal(leaf, err)
	}

	abandon(s)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := f.WriteAt(bytes.Repeat([]byte{0xAA}, 64), leaf*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}

	f.Close()

	r, err := Repair(path)
	if err != nil || !r.Repaired {
		t.Fatal(r, err)
	}

	s = openTest(t, path)
	if j, err := s.Job(open); err != nil || !j.Doubt || j.Phase != PhaseQueued ||
		j.Reason != ReasonRestored || j.Status(false, epoch) != StatusAttention {
		t.Errorf("a job whose newest form is lost: %+v, %v", j, err)
	}

	if parts, err := s.Parts(open); err != nil || len(parts) != 0 {
		t.Errorf("its parts: %v, %v", parts, err)
	}

	if j, err := s.Job(more[7]); err != nil || j.End != EndDone && !j.Doubt {
		t.Errorf("a job finished after the copy: %+v, %v", j, err)
	} else if j.End == EndDone && j.Version != finished.Version {
		t.Errorf("it lost its version: %+v", j)
	}

	if j, err := s.Job(more[150]); err != nil || j.Doubt {
		t.Errorf("a job on another page: %+v, %v", j, err)
	}

	enqueue(t, s, uploadJob(1), Same) // what was published still is
	if receipts, err := s.Receipts(0, 0); err != nil || len(receipts) != 2 {
		t.Errorf("receipts: %d, %v", len(receipts), err)
	}

	if chunks, err := s.DirChunks("w1", "a"); err != nil || len(chunks) != 0 {
		t.Errorf("scan records were kept, so a lost job may never be found again: %v, %v", chunks, err)
	}

	if again, err := Repair(filepath.Join(t.TempDir(), "none.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("repair of nothing: %+v, %v", again, err)
	}
}

// TestMissingStateIsTakenFromTheCopy: every open job of a copy is in doubt.
func TestMissingStateIsTakenFromTheCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	open, _ := fixture(t, s)
	s.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	r, err := Repair(path)
	if err != nil || !r.Repaired || len(r.Parked) != 1 || r.Parked[0] != open {
		t.Fatalf("%+v, %v", r, err)
	}

	s = openTest(t, path)
	if j, err := s.Job(open); err != nil || !j.Doubt || j.Runnable(epoch.AddDate(100, 0, 0)) {
		t.Errorf("%+v, %v", j, err)
	}

	enqueue(t, s, uploadJob(1), Same)
	s.Close()
	if r, err := Repair(path); err != nil || r.Repaired {
		t.Errorf("a sound state was repaired: %+v, %v", r, err)
	}
}

// TestCheckOfAnOpenStore: beside writers, without a false alarm.
func TestCheckOfAnOpenStore(t *testing.T) {
	s := newStore(t)

	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)

		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				j, _, err := s.Enqueue(uploadJob(i))
				if err == nil {
					_, err = s.Commit(j.ID, Cancel{})
				}

				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()

	for range 20 {
		if r, err := s.Check(); err != nil || !r.Sound() {
			t.Errorf("%v, %v", r.Problems, err)
		}
	}

	close(stop)
	<-ended
}

package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"
)

var update = flag.Bool("update", false,
	"write testdata/state-vN.db of the newest schema anew; only before its release")

// TestMain lets the test binary be another process that holds a state.
func TestMain(m *testing.M) {
	if path := os.Getenv("STATE_TEST_HOLD"); path != "" {
		s, err := Open(path, Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}

		WriteOwner(filepath.Join(filepath.Dir(path), "owner.json"),
			Owner{PID: os.Getpid(), Command: "daemon", Start: time.Now()})
		fmt.Println("held")
		os.Stdin.Read(make([]byte, 1)) // until the test closes it or dies
		s.Close()
		os.Exit(0)
	}

	os.Exit(m.Run())
}

func TestAnotherProcessHoldsIt(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(t.TempDir(), "state.db")
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "STATE_TEST_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}

	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	line := make([]byte, 64)
	if n, err := out.Read(line); err != nil || !strings.HasPrefix(string(line[:n]), "held") {
		t.Fatalf("holder said %q, %v", line[:n], err)
	}

	_, err = Open(path, Options{})
	locked, ok := errors.AsType[*LockedError](err)
	if !ok || locked.PID != cmd.Process.Pid || locked.Command != "daemon" {
		t.Errorf("open: %v", err)
	}

	if _, err := Check(path); !isLocked(err) {
		t.Errorf("check: %v", err)
	}

	if _, err := Repair(path); !isLocked(err) {
		t.Errorf("repair: %v", err)
	}

	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}

	openTest(t, path)
	_, err = Open(path, Options{})
	if !isLocked(err) { // by this very process
		t.Errorf("open twice: %v", err)
	}
}

func isLocked(err error) bool {
	_, ok := errors.AsType[*LockedError](err)
	return ok
}

func TestOwnerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "owner.json")
	for _, command := range []string{"daemon", "push"} {
		want := Owner{PID: 7, Command: command, Start: epoch}
		if err := WriteOwner(path, want); err != nil {
			t.Fatal(err)
		}

		if got, err := ReadOwner(path); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}

	if fi, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

func TestFileIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not kept on Windows; the home's folder has the access list")
	}

	path := filepath.Join(t.TempDir(), "state.db")
	openTest(t, path).Close()

	for _, p := range []string{path, path + BackupSuffix} {
		if fi, err := os.Stat(p); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", p, fi, err)
		}
	}
}

// fixture fills a state with one of everything.
func fixture(t *testing.T, s *Store) (open, done JobID) {
	t.Helper()
	d := enqueue(t, s, uploadJob(1), Queued)
	run(t, s, d.ID, uploadSteps...)
	j := enqueue(t, s, uploadJob(2), Queued)
	run(t, s, j.ID, uploadSteps[:4]...)
	commit(t, s, j.ID, Retry{At: epoch, Reason: "offline", Error: "no route"})
	c := enqueue(t, s, uploadJob(3), Queued)
	commit(t, s, c.ID, Cancel{})

	for _, err := range []error{
		s.PutIntent("folder/x", []byte("y")), s.SetMeta("m", "n"),
		s.UpdateDirs("w1", []DirChange{{Folder: "a", Put: []DirChunk{{First: "f", Data: []byte("data")}}}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}

	return j.ID, d.ID
}

// TestEverySchemaVersionOpens: the file that each released version wrote opens in this one with all
// its records.
func TestEverySchemaVersionOpens(t *testing.T) {
	if *update {
		path := filepath.Join(t.TempDir(), "state.db")
		s := openTest(t, path)
		fixture(t, s)
		s.Close()
		b, err := os.ReadFile(path + BackupSuffix)
		if err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(filepath.Join("testdata", fmt.Sprintf("state-v%d.db", len(migrations))), b,
			0o600); err != nil {
			t.Fatal(err)
		}
	}

	for v := 1; v <= len(migrations); v++ {
		b, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("state-v%d.db", v)))
		if err != nil {
			t.Fatal(err)
		}

		path := filepath.Join(t.TempDir(), "state.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}

		s := openTest(t, path)
		jobs, err := s.Jobs(Filter{})
		if err != nil || len(jobs) != 3 {
			t.Fatalf("version %d: %d jobs, %v", v, len(jobs), err)
		}

		j := jobs[1]
		if j.Phase != PhaseUploading || j.UploadKey != "key" || j.PartsDone != 2 || j.BytesDone != 20 ||
			j.Reason != "offline" || !j.Snapshot.Same(snap(25, 0)) {
			t.Errorf("version %d: %+v", v, j)
		}

		if parts, err := s.Parts(j.ID); err != nil ||
			!reflect.DeepEqual(parts, []Part{{1, 10, "e1", "m1"}, {2, 10, "e2", ""}}) {
			t.Errorf("version %d: parts %v, %v", v, parts, err)
		}

		run(t, s, j.ID, uploadSteps[4:]...)
		enqueue(t, s, uploadJob(1), Same)
		enqueue(t, s, uploadJob(3), Unwanted)
		receipts, err := s.Receipts(0, 0)
		if err != nil || len(receipts) != 2 || CheckReceipts(receipts, noReceipt) != nil {
			t.Errorf("version %d: receipts %v, %v", v, receipts, err)
		}

		s.Close()
		if r, err := Check(path); err != nil || !r.Sound() {
			t.Errorf("version %d: %v, %v", v, r.Problems, err)
		}
	}
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	id, _ := fixture(t, s)
	instance := s.Instance()
	s.Close()

	boom := errors.New("boom")
	half := func(tx *bolt.Tx) error {
		if err := tx.DeleteBucket(bucketJobs); err != nil {
			return err
		}

		return boom
	}
	if _, err := Open(path, Options{schema: append(slices.Clip(migrations), half)}); !errors.Is(err, boom) {
		t.Fatalf("a failing migration: %v", err)
	}

	ran := 0
	next := func(tx *bolt.Tx) error {
		ran++
		_, err := tx.CreateBucketIfNotExists([]byte("new"))
		return err
	}

	newer := Options{schema: append(slices.Clip(migrations), next, next)}
	for range 2 { // once, and not again
		s, err := Open(path, newer)
		if err != nil {
			t.Fatal(err)
		}

		if j, err := s.Job(id); err != nil || j.PartsDone != 2 || s.Instance() != instance {
			t.Errorf("after the migration: %+v, %v", j, err)
		}

		s.Close()
	}

	if ran != 2 {
		t.Errorf("migrations ran %d times, want each of two once", ran)
	}

	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	_, err = Open(path, Options{})
	known := len(migrations)
	if v, ok := errors.AsType[*VersionError](err); !ok || v.Have != known+2 || v.Known != known {
		t.Errorf("an older program: %v", err)
	}

	if _, err := Repair(path); err == nil {
		t.Error("an older program repaired it")
	}

	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Error("an older program changed the file")
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	for _, times := range []int{1, 100, 20_000} { // as small as a file that bbolt was about to make, too
		if err := os.WriteFile(garbage, bytes.Repeat([]byte("drawing "), times), 0o600); err != nil {
			t.Fatal(err)
		}

		if _, err := Open(garbage, Options{}); err == nil {
			t.Error("garbage opened")
		} else if _, ok := errors.AsType[*DamagedError](err); !ok {
			t.Errorf("garbage: %v", err)
		}
	}

	foreign := filepath.Join(dir, "foreign.db")
	db, err := bolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}

	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	db.Close()
	if _, err := Open(foreign, Options{}); err == nil {
		t.Error("a file of another program opened")
	}

	if _, err := Open(filepath.Join(dir, "no", "such", "folder.db"), Options{}); !errors.Is(err,
		os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}

	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a folder opened")
	}

	if runtime.GOOS != "windows" && os.Geteuid() != 0 {
		readOnly := filepath.Join(dir, "ro.db")
		openTest(t, readOnly).Close()
		if err := os.Chmod(readOnly, 0o400); err != nil {
			t.Fatal(err)
		}

		if _, err := Open(readOnly, Options{}); !errors.Is(err, os.ErrPermission) {
			t.Errorf("read-only: %v", err)
		}
	}
}

// What is no file, or an empty one beside a copy, is damage that a repair puts aside to go on from the
// copy.
func TestSomethingElseInThePlace(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a broken link": func(path string) error {
			return os.Symlink(filepath.Join(filepath.Dir(path), "nothing"), path)
		},
		"a link to /dev":  func(path string) error { return os.Symlink(os.DevNull, path) },
		"a ring of links": func(path string) error { return os.Symlink(path, path) },
		"an empty file":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(name, "link") {
				t.Skip("links need a right on Windows, and those of Wine are held open by what looks at them")
			}

			path := filepath.Join(t.TempDir(), "state.db")
			s := openTest(t, path)
			id, _ := fixture(t, s)
			s.Close()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}

			if r, err := Check(path); err != nil || r.Usable || len(r.Problems) != 1 {
				t.Errorf("while it is missing: %+v, %v", r, err)
			}

			if err := put(path); err != nil {
				t.Fatal(err)
			}

			_, err := Open(path, Options{})
			if _, ok := errors.AsType[*DamagedError](err); !ok {
				t.Errorf("open: %v", err)
			}

			if r, err := Check(path); err != nil || r.Usable || r.Sound() {
				t.Errorf("check: %+v, %v", r, err)
			}

			if r, err := Rescue(path); err != nil || len(r.Receipts) > 0 {
				t.Errorf("rescue: %+v, %v", r, err)
			}

			r, err := Repair(path)
			if err != nil || !r.Repaired || r.Kept["jobs"] == 0 {
				t.Fatalf("repair: %+v, %v", r, err)
			}

			if _, err := os.Lstat(r.Damaged); err != nil {
				t.Errorf("what was there is gone: %v", err)
			}

			if _, err := openTest(t, path).Job(id); err != nil {
				t.Error(err)
			}
		})
	}

	// Without a copy an empty file is one that was never used.
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	if r, err := Check(path); err != nil || !r.Usable || !r.Sound() {
		t.Errorf("check: %+v, %v", r, err)
	}

	openTest(t, path)
}

// bbolt writes its first four pages in one write, which a power cut may leave as zeros or in part.
func TestDiedWhileMakingTheFile(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "state.db")
	db, err := bolt.Open(whole, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}

	db.Close()
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}

	for _, n := range []int{0, 1, 100, 4096, 5000, len(b)} {
		for _, zero := range []bool{true, false} {
			made := bytes.Clone(b[:n])
			if zero {
				clear(made)
			}

			path := filepath.Join(t.TempDir(), "state.db")
			if err := os.WriteFile(path, made, 0o600); err != nil {
				t.Fatal(err)
			}

			s, err := Open(path, Options{})
			if _, damaged := errors.AsType[*DamagedError](err); damaged {
				if _, err := Repair(path); err != nil {
					t.Errorf("%d bytes, zero %v: repair: %v", n, zero, err)
				}

				s, err = Open(path, Options{})
			}

			if err != nil {
				t.Errorf("%d bytes, zero %v: %v", n, zero, err)
				continue
			}

			enqueue(t, s, uploadJob(1), Queued)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestWriteErrors(t *testing.T) {
	full := &WriteError{Path: "p", Err: errFull}
	if !IsFull(full) || !strings.Contains(full.Error(), "no space left") {
		t.Errorf("full disk: %v", full)
	}

	s := newStore(t)
	j := enqueue(t, s, uploadJob(1), Queued)
	s.commitFailed(nil, errFull)
	commit(t, s, j.ID, Pause{}) // there is room again
	s.commitFailed(nil, errors.New("input/output error"))
	if _, err := s.Commit(j.ID, Resume{}); err == nil {
		t.Error("a write was taken after an error that may have lost pages")
	}

	if got, err := s.Job(j.ID); err != nil || !got.Paused {
		t.Errorf("reading goes on: %+v, %v", got, err)
	}
}

func TestInstanceAndReceiptsAreJSON(t *testing.T) {
	s := newStore(t)
	for i := range 5 {
		j := enqueue(t, s, uploadJob(i), Queued)
		run(t, s, j.ID, uploadSteps...)
	}

	lines, err := s.Receipts(0, 3)
	if err != nil || len(lines) != 3 {
		t.Fatal(lines, err)
	}

	more, err := s.Receipts(lines[2].Seq, 0)
	if err != nil || len(more) != 2 {
		t.Fatal(more, err)
	}

	lines = append(lines, more...)
	if err := CheckReceipts(lines, noReceipt); err != nil {
		t.Error(err)
	}

	for _, l := range lines {
		if !json.Valid(l.Line) || bytes.ContainsRune(l.Line, '\n') {
			t.Errorf("receipt %s", l.Line)
		}
	}

	altered := append([]Receipt(nil), lines...)
	altered[2].Line = bytes.Replace(altered[2].Line, []byte(`"size":25`), []byte(`"size":26`), 1)
	if CheckReceipts(altered, noReceipt) == nil {
		t.Error("an altered receipt was not noticed")
	}

	if CheckReceipts(append(lines[:1:1], lines[2:]...), noReceipt) == nil {
		t.Error("a missing receipt was not noticed")
	}
}

// TestLockWaitCanBeShort: who can ask the process that has the state must not wait for it.
func TestLockWaitCanBeShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	synctest.Test(t, func(t *testing.T) { // its clock shows nothing but the wait
		openTest(t, path)
		began := time.Now()
		_, err := Open(path, Options{LockWait: time.Millisecond})
		if _, ok := errors.AsType[*LockedError](err); !ok {
			t.Errorf("got %v, want a LockedError", err)
		}

		if took := time.Since(began); took >= lockTimeout {
			t.Errorf("it waited %v", took)
		}
	})
}

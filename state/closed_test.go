package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestClosedWell: a file is as it was closed only as long as nobody has written to it, and the note of
// that is good for one look.
func TestClosedWell(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(path string) error
		want      bool
	}{
		"nothing happened": {func(string) error { return nil }, true},
		"a byte was changed and the time put back": {func(path string) error {
			info, err := os.Stat(path)
			f, errOpen := os.OpenFile(path, os.O_RDWR, 0)
			if err := errors.Join(err, errOpen); err != nil {
				return err
			}

			_, err = f.WriteAt([]byte{'x'}, info.Size()/2)

			return errors.Join(err, f.Close(), os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, false},
		"another file took its place": {func(path string) error {
			return errors.Join(clone(path, path+".tmp"), os.Rename(path+".tmp", path))
		}, false},
		"the note is damaged": {func(path string) error {
			return os.WriteFile(path+closedSuffix, []byte{compactMark, 0xff}, 0o600)
		}, false},
		"it was noted within the tick of the change": {func(path string) error {
			snap, err := SnapshotPath(path)
			return errors.Join(err, os.Chtimes(path+closedSuffix, snap.ChangeTime, snap.ChangeTime))
		}, false},
		"the note cannot be read": {func(path string) error {
			return errors.Join(os.Remove(path+closedSuffix), os.Mkdir(path+closedSuffix, 0o700))
		}, false},
		"an owner died": {func(path string) error { return os.Remove(path + closedSuffix) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			s := openTest(t, path)
			fixture(t, s)
			s.Close()
			noteLater(t, path)

			if err := c.meanwhile(path); err != nil {
				t.Fatal(err)
			}

			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()

			if got := closedWell(path, f); got != c.want {
				t.Errorf("closed well: %v", got)
			}

			if closedWell(path, f) {
				t.Error("the note was good for a second look")
			}

			if _, err := os.Lstat(path + closedSuffix); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the note is there still: %v", err)
			}
		})
	}
}

// noteLater notes that a file was closed well when its last change is a tick ago on any file system.
func noteLater(t *testing.T, path string) {
	t.Helper()
	if err := noteClosed(path); err != nil {
		t.Fatal(err)
	}

	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(path+closedSuffix, later, later); err != nil {
		t.Fatal(err)
	}
}

// TestOpenReadsWhatWasNotClosedWell: a page that only a look at the whole file would find is not found in
// a file that was closed well, and refused in any other.
func TestOpenReadsWhatWasNotClosedWell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	for i := range 300 {
		if err := s.PutIntent(fmt.Sprint("folder/", i), []byte("y")); err != nil {
			t.Fatal(err)
		}
	}

	at := int64(0)
	if err := s.view(func(tx *bolt.Tx) error {
		at = int64(tx.Bucket(bucketIntents).Root()) * int64(tx.DB().Info().PageSize)
		return nil
	}); err != nil || at == 0 {
		t.Fatalf("the page of the intents is at %d, %v", at, err)
	}

	s.Close()

	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := f.WriteAt([]byte{0xff, 0xff}, at+8); err != nil { // its kind of page
		t.Fatal(err)
	}

	f.Close()
	noteLater(t, path)

	s, err = Open(path, Options{})
	if err != nil {
		t.Fatalf("closed well: %v", err)
	}

	if _, err := os.Stat(path + closedSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the note is there while the file is open: %v", err)
	}

	s.Close()

	if err := os.Remove(path + closedSuffix); err != nil {
		t.Fatal(err)
	}

	_, err = Open(path, Options{})
	if _, damaged := errors.AsType[*DamagedError](err); !damaged {
		t.Errorf("not closed well: %v", err)
	}
}

// TestTrim: what a queue left half empty is given back when the state is closed, and the index goes on.
// Who waited for the lock writes to the new file.
func TestTrim(t *testing.T) {
	if !replaceableWhileOpen {
		t.Skip(runtime.GOOS + " replaces no file that is open")
	}

	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	_, id := fixture(t, s)
	if err := s.PutIntent("as much as a queue", make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}

	if err := s.DeleteIntent("as much as a queue"); err != nil {
		t.Fatal(err)
	}

	index := s.Index()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	opened, waited := make(chan bool, 2), make(chan error)
	go func() {
		db, err := openBolt(path, time.Minute,
			func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(name, flag, mode)
				opened <- err == nil

				return f, err
			})
		if err == nil {
			err = errors.Join(db.Update(func(tx *bolt.Tx) error {
				return tx.Bucket(bucketMeta).Put([]byte("waited"),
					sealed(bucketMeta, []byte("waited"), []byte("yes")))
			}), db.Close())
		}

		waited <- err
	}()

	<-opened
	s.Close()

	if err := <-waited; err != nil {
		t.Fatal(err)
	}

	next := openTest(t, path)
	if err := next.view(func(tx *bolt.Tx) error {
		v, err := get(tx, bucketMeta, []byte("waited"))
		if string(v) != "yes" {
			err = errors.Join(err, ErrNotFound)
		}

		return err
	}); err != nil {
		t.Errorf("what was written by one that waited for the lock is lost: %v", err)
	}

	after, err := os.Stat(path)
	if err != nil || after.Size() > before.Size()/2 {
		t.Errorf("%d bytes of %d are left, %v", after.Size(), before.Size(), err)
	}

	if next.Index() < index {
		t.Errorf("the index went back from %d to %d", index, next.Index())
	}

	if j, err := next.Job(id); err != nil || j.End != EndDone {
		t.Errorf("%+v, %v", j, err)
	}

	if err := next.SetMeta("said", "by the next"); err != nil {
		t.Fatal(err)
	}

	if next.Index() <= index {
		t.Errorf("index %d after a commit, %d before", next.Index(), index)
	}

	next.Close()

	last := openTest(t, path)
	if said, _, err := last.Meta("said"); err != nil || said != "by the next" {
		t.Errorf("%q, %v", said, err)
	}

	last.Close()
	if r, err := Check(path); err != nil || !r.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
}

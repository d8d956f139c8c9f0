package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// A state that was closed well is not read whole when it is opened next: beside it lies what the file looked
// like then, and as long as it looks like that nobody has written to it. The note is taken away before the
// file is opened, so that after any other end it is read.
const closedSuffix = ".closed"

// noteClosed says that the file is closed well, as it is now. Without the note the next Open reads it.
func noteClosed(path string) error {
	snap, err := SnapshotPath(path)
	if err != nil {
		return err
	}

	return os.WriteFile(path+closedSuffix, encodeRecord(snapshotRecord(snap), ""), 0o600)
}

// closedWell reports whether the file, which the caller has locked, is as it was closed, and takes the
// note away. A note that is not younger than the file's last change does not tell: another change may
// have got the same time.
func closedWell(path string, f *os.File) bool {
	note := path + closedSuffix
	b, errRead := os.ReadFile(note)
	made, errMade := os.Stat(note)
	now, errNow := SnapshotFile(f)

	var then snapshotRecord
	err := errors.Join(errRead, errMade, errNow, os.Remove(note), decodeRecord(b, &then, ""))
	if err != nil || now.ChangeTime.IsZero() || !made.ModTime().After(now.ChangeTime) {
		return false
	}

	return now == Snapshot(then)
}

// mayTrim is how much larger than its compact copy a file is before the copy takes its place.
func mayTrim(file, copied int64) bool { return file > copied+copied/2+growBy }

// trim puts a clone of the copy, which is of this moment, in place of a file that is much larger: pages
// that were filled once and are half empty by now. Who waited for the lock meanwhile finds that its file
// has no name any more and opens it again; when a file that is open has to keep its name nothing is
// done.
func (s *Store) trim() (err error) {
	file, copied, err := sizes(s.path)
	if err != nil || !replaceableWhileOpen || !mayTrim(file, copied) {
		return err
	}

	tmp := s.path + ".trimmed.tmp"
	defer func() {
		if err != nil {
			_ = os.Remove(tmp) // the failure before it is what counts
		}
	}()
	if err := clone(s.path+BackupSuffix, tmp); err != nil {
		return err
	}

	if err := setIndexBase(tmp, s.Index()); err != nil {
		return err
	}

	if err := ownLike(tmp, s.path); err != nil {
		return err
	}

	if err := os.Rename(tmp, s.path); err != nil {
		return err
	}

	return syncDir(filepath.Dir(s.path))
}

// sizes are those of the file and of its copy.
func sizes(path string) (file, copied int64, err error) {
	a, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}

	b, err := os.Stat(path + BackupSuffix)
	if err != nil {
		return 0, 0, err
	}

	return a.Size(), b.Size(), nil
}

// clone copies a file to a new one, whose bytes are for the caller to sync.
func clone(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()

	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}

	_, err = io.Copy(out, in)

	return errors.Join(err, out.Close())
}

// setIndexBase makes a state go on counting from an index, since bbolt begins anew in a copy, and syncs it.
func setIndexBase(path string, index uint64) error {
	return guarded(path, func() error {
		db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout})
		if err != nil {
			return err
		}

		db.AllocSize = 0
		err = db.Update(func(tx *bolt.Tx) error {
			v := fmt.Append(nil, index)
			return tx.Bucket(bucketMeta).Put(metaIndexBase, sealed(bucketMeta, metaIndexBase, v))
		})

		return errors.Join(err, db.Close())
	})
}

package state

import (
	"fmt"
	"os"
	"time"
)

// Snapshot is what tells one content of a local file from another without reading it.
type Snapshot struct {
	Size       int64     // bytes
	ModTime    time.Time // ns as far as the file system keeps them
	ChangeTime time.Time // of the inode or file record; zero: unknown
	FileID     string    // volume and file, "": unknown
}

// SnapshotFile looks at an open file: what it says is about the content that reads of f see,
// whatever happens to the name meanwhile.
func SnapshotFile(f *os.File) (Snapshot, error) {
	fi, err := f.Stat()
	if err != nil {
		return Snapshot{}, err
	}

	if !fi.Mode().IsRegular() {
		return Snapshot{}, fmt.Errorf("look at %s: not a regular file", f.Name())
	}

	return snapshotOf(f, fi)
}

// SnapshotPath looks at what path names now, following links. It never keeps other programs from
// writing, renaming or deleting the file.
func SnapshotPath(path string) (Snapshot, error) {
	return snapshotPath(path)
}

// Same reports whether both are of one unchanged content. A file id or change time that either side
// does not know is not compared.
func (s Snapshot) Same(o Snapshot) bool {
	return s.SameContentLikely(o) &&
		(s.FileID == "" || o.FileID == "" || s.FileID == o.FileID) &&
		(s.ChangeTime.IsZero() || o.ChangeTime.IsZero() || s.ChangeTime.Equal(o.ChangeTime))
}

// SameContentLikely compares size and modification time only. When it holds and Same does not, the
// content decides: a rename, a copy or a new mode moves the change time alone.
func (s Snapshot) SameContentLikely(o Snapshot) bool {
	return s.Size == o.Size && s.ModTime.Equal(o.ModTime)
}

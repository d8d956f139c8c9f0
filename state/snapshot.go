package state

import (
	"fmt"
	"os"

	"hoist/state/compare"
)

// Snapshot is what tells one content of a local file from another without reading it.
type Snapshot = compare.Snapshot

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

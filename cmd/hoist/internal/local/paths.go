package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/watcher/disk"
)

// MustBeAbsolute refuses a path that would mean something else to the owner than to the one who
// asks.
func MustBeAbsolute(p string) error {
	if !filepath.IsAbs(p) {
		return problem.Usagef("path %q is not absolute", p)
	}

	return nil
}

// Stat looks at a path that was named.
func Stat(p string) (fs.FileInfo, error) {
	info, err := Look(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.With(problem.NotFound, fmt.Errorf("%s: there is no such file or folder", p),
			problem.Text("check the path; nothing was sent"))
	}

	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", p, err)
	}

	return info, nil
}

// Look is [os.Stat] that waits for no dead disk.
func Look(p string) (fs.FileInfo, error) {
	return disk.Ask(p, disk.Patience, func() (fs.FileInfo, error) { return os.Stat(p) })
}

// Names is [os.ReadDir] that waits for no dead disk.
func Names(dir string) ([]fs.DirEntry, error) {
	return disk.Ask(dir, disk.Patience, func() ([]fs.DirEntry, error) { return os.ReadDir(dir) })
}

// Resolve is [filepath.EvalSymlinks] that waits for no dead disk.
func Resolve(p string) (string, error) {
	return disk.Ask(p, disk.Patience, func() (string, error) { return filepath.EvalSymlinks(p) })
}

// SnapshotPath is [state.SnapshotPath] that waits for no dead disk.
func SnapshotPath(p string) (state.Snapshot, error) {
	return disk.Ask(p, disk.Patience, func() (state.Snapshot, error) { return state.SnapshotPath(p) })
}

// Snapshot looks at a path; nil when there is no file.
func Snapshot(path string) (*state.Snapshot, error) {
	s, err := SnapshotPath(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}

	if err != nil {
		return nil, err
	}

	return &s, nil
}

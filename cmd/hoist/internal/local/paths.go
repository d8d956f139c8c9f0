package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// MustBeAbsolute refuses a path that would mean something else to the owner than to who asks.
func MustBeAbsolute(p string) error {
	if !filepath.IsAbs(p) {
		return problem.Usagef("path %q is not absolute", p)
	}

	return nil
}

// Stat looks at a path that was named.
func Stat(p string) (fs.FileInfo, error) {
	info, err := os.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.With(problem.NotFound, fmt.Errorf("%s: there is no such file or folder", p),
			problem.Text("check the path; nothing was sent"))
	}

	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", p, err)
	}

	return info, nil
}

// Snapshot looks at a path; nil when there is no file.
func Snapshot(path string) (*state.Snapshot, error) {
	s, err := state.SnapshotPath(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}

	if err != nil {
		return nil, err
	}

	return &s, nil
}

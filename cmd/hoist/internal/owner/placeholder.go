package owner

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"hoist/transfer/plan"
	"hoist/watcher"
)

// isPlaceholder recognises files of other sync programs whose content is not on this machine: to open
// one would fetch it. Tests have their own.
var isPlaceholder = watcher.OnlineOnly

// lookForPlaceholders is whether the system has such files.
var lookForPlaceholders = runtime.GOOS == "windows" || runtime.GOOS == "darwin"

// PlaceholderError says that a folder cannot be watched.
type PlaceholderError struct{ Path string }

func (e *PlaceholderError) Error() string {
	return fmt.Sprintf("%q is a placeholder of another sync program, whose content is not on this "+
		"machine: nothing of the folder is sent until all of it is kept here (\"always keep on this "+
		"device\")", e.Path)
}

// placeholder is a *PlaceholderError for the first of some paths that is one.
func placeholder(paths func(yield func(string) bool)) error {
	if !lookForPlaceholders {
		return nil
	}

	for p := range paths {
		if info, err := os.Lstat(p); err == nil && isPlaceholder(info) {
			return &PlaceholderError{p}
		}
	}

	return nil
}

// kept is an error when a folder, or what lies right in it, is a placeholder.
func kept(root string) error {
	return placeholder(func(yield func(string) bool) {
		entries, err := os.ReadDir(root)
		if !yield(root) || err != nil {
			return
		}

		for _, e := range entries {
			if e.Type() == 0 || e.Type()&fs.ModeIrregular != 0 {
				if !yield(filepath.Join(root, e.Name())) {
					return
				}
			}
		}
	})
}

// keptFiles is an error when one of the files that a watch found is a placeholder.
func keptFiles(files []plan.Source) error {
	return placeholder(func(yield func(string) bool) {
		for _, f := range files {
			if !yield(f.Path) {
				return
			}
		}
	})
}

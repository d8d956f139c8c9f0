package watcher

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// statEntry costs nothing on Windows: size and time come with the folder's listing.
func statEntry(_ *os.File, e entry) (record, error) {
	info, err := e.info.Info()
	if err != nil {
		return record{}, err
	}
	return recordOf(info), nil
}

func recordOf(info fs.FileInfo) record {
	return record{name: info.Name(), dir: info.IsDir(), size: info.Size(), mtime: info.ModTime().UnixNano()}
}

// isNotDir tells whether a step of the path is a file.
func isNotDir(err error) bool { return errors.Is(err, windows.ERROR_DIRECTORY) }

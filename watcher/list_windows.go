package watcher

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"hoist/watcher/disk"
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

// identify adds the file id, which listings do not tell: its handle reads nothing, fetches nothing and
// keeps nobody from the file.
func identify(root, p string, r record) record {
	name := join(root, p)
	id, err := disk.Ask(name, disk.Patience, func() (fileID, error) {
		return idAt(name, windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_OPEN_NO_RECALL)
	})
	if err == nil {
		r.ino, r.dev = id.ino, id.dev
	}

	return r
}

// isNotDir reports whether a step of the path is a file.
func isNotDir(err error) bool { return errors.Is(err, windows.ERROR_DIRECTORY) }

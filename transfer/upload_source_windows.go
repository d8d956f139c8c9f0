package transfer

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// replaceableWhileOpen reports whether another file can be moved over one that is open. MoveFileEx
// refuses it (access denied), whatever the sharing mode.
const replaceableWhileOpen = false

// openShared opens a file for reading with every sharing mode, so that programs can write, rename,
// replace and delete it meanwhile; os.Open does not share deletion and would keep CAD programs from
// saving.
func openShared(path string) (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	name, err := windows.UTF16PtrFromString(longPath(path))
	if err != nil {
		return fail(err)
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING,
		windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return fail(err)
	}
	return os.NewFile(uintptr(h), path), nil
}

// longPath lifts the limit of 260 characters for absolute paths of a drive.
func longPath(path string) string {
	if len(path) < 248 || len(path) < 3 || path[1] != ':' || path[2] != '\\' {
		return path
	}
	return `\\?\` + path
}

func isSharingViolation(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

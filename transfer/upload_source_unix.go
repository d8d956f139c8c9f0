//go:build unix

package transfer

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// replaceableWhileOpen reports whether another file can be moved over one that is open.
const replaceableWhileOpen = true

// openShared opens a file for reading. No open on this system keeps others from writing, renaming
// or deleting the file; O_NONBLOCK keeps a pipe that took the file's place from blocking us.
func openShared(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}

	return f, err
}

func isSharingViolation(error) bool { return false }

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

func isDiskFull(err error) bool { return errors.Is(err, syscall.EDQUOT) }

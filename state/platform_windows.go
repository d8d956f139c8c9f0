package state

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// initialMmap is zero: on Windows the file itself would get that size.
const initialMmap = 0

// replaceableWhileOpen: a file that is open keeps its name.
const replaceableWhileOpen = false

var fullErrors = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL}

// bbolt locks one byte at the far end of the file, where no data is.
func lockRange() *windows.Overlapped {
	const m1 = 1<<32 - 1
	return &windows.Overlapped{Offset: m1, OffsetHigh: m1}
}

// tryLock takes the lock that bbolt takes.
func tryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_FAIL_IMMEDIATELY|windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, lockRange())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, lockRange())
}

func nameless(*os.File) bool { return false }

// ownLike does nothing: a new file has the owner that its folder gives it.
func ownLike(string, string) error { return nil }

// syncDir does nothing: Windows has no fsync of a folder.
func syncDir(string) error { return nil }

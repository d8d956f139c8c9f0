package watcher

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// writerOf opens a file for reading, which the system refuses while somebody has it open who shares no
// reading, and closes it at once. deny: it is opened as by one who lets nobody write, which is refused
// too while somebody has it open for writing; whoever wants to begin in that moment is refused, so only
// those ask that must know.
func writerOf(name string, deny bool) (open, known bool) {
	if info, err := os.Lstat(name); err != nil || OnlineOnly(info) {
		return false, err == nil // to open it might fetch it
	}

	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return false, false
	}

	share := uint32(windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE)
	if deny {
		share &^= windows.FILE_SHARE_WRITE
	}

	h, err := windows.CreateFile(path, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING,
		windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return true, errors.Is(err, windows.ERROR_SHARING_VIOLATION)
	}

	return false, windows.CloseHandle(h) == nil
}

// writersBelow is not known here: writerOf tells of each file.
func writersBelow(string) map[fileID]bool { return nil }

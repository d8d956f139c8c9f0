package transfer

import (
	"os"

	"golang.org/x/sys/windows"
)

// preallocate gives f its size, for which NTFS reserves the clusters.
func preallocate(f *os.File, size int64) error { return f.Truncate(size) }

// FreeSpace returns the bytes that this user may still write to the volume of dir.
func FreeSpace(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(longPath(dir))
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, os.NewSyscallError("GetDiskFreeSpaceEx", err)
	}
	return int64(min(free, 1<<62)), nil
}

// syncDir does nothing: Windows has no sync of folders; NTFS journals their entries.
func syncDir(*os.Root) error { return nil }

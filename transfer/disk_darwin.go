package transfer

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// preallocate gives f its size and, when the file system can, its blocks.
func preallocate(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	store := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: size}
	if err := unix.FcntlFstore(f.Fd(), unix.F_PREALLOCATE, &store); errors.Is(err, unix.ENOSPC) {
		return os.NewSyscallError("preallocate", err)
	}
	return f.Truncate(size)
}

// FreeSpace returns the bytes that this user may still write to the file system of dir.
func FreeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return int64(min(s.Bavail, 1<<62/uint64(max(s.Bsize, 1)))) * int64(s.Bsize), nil
}

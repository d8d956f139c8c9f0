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

	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
			return f.Truncate(size)
		}

		return os.NewSyscallError("fallocate", err)
	}
}

// FreeSpace returns the bytes that this user may still write to the file system of dir.
func FreeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}

	return int64(min(s.Bavail, 1<<62/uint64(max(s.Bsize, 1)))) * s.Bsize, nil
}

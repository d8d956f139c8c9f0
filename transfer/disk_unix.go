//go:build unix

package transfer

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes a rename in dir survive a power cut, when the file system can sync folders.
func syncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}

	return nil
}

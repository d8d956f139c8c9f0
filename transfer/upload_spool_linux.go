package transfer

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// cloneFile makes a new file that shares the content of from by copy-on-write, on file systems such
// as btrfs and XFS.
func cloneFile(path string, from *os.File) (err error) {
	to, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, to.Close()) }()
	if err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd())); err != nil {
		return fmt.Errorf("%w: %v", errNoClone, err)
	}

	return nil
}

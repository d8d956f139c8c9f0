package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// cloneFile makes a new file that shares the content of from by copy-on-write, on APFS.
func cloneFile(path string, from *os.File) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := unix.Fclonefileat(int(from.Fd()), unix.AT_FDCWD, path, 0); err != nil {
		return fmt.Errorf("%w: %v", errNoClone, err)
	}
	return os.Chmod(path, 0o600)
}

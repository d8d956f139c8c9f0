//go:build unix

package transfer

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openNoBlock keeps a pipe or a link that took a file's place from being opened.
const openNoBlock = syscall.O_NONBLOCK | syscall.O_NOFOLLOW

// renameNoReplace renames within a folder; fs.ErrExist when to is taken, errors.ErrUnsupported when
// the file system cannot.
func renameNoReplace(dir *os.Root, from, to string) error {
	return renameWith(dir, from, to, noReplace)
}

// exchange swaps two names of a folder; errors.ErrUnsupported when the file system cannot.
func exchange(dir *os.Root, a, b string) error { return renameWith(dir, a, b, swapNames) }

func renameWith(dir *os.Root, from, to string, flag uint) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()

	err = renameFlags(int(d.Fd()), from, to, flag)
	for errors.Is(err, unix.EINTR) {
		err = renameFlags(int(d.Fd()), from, to, flag)
	}

	if errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return errors.ErrUnsupported
	}

	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}

	return nil
}

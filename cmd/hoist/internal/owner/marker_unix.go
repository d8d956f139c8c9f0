//go:build !windows

package owner

import (
	"errors"
	"io/fs"
	"syscall"
)

// readOnly reports whether an error means that a folder cannot be written to.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// hide has nothing to do: names that begin with a dot are out of the usual view.
func hide(string) error { return nil }

package owner

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// readOnly reports whether an error means that a folder cannot be written to.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, windows.ERROR_WRITE_PROTECT)
}

// hide keeps a file out of the usual view of its folder.
func hide(path string) error {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	return windows.SetFileAttributes(p, windows.FILE_ATTRIBUTE_HIDDEN)
}

//go:build !windows

package config

import (
	"os"
	"syscall"
)

// private takes the access to a folder from everybody but its owner.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}

	return os.Chmod(dir, info.Mode().Perm()&0o700)
}

// writableByOthers reports whether somebody beside this user may put files into a folder.
func writableByOthers(dir string) (bool, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return false, err
	}

	sys, ok := info.Sys().(*syscall.Stat_t)
	foreign := ok && sys.Uid != 0 && int(sys.Uid) != os.Geteuid()

	return foreign || info.Mode().Perm()&0o022 != 0, nil
}

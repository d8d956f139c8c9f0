//go:build !windows

package config

import "os"

// private takes the access to a folder from everybody but its owner.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}

	return os.Chmod(dir, info.Mode().Perm()&0o700)
}

//go:build !windows

package control

import (
	"io/fs"
	"net"
	"os"
)

// listenUnix makes a socket that only its user can open. Its folder lets nobody else in, so that
// nothing is open in between; a umask would be one of the whole process, and folders that others of
// its goroutines make just then could not be entered.
func listenUnix(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}

	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}

	return l, nil
}

func noUnix(error) bool { return false }

func isSocket(_ string, info fs.FileInfo) bool { return info.Mode()&fs.ModeSocket != 0 }

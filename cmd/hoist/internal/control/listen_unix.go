//go:build !windows

package control

import (
	"io/fs"
	"net"
	"os"
	"syscall"
)

// listenUnix makes a socket that only its user can open, from its first moment on.
func listenUnix(path string) (net.Listener, error) {
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
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

package control

import (
	"errors"
	"io/fs"
	"net"
	"syscall"
)

// listenUnix makes a socket; the access list of its folder protects it.
func listenUnix(path string) (net.Listener, error) { return net.Listen("unix", path) }

// noUnix reports whether the system has no AF_UNIX (before Windows 10 1803, and Wine):
// WSAEAFNOSUPPORT.
func noUnix(err error) bool {
	const wsaAddressFamilyNotSupported = syscall.Errno(10047)
	return errors.Is(err, wsaAddressFamilyNotSupported) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// isSocket trusts the name: Windows shows a socket as a reparse point of its own kind.
func isSocket(_ string, info fs.FileInfo) bool { return !info.IsDir() && info.Size() == 0 }

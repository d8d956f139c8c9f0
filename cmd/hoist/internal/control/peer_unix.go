//go:build linux || darwin

package control

import "net"

// onSocket calls do with the descriptor of a connection over a socket of the file system.
func onSocket(c net.Conn, do func(fd int)) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return
	}

	if raw, err := u.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { do(int(fd)) }) // a connection that has gone tells nothing
	}
}

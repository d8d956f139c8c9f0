//go:build linux || darwin

package apsclient

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unsentMost is how many bytes of an upload the system may hold that it has not sent yet.
const unsentMost = 512 << 10

// holdBackUnsent keeps the system from taking megabytes of a part that a slow link sends for minutes: their way would be seen by nobody, and
// look like an answer that does not come.
func holdBackUnsent(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentMost) // without it progress is coarser, no more
	})
}

//go:build linux || darwin

package apsclient

import "golang.org/x/sys/unix"

// unsentMost is how many unsent bytes the system may hold for a connection when the link is slow.
const unsentMost = 128 << 10

// boundUnsent sets that bound; if it cannot be set, nothing changes.
func boundUnsent(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentMost)
}

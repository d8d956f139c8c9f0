package control

import (
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

func peerOf(c net.Conn) (p Peer) {
	onSocket(c, func(fd int) {
		if cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = Peer{User: strconv.FormatUint(uint64(cred.Uid), 10), PID: int(cred.Pid)}
		}
	})

	return p
}

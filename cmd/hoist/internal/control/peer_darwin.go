package control

import (
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

func peerOf(c net.Conn) (p Peer) {
	onSocket(c, func(fd int) {
		if cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err == nil {
			p.User = strconv.FormatUint(uint64(cred.Uid), 10)
		}

		p.PID, _ = unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID) // 0: not known
	})

	return p
}

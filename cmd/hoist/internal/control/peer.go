package control

import (
	"context"
	"net"
	"os"
	"strconv"
)

// Peer is the process at the other end of a connection, as far as the system tells. The zero value
// is an unknown one.
type Peer struct {
	User string // its user id; "" when it is not known
	PID  int    // 0 when it is not known
}

// trusted reports whether a peer may use the home: its owner, the administrator, and whom the file
// system let in when the system does not tell more.
func (p Peer) trusted() bool {
	return p.User == "" || p.User == "0" || p.User == strconv.Itoa(os.Geteuid())
}

type peerKey struct{}

// WithPeer is the ConnContext of an http.Server whose requests [PeerOf] is asked for.
func WithPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerOf(c))
}

// PeerOf is who sent the request with this context.
func PeerOf(ctx context.Context) Peer {
	p, _ := ctx.Value(peerKey{}).(Peer)
	return p
}

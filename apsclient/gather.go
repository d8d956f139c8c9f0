package apsclient

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// dialGathered returns the dial function for TLS of a transport whose writes are larger than a TLS
// record: crypto/tls makes a system call per record.
func dialGathered(dial func(ctx context.Context, network, addr string) (net.Conn, error),
	config *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}

		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}

		named := config.Clone()
		if named.ServerName == "" {
			named.ServerName = host
		}

		out := &gatherer{Conn: raw}
		conn := &gatheredTLS{tls.Client(out, named), out}
		err = raw.SetDeadline(time.Now().Add(handshakeTimeout))
		if err == nil {
			err = conn.HandshakeContext(ctx)
		}

		if err == nil {
			err = raw.SetDeadline(time.Time{})
		}

		if err != nil {
			_ = raw.Close()
			return nil, err
		}

		return conn, nil
	}
}

// gatheredTLS is a TLS connection that hands the records of one write to the system in one call.
type gatheredTLS struct {
	*tls.Conn
	out *gatherer
}

func (c *gatheredTLS) Write(b []byte) (int, error) {
	c.out.hold()
	n, err := c.Conn.Write(b)
	if flushed := c.out.flush(); err == nil && flushed != nil {
		return 0, flushed
	}

	return n, err
}

const (
	sipBytes  = 32 << 10  // a slow line is written so little at once that a touch of its watch is due in time
	gulpBytes = 128 << 10 // a fast one so much that calls to the system cost little
	quick     = 100 * time.Millisecond
)

var gulps = sync.Pool{New: func() any { return new([gulpBytes]byte) }}

// ReadFrom writes what r has, more at once as long as the line takes it quickly.
func (c *gatheredTLS) ReadFrom(r io.Reader) (sent int64, err error) {
	b := gulps.Get().(*[gulpBytes]byte)
	defer gulps.Put(b)

	for size := sipBytes; ; {
		n, ended := r.Read(b[:size])
		begun := time.Now()
		written, err := c.Write(b[:n])
		sent += int64(written)
		if err != nil || ended == io.EOF {
			return sent, err
		}

		if ended != nil {
			return sent, ended
		}

		if size = sipBytes; time.Since(begun) < quick {
			size = gulpBytes
		}
	}
}

// gatherer keeps what is written while it is held, and writes it at once when it is flushed.
type gatherer struct {
	net.Conn

	mu   sync.Mutex // guards all below, and orders the writes
	held bool
	kept []byte
}

func (g *gatherer) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = true
}

func (g *gatherer) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held {
		g.kept = append(g.kept, b...)
		return len(b), nil
	}

	return g.Conn.Write(b)
}

func (g *gatherer) flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	if len(g.kept) == 0 {
		return nil
	}

	_, err := g.Conn.Write(g.kept)
	g.kept = g.kept[:0]

	return err
}

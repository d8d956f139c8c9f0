package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// roughProxy passes TCP connections on, and while it is rough it maltreats them. What befalls a
// connection follows from the seed and the connection's number.
type roughProxy struct {
	addr    string
	to      string
	seed    uint64
	silence time.Duration // how long a silent connection lasts before it is reset; 0: for good

	ctx     context.Context
	running sync.WaitGroup

	mu    sync.Mutex // guards the rest
	rough bool
	conns int // accepted so far
}

// newRoughProxy listens until the test ends, in front of an address.
func newRoughProxy(t *testing.T, to string, seed uint64, silence time.Duration) *roughProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &roughProxy{addr: listener.Addr().String(), to: to, seed: seed, silence: silence, ctx: ctx}
	p.running.Go(func() {
		for {
			c, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}

			if err != nil {
				continue
			}

			p.running.Go(func() { p.serve(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { cancel(); _ = listener.Close(); p.running.Wait() })

	return p
}

func (p *roughProxy) setRough(rough bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rough = rough
}

func (p *roughProxy) accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns
}

// fate is what befalls one direction of one connection.
type fate struct {
	after int64 // bytes that pass unharmed; -1: all
	// what happens then: "reset", "close" (both ways), "half" (only this direction ends), "silence"
	then  string
	delay time.Duration // of every read
}

// drawFate draws where a connection ends: within a request, its head or a short answer; after a few
// of them; or within a part.
func drawFate(rng *rand.Rand) fate {
	f := fate{after: rng.Int64N([]int64{4 << 10, 4 << 10, 64 << 10, 4 << 20}[rng.IntN(4)]),
		then: []string{"reset", "close", "half", "silence"}[rng.IntN(4)]}
	if rng.IntN(3) == 0 {
		f.delay = time.Duration(rng.IntN(60)) * time.Millisecond
	}

	return f
}

func (p *roughProxy) serve(client *net.TCPConn) {
	defer client.Close()
	p.mu.Lock()
	p.conns++
	rng := rand.New(rand.NewPCG(p.seed, uint64(p.conns)))
	rough := p.rough
	p.mu.Unlock()
	up, down := fate{after: -1}, fate{after: -1}
	if rough {
		up, down = drawFate(rng), drawFate(rng)
		if rng.IntN(10) == 0 {
			_ = client.SetLinger(0) // refused
			return
		}
	}

	c, err := (&net.Dialer{}).DialContext(p.ctx, "tcp", p.to)
	if err != nil {
		return
	}

	server := c.(*net.TCPConn)
	defer server.Close()

	stop := context.AfterFunc(p.ctx, func() { client.Close(); server.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { p.pass(server, client, up) })
	both.Go(func() { p.pass(client, server, down) })
	both.Wait()
}

// pass moves bytes one way until they end or their fate comes.
func (p *roughProxy) pass(to, from *net.TCPConn, f fate) {
	buf := make([]byte, 32<<10)
	for left := f.after; ; {
		n, err := from.Read(buf)
		if f.delay > 0 {
			p.sleep(f.delay)
		}

		if f.after >= 0 && int64(n) >= left {
			_, _ = to.Write(buf[:left])
			p.meet(to, from, f.then)
			return
		}

		left -= int64(n)
		if _, werr := to.Write(buf[:n]); werr != nil {
			_ = from.Close()
			return
		}

		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = to.SetLinger(0)
				_ = to.Close()
				return
			}

			_ = to.CloseWrite()

			return
		}
	}
}

func (p *roughProxy) meet(to, from *net.TCPConn, then string) {
	switch then {
	case "reset":
		_, _ = to.SetLinger(0), from.SetLinger(0)
		_, _ = to.Close(), from.Close()
	case "close":
		_, _ = to.Close(), from.Close()
	case "half":
		_ = to.CloseWrite()
		_, _ = io.Copy(io.Discard, from) // what still comes this way is lost
	case "silence":
		if p.silence > 0 {
			end := time.AfterFunc(p.silence, func() { p.meet(to, from, "reset") })
			defer end.Stop()
		}

		_, _ = io.Copy(io.Discard, from) // taken, acknowledged, and never passed on
	}
}

func (p *roughProxy) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
}

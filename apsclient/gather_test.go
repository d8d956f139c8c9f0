package apsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wireConn counts the writes of a connection, and refuses them when it is told to.
type wireConn struct {
	net.Conn
	writes *atomic.Int64
	broken *atomic.Bool
}

func (c wireConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	if c.broken.Load() {
		return 0, errors.New("the line is cut")
	}

	return c.Conn.Write(b)
}

// TestRecordsAreGathered: the records of one write are one system call, and a write that does not
// reach the system is none.
func TestRecordsAreGathered(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 64 records
	var got []byte
	srv := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(srv.Close)

	var writes atomic.Int64
	var broken atomic.Bool
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return wireConn{c, &writes, &broken}, err
	}
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	tr := &http.Transport{DialTLSContext: dialGathered(dial,
		&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})}
	t.Cleanup(tr.CloseIdleConnections)

	put := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL, bytes.NewReader(content))
		if err != nil {
			return err
		}

		resp, err := tr.RoundTrip(r)
		if err != nil {
			return err
		}

		return resp.Body.Close()
	}
	if err := put(); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%v; %d bytes arrived", err, len(got))
	}

	if n := writes.Load(); n > 16 {
		t.Errorf("%d writes for 64 records, want at most 16", n)
	}

	broken.Store(true)
	if err := put(); err == nil {
		t.Error("bytes that did not reach the system count as sent")
	}
}

// gulped notes how much is read at once of what it has.
type gulped struct {
	left, most int
}

func (g *gulped) Read(b []byte) (int, error) {
	g.most = max(g.most, len(b))
	n := min(len(b), g.left)
	if g.left -= n; n == 0 {
		return 0, io.EOF
	}

	return n, nil
}

// TestASlowLineIsWrittenLittleAtOnce: what is read of a part at once, and so how long the watch of its
// line waits for a touch, goes by how quickly the line takes it.
func TestASlowLineIsWrittenLittleAtOnce(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs

	for _, row := range []struct {
		name  string
		pause time.Duration // of the other end after each 16 KiB
		most  int
	}{
		{"fast", 0, gulpBytes},
		{"slow", time.Second, sipBytes},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				go func() {
					end := tls.Server(theirs, &tls.Config{Certificates: srv.TLS.Certificates})
					for b := make([]byte, 16<<10); ; time.Sleep(row.pause) {
						if _, err := end.Read(b); err != nil {
							return
						}
					}
				}()

				dial := func(context.Context, string, string) (net.Conn, error) { return ours, nil }
				conn, err := dialGathered(dial, &tls.Config{RootCAs: roots})(t.Context(), "tcp",
					"example.com:443")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()

				part := &gulped{left: 1 << 20}
				if n, err := conn.(io.ReaderFrom).ReadFrom(part); err != nil || n != 1<<20 {
					t.Fatalf("%d bytes went, %v", n, err)
				}

				if part.most != row.most {
					t.Errorf("%d bytes were read at once, want %d", part.most, row.most)
				}
			})
		})
	}
}

func TestHandshakeOfADialFails(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)

	dial := dialGathered((&net.Dialer{}).DialContext, &tls.Config{MinVersion: tls.VersionTLS12})
	_, err := dial(t.Context(), "tcp", srv.Listener.Addr().String())
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
}

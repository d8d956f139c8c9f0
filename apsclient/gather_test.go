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
	tr := &http.Transport{DialTLSContext: dialGathered(dial, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})}
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

func TestHandshakeOfADialFails(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)

	dial := dialGathered((&net.Dialer{}).DialContext, &tls.Config{MinVersion: tls.VersionTLS12})
	_, err := dial(t.Context(), "tcp", srv.Listener.Addr().String())
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
}

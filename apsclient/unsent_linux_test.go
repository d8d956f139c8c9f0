package apsclient

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
)

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestSlowLinkIsNoticed: after a part that went without a sign of life new connections hold little,
// before it as much as the system likes.
func TestSlowLinkIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Transport: silent{}})
		if err != nil {
			t.Fatal(err)
		}

		if _, err := c.Data.PutPart(t.Context(), "https://s3.example.com/b/k",
			PartBody{R: bytes.NewReader([]byte("x")), Size: 1}); !errors.Is(err, ErrStalled) {
			t.Fatalf("got %v, want it stalled", err)
		}

		if !c.core.slow.Load() {
			t.Error("the stall was not noticed")
		}
	})
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	bound := func() (got int) {
		t.Helper()
		conn, err := c.core.own[1].DialContext(t.Context(), "tcp",
			server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}

		err = errors.Join(raw.Control(func(fd uintptr) {
			got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
		}), err)
		if err != nil {
			t.Fatal(err)
		}

		return got
	}
	if got := bound(); got == unsentMost {
		t.Errorf("without a stall: %d bytes", got)
	}

	c.core.stalled()
	if got := bound(); got != unsentMost {
		t.Errorf("after a stall: %d bytes, want %d", got, unsentMost)
	}
}

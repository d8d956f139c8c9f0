package apsclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"hoist/apsclient"
)

// loopbackClient makes a client whose base is a server's origin, with real transports.
func loopbackClient(t testing.TB, srv *httptest.Server, change ...func(*apsclient.Config)) *apsclient.Client {
	t.Helper()
	c := apsclient.Config{BaseURL: srv.URL}
	if srv.Certificate() != nil {
		c.RootCAs = srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}

	for _, f := range change {
		f(&c)
	}

	client, err := apsclient.New(c)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(client.Close)

	return client
}

// recordCounts counts the records of TLS that bring a server something beside handshakes.
type recordCounts struct {
	net.Listener
	records *atomic.Int64
}

func (l recordCounts) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &countedConn{Conn: conn, records: l.records}, err
}

type countedConn struct {
	net.Conn
	records *atomic.Int64
	header  []byte // of the next record, as far as it came
	left    int    // of the record that is coming
}

func (c *countedConn) Read(b []byte) (int, error) {
	const header, data = 5, 23
	n, err := c.Conn.Read(b)
	for _, x := range b[:n] {
		if c.left > 0 {
			c.left--
			continue
		}

		if c.header = append(c.header, x); len(c.header) == header {
			if c.header[0] == data {
				c.records.Add(1)
			}

			c.left, c.header = int(c.header[3])<<8|int(c.header[4]), nil
		}
	}

	return n, err
}

// TestSmallPartGoesWithItsHeader: one record of TLS, and so one write, brings both; of a file that ends
// too early nothing goes.
func TestSmallPartGoesWithItsHeader(t *testing.T) {
	const parts = 20
	var records atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, err := io.ReadAll(r.Body); err == nil {
			w.Header().Set("ETag", string(got[:4]))
		}
	}))
	srv.Listener = recordCounts{srv.Listener, &records}
	srv.StartTLS()
	t.Cleanup(srv.Close)

	c := loopbackClient(t, srv)
	content := bytes.Repeat([]byte("abcd"), 256)
	sum := 0
	put := func(size int) (string, error) {
		return c.Data.PutPart(t.Context(), apsclient.SignedURL(srv.URL+"/part"), apsclient.PartBody{
			R: bytes.NewReader(content), Size: int64(size), Sent: func(n int) { sum += n }})
	}
	for range parts {
		if etag, err := put(len(content)); err != nil || etag != "abcd" {
			t.Fatal(etag, err)
		}
	}

	if n := records.Load(); n > parts*3/2 { // some are of the handshake
		t.Errorf("%d parts came in %d records", parts, n)
	}

	came := records.Load()
	if _, err := put(len(content) + 1); !errors.Is(err, io.ErrUnexpectedEOF) || records.Load() != came {
		t.Errorf("of a file that is too short: %v, in %d records", err, records.Load()-came)
	}

	if sum != parts*len(content) {
		t.Errorf("%d bytes are said to be sent of %d", sum, parts*len(content))
	}
}

func TestPutPartOverTLS(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 10000)
	var got []byte

	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.ProtoMajor != 1 || r.ContentLength != 70000 ||
			r.TransferEncoding != nil {
			t.Errorf("authorization %q, HTTP/%d, length %d", r.Header.Get("Authorization"), r.ProtoMajor,
				r.ContentLength)
		}

		for k := range r.Header {
			if strings.HasPrefix(k, "X-Amz") {
				t.Errorf("header %s is not signed", k)
			}
		}

		if r.URL.RawQuery != "partNumber=2&sig=a%2Fb%2B" {
			t.Errorf("query %q is not the signed one", r.URL.RawQuery)
		}

		got, _ = io.ReadAll(r.Body)
		w.Header().Set("ETag", `"abc"`)
	}))
	defer srv.Close()
	c := loopbackClient(t, srv, func(c *apsclient.Config) {
		c.Tokens = apsclient.ClientCredentials("", "id", "s")
	})
	file := filepath.Join(t.TempDir(), "a.dwg")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}

	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = f.Close() }()
	sent := 0
	etag, err := c.Data.PutPart(t.Context(), apsclient.SignedURL(srv.URL+"/s3/b/k?partNumber=2&sig=a%2Fb%2B"),
		apsclient.PartBody{R: f, Offset: 5000, Size: 70000, Sent: func(n int) { sent += n }})
	if err != nil || etag != "abc" || sent != 70000 || !bytes.Equal(got, content[5000:75000]) {
		t.Errorf("etag %q, %v, %d bytes reported, right bytes %v", etag, err, sent,
			bytes.Equal(got, content[5000:75000]))
	}
}

func TestPutPartFailures(t *testing.T) {
	tests := []struct {
		name    string
		handler func(http.ResponseWriter, *http.Request)
		size    int64
		body    string
		check   func(error) bool
	}{
		{"expired URL", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(403)
			_,
				_ = io.WriteString(w,
				`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message>`+
					`<RequestId>R1</RequestId></Error>`)
		}, 4, "abcd", func(err error) bool {
			e, ok := errors.AsType[*apsclient.Error](err)

			return ok && e.Code == "AccessDenied" && e.RequestID == "R1" &&
				!strings.Contains(err.Error(), "sig")
		}},
		{"slow down", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(503)
			_, _ = io.WriteString(w, `<Error><Code>SlowDown</Code></Error>`)
		}, 4, "abcd", func(err error) bool {
			after, again := apsclient.Retryable(err)
			return again && after == 3*time.Second
		}},
		{"no ETag", func(w http.ResponseWriter, r *http.Request) {}, 4, "abcd", func(err error) bool {
			_, foreign := errors.AsType[*apsclient.ForeignError](err)
			return foreign
		}},
		{"hangs up", func(w http.ResponseWriter, r *http.Request) {
			panic(http.ErrAbortHandler)
		}, 4, "abcd", func(err error) bool {
			e, ok := errors.AsType[*apsclient.NetError](err)

			return ok && e.Sent && !strings.Contains(err.Error(), "sig")
		}},
		{"the source is shorter", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			w.Header().Set("ETag", `"abc"`)
		}, 5, "abcd", func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(tt.handler))
			defer srv.Close()
			c := loopbackClient(t, srv)
			var sum atomic.Int64
			_, err := c.Data.PutPart(t.Context(), apsclient.SignedURL(srv.URL+"/b/k?sig=1"),
				apsclient.PartBody{R: strings.NewReader(tt.body), Size: tt.size, Sent: func(n int) {
					sum.Add(int64(n))
				}})
			if err == nil || !tt.check(err) {
				t.Errorf("got %v", err)
			}

			if sum.Load() != 0 {
				t.Errorf("%d bytes still counted as sent", sum.Load())
			}
		})
	}
}

func TestEmptyPartHasALength(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Length") != "0" || r.TransferEncoding != nil {
			t.Errorf("length %q", r.Header.Get("Content-Length"))
		}

		w.Header().Set("ETag", `"e"`)
	}))
	defer srv.Close()
	if etag, err := loopbackClient(t, srv).Data.PutPart(t.Context(), apsclient.SignedURL(srv.URL+"/b/k"),
		apsclient.PartBody{R: strings.NewReader("")}); err != nil || etag != "e" {
		t.Errorf("%q, %v", etag, err)
	}
}

// slowTransport reads a body (or gives one) with a pause before each read, in the bubble's time.
type slowTransport struct {
	pause  time.Duration
	before time.Duration // the answer
}

type slowBody struct {
	ctx   context.Context
	pause time.Duration
	left  int
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}

	select {
	case <-time.After(b.pause):
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}

	b.left--
	p[0] = 'x'

	return 1, nil
}
func (b *slowBody) Close() error { return nil }

func (s slowTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	wait := func(d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
	if r.Method == http.MethodPut {
		buf := make([]byte, 1024)
		for {
			if err := wait(s.pause); err != nil {
				return nil, err
			}

			if _, err := r.Body.Read(buf); err == io.EOF {
				break
			} else if err != nil {
				return nil, err
			}
		}

		if err := wait(s.before); err != nil {
			return nil, err
		}

		return reply(200, "", "", "ETag", `"x"`), nil
	}

	resp := reply(206, "", "", "Content-Range", "bytes 0-9/10", "ETag", `"x"`)
	resp.Body = &slowBody{ctx: r.Context(), pause: s.pause, left: 10}

	return resp, nil
}

func TestStallTimeout(t *testing.T) {
	tests := []struct {
		name    string
		pause   time.Duration
		before  time.Duration
		stalled bool
	}{
		{"slow for hours, never silent", 29 * time.Second, 0, false},
		{"silent", 31 * time.Second, 0, true},
		{"the answer takes its time", time.Second, 50 * time.Second, false},
		{"the answer never comes", time.Second, time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := apsclient.New(apsclient.Config{Transport: slowTransport{tt.pause, tt.before}})
				if err != nil {
					t.Fatal(err)
				}

				start := time.Now()
				_, err = c.Data.PutPart(t.Context(), "https://s3.example.com/b/k",
					apsclient.PartBody{R: bytes.NewReader(make([]byte, 300_000)), Size: 300_000})
				if took := time.Since(start); tt.pause > 30*time.Second && took != 30*time.Second {
					t.Errorf("given up after %v, want 30 s", took)
				}

				if errors.Is(err, apsclient.ErrStalled) != tt.stalled || !tt.stalled && err != nil {
					t.Errorf("put: got %v, want stalled %v", err, tt.stalled)
				}

				if err != nil {
					if _, again := apsclient.Retryable(err); !again {
						t.Error("a stalled part may be sent again")
					}
				}

				if tt.before != 0 {
					return
				}

				r, err := c.Data.GetRange(t.Context(), "https://s3.example.com/b/k", 0, 9, "")
				if err != nil {
					t.Fatal(err)
				}

				_, err = io.ReadAll(r.Body)
				if errors.Is(err, apsclient.ErrStalled) != tt.stalled || !tt.stalled && err != nil {
					t.Errorf("get: got %v, want stalled %v", err, tt.stalled)
				}

				_ = r.Body.Close()
			})
		})
	}
}

// replacing is a transport that loses its connection after some bytes and begins again, as net/http
// does by GetBody.
type replacing struct{}

func (replacing) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.ReadFull(r.Body, make([]byte, 1000)); err != nil {
		return nil, err
	}

	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}

	got, err := io.ReadAll(body)
	if err != nil || len(got) != 5000 {
		return nil, fmt.Errorf("the second body has %d bytes: %w", len(got), err)
	}

	return reply(200, "", "", "ETag", `"x"`), nil
}

func TestReplacedConnectionTakesBytesBack(t *testing.T) {
	c, err := apsclient.New(apsclient.Config{Transport: replacing{}})
	if err != nil {
		t.Fatal(err)
	}

	sum, lowest := 0, 0
	_, err = c.Data.PutPart(t.Context(), "https://s3.example.com/b/k",
		apsclient.PartBody{R: bytes.NewReader(make([]byte, 5000)), Size: 5000, Sent: func(n int) {
			sum += n
			lowest = min(lowest, n)
		}})
	if err != nil || sum != 5000 || lowest != -1000 {
		t.Errorf("%v: %d bytes reported, %d taken back", err, sum, lowest)
	}
}

func TestBandwidthLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := apsclient.New(apsclient.Config{Transport: slowTransport{},
			Bandwidth: apsclient.Bandwidth{Up: rate.NewLimiter(100, 100), Down: rate.NewLimiter(1, 1)}})
		if err != nil {
			t.Fatal(err)
		}

		start := time.Now()
		if _, err := c.Data.PutPart(t.Context(), "https://s3.example.com/b/k",
			apsclient.PartBody{R: bytes.NewReader(make([]byte, 60_000)), Size: 60_000}); err != nil {
			t.Fatal(err)
		}

		if took := time.Since(start).Round(time.Second); took != 599*time.Second {
			t.Errorf("60,000 bytes at 100 a second took %v, want ten minutes", took)
		}
	})
}

func TestGetRange(t *testing.T) {
	content := []byte("0123456789")

	tests := []struct {
		name     string
		from, to int64
		answer   *http.Response
		want     string
		bad      bool
	}{
		{"a range", 2, 5, reply(206, "", "2345", "Content-Range", "bytes 2-5/10"), "2345", false},
		{"clipped at the end", 8, 99, reply(206, "", "89", "Content-Range", "bytes 8-9/10"), "89", false},
		{"to the end", 8, -1, reply(206, "", "89", "Content-Range", "bytes 8-9/10"), "89", false},
		{"the whole as 200", 0, 9, reply(200, "", string(content)), "0123456789", false},
		{"the range was ignored", 2, 5, reply(200, "", string(content)), "2345", false},
		{"ignored to the end", 8, -1, reply(200, "", string(content)), "89", false},
		{"ignored, and beyond the end", 10, 12, reply(200, "", string(content)), "", true},
		{"another range", 2, 5, reply(206, "", "3456", "Content-Range", "bytes 3-6/10"), "", true},
		{"shorter than asked", 2, 5, reply(206, "", "234", "Content-Range", "bytes 2-4/10"), "", true},
		{"body ends early", 2, 5, reply(206, "", "23", "Content-Range", "bytes 2-5/10"), "", true},
		{"body goes on", 2, 5, reply(206, "", "23456", "Content-Range", "bytes 2-5/10"), "", true},
		{"changed", 2, 5, reply(412, "", `<Error><Code>PreconditionFailed</Code></Error>`), "", true},
		{"no Content-Range", 2, 5, reply(206, "", "2345"), "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &service{answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
				if r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("If-Match") != `"e"` ||
					r.Header.Get("Authorization") != "" {
					t.Errorf("headers %v", r.Header)
				}

				want := fmt.Sprintf("bytes=%d-%d", tt.from, tt.to)
				if tt.to < 0 {
					want = fmt.Sprintf("bytes=%d-", tt.from)
				}

				if r.Header.Get("Range") != want {
					t.Errorf("range %q, want %q", r.Header.Get("Range"), want)
				}

				return tt.answer, nil
			}}
			c := newClient(t, s)
			r, err := c.Data.GetRange(t.Context(), "https://s3.example.com/b/k?sig=1", tt.from, tt.to, `"e"`)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r.Body)
				_ = r.Body.Close()
			}

			if tt.bad != (err != nil) || !tt.bad && (string(got) != tt.want || r.Total != 10) {
				t.Errorf("got %q, %v", got, err)
			}

			if tt.answer.StatusCode == 412 && !errors.Is(err, apsclient.ErrPrecondition) {
				t.Errorf("got %v, want a failed precondition", err)
			}
		})
	}
}

func TestSignedURLMustBeSafe(t *testing.T) {
	tests := []struct {
		name, base, url string
		ok              bool
	}{
		{"https anywhere", "", "https://s3.example.com/b/k", true},
		{"http to another host", "http://127.0.0.1:1", "http://s3.example.com/b/k", false},
		{"http to loopback from the real service", "", "http://127.0.0.1:1/b/k", false},
		{"http to loopback from loopback", "http://localhost:1", "http://127.0.0.1:1/b/k", true},
		{"no URL", "", "s3", false},
		{"file", "", "file:///etc/passwd", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(200, "", "", "ETag", `"e"`), nil
			}}
			c := newClient(t, s, func(c *apsclient.Config) { c.BaseURL = tt.base })
			_, err := c.Data.PutPart(t.Context(), apsclient.SignedURL(tt.url),
				apsclient.PartBody{R: strings.NewReader("x"), Size: 1})
			if (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}

			if !tt.ok && s.count() != 0 {
				t.Error("the bytes were sent")
			}
		})
	}
}

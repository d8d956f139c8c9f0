package apsclient_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hoist/apsclient"
)

const benchPart = 16 << 20

var fixedTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// sink discards what is put and gives what is got, over TLS.
func sink(b *testing.B) *httptest.Server {
	b.Helper()
	data := make([]byte, benchPart)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"e"`)
			return
		}

		http.ServeContent(w, r, "", fixedTime, bytes.NewReader(data))
	}))
	b.Cleanup(srv.Close)

	return srv
}

func benchFile(b *testing.B) *os.File {
	b.Helper()
	name := filepath.Join(b.TempDir(), "part")
	if err := os.WriteFile(name, make([]byte, benchPart), 0o600); err != nil {
		b.Fatal(err)
	}

	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}

	b.Cleanup(func() { _ = f.Close() })

	return f
}

// BenchmarkPutPart is to be compared with BenchmarkBareNetHTTP of the same run.
func BenchmarkPutPart(b *testing.B) {
	srv, f := sink(b), benchFile(b)
	c := loopbackClient(b, srv)
	b.SetBytes(benchPart)
	b.ReportAllocs()

	for b.Loop() {
		if _, err := c.Data.PutPart(b.Context(), apsclient.SignedURL(srv.URL+"/b/k"),
			apsclient.PartBody{R: f, Size: benchPart, Sent: func(int) {}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareNetHTTP is the yardstick: net/http with an io.SectionReader and nothing else.
func BenchmarkBareNetHTTP(b *testing.B) {
	srv, f := sink(b), benchFile(b)
	client := srv.Client()
	b.SetBytes(benchPart)
	b.ReportAllocs()

	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, srv.URL+"/b/k",
			io.NewSectionReader(f, 0, benchPart))
		if err != nil {
			b.Fatal(err)
		}

		r.ContentLength = benchPart
		resp, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}

		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

func BenchmarkGetRange(b *testing.B) {
	srv := sink(b)
	c := loopbackClient(b, srv)
	b.SetBytes(benchPart)
	b.ReportAllocs()

	for b.Loop() {
		r, err := c.Data.GetRange(b.Context(), apsclient.SignedURL(srv.URL+"/b/k"), 0, benchPart-1, "")
		if err != nil {
			b.Fatal(err)
		}

		if n, err := io.Copy(io.Discard, r.Body); err != nil || n != benchPart {
			b.Fatal(n, err)
		}

		_ = r.Body.Close()
	}
}

package main

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// memoryS3 answers what rclone and s5cmd ask an S3 server about small objects, which it keeps in memory:
// PUT, GET, HEAD and both listings. It looks at no signature. Safe for concurrent use.
type memoryS3 struct {
	mu      sync.Mutex
	objects map[string]memoryObject // by bucket and key, with a slash between; guarded by mu
}

type memoryObject struct {
	body  []byte
	etag  string
	mtime string // as rclone gave it
	at    time.Time
}

// startMemoryS3 serves HTTP/1.1 over TLS, as S3 does.
func startMemoryS3(tb testing.TB) *httptest.Server {
	tb.Helper()
	server := httptest.NewUnstartedServer(&memoryS3{objects: map[string]memoryObject{}})
	server.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // peers leave handshakes when they end
	server.StartTLS()
	tb.Cleanup(server.Close)

	return server
}

func (s *memoryS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(name, "/")

	switch {
	case r.Method == http.MethodPut && key != "":
		s.put(w, r, name)
	case r.Method == http.MethodGet && key == "":
		s.list(w, bucket, r.URL.Query())
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && key != "":
		s.get(w, r, name)
	case key == "": // a bucket that is made, or looked at
	default:
		http.Error(w, "not in this server", http.StatusNotImplemented)
	}
}

func (s *memoryS3) put(w http.ResponseWriter, r *http.Request, name string) {
	if r.Header.Get("X-Amz-Copy-Source") != "" || r.URL.RawQuery != "" && r.URL.Query().Get("x-id") == "" {
		http.Error(w, "objects are put whole", http.StatusNotImplemented)
		return
	}

	sent := io.Reader(r.Body)
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") { // rclone; chunked as in HTTP
		sent = httputil.NewChunkedReader(r.Body)
	}

	body, err := io.ReadAll(sent)
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body) // checksums that come last
	}

	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	o := memoryObject{body: body, etag: fmt.Sprintf(`"%x"`, md5.Sum(body)), at: time.Now().UTC(),
		mtime: r.Header.Get("X-Amz-Meta-Mtime")}
	s.mu.Lock()
	s.objects[name] = o
	s.mu.Unlock()

	w.Header().Set("ETag", o.etag)
}

func (s *memoryS3) get(w http.ResponseWriter, r *http.Request, name string) {
	s.mu.Lock()
	o, found := s.objects[name]
	s.mu.Unlock()
	if !found {
		w.WriteHeader(http.StatusNotFound)
		return
	}

	w.Header().Set("ETag", o.etag)
	if o.mtime != "" {
		w.Header().Set("X-Amz-Meta-Mtime", o.mtime)
	}

	http.ServeContent(w, r, "", o.at, strings.NewReader(string(o.body)))
}

type s3Listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix          string
	IsTruncated           bool
	NextMarker            string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	KeyCount, MaxKeys     int
	Contents              []s3Content
	CommonPrefixes        []s3Prefix
}

type s3Content struct {
	Key, LastModified, ETag string
	Size                    int
	StorageClass            string
}

type s3Prefix struct{ Prefix string }

// list answers version 1 (marker) and 2 (continuation-token) of the call, a thousand at a time.
func (s *memoryS3) list(w http.ResponseWriter, bucket string, query url.Values) {
	const most = 1000
	prefix, delimiter := query.Get("prefix"), query.Get("delimiter")
	after := max(query.Get("marker"), query.Get("start-after"), query.Get("continuation-token"))
	out := s3Listing{Name: bucket, Prefix: prefix, MaxKeys: most}
	said := func(key string) string { // rclone asks for the keys as in a URL
		if query.Get("encoding-type") == "url" {
			return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
		}

		return key
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	for _, key := range s.keys(bucket+"/", prefix) {
		shown := key
		if rest := key[len(prefix):]; delimiter != "" && strings.Contains(rest, delimiter) {
			shown = prefix + rest[:strings.Index(rest, delimiter)+len(delimiter)]
		}

		if shown <= after {
			continue
		}

		if out.KeyCount == most {
			out.IsTruncated, out.NextMarker, out.NextContinuationToken = true, said(after), after
			break
		}

		after = shown
		out.KeyCount++
		if shown != key {
			out.CommonPrefixes = append(out.CommonPrefixes, s3Prefix{said(shown)})
			continue
		}

		o := s.objects[bucket+"/"+key]
		out.Contents = append(out.Contents, s3Content{Key: said(key), Size: len(o.body), ETag: o.etag,
			LastModified: o.at.Format("2006-01-02T15:04:05.000Z"), StorageClass: "STANDARD"})
	}

	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out) // who asked may be gone
}

// keys are those of a bucket that begin so, in order; the caller holds mu.
func (s *memoryS3) keys(bucket, prefix string) (out []string) {
	for name := range s.objects {
		if key, ours := strings.CutPrefix(name, bucket); ours && strings.HasPrefix(key, prefix) {
			out = append(out, key)
		}
	}

	slices.Sort(out)

	return out
}

// TestMemoryS3: what was put is listed, over several pages and by folder, and comes back.
func TestMemoryS3(t *testing.T) {
	server := startMemoryS3(t)
	call := func(method, path, body string) (string, http.Header) {
		t.Helper()
		r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}

		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s %v", method, path, answer.Status, err)
		}

		return string(data), answer.Header
	}

	chunked, err := http.NewRequest("PUT", server.URL+"/c/f",
		strings.NewReader("3;chunk-signature=x\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}

	chunked.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	if answer, err := server.Client().Do(chunked); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}

	if text, _ := call("GET", "/c/f", ""); text != "abcde" {
		t.Errorf("of chunks came %q", text)
	}

	const files = 1100
	for i := range files {
		call("PUT", fmt.Sprintf("/b/d%d/f%04d", i%2, i), strconv.Itoa(i))
	}

	listed := func(query string) (keys, folders []string, more s3Listing) {
		t.Helper()
		text, _ := call("GET", "/b?"+query, "")
		if err := xml.Unmarshal([]byte(text), &more); err != nil {
			t.Fatal(err)
		}

		for _, c := range more.Contents {
			keys = append(keys, c.Key)
		}

		for _, p := range more.CommonPrefixes {
			folders = append(folders, p.Prefix)
		}

		return keys, folders, more
	}

	first, _, page := listed("prefix=d")
	second, _, last := listed("prefix=d&marker=" + page.NextMarker)
	all := append(first, second...)
	if len(first) != 1000 || !page.IsTruncated || last.IsTruncated || len(all) != files ||
		!slices.IsSorted(all) {
		t.Errorf("%d keys, then %d of %d", len(first), len(second), files)
	}

	if keys, folders, _ := listed("delimiter=/"); len(keys) != 0 ||
		!slices.Equal(folders, []string{"d0/", "d1/"}) {
		t.Errorf("folders %q, keys %q", folders, keys)
	}

	text, header := call("GET", "/b/d1/f0007", "")
	if want := `"8f14e45fceea167a5a36dedd4bea2543"`; text != "7" || header.Get("ETag") != want {
		t.Errorf("got %q with %v", text, header)
	}
}

// TestPeerNotThere: what is not there and cannot be built is told with the reason.
func TestPeerNotThere(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs go")
	}

	t.Setenv("HOIST_BENCH_TOOLS", t.TempDir())
	t.Setenv("GOPROXY", "off")
	p := peer{name: "no-such-peer", module: "example.com/no-such-peer", version: "v1.0.0"}
	_, err := p.find(t.Context())
	if err == nil || !strings.Contains(err.Error(), "go build failed") || errors.Unwrap(err) != nil {
		t.Errorf("got %v", err)
	}
}

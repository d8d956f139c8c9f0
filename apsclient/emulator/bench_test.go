package emulator

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"testing"
)

// BenchmarkPut is what the S3 end costs a part of 64 MiB over TLS, client included.
func BenchmarkPut(b *testing.B) {
	const size = 64 << 20
	for _, bb := range []struct {
		name   string
		opaque bool
		zeros  bool
	}{{"md5", false, false}, {"opaque", true, false}, {"zeros", false, true}} {
		b.Run(bb.name, func(b *testing.B) {
			s, err := New(Config{Dir: b.TempDir(), OpaqueETags: bb.opaque})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			ln, err := s.Listen("127.0.0.1:0", true)
			if err != nil {
				b.Fatal(err)
			}

			tr := trustFile(ln.CertFile)
			tr.ForceAttemptHTTP2 = false
			defer tr.CloseIdleConnections()
			client := &http.Client{Transport: tr}
			sess := &session{Key: "k", ID: "id", Bucket: wipBucket, Object: "o",
				Expires: s.now().AddDate(1, 0, 0), parts: map[int]blob{}}
			s.update(func(m *model) {
				m.sessions.put(sess.Key, sess)
				m.byID[sess.ID] = sess
			})
			u := s.sign(ln.BaseURL, http.MethodPut, s3Path(wipBucket, "o"),
				map[string][]string{"partNumber": {"1"}, "uploadId": {"id"}}, s.now(), 1<<40)
			content := noise(size)
			if bb.zeros {
				clear(content)
			}

			b.SetBytes(size)

			for b.Loop() {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPut, u,
					bytes.NewReader(content))
				if err != nil {
					b.Fatal(err)
				}

				resp, err := client.Do(req)
				if err != nil {
					b.Fatal(err)
				}

				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Fatal(resp.Status)
				}
			}
		})
	}
}

func trustFile(file string) *http.Transport {
	raw, _ := os.ReadFile(file)
	return trustPEM(raw)
}

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// What small files cost: a push of many to oss:// beside a bare loop that makes the same batch calls and
// nothing else, in turn against the same emulator in another process; then the same push again, when
// nothing changed, and a pull of them into another home. Under the documented limits it is the quota that
// decides, so here the server's count. HOIST_BENCH_FILES chooses how many of 1 KiB (default 2,000); those
// of 256 KiB are a fifth of that.

func BenchmarkPushSmall(b *testing.B) {
	files := benchFiles(b)
	b.Run("1KiB", func(b *testing.B) { benchSmall(b, files, 1<<10) })
	b.Run("256KiB", func(b *testing.B) { benchSmall(b, files/5, 256<<10) })
}

// benchFiles is how many small files are measured.
func benchFiles(tb testing.TB) int {
	tb.Helper()
	s := os.Getenv("HOIST_BENCH_FILES")
	if s == "" {
		return 2000
	}

	files, err := strconv.Atoi(s)
	if err != nil {
		tb.Fatal(err)
	}

	return files
}

func benchSmall(b *testing.B, files, size int) {
	aps := startEmulator(b)
	dir := smallFiles(b, files, size)

	var bare, push, again, pull cost
	var pushed, looked summaryLine
	stateBytes, rounds := int64(0), 0.0
	for b.Loop() {
		rounds++
		bucket := fmt.Sprintf("small-%d-%d", size, int(rounds))
		bare = bare.plus(aps.measure(b, "bare-small", dir, bucket))

		home := b.TempDir()
		c, said := aps.measureIn(b, home, "hoist", "push", "--json", "--limits", "server", dir+"/",
			"oss://"+bucket+"/hoist")
		push, pushed = push.plus(c), pushSummary(b, said)
		stateBytes = fileSize(b, filepath.Join(home, "state.db"))
		c, said = aps.measureIn(b, home, "hoist", "push", "--json", "--limits", "server", dir+"/",
			"oss://"+bucket+"/hoist")
		again, looked = again.plus(c), pushSummary(b, said)
		pull = pull.plus(aps.measure(b, "hoist", "pull", "-q", "--limits", "server",
			"oss://"+bucket+"/hoist/", filepath.Join(b.TempDir(), "pulled")))

		if pushed.Created != files || looked.Unchanged != files {
			b.Fatalf("of %d files %d were created, then %d unchanged", files, pushed.Created,
				looked.Unchanged)
		}
	}

	n := rounds * float64(files)
	b.ReportMetric(n/bare.wall.Seconds(), "bare-files/s")
	b.ReportMetric(n/push.wall.Seconds(), "push-files/s")
	b.ReportMetric(bare.wall.Seconds()/push.wall.Seconds(), "push/bare-files/s")
	b.ReportMetric(1e3*bare.cpu.Seconds()/n, "bare-cpu-ms/file")
	b.ReportMetric(1e3*push.cpu.Seconds()/n, "push-cpu-ms/file")
	b.ReportMetric(float64(pushed.Calls)/float64(files), "push-calls/file")
	b.ReportMetric(float64(push.peak)/(1<<20), "push-peak-MiB")
	b.ReportMetric(float64(stateBytes)/float64(files), "state-B/file")
	b.ReportMetric(1e6*again.wall.Seconds()/n, "again-µs/file")
	b.ReportMetric(1e6*again.cpu.Seconds()/n, "again-cpu-µs/file")
	b.ReportMetric(n/pull.wall.Seconds(), "pull-files/s")
	b.ReportMetric(1e3*pull.cpu.Seconds()/n, "pull-cpu-ms/file")
	b.ReportMetric(float64(looked.Calls)/float64(files), "again-calls/file")
	b.ReportMetric(0, "ns/op") // says nothing here
}

// summaryLine is the last line of push --json, as far as it counts here.
type summaryLine struct{ Created, Unchanged, Calls int }

func pushSummary(tb testing.TB, said []byte) summaryLine {
	tb.Helper()
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	var last struct{ Summary summaryLine }
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
		tb.Fatalf("%v\n%s", err, said)
	}

	return last.Summary
}

func fileSize(tb testing.TB, path string) int64 {
	tb.Helper()
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}

	return info.Size()
}

// smallFiles makes files of some bytes each that differ, a hundred a folder.
func smallFiles(tb testing.TB, files, size int) string {
	tb.Helper()
	dir := tb.TempDir()
	data := bytes.Repeat([]byte{'.'}, size)
	for i := range files {
		folder := filepath.Join(dir, fmt.Sprintf("d%03d", i/100))
		copy(data, strconv.Itoa(i))
		if err := errors.Join(os.MkdirAll(folder, 0o755),
			os.WriteFile(filepath.Join(folder, fmt.Sprintf("f%05d.txt", i)), data, 0o644)); err != nil {
			tb.Fatal(err)
		}
	}

	return dir
}

// bareSmall is the least that gets many small files to S3: batch calls of 25 for the URLs and the
// completions, one PUT a file, nothing else. It is a program of its own, like bareUpload.
func bareSmall(dir, bucket string) error {
	const batch, batches = 25, 4
	client, call, err := bareSession(batch * batches)
	if err != nil {
		return err
	}

	if err := call("POST", "/oss/v2/buckets",
		map[string]string{"bucketKey": bucket, "policyKey": "transient"},
		nil); err != nil {
		return err
	}

	paths, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return err
	}

	g := errgroup.Group{}
	g.SetLimit(batches)

	for group := range slices.Chunk(paths, batch) {
		g.Go(func() error { return bareBatch(client, call, "/oss/v2/buckets/"+bucket+"/objects/", group) })
	}

	return g.Wait()
}

type bareRequest func(method, path string, body, into any) error

// bareSession signs in and returns the client and its way to make a call.
func bareSession(atOnce int) (*http.Client, bareRequest, error) {
	base := os.Getenv("APS_BASE_URL")
	pem, err := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
	if err != nil {
		return nil, nil, err
	}

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: atOnce,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1
	}}

	var token struct {
		Token string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"client_credentials"},
		"scope": {"bucket:create data:create data:write data:read"}}
	err = bareCall(client, "POST", base+"/authentication/v2/token", form.Encode(), &token,
		"application/x-www-form-urlencoded",
		func(r *http.Request) {
			r.SetBasicAuth(os.Getenv("APS_CLIENT_ID"), os.Getenv("APS_CLIENT_SECRET"))
		})

	return client, func(method, path string, body, into any) error {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}

		if body == nil {
			data = nil
		}

		return bareCall(client, method, base+path, string(data), into, "application/json",
			func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.Token) })
	}, err
}

func bareBatch(client *http.Client, call bareRequest, objects string, paths []string) error {
	type request map[string]any
	type answer struct {
		Results map[string]struct {
			Key  string   `json:"uploadKey"`
			URLs []string `json:"urls"`
		} `json:"results"`
	}
	keyOf := func(path string) string { return "bare-" + filepath.Base(path) }
	asked := []request{}
	for _, p := range paths {
		asked = append(asked, request{"objectKey": keyOf(p), "firstPart": 1, "parts": 1})
	}

	var urls answer
	if err := call("POST", objects+"batchsigneds3upload?minutesExpiration=5",
		request{"requests": asked}, &urls); err != nil {
		return err
	}

	done := make([]request, len(paths))
	g := errgroup.Group{}
	for i, p := range paths {
		g.Go(func() error {
			one := urls.Results[keyOf(p)]
			etag, size, err := barePut(client, one.URLs[0], p)
			done[i] = request{"objectKey": keyOf(p), "uploadKey": one.Key, "size": size,
				"eTags": []string{etag}}

			return err
		})
	}

	if err := g.Wait(); err != nil {
		return err
	}

	return call("POST", objects+"batchcompleteupload", request{"requests": done}, nil)
}

func barePut(client *http.Client, to, path string) (etag string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}

	r, err := http.NewRequest(http.MethodPut, to, f)
	if err != nil {
		return "", 0, err
	}

	r.ContentLength = info.Size()
	answer, err := client.Do(r)
	if err != nil {
		return "", 0, err
	}

	_, err = io.Copy(io.Discard, answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("put %s: %s", path, answer.Status)
	}

	return strings.Trim(answer.Header.Get("ETag"), `"`), info.Size(), err
}

package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// startWith starts a command that reads this.
func (l *lab) startWith(stdin io.Reader, args ...string) *process {
	l.t.Helper()
	p := &process{t: l.t, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(l.t.Context()), "hoist", args...)

	p.cmd.Env, p.cmd.Dir, p.cmd.Stdin = l.environ(), l.dir, stdin
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	if err := p.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}

	go func() { p.err = p.cmd.Wait(); close(p.ended) }()
	l.t.Cleanup(func() { p.kill(); <-p.ended })

	return p
}

// TestStream: a pipe becomes an object and comes back, also over failures, and verify knows it.
func TestStream(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "mkdir", "oss://streams-of-test")
	const to = "oss://streams-of-test/nightly/backup.tar"
	data := make([]byte, 21<<20+17)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)

	var puts, gets atomic.Int32
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		switch {
		case r.Op == "s3-put" && puts.Add(1)%3 == 1:
			return emulator.Fault{Kind: emulator.FailBefore, Status: 503}
		case r.Op == "s3-get" && gets.Add(1) == 1:
			return emulator.Fault{Kind: emulator.ResetBody, After: 7 << 20}
		case r.Op == "signed-s3-upload" && r.UploadKey != "" && puts.Load() < 100:
			puts.Store(100)
			return emulator.Fault{Kind: emulator.LoseReply}
		}

		return emulator.Fault{}
	})

	p := l.startWith(bytes.NewReader(data), "push", "-", to, "--json")
	if code := p.wait(); code != 0 {
		t.Fatalf("push: %d\n%s", code, p.errs.String())
	}

	if !strings.Contains(p.out.String(), `{"path":"-","remote":"`+to+`","result":"created","bytes":`+
		strconv.Itoa(len(data))) || !strings.Contains(p.out.String(), `{"summary":{"files":1,"created":1`) {
		t.Errorf("push: %s", p.out.String())
	}

	out, stderr := l.run(0, "pull", to, "-")
	if out != string(data) {
		t.Errorf("%d bytes came back, not those that were sent\n%s", len(out), stderr)
	}

	if out, _ := l.run(0, "cat", to); out != string(data) {
		t.Errorf("cat: %d bytes", len(out))
	}

	p = l.startWith(strings.NewReader("shorter"), "push", "-", to, "--json")
	if code := p.wait(); code != 0 || !strings.Contains(p.out.String(), `"result":"versioned"`) {
		t.Errorf("again: %d %s", code, p.out.String())
	}

	out, _ = l.run(0, "verify", "--json")
	if rows := verified(t, out); rows["-"].Result != "ok" || rows["-"].Remote != to {
		t.Errorf("verify: %s", out)
	}

	l.run(0, "forget", to)
	if out, _ := l.run(0, "verify", "--json"); out != "" {
		t.Errorf("verify: %s", out)
	}

	if left, err := os.ReadDir(filepath.Join(l.home, "streams")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}

	l.run(2, "push", "-", "oss://streams-of-test", "-q")
	l.run(2, "push", "-", to, "--detach")
	l.run(5, "push", "-", "oss://no-such-bucket-here/x")
	l.run(5, "pull", to+"x", "-")
	l.run(2, "pull", "oss://streams-of-test/nightly", "-")
}

// TestStreamKilled: killed at twenty moments, nothing is left: no object, no file, no job.
func TestStreamKilled(t *testing.T) {
	notRaced(t)
	t.Parallel()
	l := newLab(t)
	l.run(0, "mkdir", "oss://streams-killed")
	for n := range 20 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}

		p := l.startWith(r, "push", "-", "oss://streams-killed/k", "-q")
		_ = r.Close() // the process has it
		piece := make([]byte, 64<<10)
		for i := 0; i < n*20; i++ { // 0 to 24 MiB: up to three parts
			if _, err := w.Write(piece); err != nil {
				break
			}
		}

		signal := n%2 == 1 && runtime.GOOS != "windows"
		if signal {
			if code := p.interrupt(); code != 130 ||
				!strings.Contains(p.errs.String(), "cannot be gone on with") {
				t.Errorf("interrupted: %d %s", code, p.errs.String())
			}
		} else {
			p.kill()
		}

		_ = w.Close()
		<-p.ended
	}

	if out, _ := l.run(0, "ls", "oss://streams-killed"); out != "" {
		t.Errorf("an object of half a stream: %s", out)
	}

	if left, err := os.ReadDir(filepath.Join(l.home, "streams")); runtime.GOOS != "windows" &&
		(err != nil || len(left) > 0) {
		t.Errorf("left: %v, %v", left, err)
	}

	if out, _ := l.run(0, "jobs"); out != "" {
		t.Errorf("jobs: %s", out)
	}
}

// TestStreamIsNotHeld: the memory of a stream does not grow with it, and the home holds nothing of
// it. 200 GB at night, 2 GB else.
func TestStreamIsNotHeld(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of memory is read from /proc")
	}

	if raced {
		t.Skip("the race detector takes memory of its own")
	}

	t.Parallel()
	l := newLab(t)
	size := int64(2e9)
	if os.Getenv("HOIST_NIGHTLY") != "" {
		size = 200e9
	}

	sink := newSink(t)
	l.extra = append(l.extra, "APS_BASE_URL="+sink.URL)
	p := l.startWith(io.LimitReader(zeros{}, size), "push", "-", "oss://sink-of-test/k", "-q",
		"--limits", "server", "--json")
	peak, spooled := 0, int64(0)
	for running := true; running; {
		select {
		case <-p.ended:
			running = false
		case <-time.After(100 * time.Millisecond):
			peak = max(peak, memoryOf(p.cmd.Process.Pid))
			spooled = max(spooled, bytesBelow(l.home))
		}
	}

	if code := p.wait(); code != 0 || !strings.Contains(p.out.String(), fmt.Sprintf(`"bytes":%d`, size)) {
		t.Fatalf("push: %d %s%s", code, p.out.String(), p.errs.String())
	}

	t.Logf("%d bytes: at most %d KiB of memory, %d bytes in the home", size, peak, spooled)
	if peak == 0 || peak > 100<<10 {
		t.Errorf("memory: %d KiB, want less than 100 MiB", peak)
	}

	if spooled > 8<<20 {
		t.Errorf("%d bytes in the home", spooled)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

var peakMemory = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// memoryOf is the peak of a process in KiB, 0 when it has ended.
func memoryOf(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}

	m := peakMemory.FindSubmatch(data)
	if m == nil {
		return 0
	}

	n, _ := strconv.Atoi(string(m[1]))

	return n
}

func bytesBelow(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it has gone meanwhile
		}

		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}

		return nil
	})

	return n
}

// newSink is a service that takes objects and keeps nothing of them.
func newSink(t *testing.T) *httptest.Server {
	t.Helper()

	var s *httptest.Server
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /authentication/v2/token", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
	})
	var sums sync.Map // by size: all that is sent are zeros
	mux.HandleFunc("PUT /part/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		sum, known := sums.Load(n)
		if !known {
			h := md5.New()
			_, _ = io.Copy(h, io.LimitReader(zeros{}, n))
			sum, _ = sums.LoadOrStore(n, h.Sum(nil))
		}

		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sum))
	})
	mux.HandleFunc("GET /oss/v2/buckets/{bucket}/objects/{key}/signeds3upload",
		func(w http.ResponseWriter, r *http.Request) {
			first, _ := strconv.Atoi(r.URL.Query().Get("firstPart"))
			count, _ := strconv.Atoi(r.URL.Query().Get("parts"))
			urls := []string{}
			for n := range max(count, 1) {
				urls = append(urls, fmt.Sprintf("%s/part/%d", s.URL, max(first, 1)+n))
			}

			answer(w, map[string]any{"uploadKey": "k", "urls": urls, "urlExpiration": "2099-01-01T00:00:00Z",
				"uploadExpiration": "2099-01-01T00:00:00Z"})
		})
	mux.HandleFunc("POST /oss/v2/buckets/{bucket}/objects/{key}/signeds3upload",
		func(w http.ResponseWriter, r *http.Request) {
			var body struct{ Size int64 }
			_ = json.NewDecoder(r.Body).Decode(&body)
			answer(w, map[string]any{"bucketKey": "sink-of-test", "objectKey": "k", "size": body.Size,
				"objectId": "urn:adsk.objects:os.object:sink-of-test/k"})
		})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		answer(w, map[string]any{"reason": "Object not found"})
	})

	s = httptest.NewServer(mux)
	t.Cleanup(s.Close)

	return s
}

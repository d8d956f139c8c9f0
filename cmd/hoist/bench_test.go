package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// What an upload costs the process that pushes, with the emulator in another process behind TLS:
// its CPU time against that of the least a Go program can do (bareUpload, below), and its peak
// memory. Trust the CPU and memory; wall times of two processes that share the cores say little.

// maxPeak is how much memory a pushing process may take, whatever the size of the file.
const maxPeak = 64 << 20

// BenchmarkPush compares a push of 1 GiB with the bare loop, in turn; push/bare-cpu is to stay
// below 1.25. HOIST_BENCH_MIB chooses another size.
func BenchmarkPush(b *testing.B) {
	size := int64(1024)
	if s := os.Getenv("HOIST_BENCH_MIB"); s != "" {
		var err error
		if size, err = strconv.ParseInt(s, 10, 64); err != nil {
			b.Fatal(err)
		}
	}

	aps := startEmulator(b)
	file := benchFile(b, size<<20)

	var bare, push cost
	rounds := 0.0
	for b.Loop() {
		rounds++
		bare = bare.plus(aps.measure(b, "bare-upload", file))
		push = push.plus(aps.measure(b, "hoist", "push", "-q", file,
			aps.env["HOIST_DEMO_REMOTE"]+"/"+strconv.Itoa(int(rounds))))
	}

	gib := rounds * float64(size) / 1024
	b.ReportMetric(bare.cpu.Seconds()/gib, "bare-cpu-s/GiB")
	b.ReportMetric(push.cpu.Seconds()/gib, "push-cpu-s/GiB")
	b.ReportMetric(push.cpu.Seconds()/bare.cpu.Seconds(), "push/bare-cpu")
	b.ReportMetric(gib*1024/bare.wall.Seconds(), "bare-MiB/s")
	b.ReportMetric(gib*1024/push.wall.Seconds(), "push-MiB/s")
	b.ReportMetric(float64(bare.peak)/(1<<20), "bare-peak-MiB")
	b.ReportMetric(float64(push.peak)/(1<<20), "push-peak-MiB")
	b.ReportMetric(0, "ns/op") // says nothing here
}

// TestPushIsLean pushes 300 MB and 50 GB (sparse): memory must not grow with the file. It takes
// minutes.
func TestPushIsLean(t *testing.T) {
	if os.Getenv("HOIST_LONG") != "1" {
		t.Skip("takes minutes; HOIST_LONG=1 runs it")
	}

	t.Parallel()

	aps := startEmulator(t)
	for _, tt := range []struct {
		name string
		size int64
	}{{"300 MB", 300e6}, {"50 GB sparse", 50e9}} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "model.rvt")
			if tt.size < 1e9 {
				file = benchFile(t, tt.size)
			} else if err := errors.Join(os.WriteFile(file, nil, 0o644),
				os.Truncate(file, tt.size)); err != nil {
				t.Fatal(err)
			}

			push := aps.measure(t, "hoist", "push", "-q", file, aps.env["HOIST_DEMO_REMOTE"]+"/"+tt.name)
			t.Logf("push: %v of CPU, %v in all, peak %d KiB", push.cpu, push.wall, push.peak>>10)
			if push.peak == 0 {
				t.Skip("this system does not say what a process's peak memory is")
			}

			if push.peak >= maxPeak {
				t.Errorf("peak memory %d bytes, want less than %d", push.peak, maxPeak)
			}
		})
	}
}

// cost is what a process took.
type cost struct {
	cpu, wall time.Duration // user and system time; from start to end
	peak      int64         // resident bytes, 0 unknown
}

func (c cost) plus(o cost) cost { return cost{c.cpu + o.cpu, c.wall + o.wall, max(c.peak, o.peak)} }

// emulatorProcess is a "hoist emulator --tls" of its own.
type emulatorProcess struct {
	env map[string]string
}

func startEmulator(tb testing.TB) emulatorProcess {
	tb.Helper()
	cmd := exec.Command("hoist", "emulator", "--tls", "--limits", "off", "--data", tb.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}

	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() {
		if err := errors.Join(cmd.Process.Kill(), ignoreExit(cmd.Wait())); err != nil {
			tb.Error(err)
		}
	})

	p := emulatorProcess{env: map[string]string{}}
	for scan := bufio.NewScanner(out); scan.Scan() && scan.Text() != ""; {
		name, value, _ := strings.Cut(scan.Text(), "=")
		p.env[name] = value
	}

	if p.env["APS_BASE_URL"] == "" {
		tb.Fatal("the emulator did not say where it listens")
	}

	return p
}

func ignoreExit(err error) error {
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil
	}

	return err
}

// measure runs a command against the emulator, in a home of its own.
func (p emulatorProcess) measure(tb testing.TB, name string, args ...string) cost {
	tb.Helper()
	c, _ := p.measureIn(tb, tb.TempDir(), name, args...)

	return c
}

// measureIn is measure in a given home; it returns what the command printed too.
func (p emulatorProcess) measureIn(tb testing.TB, home, name string, args ...string) (cost, []byte) {
	tb.Helper()

	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOIST_HOME="+home)
	for name, value := range p.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}

	var said, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &errs
	start := time.Now()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}

	var c cost
	var watching sync.WaitGroup
	done := make(chan struct{})
	watching.Go(func() {
		for {
			c.peak = max(c.peak, peakOf(cmd.Process.Pid))

			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	err := cmd.Wait()
	close(done)
	watching.Wait()
	if err != nil {
		tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, said.String()+errs.String())
	}

	c.wall = time.Since(start)
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()

	return c, said.Bytes()
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakOf is the peak resident memory of a running process in bytes, 0 when the system does not
// say. The resource usage of a child will not do: Linux counts in it the memory of the parent that
// it was forked from.
func peakOf(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}

	m := highWater.FindSubmatch(status)
	if m == nil {
		return 0
	}

	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return 0
	}

	return n << 10
}

func benchFile(tb testing.TB, size int64) string {
	tb.Helper()
	f, err := os.Create(filepath.Join(tb.TempDir(), "model.rvt"))
	if err != nil {
		tb.Fatal(err)
	}

	_, err = io.CopyN(f, rand.NewChaCha8(sha256.Sum256([]byte(tb.Name()))), size)
	if err := errors.Join(err, f.Close()); err != nil {
		tb.Fatal(err)
	}

	return f.Name()
}

// bareUpload is the least that gets a file to S3 by signed URLs from Go: net/http, a section reader
// a part, nothing else. It is a program of its own (see TestMain), the yardstick of the benchmark.
func bareUpload(path string) error {
	const partSize, atOnce = 64 << 20, 4
	client, call, err := bareSession(atOnce)
	if err != nil {
		return err
	}

	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}

	bucket := fmt.Sprintf("bare-%d", time.Now().UnixNano())
	if err := call("POST", "/oss/v2/buckets",
		map[string]string{"bucketKey": bucket, "policyKey": "transient"},
		nil); err != nil {
		return err
	}

	object := "/oss/v2/buckets/" + bucket + "/objects/model.rvt/signeds3upload"
	parts := int((info.Size() + partSize - 1) / partSize)

	etags := make([]string, parts)
	key := ""
	for first := 1; first <= parts; first += 25 {
		n := min(25, parts-first+1)
		var urls struct {
			Key  string   `json:"uploadKey"`
			URLs []string `json:"urls"`
		}
		query := url.Values{"parts": {strconv.Itoa(n)}, "firstPart": {strconv.Itoa(first)},
			"minutesExpiration": {"60"}}
		if key != "" {
			query.Set("uploadKey", key)
		}

		if err := call("GET", object+"?"+query.Encode(), nil, &urls); err != nil {
			return err
		}

		key = urls.Key
		g := errgroup.Group{}
		g.SetLimit(atOnce)

		for i, u := range urls.URLs {
			part := first + i
			g.Go(func() error {
				at := int64(part-1) * partSize
				r, err := http.NewRequest("PUT", u, io.NewSectionReader(f, at, min(partSize, info.Size()-at)))
				if err != nil {
					return err
				}

				r.ContentLength = min(partSize, info.Size()-at)
				answer, err := client.Do(r)
				if err != nil {
					return err
				}

				etags[part-1] = strings.Trim(answer.Header.Get("ETag"), `"`)
				_, err = io.Copy(io.Discard, answer.Body)
				if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != 200 {
					err = fmt.Errorf("part %d: %s", part, answer.Status)
				}

				return err
			})
		}

		if err := g.Wait(); err != nil {
			return err
		}
	}

	return call("POST", object, map[string]any{"uploadKey": key, "size": info.Size(), "eTags": etags}, nil)
}

func bareCall(c *http.Client, method, address, body string, into any, contentType string,
	auth func(*http.Request)) error {
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return err
	}

	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}

	auth(r)
	answer, err := c.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}

	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, r.URL.Path, answer.Status, data)
	}

	if into == nil {
		return nil
	}

	return json.Unmarshal(data, into)
}

package main

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"
)

// BenchmarkPull compares a pull of one file with the bare loop (bareDownload), in turn: pull/bare-cpu
// is to stay below 1.15. HOIST_BENCH_MIB chooses another size than 1 GiB.
func BenchmarkPull(b *testing.B) {
	size := int64(1024)
	if s := os.Getenv("HOIST_BENCH_MIB"); s != "" {
		var err error
		if size, err = strconv.ParseInt(s, 10, 64); err != nil {
			b.Fatal(err)
		}
	}

	aps := startEmulator(b)
	aps.measure(b, "hoist", "mkdir", "oss://bench-pull")
	aps.measure(b, "hoist", "push", "-q", benchFile(b, size<<20), "oss://bench-pull")
	to := filepath.Join(b.TempDir(), "model.rvt")

	var bare, pull cost
	rounds := 0.0
	for b.Loop() {
		rounds++
		bare = bare.plus(aps.measure(b, "bare-download", "/oss/v2/buckets/bench-pull/objects/model.rvt", to))
		if err := os.Remove(to); err != nil {
			b.Fatal(err)
		}

		pull = pull.plus(aps.measure(b, "hoist", "pull", "-q", "oss://bench-pull/model.rvt", to))
		if err := os.Remove(to); err != nil {
			b.Fatal(err)
		}
	}

	gib := rounds * float64(size) / 1024
	b.ReportMetric(bare.cpu.Seconds()/gib, "bare-cpu-s/GiB")
	b.ReportMetric(pull.cpu.Seconds()/gib, "pull-cpu-s/GiB")
	b.ReportMetric(pull.cpu.Seconds()/bare.cpu.Seconds(), "pull/bare-cpu")
	b.ReportMetric(gib*1024/bare.wall.Seconds(), "bare-MiB/s")
	b.ReportMetric(gib*1024/pull.wall.Seconds(), "pull-MiB/s")
	b.ReportMetric(float64(pull.peak)/(1<<20), "pull-peak-MiB")
	b.ReportMetric(0, "ns/op") // says nothing here
}

// bareDownload is the least that gets a file from S3 by a signed URL with the guarantees of a pull:
// ranges of 64 MiB, 4 at once, by net/http to their place in the file, which is synced, and its
// SHA-1 when the service names one. It is a program of its own, like bareUpload.
func bareDownload(object, to string) error {
	const rangeSize, atOnce = 64 << 20, 4
	client, call, err := bareSession(atOnce)
	if err != nil {
		return err
	}

	var answer struct {
		URL, SHA1 string
		Size      int64
	}
	if err := call("GET", object+"/signeds3download", nil, &answer); err != nil {
		return err
	}

	f, err := os.Create(to)
	if err != nil {
		return err
	}

	g := errgroup.Group{}
	g.SetLimit(atOnce)

	for at := int64(0); at < answer.Size; at += rangeSize {
		g.Go(func() error {
			r, err := http.NewRequest("GET", answer.URL, nil)
			if err != nil {
				return err
			}

			r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, min(at+rangeSize, answer.Size)-1))
			got, err := client.Do(r)
			if err != nil {
				return err
			}

			_, err = io.CopyBuffer(struct{ io.Writer }{io.NewOffsetWriter(f, at)}, got.Body,
				make([]byte, 256<<10))

			return errors.Join(err, got.Body.Close())
		})
	}

	if err := errors.Join(g.Wait(), f.Sync()); err != nil {
		return err
	}

	if answer.SHA1 != "" {
		sum := sha1.New()
		if _, err := io.Copy(sum, io.NewSectionReader(f, 0, answer.Size)); err != nil {
			return err
		}

		if got := fmt.Sprintf("%x", sum.Sum(nil)); got != answer.SHA1 {
			return fmt.Errorf("the SHA-1 is %s, not %s", got, answer.SHA1)
		}
	}

	return f.Close()
}

package watcher

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// makeFiles makes n empty files in folders of that many.
func makeFiles(b *testing.B, n, perFolder int) string {
	b.Helper()

	root := b.TempDir()
	for i := range n {
		dir := filepath.Join(root, fmt.Sprintf("folder %05d", i/perFolder))
		if i%perFolder == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				b.Fatal(err)
			}
		}

		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("sheet %06d plan.dwg", i)))
		if err != nil {
			b.Fatal(err)
		}

		f.Close()
	}

	return root
}

// scanOnce runs a watcher until its first scan is over and all is told.
func scanOnce(b *testing.B, root string, base Baseline) (told int) {
	b.Helper()
	w, err := New(Config{
		Book: newTestBook(b, root, &Rules{}), Baseline: base, Settle: time.Nanosecond, Poll: true,
		PollInterval: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}

	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- w.Run(ctx, func(_ context.Context, c []Change) error { told += len(c); return nil })
	}()

	for w.Status().LastScan.IsZero() {
		time.Sleep(time.Millisecond)
	}

	cancel()
	<-ended

	return told
}

func BenchmarkScanFirst100k(b *testing.B) {
	root := makeFiles(b, 100_000, 100)
	for b.Loop() {
		if n := scanOnce(b, root, newMemBaseline(b)); n != 100_000 {
			b.Fatalf("told %d", n)
		}
	}
}

func BenchmarkScanAgain100k(b *testing.B) {
	root := makeFiles(b, 100_000, 100)
	base := newMemBaseline(b)
	scanOnce(b, root, base)

	for b.Loop() {
		if n := scanOnce(b, root, base); n != 0 {
			b.Fatalf("told %d", n)
		}
	}

	total := 0
	for _, chunks := range base.folders {
		for _, c := range chunks {
			total += len(c.Data)
		}
	}

	b.ReportMetric(float64(total)/100_000, "bytes/file")
}

// BenchmarkUpdateFlat changes one file of a flat folder; the number of files in it must not matter.
func BenchmarkUpdateFlat(b *testing.B) {
	for _, n := range []int{1000, 300_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			base := newMemBaseline(b)
			ed := newEditor(base)
			for i := 0; i < n; i += batchMax {
				var batch []settled
				for j := range batchMax {
					batch = append(batch, settled{path: fmt.Sprintf("sheet %06d plan.dwg", i+j),
						rec: record{size: 1, mtime: 1, ino: uint64(i + j)}})
				}

				e, err := ed.plan(batch)
				if err != nil {
					b.Fatal(err)
				}

				_ = base.Store(e.folders)
			}

			written := base.bytes
			i := int64(0)
			for b.Loop() {
				i++
				e,
					err := ed.plan([]settled{{path: fmt.Sprintf("sheet %06d plan.dwg", int(i*7919)%n),
					rec: record{size: i + 1, mtime: i}}})
				if err != nil || len(e.changes) != 1 {
					b.Fatal(len(e.changes), err)
				}

				_ = base.Store(e.folders)
			}

			b.ReportMetric(float64(base.bytes-written)/float64(i), "bytes/update")
		})
	}
}

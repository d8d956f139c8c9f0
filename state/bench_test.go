package state

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	openTest(b, path).Close()

	for b.Loop() {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}

		abandon(s)
	}
}

// BenchmarkOpenOf100k opens a state with 100,000 open jobs after a kill.
func BenchmarkOpenOf100k(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	s := openTest(b, path)
	for round := range 100 {
		jobs := make([]Job, 1000)
		for i := range jobs {
			jobs[i] = uploadJob(round*1000 + i)
		}

		if _, _, err := s.EnqueueAll(jobs); err != nil {
			b.Fatal(err)
		}
	}

	abandon(s)

	for b.Loop() {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}

		abandon(s)
	}
}

func benchJob(b *testing.B) (*Store, JobID) {
	s := newStore(b)
	j := uploadJob(1)
	j.Snapshot.Size = 1 << 40
	j = enqueue(b, s, j, Queued)
	run(b, s, j.ID, Reserved{Object: "o"}, Opened{UploadKey: "k", PartSize: 1 << 20, Parts: 1 << 20})

	return s, j.ID
}

func BenchmarkCommit1(b *testing.B) {
	s, id := benchJob(b)
	n := 0
	for b.Loop() {
		n++
		if _, err := s.Commit(id, PartStored{Part: n, Size: 1 << 20,
			ETag: "\"d41d8cd98f00b204e9800998ecf8427e\""}); err != nil {
			b.Fatal(err)
		}
	}

	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "commits/s")
}

// BenchmarkCommit64 has 64 workers store parts of one job.
func BenchmarkCommit64(b *testing.B) {
	s, id := benchJob(b)
	var n atomic.Int64
	start := s.Index()
	b.SetParallelism(32) // times GOMAXPROCS, two here
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Commit(id, PartStored{Part: int(n.Add(1)), Size: 1 << 20,
				ETag: "\"d41d8cd98f00b204e9800998ecf8427e\""}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64(n.Load())/float64(s.Index()-start), "commits/sync")
}

func BenchmarkEnqueue10k(b *testing.B) {
	round := 0
	s := newStore(b)
	for b.Loop() {
		round++
		jobs := make([]Job, 10_000)
		for i := range jobs {
			jobs[i] = uploadJob(round*10_000 + i)
		}

		if _, _, err := s.EnqueueAll(jobs); err != nil {
			b.Fatal(err)
		}
	}

	b.ReportMetric(float64(round)*10_000/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkRunnableOf100k asks for work while 100,000 jobs are open and most wait.
func BenchmarkRunnableOf100k(b *testing.B) {
	s := newStore(b)
	for round := range 10 {
		jobs := make([]Job, 10_000)
		for i := range jobs {
			jobs[i] = uploadJob(round*10_000 + i)
			if i%2 == 0 {
				jobs[i].NextAttempt = time.Now().Add(time.Hour)
			}
		}

		if _, _, err := s.EnqueueAll(jobs); err != nil {
			b.Fatal(err)
		}
	}

	for b.Loop() {
		if jobs, err := s.Runnable(time.Now(), 8, nil); err != nil || len(jobs) != 8 {
			b.Fatal(len(jobs), err)
		}

		if c := s.Counts(nil, time.Now()); c.Queued != 50_000 || c.Waiting != 50_000 {
			b.Fatal(c)
		}
	}
}

// BenchmarkUpdateDirs changes one chunk of a flat folder of 300,000 files.
func BenchmarkUpdateDirs(b *testing.B) {
	s := newStore(b)
	chunk := make([]byte, 64<<10)
	for i := range 360 {
		if err := s.UpdateDirs("w", []DirChange{{Folder: "flat",
			Put: []DirChunk{{fmt.Sprintf("%05d", i), chunk}}}}); err != nil {
			b.Fatal(err)
		}
	}

	n := 0
	for b.Loop() {
		n++
		chunk[n%len(chunk)]++
		if err := s.UpdateDirs("w", []DirChange{{Folder: "flat",
			Put: []DirChunk{{fmt.Sprintf("%05d", n%360), chunk}}}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecord is what a step costs for its record: written once and, when it is not kept
// decoded, read.
func BenchmarkRecord(b *testing.B) {
	j := uploadJob(1)
	j.ID, j.Phase = NewJobID(), PhaseUploading
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encodeJob(j)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		v := encodeJob(j)
		for b.Loop() {
			if _, err := decodeJob(j.ID, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReceipt is what a receipt costs until it lies in a block, a hundred in a commit.
func BenchmarkReceipt(b *testing.B) {
	s := newStore(b)
	n := 0
	for b.Loop() {
		if err := s.update(func(tx *writeTx) error {
			for range 100 {
				n++
				if err := tx.putReceipt(&receiptRecord{Job: string(NewJobID()), PartETags: []string{},
					Path:   fmt.Sprintf("/plans/%d.dwg", n),
					Remote: fmt.Sprintf("oss://drawings/plans/%d.dwg", n),
					Queued: epoch, Published: tx.now, ModTime: epoch, Attempts: 1}, nil); err != nil {
					return err
				}
			}

			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}

	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/receipt")
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"hoist/apsclient/emulator"
)

// TestDownloadKilledTwentyTimes ends a download with SIGKILL twenty times, each time at a counted
// range, and lets "hoist resume" go on: all in all no more bytes come than the file has and the
// ranges in flight at each kill, nothing ever stands under the final name before it is whole, and
// what stands there at last is right. HOIST_LONG=1 does it with 2 GiB in place of 96 MiB.
func TestDownloadKilledTwentyTimes(t *testing.T) {
	t.Parallel()
	const kills, inFlight = 20, 4
	size, partSize := int64(96<<20), int64(5<<20)
	// at which range of a run; from the fifth on, one has been committed before
	moments := []int{1, 3, 2, 4, 5}
	if os.Getenv("HOIST_LONG") != "" {
		size, partSize, moments = 2<<30, 16<<20, []int{1, 4, 7, 2, 10}
	}

	l := newLab(t)
	source := l.file("model.rvt", size)
	l.run(0, "push", source, l.remote, "--checksum", "never")
	l.cloud.ResetJournal()

	target := filepath.Join(l.dir, "here", "model.rvt")
	flags := []string{"--part-size", fmt.Sprint(partSize), "--parts", fmt.Sprint(inFlight)}
	var mu sync.Mutex

	var p *process
	asked, wasted := 0, 0 // ranges that were asked for; ranges in flight at kills
	for kill := range kills {
		inRun, at := 0, moments[kill%len(moments)]
		mu.Lock()
		l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op != "s3-get" {
				return emulator.Fault{}
			}

			mu.Lock()
			defer mu.Unlock()
			asked++
			if inRun++; inRun != at {
				return emulator.Fault{}
			}

			victim := p

			return emulator.Fault{Do: func() { victim.kill(); <-victim.ended }}
		})
		args := append([]string{"resume"}, flags...)
		if kill == 0 {
			args = append([]string{"pull", l.remote + "/model.rvt", target}, flags...)
		}

		p = l.start(args...)
		mu.Unlock()
		if code := p.wait(); code != -1 {
			t.Fatalf("run %d was not killed: exit code %d\n%s", kill+1, code, p.errs.String())
		}

		mu.Lock()
		wasted += min(inRun, inFlight)
		mu.Unlock()
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("after kill %d something stands under the final name: %v", kill+1, err)
		}
	}

	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-get" {
			mu.Lock()
			defer mu.Unlock()
			asked++
		}

		return emulator.Fault{}
	})
	l.run(0, append([]string{"resume"}, flags...)...)
	l.published("model.rvt", 1, target)
	if list, err := os.ReadDir(filepath.Dir(target)); err != nil || len(list) != 1 {
		t.Errorf("beside the file there is something left: %v, %v", list, err)
	}

	var got []emulator.Request
	eventually(t, "all ranges are in the journal", func() bool {
		got = got[:0]
		for _, r := range l.cloud.Requests() {
			if r.Op == "s3-get" {
				got = append(got, r)
			}
		}

		mu.Lock()
		defer mu.Unlock()

		return len(got) == asked
	})

	var fetched int64
	for _, r := range got {
		fetched += r.Bytes
	}

	if fetched < size || fetched > size+int64(wasted)*partSize {
		t.Errorf("%d bytes were fetched of a file of %d; %d ranges of %d were in flight at the kills",
			fetched, size, wasted, partSize)
	}

	t.Logf("%d MiB fetched of %d MiB in %d ranges; %d ranges in flight at %d kills", fetched>>20, size>>20,
		len(got), wasted, kills)
}

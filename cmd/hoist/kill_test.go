package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestKilledAtEveryPhase ends a push with SIGKILL at every request of an upload, before its effect
// and after it, and lets "hoist resume" go on: the parts that are sent again are at most those that
// were in flight, none of them had been acknowledged and committed, and there is one version with
// the right bytes. HOIST_LONG=1 does it with 1 GiB in place of 64 MiB.
func TestKilledAtEveryPhase(t *testing.T) {
	t.Parallel()
	const inFlight = 4
	size, partSize := int64(64<<20), int64(8<<20)
	if os.Getenv("HOIST_LONG") != "" {
		size, partSize = 1<<30, 64<<20
	}

	parts := int(size / partSize)

	type moment struct {
		op    string
		part  int // 0: any
		after bool
	}
	var moments []moment
	for _, op := range []string{"create-storage", "get-signed-s3-upload-urls", "signed-s3-upload",
		"create-item"} {
		moments = append(moments, moment{op, 0, false}, moment{op, 0, true})
	}

	for _, part := range []int{1, 3, parts/2 + 1, parts} {
		moments = append(moments, moment{"s3-put", part, false}, moment{"s3-put", part, true})
	}

	shared := &lab{t: t, dir: t.TempDir()}
	path := shared.file("model.rvt", size)
	for _, m := range moments {
		t.Run(fmt.Sprintf("%s part %d after %v", m.op, m.part, m.after), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			var mu sync.Mutex
			var p *process
			var killed atomic.Bool
			mu.Lock() // until p is set
			l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
				if r.Op != m.op || m.part != 0 && r.Part != m.part || killed.Load() {
					return emulator.Fault{}
				}

				kill := func() {
					mu.Lock()
					defer mu.Unlock()
					killed.Store(true)
					p.kill()
					<-p.ended
				}
				if m.after {
					return emulator.Fault{DoAfter: kill}
				}

				return emulator.Fault{Do: kill}
			})
			p = l.start("push", path, l.remote, "--part-size", fmt.Sprint(partSize), "--parts",
				fmt.Sprint(inFlight))
			mu.Unlock()
			if code := p.wait(); code != -1 || !killed.Load() {
				t.Fatalf("it was not killed: exit code %d\n%s", code, p.errs.String())
			}

			l.cloud.SetFault(nil)
			committed := committedParts(t, l.home)
			before := partsPut(l.cloud.Requests())
			l.cloud.ResetJournal()

			l.run(0, "resume")
			l.published("model.rvt", 1, path)

			again := 0
			for part := range partsPut(l.cloud.Requests()) {
				if committed[part] {
					t.Errorf("part %d was committed and sent again", part)
				}

				if before[part] {
					again++
				}
			}

			if again > inFlight {
				t.Errorf("%d parts were sent again, %d were in flight", again, inFlight)
			}

			if m.op == "create-item" || m.op == "signed-s3-upload" {
				if again != 0 {
					t.Errorf("%d parts were sent again after all had been stored", again)
				}
			}
		})
	}
}

// committedParts reads from the state of a home which parts are acknowledged.
func committedParts(t *testing.T, home string) map[int]bool {
	t.Helper()
	s, err := state.Open(filepath.Join(home, "state.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	jobs, err := s.OpenJobs()
	if err != nil || len(jobs) != 1 {
		t.Fatalf("%d open jobs, %v", len(jobs), err)
	}

	list, err := s.Parts(jobs[0].ID)
	if err != nil {
		t.Fatal(err)
	}

	out := map[int]bool{}
	for _, p := range list {
		out[p.Number] = true
	}

	return out
}

// partsPut is which parts S3 has taken whole.
func partsPut(rs []emulator.Request) map[int]bool {
	out := map[int]bool{}
	for _, r := range rs {
		if r.Op == "s3-put" && r.Status == 200 {
			out[r.Part] = true
		}
	}

	return out
}

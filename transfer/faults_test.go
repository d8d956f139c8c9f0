package transfer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestBadWeather: with faults at 30 % of all calls and parts a tree still ends whole, each file
// with one version, at no more than three times the calls of a clean run.
func TestBadWeather(t *testing.T) {
	files := 200
	switch {
	case os.Getenv("HOIST_LONG") == "1":
		files = 500
	case raced:
		files = 60
	}

	run := func(t *testing.T, seed uint64) (calls int) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
				c.PartSize = 5 * mib
			})
			want := map[string][]byte{}
			for i := range files {
				size := 500 + i
				if i%100 == 0 {
					size = 6 * mib
				}

				name := fmt.Sprintf("f%03d.dwg", i)
				want[name] = w.write(name, size, uint64(i))
				w.enqueue(w.job(name, fmt.Sprintf("dir %d", i%7)))
			}

			w.srv.ResetJournal()
			if seed != 0 {
				var mu sync.Mutex
				rng := rand.New(rand.NewPCG(seed, seed))
				// By object, one that goes on losing its session is for a person; and so is a file whose
				// calls find their token ended again and again, by the calls of the others too.
				expired := map[string]int{}
				ended := time.Now().Add(-time.Hour)
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					mu.Lock()
					defer mu.Unlock()
					if rng.Float64() >= 0.3 {
						return emulator.Fault{}
					}

					kinds := []emulator.Fault{
						{Kind: emulator.FailBefore, Status: 500}, {Kind: emulator.FailBefore, Status: 503},
						{Kind: emulator.LoseReply},
						{Kind: emulator.ResetBody, After: 100}, {Kind: emulator.SlowDown},
						{Kind: emulator.ExpireNow},
					}
					if r.Op != "s3-put" && r.Op != "get-signed-s3-upload-urls" && r.Op != "signed-s3-upload" {
						// an ended token costs two calls more and says nothing about the engine
						kinds = kinds[:5]
					}

					if expired[r.Path] == maxWholeRepeats || time.Since(ended) < 10*time.Second {
						kinds = kinds[:5]
					}

					fault := kinds[rng.IntN(len(kinds))]
					if fault.Kind == emulator.ExpireNow {
						expired[r.Path]++
						ended = time.Now()
					}

					return fault
				})
			}

			e := w.engine()
			began := time.Now()
			w.runUntil(e, func() bool { return w.allDone() || time.Since(began) > 3*time.Hour })
			t.Logf("seed %d: %d calls, %v", seed, len(w.srv.Requests()), time.Since(began))
			calls = len(w.srv.Requests())
			if !w.allDone() {
				w.dump()
				t.Fatalf("seed %d: not done after %v", seed, time.Since(began))
			}

			w.srv.SetFault(nil)

			for i := range files {
				name := fmt.Sprintf("f%03d.dwg", i)
				w.wantVersions(fmt.Sprintf("dir %d/%s", i%7, name), want[name])
			}
		})

		return calls
	}
	clean := run(t, 0)
	if rough := run(t, 7); rough > 3*clean {
		t.Errorf("%d calls in bad weather, want at most three times the %d of a clean run", rough, clean)
	}
}

// allDone reports whether every job ended as done; a parked one, which comes back by itself, is
// waited for.
func (w *world) allDone() bool {
	jobs, err := w.store.Jobs(state.Filter{Limit: 100000})
	if err != nil {
		w.t.Fatal(err)
	}

	for _, j := range jobs {
		if j.End != state.EndDone {
			return false
		}
	}

	return true
}

// TestSessionTooShortIsSaid: before the work is wasted, not after.
func TestSessionTooShortIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime, func(c *emulator.Config, _ *apsclient.Config, _ *Config) {
			c.UploadLifetime = time.Hour
		})
		sparse(t, w.path("big.bin"), 40*5*mib)
		j := w.enqueue(w.job("big.bin"))
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" {
				// 40 parts in about 85 minutes
				return emulator.Fault{Kind: emulator.Slow, BytesPerSecond: 40 << 10}
			}

			return emulator.Fault{}
		})
		began := time.Now()
		said := func() bool {
			lines, err := w.store.History(j.ID)
			if err != nil {
				t.Fatal(err)
			}

			for _, l := range lines {
				if l.Event == "retry" && strings.HasPrefix(l.Detail, ReasonSessionShort) {
					return true
				}
			}

			return time.Since(began) > 45*time.Minute
		}
		w.runUntil(w.engine(), said)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("said after %v", took)
		}
	})
}

// TestClockJumps: the service's clock jumps ahead in the middle; tokens and URLs end, the session
// and the parts live on.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		data := w.write("plan.rvt", 26*mib, 1)
		j := w.enqueue(w.job("plan.rvt"))
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" && r.Part == 3 {
				return emulator.Fault{DoAfter: func() { w.srv.Advance(61 * time.Minute) }}
			}

			return emulator.Fault{}
		})
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("plan.rvt", data)
		if parts := w.storedParts(); len(parts) != 6 {
			t.Errorf("parts stored: %v, want each once", parts)
		}
	})
}

// TestChangeEndsAPartOnItsWay: a part that takes long is not sent to its end once the file is
// another one.
func TestChangeEndsAPartOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		w.cfg.Spool = filepath.Join(w.home, "spool")
		w.write("plan.rvt", small, 1)
		j := w.enqueue(w.job("plan.rvt"))
		two := make(chan []byte, 1)
		time.AfterFunc(3*time.Second, func() { two <- w.write("plan.rvt", small+1, 2) })
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op != "s3-put" {
				return emulator.Fault{}
			}

			return emulator.Fault{Delay: 25 * time.Second}
		})
		began := time.Now()
		w.runAll(w.engine())
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("published after %v, want little more than the 25 s that a part takes", took)
		}

		if got := w.get(j.ID); got.End != state.EndSuperseded {
			t.Errorf("the first job: %+v", got)
		}

		w.wantVersions("plan.rvt", <-two)
	})
}

package transfer

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

func newGate(n int) *gate { return &gate{lane: newLane(n)} }

func TestGateBoundsAndAdapts(t *testing.T) {
	g := newGate(8)
	now := time.Unix(1000, 0)
	for range 5 { // parts that fail together count once
		g.failed(now)
	}

	if got := g.limit; got != 4 {
		t.Fatalf("width after failures of one moment = %d, want 4", got)
	}

	for i := range 5 {
		g.failed(now.Add(time.Duration(i+1) * 10 * time.Second))
	}

	if got := g.limit; got != 1 {
		t.Fatalf("width after many failures = %d, want 1", got)
	}

	for range 100 {
		g.succeeded(now, 1)
	}

	if got := g.limit; got != 8 {
		t.Fatalf("width after many successes = %d, want 8", got)
	}
}

// TestWidening: the width that is sought ends where a further step adds no throughput.
func TestWidening(t *testing.T) {
	each := func(width int) float64 { return float64(width) }
	for name, row := range map[string]struct {
		rate        func(width int) float64
		least, most int // width in the end
	}{
		"each adds its part":        {each, 16, 16},
		"none adds":                 {func(int) float64 { return 8 }, 8, 8},
		"up to twelve add":          {func(w int) float64 { return each(min(w, 12)) }, 12, 12},
		"more than ten are harmful": {func(w int) float64 { return each(min(w, 20-w)) }, 10, 10},
	} {
		var w widening
		width := 8
		for range 20 {
			width = w.next(width, 8, 16, row.rate(width))
		}

		if width < row.least || width > row.most {
			t.Errorf("%s: %d", name, width)
		}
	}
}

// TestPartsInFlightFollowTheLine: where the answers take the time more parts go at once, on a thin line
// they do not, and never when somebody chose their number.
func TestPartsInFlightFollowTheLine(t *testing.T) {
	for name, row := range map[string]struct {
		parts       int
		line        float64
		least, most time.Duration
	}{
		"a far service": {0, 0, 300 * time.Millisecond, 450 * time.Millisecond},
		"eight chosen":  {8, 0, 520 * time.Millisecond, 600 * time.Millisecond},
		"a thin line":   {0, 50 * mib, 20 * time.Second, 22 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			large, small := newLanes(row.parts, 8)
			s := &simulation{began: began, now: began, transfers: 8, share: 8, partSize: minPartSize,
				latency: 20 * time.Millisecond, parts: &simGate{lane: large}}
			if s.small = s.parts; small != nil {
				s.small = &simGate{lane: *small}
			}

			s.line.limit = func(time.Time) (float64, time.Time) { return row.line, time.Time{} }
			u := &upload{size: 1 << 30, folder: -1, bucket: -1}
			s.enter(u)
			s.run()
			t.Logf("%v with %d parts in flight in the end", u.done, s.parts.limit)
			if u.done < row.least || u.done > row.most || row.line > 0 && s.parts.limit > 10 {
				t.Errorf("it took %v, want %v to %v; %d parts in flight", u.done, row.least,
					row.most, s.parts.limit)
			}
		})
	}
}

func TestGateNeverAdmitsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3)

		var in, most atomic.Int64
		done := make(chan struct{})
		for i := range 20 {
			go func() {
				defer func() { done <- struct{}{} }()

				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i)*time.Second)
				defer cancel()
				if g.acquire(ctx) != nil {
					return
				}

				n := in.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}

				time.Sleep(1500 * time.Millisecond)
				in.Add(-1)
				g.release()
			}()
		}

		for range 20 {
			<-done
		}

		if most.Load() != 3 {
			t.Errorf("at most %d at once, want 3", most.Load())
		}

		if g.used != 0 || len(g.waiting) != 0 {
			t.Errorf("left behind: %d slots, %d waiting", g.used, len(g.waiting))
		}
	})
}

// A file whose first part finds all slots taken waits a second at most, while spare ones last; the
// next parts of the others yield to it.
func TestGateFirstSlotComesSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		g.spare = 1

		for range 2 {
			if err := g.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}

		began := time.Now()
		if err := g.acquireFirst(t.Context()); err != nil || time.Since(began) != patience {
			t.Fatalf("the first slot came after %v, %v; want %v", time.Since(began), err, patience)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if g.acquireFirst(ctx) == nil {
			t.Fatal("more spare slots than there are")
		}

		g.release()
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if g.acquire(ctx) == nil {
			t.Fatal("the next part did not yield")
		}

		g.release()
		if err := g.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFilesBesideALargeOne: at a limit of the bandwidth the first byte of a file goes within a second,
// though each part of the large file beside it takes far longer, and that one takes no longer than the
// bytes of the others last. HOIST_LONG=1 does it with 2 GiB.
func TestFilesBesideALargeOne(t *testing.T) {
	size := int64(12 * 8 * mib)
	if os.Getenv("HOIST_LONG") != "" {
		size = 2 << 30
	}

	alone, _ := besideLarge(t, size)
	together, first := besideLarge(t, size, 100e3, 2*mib)
	t.Logf("alone %v, beside others %v; their first bytes after %v", alone, together, first)
	for _, d := range first {
		if d > time.Second {
			t.Errorf("the first byte went after %v", d)
		}
	}

	if more := together - alone; more > alone*3/100 {
		t.Errorf("the large file took %v, and %v alone", together, alone)
	}
}

// besideLarge is how long a file takes at 4 MB/s, and after how long the first bytes of others go that
// come five seconds later.
func besideLarge(t *testing.T, size int64, others ...int) (took time.Duration, first []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(e *emulator.Config, c *apsclient.Config, x *Config) {
			e.OpaqueETags, x.Checksum = true, "never"
			c.Bandwidth.Up = rate.NewLimiter(4e6, 400e3)
		})
		w.write("big.rvt", 0, 1)
		if err := os.Truncate(w.path("big.rvt"), size); err != nil {
			t.Fatal(err)
		}

		for i, n := range others {
			w.write(fmt.Sprintf("other%d.dwg", i), n, uint64(i))
		}

		e, began := w.engine(), time.Now()
		big := w.start([]plan.File{{Job: w.job("big.rvt")}})[0]
		var looking sync.WaitGroup
		looking.Go(func() {
			time.Sleep(5 * time.Second) // eight of its parts are under way
			for i := range others {
				came := time.Now()
				job := w.start([]plan.File{{Job: w.job(fmt.Sprintf("other%d.dwg", i))}})[0]
				e.Kick()
				moving := func(p Progress) bool { return p.Job == job.ID && p.BytesDone > 0 }
				for !slices.ContainsFunc(e.Active(), moving) && time.Since(came) < time.Minute {
					time.Sleep(10 * time.Millisecond)
				}

				first = append(first, time.Since(came))
			}
		})
		w.runUntil(e, func() bool { return w.get(big.ID).End == state.EndDone })
		took = time.Since(began)
		looking.Wait()
	})

	return took, first
}

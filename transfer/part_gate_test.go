package transfer

import (
	"context"
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
	"hoist/transfer/plan"
)

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
		g.succeeded()
	}

	if got := g.limit; got != 8 {
		t.Fatalf("width after many successes = %d, want 8", got)
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

// A file of middle size beside the large parts of another, at a limit of the bandwidth: its first
// byte goes within about a second, though each part of the other takes longer by far.
func TestFirstByteComesSoonBesideALargeFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, c *apsclient.Config, _ *Config) {
			c.Bandwidth.Up = rate.NewLimiter(4e6, 400e3)
		})
		w.write("big.rvt", 0, 1)
		if err := os.Truncate(w.path("big.rvt"), 16*8*mib); err != nil {
			t.Fatal(err)
		}

		w.write("middle.rvt", 2*mib, 2)
		e := w.engine()
		w.start([]plan.File{{Job: w.job("big.rvt")}})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := e.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(2 * time.Second) // eight parts of 8 MiB are under way: until second 16

		began := time.Now()
		job := w.start([]plan.File{{Job: w.job("middle.rvt")}})[0]
		moving := func(p Progress) bool { return p.Job == job.ID && p.BytesDone > 0 }
		for !slices.ContainsFunc(e.Active(), moving) && time.Since(began) < time.Minute {
			time.Sleep(50 * time.Millisecond)
		}

		if took := time.Since(began); took > patience+500*time.Millisecond {
			t.Errorf("the first byte went after %v", took)
		}

		cancel()
		running.Wait()
	})
}

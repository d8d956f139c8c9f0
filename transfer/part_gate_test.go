package transfer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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

package transfer

import (
	"context"
	"slices"
	"sync"
	"time"
)

// gate bounds the parts in flight over all files, in the order of asking. The bound adapts: it is
// halved when parts fail and grows by one after as many successes in a row as it is wide, up to the
// configured number.
type gate struct {
	mu       sync.Mutex
	most     int // configured
	limit    int // now
	used     int
	streak   int       // successes since the last change
	lowered  time.Time // when last halved: parts that failed together count once
	waiting  []chan struct{}
	cooldown time.Duration
	// slots beyond the limit, for files that would wait longer than patience for their first; see
	// acquireFirst
	spare int
}

// patience is how long a file waits for its first slot while the parts of others hold them all: a
// large part on a slow link takes minutes.
const patience = time.Second

func newGate(n int) *gate { return &gate{most: n, limit: n, cooldown: 2 * time.Second} }

// acquireFirst is acquire for a file that has nothing in flight: after patience it gets a spare
// slot, if there is one. The others' parts go on, and their next ones yield.
func (g *gate) acquireFirst(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := g.acquire(soon)
	if err == nil || ctx.Err() != nil {
		return err
	}

	g.mu.Lock()
	// a link on which parts fail gets fewer spare ones too
	if g.used < g.limit+min(g.spare, g.limit) {
		g.used++
		g.mu.Unlock()

		return nil
	}

	g.mu.Unlock()

	return g.acquire(ctx)
}

// acquire waits for a slot; the caller must release it. The error is the context's cause.
func (g *gate) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	g.mu.Lock()
	if g.used < g.limit && len(g.waiting) == 0 {
		g.used++
		g.mu.Unlock()
		return nil
	}

	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, turn); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	} else { // the turn came at the same moment: hand it on
		g.used--
		g.admit()
	}

	return context.Cause(ctx)
}

// release gives a slot back.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used--
	g.admit()
}

// lend gives so many slots that are held to others, or takes them back.
func (g *gate) lend(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used -= n
	g.admit()
}

func (g *gate) succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.streak++; g.streak >= g.limit && g.limit < g.most {
		g.limit++
		g.streak = 0
		g.admit()
	}
}

// failed tells that a part failed in a way that fewer parts at once may help: the network, or a
// service that asks to slow down.
func (g *gate) failed(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streak = 0
	if now.Sub(g.lowered) >= g.cooldown {
		g.limit = max(1, g.limit/2)
		g.lowered = now
	}
}

// admit gives free slots to who waits longest; the caller holds mu.
func (g *gate) admit() {
	for g.used < g.limit && len(g.waiting) > 0 {
		g.used++
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
	}
}

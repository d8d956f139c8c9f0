package transfer

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lane is how many parts may be in flight. The bound adapts: it is halved when parts fail and grows
// by one after as many successes in a row as it is wide, up to the configured number. It knows no
// clock and no goroutines: the engine and its forecast decide by the same one. Not safe for
// concurrent use.
type lane struct {
	most    int // configured
	limit   int // now
	used    int
	streak  int       // successes since the last change
	lowered time.Time // when last halved: parts that failed together count once
	// slots beyond the limit, for files that would wait longer than patience for their first
	spare int
}

// laneCooldown: failures so soon after others count with them.
const laneCooldown = 2 * time.Second

func newLane(n int) lane { return lane{most: n, limit: n} }

// newLanes are the lanes of large and of small parts; small is nil where somebody chose their number:
// then they share one.
func newLanes(parts, transfers int) (large lane, small *lane) {
	if parts > 0 {
		return newLane(parts), nil
	}

	large = newLane(defaultParts)
	large.spare = transfers // nobody chose their number

	return large, new(newLane(smallParts))
}

// take takes a slot if one is free.
func (l *lane) take() bool {
	if l.used >= l.limit {
		return false
	}

	l.used++

	return true
}

// takeSpare takes a slot for the first part of a file that has waited for patience. The others' parts
// go on, and their next ones yield. A link on which parts fail gets fewer spare ones too.
func (l *lane) takeSpare() bool {
	if l.used >= l.limit+min(l.spare, l.limit) {
		return false
	}

	l.used++

	return true
}

func (l *lane) succeeded() {
	if l.streak++; l.streak >= l.limit && l.limit < l.most {
		l.limit++
		l.streak = 0
	}
}

func (l *lane) failed(now time.Time) {
	l.streak = 0
	if now.Sub(l.lowered) >= laneCooldown {
		l.limit = max(1, l.limit/2)
		l.lowered = now
	}
}

// gate is a lane over all files, whose slots are given in the order of asking. Safe for concurrent
// use.
type gate struct {
	mu      sync.Mutex
	lane    // guarded by mu
	waiting []chan struct{}
}

// patience is how long a file waits for its first slot while the parts of others hold them all: a
// large part on a slow link takes minutes. With its turn on the line the first byte goes within a
// second.
const patience = 700 * time.Millisecond

func newGate(n int) *gate { return &gate{lane: newLane(n)} }

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
	ok := g.takeSpare()
	g.mu.Unlock()
	if ok {
		return nil
	}

	return g.acquire(ctx)
}

// acquire waits for a slot; the caller must release it. The error is the context's cause.
func (g *gate) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	g.mu.Lock()
	if len(g.waiting) == 0 && g.take() {
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

// width is how many may be in flight now.
func (g *gate) width() int {
	g.mu.Lock()
	defer g.mu.Unlock()

	return g.limit
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
	g.lane.succeeded()
	g.admit()
}

// failed tells that a part failed in a way that fewer parts at once may help: the network, or a
// service that asks to slow down.
func (g *gate) failed(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lane.failed(now)
}

// admit gives free slots to who waits longest; the caller holds mu.
func (g *gate) admit() {
	for len(g.waiting) > 0 && g.take() {
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
	}
}

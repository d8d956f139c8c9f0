package transfer

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lane is how many parts may be in flight. The bound adapts: it is halved when parts fail and grows
// again by one after as many successes in a row as it is wide. Beyond base it grows, up to most, as
// long as that adds throughput. It knows no clock and no goroutines: the engine and its forecast
// decide by the same one. Not safe for concurrent use.
type lane struct {
	base    int // without failures
	most    int
	limit   int // now
	wider   widening
	used    int
	streak  int       // successes since the last change
	lowered time.Time // when last halved: parts that failed together count once
	// slots beyond the limit, for files that would wait longer than patience for their first
	spare int
}

// laneCooldown: failures so soon after others count with them.
const laneCooldown = 2 * time.Second

func newLane(n int) lane { return lane{base: n, most: n, limit: n} }

// newLanes are the lanes of large and of small parts; small is nil when somebody chose their number:
// then they share one.
func newLanes(parts, transfers int) (large lane, small *lane) {
	if parts > 0 {
		return newLane(parts), nil
	}

	large = newLane(defaultParts) // nobody chose their number
	large.most, large.spare = mostParts, transfers

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

// succeeded notes that a part of so many bytes is through, which holds its slot still.
func (l *lane) succeeded(now time.Time, bytes int64) {
	l.streak++
	switch {
	case l.limit < l.base:
		if l.streak >= l.limit {
			l.limit++
			l.streak = 0
		}
	case l.used < l.limit: // who is not full tells nothing
		l.wider.began = time.Time{}
	default:
		l.limit = l.wider.passed(now, bytes, l.limit, l.base, l.most)
	}
}

func (l *lane) failed(now time.Time) {
	l.streak, l.wider = 0, widening{}
	if now.Sub(l.lowered) >= laneCooldown {
		l.limit = max(1, l.limit/2)
		l.lowered = now
	}
}

// widening seeks the width at which further parts in flight add no throughput. It looks at rounds, in
// which twice as many parts pass as are in flight.
type widening struct {
	began  time.Time // of the round; zero: with the next part
	parts  int
	bytes  int64
	before float64 // bytes a second of the round before the last step; 0: there was no step
	rests  int     // rounds until the next one
}

const (
	widenBy    = 2  // parts a step
	widenRests = 30 // rounds between tries that add nothing
)

// passed counts a part and returns the width from now on.
func (w *widening) passed(now time.Time, bytes int64, width, base, most int) int {
	if base == most {
		return width
	}

	if w.began.IsZero() {
		w.began, w.parts, w.bytes = now, 0, 0
		return width
	}

	w.parts++
	w.bytes += bytes
	if took := now.Sub(w.began).Seconds(); w.parts >= 2*width && took > 0 {
		rate := float64(w.bytes) / took
		w.began = time.Time{}

		return w.next(width, base, most, rate)
	}

	return width
}

// next decides by the rate of a round at a width: a step must add at least half of its part of it.
func (w *widening) next(width, base, most int, rate float64) int {
	switch {
	case w.rests > 0:
		w.rests--
		return width
	case w.before > 0 && rate < w.before*(1+widenBy/2/float64(width-widenBy)):
		w.before, w.rests = 0, widenRests
		return max(base, width-widenBy)
	case width >= most:
		w.before, w.rests = 0, widenRests
		return width
	}

	w.before = rate

	return min(width+widenBy, most)
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

// acquireFirst is acquire for a file that has nothing in flight: after patience it gets a spare
// slot, if there is one. The others' parts go on, and their next ones yield.
func (g *gate) acquireFirst(ctx context.Context) error {
	if ctx.Err() == nil && g.acquireNow() {
		return nil
	}

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

// acquireNow takes a slot if nobody has to wait for one.
func (g *gate) acquireNow() bool {
	g.mu.Lock()
	defer g.mu.Unlock()

	return len(g.waiting) == 0 && g.take()
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

// succeeded notes that a part of so many bytes is through now, whose slot is held still.
func (g *gate) succeeded(now time.Time, bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lane.succeeded(now, bytes)
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

package apsclient

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// budgetWindow is the minute of the published limits, and a little for clocks that read the
	// same instant differently.
	budgetWindow = time.Minute + 50*time.Millisecond
	// loweredFor: for so long after a 429 a class takes half its limit, since others may share the
	// client id.
	loweredFor = 3 * time.Minute
	// throttleJitter is added to what the service asks for, so that all who share a client id do
	// not come back at once.
	throttleJitter = 800 * time.Millisecond
)

// budgets holds one sliding minute a class.
type budgets struct {
	limits Limits

	mu      sync.Mutex
	classes map[BudgetClass]*budget // guarded by mu
}

func newBudgets(l Limits) *budgets {
	return &budgets{limits: maps.Clone(l), classes: map[BudgetClass]*budget{}}
}

func (b *budgets) class(c BudgetClass) *budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.classes[c]
	if x == nil {
		x = &budget{window: Window{limit: b.limits[c]}}
		b.classes[c] = x
	}

	return x
}

// Window is the sliding minute of one class: it lets at most limit calls into any minute at the
// service. A slot is taken before a call is sent and is free again a minute after its answer
// arrived. It reads no clock: the caller says what time it is, so that a forecast decides as the
// client does. Not safe for concurrent use.
type Window struct {
	limit        int // 0: not limited, only closed by a 429
	inFlight     int
	freeAt       []time.Time // ascending: when slots of answered calls are free again
	closedUntil  time.Time
	loweredUntil time.Time
	divisor      int // of limit until loweredUntil: 2, 4, 8
}

// effective is the limit that holds now.
func (w *Window) effective(now time.Time) int {
	if w.divisor > 1 && now.Before(w.loweredUntil) {
		return max(1, w.limit/w.divisor)
	}

	return w.limit
}

// Look returns the free slots now and, when there is none, the earliest time at which one may be
// (zero: when a call in flight is answered, which is not known).
func (w *Window) Look(now time.Time) (free int, at time.Time) {
	n := 0
	for n < len(w.freeAt) && !w.freeAt[n].After(now) {
		n++
	}

	w.freeAt = w.freeAt[:copy(w.freeAt, w.freeAt[n:])]
	if now.Before(w.closedUntil) {
		return 0, w.closedUntil
	}

	if w.limit == 0 {
		return 1 << 20, now
	}

	used := w.inFlight + len(w.freeAt)
	limit := w.effective(now)
	if used < limit {
		return limit - used, now
	}

	// The slot that opens is the one after which fewer than limit are used.
	if need := used - limit; need < len(w.freeAt) {
		at = w.freeAt[need]
	}

	if limit < w.limit && (at.IsZero() || w.loweredUntil.Before(at)) {
		at = w.loweredUntil
	}

	return 0, at
}

// Take takes a slot, which Look showed to be free.
func (w *Window) Take() { w.inFlight++ }

// Answered notes that the answer of a call arrived now (or that it never will).
func (w *Window) Answered(now time.Time) {
	w.inFlight--
	if w.limit > 0 {
		w.freeAt = append(w.freeAt, now.Add(budgetWindow))
	}
}

// throttled notes that the service answered 429: nothing is sent for after, and less for a while.
func (w *Window) throttled(now time.Time, after time.Duration) {
	if until := now.Add(after); until.After(w.closedUntil) {
		// Answers of one burst count once.
		if !now.Before(w.closedUntil) {
			if now.Before(w.loweredUntil) {
				w.divisor = min(8, w.divisor*2)
			} else {
				w.divisor = 2
			}
		}

		w.closedUntil = until
	}

	w.loweredUntil = now.Add(after + loweredFor)
}

// budget is the Window of one class for calls that wait for it, in their order.
type budget struct {
	mu     sync.Mutex // guards all below
	window Window
	queue  []*budgetWaiter
}

type budgetWaiter struct{ wake chan struct{} }

// full reports whether no call may leave now, and when the next one may; zero: when one that is under
// way is answered.
func (b *budget) full(now time.Time) (at time.Time, full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	free, at := b.window.Look(now)

	return at, free == 0
}

// acquire waits for a slot. The caller calls release when the answer has arrived.
func (b *budget) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}

	b.mu.Lock()
	if len(b.queue) == 0 {
		if free, _ := b.window.Look(time.Now()); free > 0 {
			b.window.Take()
			b.mu.Unlock()
			return nil
		}
	}

	w := &budgetWaiter{wake: make(chan struct{}, 1)}
	b.queue = append(b.queue, w)
	b.mu.Unlock()

	for {
		var timer <-chan time.Time
		b.mu.Lock()
		if b.queue[0] == w {
			now := time.Now()
			free, at := b.window.Look(now)
			if free > 0 {
				b.queue = b.queue[1:]
				b.window.Take()
				b.wakeHead()
				b.mu.Unlock()

				return nil
			}

			if !at.IsZero() {
				timer = time.After(at.Sub(now))
			}
		}

		b.mu.Unlock()

		select {
		case <-timer:
		case <-w.wake:
		case <-ctx.Done():
			b.mu.Lock()
			b.queue = slices.DeleteFunc(b.queue, func(x *budgetWaiter) bool { return x == w })
			b.wakeHead()
			b.mu.Unlock()

			return context.Cause(ctx)
		}
	}
}

// wakeHead lets the first waiter look again. Called with mu held.
func (b *budget) wakeHead() {
	if len(b.queue) > 0 {
		select {
		case b.queue[0].wake <- struct{}{}:
		default:
		}
	}
}

// release notes that the answer of a call arrived now (or that it never will).
func (b *budget) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window.Answered(time.Now())
	b.wakeHead()
}

// unused gives back a slot whose call was never sent.
func (b *budget) unused() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window.inFlight--
	b.wakeHead()
}

// throttled notes that the service answered 429: nothing is sent for after, and less for a while.
func (b *budget) throttled(after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window.throttled(time.Now(), after+rand.N(throttleJitter))
	b.wakeHead()
}

// BudgetState is the state of one limited class.
type BudgetState struct {
	Class            BudgetClass
	Limit, Available int         // calls a minute now (lowered for a while after a 429); free now
	ClosedUntil      time.Time   // zero: open
	FreeAt           []time.Time // ascending: when slots of answered calls are free again
}

// Next is when the next call is let through; zero when one is free, or it waits for the answer of
// one under way.
func (s BudgetState) Next() time.Time {
	need := len(s.FreeAt) - s.Limit // more are used than a lowered limit allows
	switch {
	case !s.ClosedUntil.IsZero():
		return s.ClosedUntil
	case s.Available > 0 || len(s.FreeAt) == 0 || s.Limit == 0:
		return time.Time{}
	}

	return s.FreeAt[max(need, 0)]
}

// Window goes on from a state as it was at now, as if what is under way then were answered at once.
func (s BudgetState) Window(now time.Time) Window {
	w := Window{limit: s.Limit, freeAt: slices.Clone(s.FreeAt), closedUntil: s.ClosedUntil}
	if open := s.ClosedUntil.IsZero(); open {
		for range s.Limit - s.Available - len(s.FreeAt) {
			w.freeAt = append(w.freeAt, now.Add(budgetWindow))
		}
	}

	return w
}

// closed is until when a class is closed that has no limit here: the service asked to wait. Zero: none is.
func (b *budgets) closed() (class BudgetClass, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()

	for c, x := range b.classes {
		x.mu.Lock()
		if w := x.window; w.limit == 0 && time.Now().Before(w.closedUntil) && w.closedUntil.After(until) {
			class, until = c, w.closedUntil
		}
		x.mu.Unlock()
	}

	return class, until
}

func (b *budgets) states() []BudgetState {
	out := []BudgetState{}
	for c := range b.limits {
		x := b.class(c)
		now := time.Now()
		x.mu.Lock()
		w := &x.window
		free, _ := w.Look(now)
		s := BudgetState{Class: c, Limit: w.effective(now), Available: free, FreeAt: slices.Clone(w.freeAt)}
		if now.Before(w.closedUntil) {
			s.ClosedUntil = w.closedUntil
		}

		x.mu.Unlock()
		out = append(out, s)
	}

	slices.SortFunc(out, func(a, b BudgetState) int { return cmp.Compare(a.Class, b.Class) })

	return out
}

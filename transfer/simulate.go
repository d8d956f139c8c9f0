package transfer

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"time"

	"hoist/apsclient"
)

// simulation runs uploads in virtual time, one event after the other: by the engine's own decisions
// (turns, slots, lanes, part plans, runs of URLs, joint calls) and the client's sliding minutes, with
// a latency and a line in the place of the network. All goes well in it: nothing fails, nothing
// changes, nobody else uses the limits.
type simulation struct {
	began, now time.Time
	events     eventQueue
	order      int

	transfers, share int
	partSize         int64
	latency          time.Duration // of a call, and of the answer to a part

	parts   *simGate
	small   *simGate
	budgets map[apsclient.BudgetClass]*simBudget
	line    simLine
	folders []simFolder
	buckets []simBucket
	calls   int // for those that are asked for

	used     slots
	waiting  []*upload // in order of the queue, not listed yet
	list     []*upload // candidates for transfer slots
	listed   time.Time
	items    []*upload // past their bytes: for a create of a new item
	versions []*upload // or of a version
	looks    bool      // an event will look for work again
}

// upload is one file. What is there for each of a million files is small; the rest is made when its
// turn comes.
type upload struct {
	size     int64
	folder   int32 // index of its folder in a project; -1: not to be made
	bucket   int32 // index of its bucket; -1: a file of a project
	version  bool  // of an item that is there
	before   bool  // queued before those that are asked for
	priority int32
	phase    simPhase
	done     time.Duration // of the simulation, when it was done

	takes claim
	parts int32
	sent  int32 // parts that were stored
	urls  int32 // parts below this number have URLs

	asking bool   // for more of them
	next   func() // waits for these
}

type simPhase int8

const (
	simQueued simPhase = iota
	simBegun
	simCompleted
	simPublished
)

// event is something that happens at a time; of those at one time the older comes first.
type event struct {
	at    time.Time
	order int
	do    func()
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].order < q[j].order
	}

	return q[i].at.Before(q[j].at)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *eventQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]

	return last
}

// enter queues a file.
func (s *simulation) enter(u *upload) {
	switch {
	case u.phase != simCompleted:
		s.waiting = append(s.waiting, u)
	case u.version:
		s.versions = append(s.versions, u)
	default:
		s.items = append(s.items, u)
	}
}

// at makes do happen at a time.
func (s *simulation) at(t time.Time, do func()) {
	s.order++
	heap.Push(&s.events, event{t, s.order, do})
}

func (s *simulation) after(d time.Duration, do func()) { s.at(s.now.Add(d), do) }

// run goes on until nothing is left to happen.
func (s *simulation) run() {
	s.fill()
	for {
		next, flows := s.line.next(s.now)
		switch {
		case len(s.events) > 0 && (!flows || !next.Before(s.events[0].at)):
			e := heap.Pop(&s.events).(event)
			s.line.advance(s.now, e.at)
			s.now = e.at
			e.do()
		case flows:
			s.line.advance(s.now, next)
			s.now = next
			for _, then := range s.line.through(s.now) {
				then()
			}
		default:
			return
		}
	}
}

// lookSoon makes the dispatcher look for work once what happens now has happened.
func (s *simulation) lookSoon() {
	if !s.looks {
		s.looks = true
		s.at(s.now, func() {
			s.looks = false
			s.fill()
		})
	}
}

// fill starts what may start, as the dispatcher's does.
func (s *simulation) fill() {
	s.items, s.versions = s.startPublishing(s.items), s.startPublishing(s.versions)
	for {
		free := s.transfers*s.share - s.used.shares
		s.relist(free)
		i := s.choose()
		if free <= 0 || i < 0 {
			return
		}

		takes := s.claimOf(s.list[i])
		if takes.shares > free {
			return
		}

		u := s.list[i]
		s.list = slices.Delete(s.list, i, i+1)
		s.start(u, takes)
	}
}

// startPublishing starts those of one kind for which there is room, and returns the others.
func (s *simulation) startPublishing(queue []*upload) []*upload {
	for len(queue) > 0 && s.used.mayPublish(s.claimOf(queue[0])) {
		s.start(queue[0], s.claimOf(queue[0]))
		queue[0], queue = nil, queue[1:]
	}

	return queue
}

// relist lets more of the queue become candidates.
func (s *simulation) relist(free int) {
	if more := min(candidates-len(s.list), len(s.waiting)); more > 0 &&
		(len(s.list) == 0 || s.now.Sub(s.listed) >= listedFor(free, len(s.list))) {
		s.list = append(s.list, s.waiting[:more]...)
		s.waiting, s.listed = s.waiting[more:], s.now
	}
}

// choose is the index of the first in turn; -1: none.
func (s *simulation) choose() int {
	t, best := s.used.turns(s.transfers), -1
	for i, u := range s.list {
		if best < 0 || t.compare(s.turnOf(u), s.turnOf(s.list[best])) < 0 {
			best = i
		}
	}

	return best
}

func (s *simulation) turnOf(u *upload) turn {
	return turn{begun: u.phase != simQueued, priority: int(u.priority), size: u.size}
}

func (s *simulation) claimOf(u *upload) claim {
	return claimFor(u.size, s.share, u.phase == simCompleted, u.bucket < 0 && !u.version, false)
}

func (s *simulation) start(u *upload, takes claim) {
	u.takes = takes
	s.used.add(takes)
	if u.phase == simCompleted {
		s.intend(u)
	} else {
		s.reserve(u)
	}
}

// give gives back what a run holds.
func (s *simulation) give(u *upload) {
	s.used.remove(u.takes)
	s.lookSoon()
}

// ended notes that a file is done.
func (s *simulation) ended(u *upload) {
	u.phase, u.done = simPublished, s.now.Sub(s.began)
	s.give(u)
}

// simBudget is a sliding minute with the calls that wait for it. limited is how long any did.
type simBudget struct {
	window  apsclient.Window
	queue   []func()
	wake    time.Time // when the queue is looked at again; zero: when a call is answered
	full    time.Time // since when calls wait; zero: none does
	limited time.Duration
}

// callBytes is about what a call sends: most of it is its token.
const callBytes = 1500

// call makes a call of the service; then goes on with its answer.
func (s *simulation) call(u *upload, class apsclient.BudgetClass, then func()) {
	if !u.before {
		s.calls++
	}

	b := s.budgets[class]
	if b == nil {
		s.send(callBytes, func() { s.after(s.latency, then) })
		return
	}

	b.queue = append(b.queue, then)
	s.serve(b)
}

// serve lets through what the minute has room for.
func (s *simulation) serve(b *simBudget) {
	for len(b.queue) > 0 {
		free, at := b.window.Look(s.now)
		if free == 0 {
			if b.full.IsZero() {
				b.full = s.now
			}

			if !at.IsZero() && !at.Equal(b.wake) {
				b.wake = at
				s.at(at, func() { s.serve(b) })
			}

			return
		}

		then := b.queue[0]
		b.queue[0], b.queue = nil, b.queue[1:]
		b.window.Take()
		s.send(callBytes, func() {
			s.after(s.latency, func() {
				b.window.Answered(s.now)
				then()
				s.serve(b)
			})
		})
	}

	if !b.full.IsZero() {
		b.limited += s.now.Sub(b.full)
		b.full = time.Time{}
	}
}

// simGate is a lane with what waits for it.
type simGate struct {
	lane
	queue []*simTurn
}

type simTurn struct{ then func() } // nil: it has a spare slot, or its turn

func (g *simGate) acquire(then func()) *simTurn {
	if len(g.queue) == 0 && g.take() {
		then()
		return nil
	}

	t := &simTurn{then}
	g.queue = append(g.queue, t)

	return t
}

// acquireFirst is acquire for the first part of a file.
func (s *simulation) acquireFirst(g *simGate, then func()) {
	t := g.acquire(then)
	if t == nil {
		return
	}

	s.after(patience, func() {
		if t.then == nil {
			return
		}

		g.queue = slices.DeleteFunc(g.queue, func(o *simTurn) bool { return o == t })
		t.then = nil
		if g.takeSpare() {
			then()
		} else {
			g.acquire(then)
		}
	})
}

func (g *simGate) release(now time.Time, bytes int64) {
	g.lane.succeeded(now, bytes)
	g.used--
	for len(g.queue) > 0 && g.take() {
		t := g.queue[0]
		g.queue[0], g.queue = nil, g.queue[1:]
		then := t.then
		t.then = nil
		then()
	}
}

// simLine is what carries bytes: each part that is on its way has an equal share of it.
type simLine struct {
	// bytes a second from a time on, 0: as many as come, and until when; zero: for ever
	limit func(time.Time) (rate float64, until time.Time)
	known float64 // what it told last
	until time.Time
	asked bool
	share float64 // bytes that each part had since the beginning
	flows flowQueue
	busy  time.Duration // that it carried anything
}

// flow is a part that is through when the share reaches end.
type flow struct {
	end  float64
	then func()
}

type flowQueue []flow

func (q flowQueue) Len() int           { return len(q) }
func (q flowQueue) Less(i, j int) bool { return q[i].end < q[j].end }
func (q flowQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *flowQueue) Push(x any)        { *q = append(*q, x.(flow)) }
func (q *flowQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = flow{}
	*q = old[:len(old)-1]

	return last
}

func (l *simLine) rate(now time.Time) (float64, time.Time) {
	if !l.asked || !l.until.IsZero() && !now.Before(l.until) {
		l.known, l.until = l.limit(now)
		l.asked = true
	}

	return l.known, l.until
}

// send carries bytes.
func (s *simulation) send(bytes int64, then func()) {
	rate, _ := s.line.rate(s.now)
	if rate <= 0 || bytes <= 0 {
		s.at(s.now, then)
		return
	}

	// the line is shared in turns of a copy each, and those that are there have theirs first
	turns := float64(len(s.line.flows)) * apsclient.BandwidthTurn / rate
	s.after(time.Duration(min(turns, 1e9)*float64(time.Second)), func() {
		heap.Push(&s.line.flows, flow{s.line.share + float64(bytes), then})
	})
}

// next is when the next part is through, or the rate changes; false: nothing is on its way.
func (l *simLine) next(now time.Time) (time.Time, bool) {
	if len(l.flows) == 0 {
		return time.Time{}, false
	}

	rate, until := l.rate(now)
	if rate <= 0 { // no limit any more
		return now, true
	}

	left := (l.flows[0].end - l.share) * float64(len(l.flows)) / rate
	at := now.Add(time.Duration(math.Ceil(min(max(left, 0), 1e9) * float64(time.Second))))
	if !until.IsZero() && until.Before(at) {
		at = until
	}

	return at, true
}

// advance carries bytes from now to then, in which time the rate does not change.
func (l *simLine) advance(now, then time.Time) {
	if len(l.flows) == 0 || !then.After(now) {
		return
	}

	rate, _ := l.rate(now)
	l.busy += then.Sub(now)
	l.share += rate * then.Sub(now).Seconds() / float64(len(l.flows))
}

// through takes off the line what is through; all when there is no limit any more.
func (l *simLine) through(now time.Time) (then []func()) {
	const exact = 0.5 // bytes
	rate, _ := l.rate(now)
	for len(l.flows) > 0 && (rate <= 0 || l.flows[0].end <= l.share+exact) {
		then = append(then, heap.Pop(&l.flows).(flow).then)
	}

	return then
}

// decided is what decides how long the simulation took: what was waited for most of it, else the
// latency.
func (s *simulation) decided() string {
	by, longest := latency, s.now.Sub(s.began)/2
	if s.line.busy > longest {
		by, longest = bandwidth, s.line.busy
	}

	for class, b := range s.budgets {
		if d := b.limited; d > longest || d == longest && by != bandwidth && cmp.Less(string(class), by) {
			by, longest = string(class), d
		}
	}

	return by
}

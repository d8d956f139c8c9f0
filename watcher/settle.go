package watcher

import (
	"container/heap"
	"time"
)

func unixTime(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// lockFactor is how many settle times a file must rest whose lock file says that somebody has it
// open.
const lockFactor = 3

// observation is what one look at a path found.
type observation struct {
	rec     record
	gone    bool
	fresh   bool // has no record in the baseline
	scanned bool // found by a scan, not announced by a notice
	touched bool // a notice said that something was written, whatever the look shows
}

func (o observation) same(p observation) bool {
	return o.gone == p.gone && (o.gone || o.rec.same(p.rec))
}

// settler holds the paths that differ from their baseline until they rest. It is pure: every method
// takes the time.
type settler struct {
	quiet  time.Duration
	limit  time.Duration // the cap, counted from the first observed change
	minAge time.Duration
	// what is asked for a path; nil: nothing is
	wishes func(path string) Wishes

	pending map[string]*pending
	checks  checkHeap
	fresh   int // of pending, those without a record that are not gone
	busy    int
}

type pending struct {
	observation
	path        string
	pace        pace
	first, last time.Time // observed changes
	busy        bool      // did not rest by the cap and a settle time more
	// it rested and was written again: saved now and then, and not in the middle of one long copy
	again bool
	lock  string // beside it at the last look; "" none
	held  bool   // by a rule file, until the next look
	// why its last bytes may be still to come, by the last look; "" nothing says so
	unfinished string
	next       time.Time // look at it
}

func newSettler(quiet, limit, minAge time.Duration) *settler {
	return &settler{quiet: quiet, limit: limit, minAge: minAge, pending: map[string]*pending{}}
}

// pace is how long a path must rest: quiet, or less past the limit, which counts from its first change.
type pace struct{ quiet, limit time.Duration }

// capOf is the limit of a settle time that has none of its own.
func capOf(settle time.Duration) time.Duration { return max(4*settle, 40*time.Second) }

func (s *settler) wish(path string) Wishes {
	if s.wishes == nil {
		return Wishes{}
	}

	return s.wishes(path)
}

// pace is that of a path, as it is asked for now.
func (s *settler) pace(path string) pace {
	if own := s.wish(path).Settle; own > 0 {
		return pace{own, capOf(own)}
	}

	return pace{s.quiet, s.limit}
}

// retime plans the looks at what is pending again when another rest is asked for by now.
func (s *settler) retime() {
	for path, p := range s.pending {
		if now := s.pace(path); now != p.pace {
			p.pace = now
			if at := s.earliest(p); !at.Equal(p.next) {
				s.plan(p, at)
			}
		}
	}
}

// atOnce reports whether a file that a scan sees for the first time has rested long enough by its own
// times. A time in the future proves nothing.
func (s *settler) atOnce(path string, rec record, locked bool, now time.Time) bool {
	pace := s.pace(path)
	need := pace.quiet
	if locked {
		need = min(lockFactor*pace.quiet, max(pace.limit, pace.quiet))
	}

	return now.Sub(unixTime(rec.mtime)) >= max(need, s.minAge)
}

// observe takes note of a look. Looks that find nothing new do not prolong the wait.
func (s *settler) observe(path string, o observation, now time.Time) {
	p, ok := s.pending[path]
	switch {
	case !ok && o.gone && o.fresh:
		return
	case ok && o.gone && p.fresh:
		s.drop(path) // came and went: nobody was told of it
		return
	case !ok:
		p = &pending{observation: o, path: path, pace: s.pace(path), first: now, last: now}
		if at := o.rec.changed(now); o.scanned && !o.gone && now.Sub(at) >= p.pace.quiet {
			p.first, p.last = at, at
		}

		s.pending[path] = p
		s.count(p, 1)
		s.plan(p, p.last.Add(p.pace.quiet))

		return
	}

	if o.touched || !p.same(o) {
		p.again = p.again || now.Sub(p.last) >= p.pace.short()
		p.last = now
	}

	s.count(p, -1)
	o.fresh = p.fresh
	p.observation = o
	s.count(p, 1)
}

// due returns the paths that have to be looked at now, each once; look or drop must follow for
// each.
func (s *settler) due(now time.Time) []string {
	var paths []string
	for len(s.checks) > 0 && !s.checks[0].at.After(now) {
		c := heap.Pop(&s.checks).(check)
		if p := c.p; !s.holds(c) {
			continue
		} else if t := s.earliest(p); t.After(now) {
			// It changed after this check was planned.
			s.setBusy(p, now)
			s.plan(p, t)
			continue
		}

		paths = append(paths, c.p.path)
	}

	return paths
}

// shortRest is the least rest that is enough past the cap, or the settle time when that is
// shorter: a copy over a network pauses for a second.
const shortRest = 2500 * time.Millisecond

// short is the rest that is enough past the cap for what is saved again and again.
func (p pace) short() time.Duration { return min(p.quiet, max(p.quiet/4, shortRest)) }

// enough is the rest that settles p past the cap.
func (p *pending) enough() time.Duration {
	if p.again {
		return p.pace.short()
	}

	return p.pace.quiet
}

// earliest is the first time at which p can be settled if nothing more changes and no lock is
// beside it.
func (s *settler) earliest(p *pending) time.Time {
	rested := p.last.Add(p.pace.quiet)
	if late := laterOf(p.first.Add(p.pace.limit), p.last.Add(p.enough())); late.Before(rested) {
		return late
	}

	return rested
}

// look judges a path that was due by what it looks like now. True: it has settled as o and is no
// longer pending.
//
// unfinished is asked of a file that has settled else: why its last bytes may be still to come (see
// WaitWriter and WaitTorn), "" when nothing says so.
func (s *settler) look(path string, o observation, lock string, unfinished func() string,
	now time.Time) bool {
	p, ok := s.pending[path]
	if !ok {
		return false
	}

	o.touched, o.scanned = false, false
	s.observe(path, o, now)
	if s.pending[path] != p {
		return false
	}

	p.lock, p.held, p.unfinished = lock, false, ""
	onClose, quiet := s.wish(path).OnClose, p.pace.quiet
	past := now.Sub(p.first) >= p.pace.limit

	rest := now.Sub(p.last)
	var next time.Time
	switch {
	case past && rest < p.enough():
		s.setBusy(p, now)
		next = p.last.Add(p.enough())
	case !past && rest < quiet:
		next = s.earliest(p)
	case onClose && lock != "":
		next = now.Add(quiet)
	case !past && lock != "" && rest < lockFactor*quiet:
		// Look every quiet time: the lock may go, and with it the wait.
		next = earlierOf(now.Add(quiet), earlierOf(p.last.Add(lockFactor*quiet), p.first.Add(p.pace.limit)))
	case !o.gone && s.minAge > 0 && s.oldEnough(p).After(now):
		next = s.oldEnough(p)
	default:
		whole := past && rest >= quiet
		if !o.gone && (onClose || !whole) {
			p.unfinished = unfinished()
		}

		if open := p.unfinished == WaitWriter; p.unfinished == "" || past && open && !onClose ||
			whole && !open {
			s.drop(path)
			return true
		}

		s.setBusy(p, now)
		next = laterOf(now, p.last).Add(quiet)
		if rest < quiet {
			next = p.last.Add(quiet)
		} else if end := p.first.Add(p.pace.limit); end.After(now) {
			next = earlierOf(next, end)
		}
	}

	s.plan(p, next)

	return false
}

// oldEnough is when p has the smallest age that the rules ask for. A file time in the future counts
// as the last observed change.
func (s *settler) oldEnough(p *pending) time.Time {
	return earlierOf(unixTime(p.rec.mtime), p.last).Add(s.minAge)
}

// postpone plans the next look at a path that was due and cannot be judged now.
func (s *settler) postpone(path string, at time.Time) {
	if p, ok := s.pending[path]; ok {
		s.plan(p, at)
	}
}

// hold takes back a path that had settled: it is looked at again at the time given, unless
// something was seen of it meanwhile.
func (s *settler) hold(path string, o observation, now, until time.Time) {
	if _, ok := s.pending[path]; ok {
		return
	}

	pace := s.pace(path)
	rested := now.Add(-pace.quiet)
	p := &pending{observation: o, path: path, pace: pace, first: rested, last: rested, held: true}
	s.pending[path] = p
	s.count(p, 1)
	s.plan(p, until)
}

// drop forgets a path.
func (s *settler) drop(path string) {
	if p, ok := s.pending[path]; ok {
		s.count(p, -1)
		if p.busy {
			s.busy--
		}

		delete(s.pending, path)
	}
}

// next is the time of the next look; false when nothing is pending.
func (s *settler) next() (time.Time, bool) {
	for len(s.checks) > 0 {
		if c := s.checks[0]; s.holds(c) {
			return c.at, true
		}

		heap.Pop(&s.checks)
	}

	return time.Time{}, false
}

func (s *settler) plan(p *pending, at time.Time) {
	p.next = at
	heap.Push(&s.checks, check{at, p})
}

// holds reports whether a check is of a path that is pending, and the last that was planned.
func (s *settler) holds(c check) bool { return s.pending[c.p.path] == c.p && c.at.Equal(c.p.next) }

// setBusy notes that p has not rested for a settle time beyond the cap.
func (s *settler) setBusy(p *pending, now time.Time) {
	if !p.busy && now.Sub(p.first) >= p.pace.limit+p.pace.quiet {
		p.busy = true
		s.busy++
	}
}

func (s *settler) count(p *pending, n int) {
	if p.fresh && !p.gone {
		s.fresh += n
	}
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}

	return b
}

func earlierOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}

	return b
}

// check is a planned look. Each pending path has one that holds; the others are skipped.
type check struct {
	at time.Time
	p  *pending
}

type checkHeap []check

func (h checkHeap) Len() int           { return len(h) }
func (h checkHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h checkHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *checkHeap) Push(x any)        { *h = append(*h, x.(check)) }
func (h *checkHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]

	return c
}

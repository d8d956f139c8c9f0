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
	// whether a path waits while somebody has it open; nil: none does
	onClose func(path string) bool

	pending map[string]*pending
	checks  checkHeap
	fresh   int // of pending, those without a record that are not gone
	busy    int
}

type pending struct {
	observation
	path        string
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

// atOnce tells whether a file that a scan sees for the first time has rested long enough by its own
// times. A time in the future proves nothing.
func (s *settler) atOnce(rec record, locked bool, now time.Time) bool {
	need := s.quiet
	if locked {
		need = min(lockFactor*s.quiet, max(s.limit, s.quiet))
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
		p = &pending{observation: o, path: path, first: now, last: now}
		if mtime := unixTime(o.rec.mtime); o.scanned && !o.gone && now.Sub(mtime) >= s.quiet {
			p.first, p.last = mtime, mtime
		}

		s.pending[path] = p
		s.count(p, 1)
		s.plan(p, p.last.Add(s.quiet))

		return
	}

	if o.touched || !p.same(o) {
		p.again = p.again || now.Sub(p.last) >= s.short()
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
		if p := c.p; s.pending[p.path] != p {
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

// shortRest is the least rest that is enough past the cap, or the settle time where that is
// shorter: a copy over a network pauses for a second.
const shortRest = 2500 * time.Millisecond

// short is the rest that is enough past the cap for what is saved again and again.
func (s *settler) short() time.Duration { return min(s.quiet, max(s.quiet/4, shortRest)) }

// enough is the rest that settles p past the cap.
func (s *settler) enough(p *pending) time.Duration {
	if p.again {
		return s.short()
	}

	return s.quiet
}

// earliest is the first time at which p can be settled if nothing more changes and no lock is
// beside it.
func (s *settler) earliest(p *pending) time.Time {
	rested := p.last.Add(s.quiet)
	if late := laterOf(p.first.Add(s.limit), p.last.Add(s.enough(p))); late.Before(rested) {
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
	onClose := s.onClose != nil && s.onClose(path)
	past := now.Sub(p.first) >= s.limit

	rest := now.Sub(p.last)
	var next time.Time
	switch {
	case past && rest < s.enough(p):
		s.setBusy(p, now)
		next = p.last.Add(s.enough(p))
	case !past && rest < s.quiet:
		next = s.earliest(p)
	case onClose && lock != "":
		next = now.Add(s.quiet)
	case !past && lock != "" && rest < lockFactor*s.quiet:
		// Look every quiet time: the lock may go, and with it the wait.
		next = earlierOf(now.Add(s.quiet), earlierOf(p.last.Add(lockFactor*s.quiet), p.first.Add(s.limit)))
	case !o.gone && s.minAge > 0 && s.oldEnough(p).After(now):
		next = s.oldEnough(p)
	default:
		whole := past && rest >= s.quiet
		if !o.gone && (onClose || !whole) {
			p.unfinished = unfinished()
		}

		if open := p.unfinished == WaitWriter; p.unfinished == "" || past && open && !onClose || whole && !open {
			s.drop(path)
			return true
		}

		s.setBusy(p, now)
		next = laterOf(now, p.last).Add(s.quiet)
		if rest < s.quiet {
			next = p.last.Add(s.quiet)
		} else if end := p.first.Add(s.limit); end.After(now) {
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

	p := &pending{observation: o, path: path, first: now.Add(-s.quiet), last: now.Add(-s.quiet), held: true}
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
		if c := s.checks[0]; s.pending[c.p.path] == c.p {
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

// setBusy notes that p has not rested for a settle time beyond the cap.
func (s *settler) setBusy(p *pending, now time.Time) {
	if !p.busy && now.Sub(p.first) >= s.limit+s.quiet {
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

// check is a planned look. Each pending path has one; those whose path is no longer pending are
// skipped.
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

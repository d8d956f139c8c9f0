package state

import (
	"cmp"
	"iter"
	"slices"
	"time"
	"unique"
)

// jobIndex holds of every open job what scheduling and counting ask often, so that neither reads
// the file. It costs some 150 bytes a job. Guarded by Store.mu; changed only after a commit.
type jobIndex struct {
	open      map[JobID]*openJob
	order     []*openJob // all open jobs by id
	renames   int        // of folders
	ready     []*openJob // by turn: no attempt ahead, not paused, not parked
	waiting   []*openJob // by next attempt, then id: an attempt at a time
	paused    int
	attention int // not paused
	retried   int // of waiting: parked ones that are tried again by themselves
	ended     map[string]int
}

// openJob mirrors fields of Job.
type openJob struct {
	id          JobID
	root        string
	rename      bool // of a folder
	paused      bool
	attention   bool
	priority    int8
	reason      unique.Handle[string]
	nextAttempt time.Time // by the monotonic clock, which nobody sets
	stored      time.Time // as the record has it
	since       int64     // of the reason, in ns as the record has it; 0: not known
	size        int64     // bytes
	begun       bool      // it is past the queue
	listed      bool      // a target led to it when the file was opened
}

func mirror(j Job) openJob {
	return openJob{id: j.ID, root: j.Root, rename: j.Kind == Rename, paused: j.Paused,
		attention: j.Attention, priority: rank(j), reason: unique.Make(j.Reason),
		nextAttempt: monotonic(j.NextAttempt), stored: j.NextAttempt.Round(0), since: sinceOf(j),
		size: j.Size, begun: j.Phase != PhaseQueued}
}

func sinceOf(j Job) int64 {
	if j.Since.IsZero() {
		return 0
	}

	return j.Since.UnixNano()
}

// rank is the priority of a job as the index has it.
func rank(j Job) int8 { return int8(max(-1, min(j.Priority, 1))) }

// says reports whether the index has nothing to change for what became of a job.
func (o *openJob) says(j Job) bool {
	return o.root == j.Root && o.priority == rank(j) && o.paused == j.Paused && o.attention == j.Attention &&
		o.reason.Value() == j.Reason && o.stored.Equal(j.NextAttempt) && o.since == sinceOf(j)
}

// monotonic is a time that is as far ahead as t by the clock now, whatever the clock is set to
// later.
func monotonic(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}

	now := time.Now()

	return now.Add(t.Sub(now))
}

// setWait notes how far ahead a next attempt is that was not the one before.
func (j *Job) setWait(before time.Time) {
	switch {
	case j.NextAttempt.IsZero():
		j.Wait = 0
	case !j.NextAttempt.Equal(before):
		j.Wait = max(0, time.Until(j.NextAttempt))
	}
}

// next is the next attempt as the record has it, or by the clock as it is now, if that was set since.
func (o *openJob) next() time.Time {
	at := stored(monotonic(o.nextAttempt))
	if at.Sub(o.stored).Abs() > clockSlack {
		return at
	}

	return o.stored.UTC()
}

func byID(a, b *openJob) int { return cmp.Compare(a.id, b.id) }

// byTurn orders jobs as they begin: by priority, then the oldest first.
func byTurn(a, b *openJob) int {
	if c := cmp.Compare(b.priority, a.priority); c != 0 {
		return c
	}

	return byID(a, b)
}

func byAttempt(a, b *openJob) int {
	if c := a.nextAttempt.Compare(b.nextAttempt); c != 0 {
		return c
	}

	return cmp.Compare(a.id, b.id)
}

// insert and remove move the shorter side of the list: jobs come at its end and go from its front.
func insert(list []*openJob, o *openJob, by func(a, b *openJob) int) []*openJob {
	if n := len(list); n == 0 || by(list[n-1], o) < 0 {
		return append(list, o)
	}

	i, _ := slices.BinarySearchFunc(list, o, by)

	return slices.Insert(list, i, o)
}

func remove(list []*openJob, o *openJob, by func(a, b *openJob) int) []*openJob {
	i, ok := slices.BinarySearchFunc(list, o, by)
	switch {
	case !ok:
		return list
	case i < len(list)/2:
		copy(list[1:i+1], list[:i])
		list[0] = nil

		return list[1:]
	}

	return slices.Delete(list, i, i+1)
}

// set makes the index say what the job says; a job without an id was ended and is pruned.
func (x *jobIndex) set(id JobID, j Job) {
	old := x.open[id]
	if old != nil && j.ID != "" && j.Open() && old.says(j) {
		old.size, old.begun = j.Size, j.Phase != PhaseQueued
		return
	}

	if old != nil {
		x.file(old, false)
	}

	switch {
	case j.ID == "":
		x.ended[j.End]--
	case !j.Open():
		x.ended[j.End]++ // ended jobs change no more, so this is the end itself
	}

	if j.ID == "" || !j.Open() {
		if old != nil {
			delete(x.open, id)
			x.order = remove(x.order, old, byID)
		}

		return
	}

	now := mirror(j)
	o := &now
	if old != nil {
		if o.stored.Equal(old.stored) {
			o.nextAttempt = old.nextAttempt
		}

		*old = now
		o = old
	} else {
		x.open[id] = o
		x.order = insert(x.order, o, byID)
	}

	x.file(o, true)
}

// file puts an open job into, or takes it out of, the list and the counters of its condition.
func (x *jobIndex) file(o *openJob, in bool) {
	change, n := remove, -1
	if in {
		change, n = insert, 1
	}

	if o.rename {
		x.renames += n
	}

	if o.paused {
		x.paused += n
		return
	}

	if o.attention {
		x.attention += n
	}

	switch {
	case !o.nextAttempt.IsZero():
		x.waiting = change(x.waiting, o, byAttempt)
		if o.attention {
			x.retried += n
		}
	case !o.attention:
		x.ready = change(x.ready, o, byTurn)
	}
}

// runnable lists jobs that may run: those whose time came first, then by turn.
func (x *jobIndex) runnable(now time.Time, limit int, skip func(JobID) bool) []JobID {
	var ids []JobID
	take := func(o *openJob) bool {
		if skip == nil || !skip(o.id) {
			ids = append(ids, o.id)
		}

		return limit <= 0 || len(ids) < limit
	}
	for _, o := range x.waiting {
		if o.nextAttempt.After(now) {
			break
		}

		if !take(o) {
			return ids
		}
	}

	for _, o := range x.ready {
		if !take(o) {
			return ids
		}
	}

	return ids
}

// indexPage is how many open jobs are read at once.
const indexPage = 1000

// page lists the next open jobs after an id, none for the first ones, that the filter may choose, in its
// order: at most most (0: any number), and never more than indexPage.
func (x *jobIndex) page(f Filter, after JobID, most int) []JobID {
	if len(f.Status) == 1 && x.none(f.Status[0]) {
		return nil
	}

	i, found := slices.BinarySearchFunc(x.order, &openJob{id: after}, byID)
	rest := slices.Values(x.order[i:])
	switch {
	case f.Newest && after == "":
		rest = backward(x.order)
	case f.Newest:
		rest = backward(x.order[:i])
	case found:
		rest = slices.Values(x.order[i+1:])
	}

	if most <= 0 || most > indexPage {
		most = indexPage
	}

	var ids []JobID
	for o := range rest {
		if len(ids) == most {
			break
		}

		if f.mayTake(o) {
			ids = append(ids, o.id)
		}
	}

	return ids
}

// none reports whether no open job has a status that few have.
func (x *jobIndex) none(s Status) bool {
	switch s {
	case StatusPaused:
		return x.paused == 0
	case StatusAttention:
		return x.attention == 0
	case StatusWaiting:
		return len(x.waiting) == x.retried
	case StatusQueued, StatusActive, StatusDone, StatusFailed, StatusCancelled:
	}

	return false
}

func backward(list []*openJob) iter.Seq[*openJob] {
	return func(yield func(*openJob) bool) {
		for _, o := range slices.Backward(list) {
			if !yield(o) {
				return
			}
		}
	}
}

func (x *jobIndex) counts(active []JobID, now time.Time) Counts {
	c := Counts{
		Paused: x.paused, Attention: x.attention, Queued: len(x.ready),
		Done: x.ended[EndDone], Failed: x.ended[EndFailed],
		Cancelled: x.ended[EndCancelled] + x.ended[EndSuperseded],
	}
	due := 0
	for _, o := range x.waiting {
		if o.nextAttempt.After(now) {
			break
		}

		if !o.attention {
			due++
		}
	}

	c.Queued += due
	c.Waiting = len(x.waiting) - x.retried - due
	for _, id := range active {
		o := x.open[id]
		if o == nil || o.paused {
			continue
		}

		c.Active++
		switch {
		case o.attention:
			c.Attention--
		case o.nextAttempt.After(now):
			c.Waiting--
		default:
			c.Queued--
		}
	}

	return c
}

// ended is how many jobs that ended so are kept.
func (s *Store) ended(end string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs.ended[end]
}

// Counts is how many jobs are in each status; ended ones as far as they are kept.
type Counts struct{ Queued, Active, Waiting, Paused, Attention, Done, Failed, Cancelled int }

// Counts counts by status without reading the file. active lists the jobs that the engine runs
// right now.
func (s *Store) Counts(active []JobID, now time.Time) Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs.counts(active, now)
}

// Untouched reports, without reading the file, whether a job has only waited for its turn since it
// was queued, and its size in bytes.
func (s *Store) Untouched(id JobID) (size int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.jobs.open[id]
	if o == nil || o.begun || o.paused || o.attention || o.reason.Value() != "" || !o.nextAttempt.IsZero() {
		return 0, false
	}

	return o.size, true
}

// Backlog is what the open jobs wait for.
type Backlog struct {
	Waiting   map[string]int // by reason: jobs that go on by themselves, later
	Attention map[string]int // by reason: jobs that need a user
	Oldest    JobID          // of those that neither a user nor a pause holds; "" when there is none
}

// Backlog counts the open jobs by reason without reading the file.
func (s *Store) Backlog() Backlog {
	b := Backlog{Waiting: map[string]int{}, Attention: map[string]int{}}

	s.mu.Lock()
	defer s.mu.Unlock()

	for _, o := range s.jobs.order {
		switch {
		case o.paused:
			continue
		case o.attention:
			b.Attention[o.reason.Value()]++
			continue
		case !o.nextAttempt.IsZero():
			b.Waiting[o.reason.Value()]++
		}

		if b.Oldest == "" {
			b.Oldest = o.id
		}
	}

	return b
}

// Wait is what jobs have in common that go on by themselves, later.
type Wait struct {
	Reason string
	Count  int
	Since  time.Time // of the one that waits longest; zero: not known
	Next   time.Time // the first attempt
	First  []JobID   // the oldest of them
}

// Waits groups the jobs that have the status waiting by reason without reading the file, and names some
// of each group. active is as in [Filter].
func (s *Store) Waits(active func(JobID) bool, now time.Time, named int) []Wait {
	s.mu.Lock()
	defer s.mu.Unlock()

	by := map[unique.Handle[string]]*Wait{}
	for _, o := range s.jobs.waiting {
		if o.attention || !o.nextAttempt.After(now) || active != nil && active(o.id) {
			continue
		}

		w := by[o.reason]
		if w == nil {
			w = &Wait{Reason: o.reason.Value(), Next: o.next()} // it is the first of its reason
			by[o.reason] = w
		}

		w.Count++
		if at := time.Unix(0, o.since).UTC(); o.since != 0 && (w.Since.IsZero() || at.Before(w.Since)) {
			w.Since = at
		}

		i, _ := slices.BinarySearch(w.First, o.id)
		w.First = slices.Insert(w.First, i, o.id)
		w.First = w.First[:min(len(w.First), named)]
	}

	out := make([]Wait, 0, len(by))
	for _, w := range by {
		out = append(out, *w)
	}

	slices.SortFunc(out, func(a, b Wait) int { return cmp.Compare(a.Reason, b.Reason) })

	return out
}

// CountsIn counts the open jobs of one root, and those of them that wait for a user.
func (s *Store) CountsIn(root string) (open, attention int) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, o := range s.jobs.order {
		if o.root == root {
			open++
			if o.attention && !o.paused {
				attention++
			}
		}
	}

	return open, attention
}

// Runnable returns at most limit (0: all) open jobs that may run at now and that skip (nil: none) does
// not name: first those whose time came, then the others by priority and age. It reads only the jobs that
// it returns.
func (s *Store) Runnable(now time.Time, limit int, skip func(JobID) bool) ([]Job, error) {
	s.mu.Lock()
	ids, before := s.jobs.runnable(now, limit, skip), s.index
	s.mu.Unlock()
	jobs, at, err := s.readAll(ids)

	s.mu.Lock()
	defer s.mu.Unlock()

	// Nothing was committed meanwhile: a commit is read a moment before it is told here.
	if err == nil && at == before && at == s.index {
		s.recent.listed(jobs)
	}

	due := jobs[:0]
	for _, j := range jobs {
		o := s.jobs.open[j.ID]
		if o != nil && !o.nextAttempt.After(now) && !j.NextAttempt.IsZero() &&
			j.NextAttempt.Sub(now) < 2*clockSlack {
			j.NextAttempt = now // it is due by the clock that counts
		}

		if j.Runnable(now) {
			due = append(due, j)
		}
	}

	return due, err
}

// NextAttempt is when the first job that now has to wait becomes runnable; zero when none will by
// itself.
func (s *Store) NextAttempt(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, o := range s.jobs.waiting {
		if o.nextAttempt.After(now) {
			return o.nextAttempt
		}
	}

	return time.Time{}
}

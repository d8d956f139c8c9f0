package transfer

import (
	"cmp"

	"hoist/state"
)

// turns is in which order jobs take transfer slots, as long as these hold what they hold.
type turns struct{ listed, mayChange, largeFull, createsWait bool }

func (s slots) turns(transfers int) turns {
	return turns{true, s.changing < max(1, transfers/2), s.large >= max(1, transfers-2),
		s.items >= itemSlots/2}
}

// turn is what decides when a job takes a transfer slot.
type turn struct {
	begun, changing bool
	priority        int
	size            int64
}

func turnOf(j *state.Job) turn {
	return turn{begun: j.Phase != state.PhaseQueued, changing: j.Changes > 0, priority: j.Priority,
		size: size(*j)}
}

// jobs orders two jobs for a transfer slot; of those with equal turns the older is first.
func (t turns) jobs(a, b *state.Job) int {
	return cmp.Or(t.compare(turnOf(a), turnOf(b)), cmp.Compare(a.ID, b.ID))
}

// compare orders two turns: what has begun first, since sessions end; then by
// priority; then files that change under the reading, in half of the slots; then, when large files
// hold their share already, small ones; then, while creates wait for their budget, large ones, since
// bytes cost no budget.
func (t turns) compare(a, b turn) int {
	first := func(x, y bool) int {
		switch {
		case x == y:
			return 0
		case x:
			return -1
		}

		return 1
	}

	return cmp.Or(
		first(a.begun, b.begun),
		cmp.Compare(b.priority, a.priority),
		first(t.mayChange && a.changing, t.mayChange && b.changing),
		first(t.largeFull && a.size < largeFile, t.largeFull && b.size < largeFile),
		first(t.createsWait && a.size >= largeFile, t.createsWait && b.size >= largeFile),
	)
}

func size(j state.Job) int64 { return max(j.Size, j.Snapshot.Size) }

// claim is what a job takes of what is shared.
type claim struct {
	publishing      bool // no transfer slot
	item            bool // its create will be of a new item
	large, changing bool
	shares          int // of the transfer slots: a whole slot, or one share if the file is small
}

func (e *Engine) claimOf(j state.Job) claim {
	return claimFor(size(j), e.share, isPublishing(j), makesItem(j), j.Changes > 0)
}

// claimFor is the claim of a file of size bytes, when so many small ones share a slot.
func claimFor(size int64, share int, publishing, item, changing bool) claim {
	c := claim{publishing: publishing, item: item, large: size >= largeFile,
		changing: changing, shares: share}
	if size <= smallFile {
		c.shares = 1
	}

	return c
}

// slots counts what runs.
type slots struct{ transfers, shares, large, changing, publishing, items int }

// add counts what a job takes.
func (s *slots) add(one claim) {
	switch {
	case !one.publishing:
		s.transfers++
		s.shares += one.shares
		if one.large {
			s.large++
		}

		if one.changing {
			s.changing++
		}
	case one.item:
		s.items++
		fallthrough
	default:
		s.publishing++
	}
}

// remove takes back what add counted.
func (s *slots) remove(one claim) {
	var of slots
	of.add(one)
	s.transfers -= of.transfers
	s.shares -= of.shares
	s.large -= of.large
	s.changing -= of.changing
	s.publishing -= of.publishing
	s.items -= of.items
}

// mayPublish reports whether a job past its bytes may run too.
func (s slots) mayPublish(one claim) bool {
	return s.publishing < publishSlots && (!one.item || s.items < itemSlots)
}

// mayMove reports whether a run may go on with another claim, when so many shares are free.
func (s slots) mayMove(to claim, room int) bool {
	if to.publishing {
		return s.mayPublish(to)
	}

	return room >= to.shares
}

// makesItem reports whether the job's create will be of a new item, as far as is known before it.
func makesItem(j state.Job) bool {
	return !j.Target.OSS() && j.Phase != state.PhasePublished && j.Target.Item == "" &&
		j.Kind == state.Upload && !mayRename(j) &&
		(j.Intent == nil || j.Intent.Kind == intentItem || j.Intent.Kind == intentCopy)
}

// usedSlots counts the runs; the caller holds mu.
func (e *Engine) usedSlots() (s slots) {
	for _, r := range e.running {
		if r.silent == 0 {
			s.add(r.holds)
		}
	}

	return s
}

// holdSlot moves a run to the kind of slot its next step needs; false when none is free.
func (e *Engine) holdSlot(r *run, job state.Job) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	takes := e.claimOf(job)
	if takes.publishing == r.holds.publishing {
		return true
	}

	used := e.usedSlots()
	room := e.cfg.Transfers*e.share - used.shares
	if !used.mayMove(takes, room) {
		return false
	}

	r.holds = takes

	select {
	case e.freed <- struct{}{}:
	default:
	}

	return true
}

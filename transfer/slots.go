package transfer

import (
	"cmp"

	"hoist/state"
)

// turns is in which order jobs take transfer slots, as long as these hold what they hold.
type turns struct{ listed, mayChange, largeFull, createsWait bool }

func (s slots) turns(transfers int) turns {
	return turns{true, s.changing < max(1, transfers/2), s.large >= max(1, transfers-2), s.items >= itemSlots/2}
}

// compare orders two jobs for a transfer slot: what has begun first, since sessions end; then by
// priority; then files that change under the reading, in half of the slots; then, when large files
// hold their share already, small ones; then, while creates wait for their budget, large ones, since
// bytes cost no budget; then the older.
func (t turns) compare(a, b *state.Job) int {
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
		first(a.Phase != state.PhaseQueued, b.Phase != state.PhaseQueued),
		cmp.Compare(b.Priority, a.Priority),
		first(t.mayChange && a.Changes > 0, t.mayChange && b.Changes > 0),
		first(t.largeFull && size(*a) < largeFile, t.largeFull && size(*b) < largeFile),
		first(t.createsWait && size(*a) >= largeFile, t.createsWait && size(*b) >= largeFile),
		cmp.Compare(a.ID, b.ID),
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
	s := claim{publishing: isPublishing(j), item: makesItem(j), large: size(j) >= largeFile,
		changing: j.Changes > 0, shares: e.share}
	if size(j) <= smallFile {
		s.shares = 1
	}

	return s
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

// mayPublish reports whether a job past its bytes may run too.
func (s slots) mayPublish(one claim) bool {
	return s.publishing < publishSlots && (!one.item || s.items < itemSlots)
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
	if takes.publishing && !used.mayPublish(takes) || !takes.publishing && room < takes.shares {
		return false
	}

	r.holds = takes

	select {
	case e.freed <- struct{}{}:
	default:
	}

	return true
}

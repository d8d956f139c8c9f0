package watcher

import (
	"math"
	"time"
)

// A file that is renamed or moved below the root is one that went and one that came, of one file id,
// size and time. Both ends settle by themselves, so the one that settles first waits for the other.

// endsMax bounds the ends that wait: beyond it they are handed over as what they look like.
const endsMax = 200_000

// end is a settled path that may be one end of a rename.
type end struct {
	settled
	scan bool // the scan under way may find the other end
	// of a file that went where nothing but scans tells of the other end: the scan after which it is
	// handed over, for one that ran while files were renamed may have seen neither name
	after int
}

// isEnd reports whether a settled path may be an end of a rename.
func isEnd(s settled) bool {
	return s.rec.ino != 0 && !s.rec.dir && !s.forget && (s.gone || s.fresh)
}

// others is what is not settled yet: whether a file with an id went, or came; and how many scans of
// all have ended.
type others struct {
	gone, came map[uint64]bool
	scans      int
}

// pairUp joins the ends of renames. What waits for its other end is kept; the rest is ready, each
// pair with what came first, so that a process that dies in between finds the pair again. An id that
// went twice or came twice is of hard links, which nobody can tell apart: no pair.
func pairUp(ends []end, pending others, scanning bool) (ready []settled, waiting []end) {
	gone, came := map[uint64][]int{}, map[uint64][]int{}
	for i, e := range ends {
		if e.gone {
			gone[e.rec.ino] = append(gone[e.rec.ino], i)
		} else {
			came[e.rec.ino] = append(came[e.rec.ino], i)
		}
	}

	wait := make([]bool, len(ends))
	for i, e := range ends {
		wait[i] = scanning && (e.scan || e.gone) || e.gone && pending.came[e.rec.ino] ||
			!e.gone && pending.gone[e.rec.ino] ||
			e.gone && len(came[e.rec.ino]) == 0 && e.after > pending.scans
	}

	for i, e := range ends {
		if e.gone {
			for _, other := range came[e.rec.ino] {
				wait[i] = wait[i] || wait[other]
				wait[other] = wait[i]
			}
		}
	}

	told := map[int]bool{} // with what came
	for i, e := range ends {
		switch {
		case wait[i]:
			waiting = append(waiting, e)
			continue
		case e.gone:
			continue // after all that came
		}

		s := e.settled
		from := gone[e.rec.ino]
		if len(from) != 1 || len(came[e.rec.ino]) != 1 || !sameContent(ends[from[0]].rec, e.rec) {
			ready = append(ready, s)
			continue
		}

		old := ends[from[0]].settled
		s.from, old.to = old.path, s.path
		ready = append(ready, s, old)
		told[from[0]] = true
	}

	for i, e := range ends {
		if e.gone && !wait[i] && !told[i] {
			ready = append(ready, e.settled)
		}
	}

	return ready, waiting
}

// sameContent reports whether a file has the size and time that it had under its old name. Its change
// time moves with the rename.
func sameContent(was, now record) bool { return was.size == now.size && was.mtime == now.mtime }

// unsettled says which ids went or came and have not settled.
func (s *settler) unsettled() others {
	o := others{gone: map[uint64]bool{}, came: map[uint64]bool{}}
	for _, p := range s.pending {
		switch {
		case p.rec.ino == 0:
		case p.gone:
			o.gone[p.rec.ino] = true
		case p.fresh:
			o.came[p.rec.ino] = true
		}
	}

	return o
}

// unsettled says what ends may still meet: ids, further scans, and one under way, wanted, or to come once
// rules have rested. When too many ends wait, no scan is waited for.
func (r *run) unsettled() (o others, scanning bool) {
	o = r.set.unsettled()
	if len(r.ends) >= endsMax {
		o.scans = math.MaxInt
		return o, false
	}

	o.scans = r.ended

	return o, r.scanning || !r.down && (len(r.want) > 0 || r.book.resting())
}

// isWaiting reports whether what a scan found has settled before and waits for its other end: scans
// that come faster than files settle find it again and again.
func (r *run) isWaiting(d seen) bool {
	i, waits := r.endAt[d.path]

	return waits && !d.forget && r.ends[i].gone == (d.op == opGone) && r.ends[i].rec.same(d.rec)
}

// was is what the baseline has of a file that went.
func (r *run) was(path string) (record, error) {
	rec, known, err := r.ed.lookup(path)
	if !known || rec.dir {
		rec = record{}
	}

	return rec, err
}

// joinEnds hands on the ends of renames that need not wait any longer. What a path looks like now is
// judged again when it is another thing than when it settled.
func (r *run) joinEnds(now time.Time) {
	if len(r.ends) == 0 {
		return
	}

	unsettled, scanning := r.unsettled()
	ready, waiting := pairUp(r.ends, unsettled, scanning)
	r.ends = waiting
	clear(r.endAt)
	for i, e := range waiting {
		r.endAt[e.path] = i
	}

	spelt := letters{root: r.root}
	for _, s := range ready {
		rec, mode, exists, err := lookAt(r.root, s.path)
		there := err == nil && exists && mode.IsRegular() && !(s.gone && !spelt.has(s.path))
		if s.gone != there && (s.gone || rec.same(s.rec)) {
			r.batch = append(r.batch, s)
			continue
		}

		if s.fresh && !s.gone {
			r.fresh--
		}

		r.set.observe(s.path, observation{rec: rec, gone: !there, fresh: s.fresh && !s.gone}, now)
	}
}

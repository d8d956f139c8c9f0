package watcher

import (
	"context"
	"io/fs"
	"slices"
	"time"
)

// look judges the pending paths whose time has come.
func (r *run) look(ctx context.Context, now time.Time) {
	r.set.minAge = r.book.Given().MinAge()
	asked, up := false, false // whether the root is there
	spelt := letters{root: r.root}
	for _, p := range slices.Sorted(slices.Values(r.set.due(now))) {
		rec, mode, exists, err := lookAt(r.root, p)
		if err != nil {
			r.log.Debug("pending path not readable", "path", p, "error", err)
			r.set.postpone(p, now.Add(r.cfg.Settle))
			continue
		}

		was := r.set.pending[p]
		o := observation{rec: rec, gone: !exists || mode&fs.ModeType != 0 || was.gone && !spelt.has(p)}
		if o.gone {
			if !asked {
				asked, up = true, r.sound(ctx)
			}

			if !up {
				r.set.postpone(p, now.Add(r.cfg.PollInterval))
				continue
			}

			if o.rec, err = r.was(p); err != nil {
				r.log.Warn("baseline not readable", "path", p, "error", err)
			}
		} else if ignored, _ := r.book.Given().MatchSize(rec.size); ignored {
			r.set.drop(p)
			r.rest(settled{path: p, forget: true}, false)
			continue
		}

		lock := ""
		if !o.gone {
			lock = LockBeside(r.root, p)
			o.rec = rec.knownAs(was.rec)
		}

		if !r.set.look(p, o, lock, func() string { return r.unfinished(p, rec) }, now) {
			continue
		}

		if !o.gone { // it may be another file than the one that was seen first
			o.rec = identify(r.root, p, o.rec)
		}

		r.rest(settled{path: p, rec: o.rec, gone: o.gone, fresh: was.fresh && !o.gone,
			capped: now.Sub(was.last) < was.pace.quiet}, false)
	}
}

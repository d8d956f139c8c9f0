package watcher

import (
	"context"
	"fmt"
	"time"
)

// rest adds to what is handed over next. What a scan found may have its other end further on.
func (r *run) rest(s settled, found bool) {
	if s.fresh {
		r.fresh++
	}

	if !r.known || !isEnd(s) {
		r.batch = append(r.batch, s)
		return
	}

	e := end{settled: s, scan: found && r.scanning}
	if s.gone && r.notes == nil {
		e.after = r.began + 1
	}

	if i, waits := r.endAt[s.path]; waits {
		if r.ends[i].fresh {
			r.fresh--
		}

		r.ends[i] = e

		return
	}

	r.endAt[s.path] = len(r.ends)
	r.ends = append(r.ends, e)
}

// Waits between attempts to hand over a batch.
const (
	emitWaitMin = time.Second
	emitWaitMax = 30 * time.Second
)

// flush hands over what has settled when that is at least so many: first the changes, then, when
// the receiver has made them durable, the baseline. It repeats a batch that was refused until it is
// taken or ctx ends.
func (r *run) flush(ctx context.Context, least int) error {
	if least == 1 || len(r.ends) >= endsMax {
		r.joinEnds(time.Now())
	}

	wait := emitWaitMin
	for len(r.batch) > 0 && len(r.batch) >= least {
		n := r.ask()
		if err := r.book.Store(); err != nil {
			return err
		}

		e, err := r.ed.plan(r.batch[:n])
		if err != nil {
			return err
		}

		r.count()

		if len(e.changes) > 0 {
			if err := r.emit(ctx, e.changes); err != nil {
				r.log.Error("changes not taken", "changes", len(e.changes), "error", err, "again_in", wait)

				if err := r.pause(ctx, wait); err != nil {
					return err
				}

				wait = min(2*wait, emitWaitMax)

				continue // the rules may be others by now
			}

			wait = emitWaitMin
		}

		if len(e.folders) > 0 {
			if err := r.cfg.Baseline.Store(e.folders); err != nil {
				return fmt.Errorf("store the baseline: %w", err)
			}
		}

		r.ed.stored()
		r.tracked += e.tracked
		for _, s := range r.batch[:n] {
			if s.fresh {
				r.fresh--
			}
		}

		r.batch = r.batch[n:]
		r.count()
	}

	if len(r.batch) == 0 {
		r.batch = nil
	}

	return nil
}

// pause waits, and goes on to see what becomes of the root.
func (r *run) pause(ctx context.Context, wait time.Duration) error {
	over := time.After(wait)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-r.roots:
			r.rootSeen(ctx, now)
		case <-over:
			return nil
		}
	}
}

// ask asks the rules once more about the next batch: what they ignore by now is forgotten, and what
// they hold waits. It returns how much of it is to be handed over.
func (r *run) ask() int {
	n := min(len(r.batch), batchMax)
	rules := map[string]*Rules{}

	now := time.Now()
	kept := make([]settled, 0, n)
	for _, s := range r.batch[:n] {
		if s.gone || s.forget {
			kept = append(kept, s)
			continue
		}

		folder, name := split(s.path)
		at := rules[folder]
		if at == nil {
			at = r.book.At(folder)
			rules[folder] = at
		}

		held := at.Held()
		ignored := false
		if held == nil {
			ignored, _ = at.Match(s.path, false)
			ignored = ignored || r.book.wasBackup(at, s.path, s.rec)
		}

		if s.fresh && (held != nil || ignored) {
			r.fresh--
		}

		switch {
		case held != nil:
			until := held.Until
			if until.IsZero() {
				until = now.Add(retryRule)
			}

			r.set.hold(s.path, observation{rec: s.rec, fresh: s.fresh}, now, until)
		case ignored:
			r.log.Debug("ignored by now", "path", s.path, "name", name)
			kept = append(kept, settled{path: s.path, forget: true})
		default:
			kept = append(kept, s)
		}
	}

	r.batch = append(kept, r.batch[n:]...)

	return len(kept)
}

// problemsMax is how many rule files that do not count are named.
const problemsMax = 2

// count brings the numbers of the status up to date.
func (r *run) count() {
	pending, problems := len(r.set.pending)+len(r.batch)+len(r.ends), r.book.Problems()
	waits := r.set.waits(time.Now())
	r.setStatus(func(s *Status) {
		s.Files, s.Pending, s.Busy = r.tracked+r.set.fresh+r.fresh, pending, r.set.busy
		s.Waits = waits
		detail := s.scanDetail
		if s.State != StateUnavailable {
			detail = joinDetail(detail, s.unread)
		}

		if s.pollReason != "" && s.State != StateUnavailable {
			detail = joinDetail("polling: "+s.pollReason, detail)
		}

		for i, problem := range problems {
			if i == problemsMax {
				problem = fmt.Sprintf("%d rule files more", len(problems)-i)
			}

			if i <= problemsMax {
				detail = joinDetail(detail, problem)
			}
		}

		if s.Busy > 0 {
			detail = joinDetail(detail, fmt.Sprintf("%d never at rest", s.Busy))
		}

		s.Detail = detail
	})
}

func joinDetail(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}

	return a + "; " + b
}

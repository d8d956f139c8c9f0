package watcher

import (
	"context"
	"time"
)

// again asks Run to report paths again.
type again struct {
	paths []string
	done  chan error // buffered
}

// Again has paths reported once they are at rest, if they exist, whatever the baseline says: what
// was reported of them is forgotten. It waits for Run and returns when the baseline is durable
// without them, so that no restart forgets it.
func (w *Watcher) Again(ctx context.Context, paths []string) error {
	a := again{paths, make(chan error, 1)}
	select {
	case w.again <- a:
	case <-ctx.Done():
		return context.Cause(ctx)
	}

	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *run) takeAgain(ctx context.Context, a again) error {
	err := r.forget(ctx, a.paths)
	a.done <- err

	return err
}

// forget takes the records of paths away and looks at what is there.
func (r *run) forget(ctx context.Context, paths []string) error {
	for _, p := range paths {
		r.set.drop(p)
		r.rest(settled{path: p, forget: true}, false)
	}

	if err := r.flush(ctx, 1); err != nil {
		return err
	}

	rules := map[string]*Rules{}
	now := time.Now()
	for _, p := range paths {
		if err := r.notice(ctx, p, notice{}, rules, now); err != nil {
			return err
		}
	}

	return r.flush(ctx, 1)
}

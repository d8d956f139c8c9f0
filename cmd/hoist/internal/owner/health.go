package owner

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"hoist/cmd/hoist/internal/control"
)

const (
	// stuckAfter is how long nothing may move though it should.
	stuckAfter = 15 * time.Minute
	// pulseEvery is the time between two looks at whether there is something to do.
	pulseEvery = 10 * time.Second
)

// pulse knows when there was last nothing to do. Safe for concurrent use.
type pulse struct {
	idle atomic.Int64 // unix nanoseconds
}

func (p *pulse) rest(now time.Time) { p.idle.Store(now.UnixNano()) }

// feel looks every now and then whether there is something to do.
func (o *Owner) feel(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pulseEvery):
		}

		if now := time.Now(); !shouldMove(o.counts(o.engine.Active(), now)) {
			o.pulse.rest(now)
		}
	}
}

// shouldMove reports whether there are jobs that neither a user nor a pause holds.
func shouldMove(n control.Counts) bool { return n.Queued+n.Active+n.Waiting > 0 }

// lastProgress is when something moved, or there was last nothing to do.
func (o *Owner) lastProgress() time.Time {
	at := o.engine.Figures().Moved
	if idle := time.Unix(0, o.pulse.idle.Load()); idle.After(at) {
		at = idle
	}

	return at
}

// Health is why nothing moves though it should; nil while all is well. A file that waits for a
// person is not a fault: status tells of it.
func (o *Owner) Health() error {
	now := time.Now()
	n := o.counts(o.engine.Active(), now)

	return errors.Join(o.Err(), o.store.Full(), stuck(n, now.Sub(o.lastProgress())))
}

// stuck decides whether nothing moves though it should, after so long without progress.
func stuck(n control.Counts, still time.Duration) error {
	if !shouldMove(n) || still < stuckAfter {
		return nil
	}

	return fmt.Errorf("nothing has moved for %s: %d queued, %d active, %d waiting", still.Round(time.Minute),
		n.Queued, n.Active, n.Waiting)
}

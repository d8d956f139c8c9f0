package transfer

import (
	"context"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// askOnce makes the call of a job's intent, which must not take effect twice. The first call of a fresh intent
// is made without a look. What an earlier run may have asked for is looked for first, until the patience since
// that run is over: the wait goes on where it stood, however often the process dies meanwhile.
func askOnce[T any](ctx context.Context, e *Engine, r *run, job state.Job, d apsclient.Doubt[T]) (T, error) {
	d.Asked, r.freshIntent = !r.freshIntent, false
	d.Logger = e.log.With("job", string(job.ID), "path", job.Path)
	if !d.Asked {
		return d.Do(ctx)
	}

	quiet, now, call := time.Duration(job.Intent.Quiet), e.uptime(), d.Call
	note := func(since time.Duration) error {
		if quiet == since {
			return nil
		}

		quiet = since
		_, err := e.commit(ctx, job.ID, state.Quiet{Since: since})

		return err
	}
	d.Call = func(ctx context.Context) (made T, err error) {
		if err := note(0); err != nil {
			return made, err
		}

		return call(ctx)
	}
	if quiet == 0 || quiet > now { // the machine was started since
		if err := note(now); err != nil {
			var none T
			return none, err
		}
	}

	d.Waited = now - quiet

	return d.Do(ctx)
}

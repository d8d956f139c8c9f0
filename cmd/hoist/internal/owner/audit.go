package owner

import (
	"context"
	"time"

	"hoist/cmd/hoist/internal/audit"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
)

// Verify implements [control.API].
func (o *Owner) Verify(ctx context.Context, r control.VerifyRequest) (control.VerifyReport, error) {
	return o.Auditor().Verify(ctx, r)
}

// Explain implements [control.API].
func (o *Owner) Explain(_ context.Context, path string) (control.Explanation, error) {
	if err := local.MustBeAbsolute(path); err != nil {
		return control.Explanation{}, err
	}

	q := audit.Question{Path: path}
	file, err := config.Load(o.options.Home)
	if err != nil {
		return control.Explanation{Path: path}, err
	}

	if q.Watch = config.WatchOf(file.Watch, path); q.Watch != nil {
		one, err := o.watches.describe(*q.Watch)
		if err != nil {
			return control.Explanation{Path: path}, err
		}

		q.State = &one
	}

	if q.Job, err = o.lastJob(path); err != nil {
		return control.Explanation{Path: path}, err
	}

	if q.Job != nil {
		shown := jobOf(*q.Job, find(o.engine.Active(), q.Job.ID), time.Now())
		q.Shown = &shown
	}

	return o.Auditor().Explain(q)
}

// lastJob finds the newest open job of a path, else the newest that ended.
func (o *Owner) lastJob(path string) (*state.Job, error) {
	for _, f := range []state.Filter{{Open: true}, {}} {
		jobs, err := o.store.Jobs(f)
		if err != nil {
			return nil, err
		}

		for i := len(jobs) - 1; i >= 0; i-- {
			if jobs[i].Path == path {
				return &jobs[i], nil
			}
		}
	}

	return nil, nil
}

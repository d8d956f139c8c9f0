package owner

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"hoist/cmd/hoist/internal/audit"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
)

// Verify implements [control.API].
func (o *Owner) Verify(ctx context.Context, r control.VerifyRequest) (control.VerifyReport, error) {
	return o.Auditor().Verify(ctx, r)
}

// BackupState implements [control.API].
func (o *Owner) BackupState(_ context.Context, path string) error {
	if err := local.MustBeAbsolute(path); err != nil {
		return err
	}

	err := o.store.Backup(path)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return problem.With(problem.Usage, err, problem.Text("name a new file in a folder that is there"))
	}

	return err
}

// RecordStream implements [control.API].
func (o *Owner) RecordStream(_ context.Context, r control.StreamRecord) error {
	return o.store.PutStream(state.Stream{ID: state.JobID(r.ID), Remote: r.Remote, Storage: r.Storage,
		Size: r.Size, PartSize: r.PartSize, ETags: r.ETags, Began: r.Began, SHA1: r.SHA1})
}

// Forget implements [control.API].
func (o *Owner) Forget(ctx context.Context, r control.ForgetRequest) ([]control.Forgotten, error) {
	return o.Auditor().Forget(ctx, r)
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
		q.Waits = o.watches.waitOf(q.Watch.ID, path)
	}

	job, found, err := o.store.LastJob(path)
	if err != nil {
		return control.Explanation{Path: path}, err
	}

	if found {
		shown := o.jobOf(job, find(o.engine.Active(), job.ID), time.Now())
		q.Job, q.Shown = &job, &shown
	}

	e, err := o.Auditor().Explain(q)
	if err != nil || q.Watch == nil || q.Watch.Path != path {
		return e, err
	}

	return e, o.explainHeld(&e)
}

// explainHeld adds to what is said of a watched folder why the watch as a whole needs a person.
func (o *Owner) explainHeld(e *control.Explanation) error {
	s := control.Status{Watches: []control.Watch{*e.Watch}}
	err := o.otherAttention(&s)
	for _, a := range s.Attention {
		if a.Path != e.Path {
			continue
		}

		e.State, e.Reason, e.Detail = string(state.StatusAttention), a.Reason, a.Detail
		e.Since, e.Fix = a.Since, a.Fix
		if r, ok := transfer.ReasonByCode(a.Reason); ok {
			e.Sentence = r.Sentence
		}
	}

	return err
}

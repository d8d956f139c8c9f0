package owner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/patience"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// Push implements [control.API].
func (o *Owner) Push(ctx context.Context, r control.PushRequest) (control.Plan, error) {
	p, err := o.planPush(ctx, r)
	if err != nil {
		return control.Plan{}, err
	}

	return p.all(ctx)
}

// Pull implements [control.API].
func (o *Owner) Pull(ctx context.Context, r control.PullRequest) (control.Plan, error) {
	p, err := o.planPull(ctx, r)
	if err != nil {
		return control.Plan{}, err
	}

	return p.all(ctx)
}

// startPush finds the files of a push, which are to be closed, and where they land.
func (o *Owner) startPush(ctx context.Context, r control.PushRequest, address remote.Address,
	batch string) (found sources, pushing *plan.Pushing, err error) {
	found, err = o.restedSources(ctx, r)
	if err != nil {
		return found, nil, err
	}

	defer func() {
		if err != nil {
			found.files.Close()
		}
	}()

	profile := o.profile(r.Profile)
	resolver, err := o.engine.Resolver(profile)
	if err != nil {
		return found, nil, err
	}

	pushing, err = patience.Retry(ctx, o.troubles.unreachable, func() (*plan.Pushing, error) {
		return plan.NewPush(ctx, resolver, o.store, plan.PushRequest{
			Profile: profile, Found: found.files, Remote: address, As: r.As, Force: r.Force,
			Keep: r.Keep, MapNames: r.MapNames, Look: r.DryRun, Batch: batch,
		})
	})

	return found, pushing, err
}

// rulesPatience is how long a push waits for rule files that are being changed.
const rulesPatience = 2 * time.Minute

// restedSources finds the files of a push once the rule files among them have rested.
func (o *Owner) restedSources(ctx context.Context, r control.PushRequest) (sources, error) {
	deadline := time.Now().Add(rulesPatience)
	for {
		found, err := findSources(r, o.options.Home.State, o.rules.pushed)
		if err != nil || found.rests.IsZero() || time.Now().After(deadline) {
			return found, err
		}

		found.files.Close()

		select {
		case <-ctx.Done():
			return found, context.Cause(ctx)
		case <-time.After(max(time.Until(found.rests), 10*time.Millisecond)):
		}
	}
}

// startPull finds the files of a pull, which is to be closed, and where they land.
func (o *Owner) startPull(ctx context.Context, r control.PullRequest, batch string) (*plan.Pulling, error) {
	address, err := remote.ParseAddress(r.Remote)
	if err != nil {
		return nil, err
	}

	if err := local.MustBeAbsolute(r.Path); err != nil {
		return nil, err
	}

	rules, err := local.RulesOf(r.Filter, true)
	if err != nil {
		return nil, err
	}

	profile := o.profile(r.Profile)
	resolver, err := o.engine.Resolver(profile)
	if err != nil {
		return nil, err
	}

	return patience.Retry(ctx, o.troubles.unreachable, func() (*plan.Pulling, error) {
		return plan.NewPull(ctx, resolver, o.store, plan.PullRequest{
			Profile: profile, Remote: address, Path: r.Path, Version: r.Version,
			Overwrite: r.Overwrite, Force: r.Force, OwnTime: r.OwnTime, Single: r.Single, Batch: batch,
			Dir: o.options.Home.State,
			Wants: func(rel string, bytes int64, made time.Time) bool {
				return !local.LeftOut(rules, rel, bytes) && !local.TooYoung(made, r.Filter.MinAge)
			},
		})
	})
}

func (o *Owner) profile(name string) string {
	if name == "" {
		return o.options.Profile
	}

	return name
}

func batchOf(given string) string {
	if given == "" {
		return string(state.NewJobID())
	}

	return given
}

// queueGroup bounds how many jobs are made of a plan at once: a plan may hold a hundred thousand
// files, and a job is large.
const queueGroup = 1000

// enqueue makes jobs of planned files and tells in a plan each file's job or result.
func (o *Owner) enqueue(planned []plan.File, to *control.Plan, dry bool) error {
	var records []state.PublishedRecord
	first := len(to.Files)
	for i := range planned {
		p := &planned[i]
		f := planFile(p)
		if p.Result == plan.Unchanged && p.Record != nil {
			records = append(records, *p.Record)
		}

		if dry && p.Result == "" {
			if p.Job.Paused {
				f.Held = true
			} else {
				f.Result = expected(&p.Job)
			}
		}

		to.Files = append(to.Files, f)
	}

	if dry {
		return nil
	}

	if len(records) > 0 {
		if err := o.store.PutPublished(records...); err != nil {
			return err
		}
	}

	if err := o.retakeRefused(planned); err != nil {
		return err
	}

	files := to.Files[first:]
	for group := range slices.Chunk(planned, queueGroup) {
		if err := o.enqueueGroup(group, files[:len(group)], to.Batch); err != nil {
			return err
		}

		files = files[len(group):]
	}

	o.engine.Kick()

	return nil
}

// enqueueGroup makes jobs of a part of a plan.
func (o *Owner) enqueueGroup(planned []plan.File, files []control.PlanFile, batch string) error {
	var jobs []state.Job
	var at []int // index in planned of each job
	for i := range planned {
		if p := &planned[i]; p.Result != plan.Unchanged && p.Job.Kind != "" {
			jobs, at = append(jobs, p.Job), append(at, i)
		}
	}

	queued, verdicts, err := o.store.EnqueueAll(jobs)
	if err != nil {
		return err
	}

	if err := o.retake(jobs, queued, verdicts); err != nil {
		return err
	}

	for n, j := range queued {
		f := &files[at[n]]
		switch verdicts[n] {
		case state.Same:
			f.Result, f.ItemID, f.VersionID, f.StorageID = control.ResultUnchanged, j.Item, j.Version,
				j.Object
			if rec, ok, err := o.store.Published(j.Root, j.Rel); err == nil && ok {
				f.ItemID, f.VersionID, f.StorageID = rec.Item, rec.Version, rec.Storage
			}
		case state.Busy:
			if f.Result == control.ResultAttention {
				break // for a reason of its own
			}

			f.Result, f.Reason = control.ResultAttention, transfer.ReasonConflict
			f.Detail = fmt.Sprintf("job %s already brings %s there", j.ID, j.Path)
			f.Fix = "hoist cancel " + string(j.ID)
		case state.Unwanted:
			f.Result, f.Detail = control.ResultUnchanged, "cancelled before, and not changed since"
		default:
			f.Job, f.Held = string(j.ID), planned[at[n]].Job.Paused
			if verdicts[n] == state.Merged && f.Result == "" && planned[at[n]].Job.Root != batch {
				if err := o.meet(j, f.Held); err != nil {
					return err
				}
			}

			if f.Result == control.ResultAttention {
				f.Fix = fixOf(j)
			}
		}
	}

	return nil
}

// retake gives local files that parked downloads of earlier wait for to the downloads that a user
// asks for now; the parked ones end.
func (o *Owner) retake(jobs, queued []state.Job, verdicts []state.Verdict) error {
	for n, parked := range queued {
		earlier := parked.Kind == state.Download && parked.Attention && parked.Batch != jobs[n].Batch
		if verdicts[n] != state.Busy || jobs[n].Kind != state.Download || !earlier || o.isActive(parked.ID) {
			continue
		}

		parked, err := o.store.Job(parked.ID) // another file of this plan may have taken its place
		if err != nil {
			return err
		}

		if _, err := o.act(&parked, control.Cancel); err != nil {
			return err
		}

		j, v, err := o.store.EnqueueAll(jobs[n : n+1])
		if err != nil {
			return err
		}

		queued[n], verdicts[n] = j[0], v[0]
	}

	return nil
}

// retakeRefused gives the files that wait because of their names to the uploads that take them
// under others: those of a watch are its own again, those of an earlier push end.
func (o *Owner) retakeRefused(planned []plan.File) error {
	if len(planned) == 0 || planned[0].Job.Kind != state.Upload || planned[0].Job.Watched() {
		return nil
	}

	parked, err := o.store.Jobs(state.Filter{Status: []state.Status{state.StatusAttention},
		Reason: transfer.ReasonNameRefused})
	if err != nil {
		return err
	}

	waiting := map[string]state.Job{} // by the address that mapping gives
	for _, p := range parked {
		if at, ok := transfer.MappedAddress(p); ok {
			waiting[at.String()] = p
		}
	}

	if len(waiting) == 0 {
		return nil
	}

	for i := range planned {
		j := &planned[i].Job
		p, ok := waiting[j.Target.Address]
		switch {
		case !ok || p.Path != j.Path || p.Profile != j.Profile:
		case p.Watched():
			j.Root, j.Rel = p.Root, p.Rel
		default:
			if _, err := o.act(&p, control.Cancel); err != nil {
				return err
			}
		}
	}

	return nil
}

// meet lets an open job run that a user has asked for again, or keeps it for later.
func (o *Owner) meet(j state.Job, held bool) error {
	switch {
	case !held:
		return o.wake(j)
	case j.Paused:
		return nil
	}

	_, err := o.act(&j, control.Pause)

	return err
}

// wake lets an open job run that a user has asked for again.
func (o *Owner) wake(j state.Job) error {
	var events []state.Event
	if j.Paused {
		events = append(events, state.Resume{})
	}

	if j.Attention || j.NextAttempt.After(time.Now()) {
		events = append(events, state.RetryNow{})
	}

	if len(events) == 0 {
		return nil
	}

	_, err := o.store.Commit(j.ID, events...)
	if _, ok := errors.AsType[*state.TransitionError](err); ok {
		return nil
	}

	return err
}

// expected is the result that a job will have if nothing comes in between.
func expected(j *state.Job) string {
	switch {
	case j.Kind == state.Download:
		return control.ResultDownloaded
	case j.Target.Item != "" || j.Target.Seen == state.SeenOther:
		return control.ResultVersioned
	}

	return control.ResultCreated
}

func planFile(p *plan.File) control.PlanFile {
	path := p.Source.Path
	if p.Job.Path != "" {
		path = p.Job.Path
	}

	f := control.PlanFile{FileResult: control.FileResult{Path: path, Remote: p.Remote, Result: p.Result,
		Reason: p.Reason, Detail: p.Detail, Warning: p.Warning}}
	if p.Bytes >= 0 {
		f.Bytes = new(p.Bytes) // a pointer into the plan would keep all of it
	}

	if p.Record != nil {
		f.ItemID, f.VersionID, f.StorageID = p.Record.Item, p.Record.Version, p.Record.Storage
	}

	if kept := p.Kept; kept != nil {
		f.ItemID, f.VersionID, f.Bytes = string(kept.ID), string(kept.TipID), nil
		if kept.Tip != nil {
			f.StorageID = string(kept.Tip.Storage)
		}
	}

	return f
}

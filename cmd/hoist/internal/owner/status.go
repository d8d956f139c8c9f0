package owner

import (
	"cmp"
	"context"
	"os"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
)

// Status implements [control.API].
func (o *Owner) Status(ctx context.Context) (control.Status, error) { return o.Brief(ctx, 0) }

// Brief implements [control.API].
func (o *Owner) Brief(ctx context.Context, most int) (control.Status, error) {
	now := time.Now()
	active := o.engine.Active()
	s := control.Status{
		Version: o.options.Version, Active: []control.Active{}, Attention: []control.Attention{},
		Waiting: []control.Waiting{},
		Budgets: []control.Budget{},
		Jobs:    o.counts(active, now),
	}
	if o.mode != Passive {
		s.Owner = &control.Owner{PID: os.Getpid(), Command: o.options.Command, Since: o.since.UTC()}
	}

	err := o.eachParked(active, "", most, func(j state.Job) {
		s.Attention = append(s.Attention, o.attentionOf(j, now))
	})
	if err != nil {
		return s, err
	}

	if s.Watches, err = o.Watches(ctx); err != nil {
		return s, err
	}

	if err := o.otherAttention(&s); err != nil {
		return s, err
	}

	s.Budgets = o.budgets()
	if s.Waiting, err = o.waiting(active, s.Budgets, now); err != nil {
		return s, err
	}

	for _, p := range active {
		s.Active = append(s.Active, activeOf(p))
	}

	if s.Pushes, err = o.statusPushes(); err != nil {
		return s, err
	}

	s.Bandwidth = o.bandwidthNow(now)
	if s.Trouble, err = o.trouble(active, s.Waiting); err != nil {
		return s, err
	}

	s.ETA = o.eta(s)
	for _, t := range s.Trouble {
		if needsPerson(t) {
			s.Attention = append(s.Attention, control.Attention{Path: o.options.Home.State, Reason: t.Reason,
				Detail: t.Detail, Since: t.Since, NextAttempt: t.NextAttempt, Fix: t.Fix})
		}
	}

	if most > 0 {
		s.Attention, s.Active = s.Attention[:min(most, len(s.Attention))], s.Active[:min(most, len(s.Active))]
	}

	return s, nil
}

// eachParked calls each with the jobs that need a user: with those of one reason, "" for all, and at most
// so many (0: all).
func (o *Owner) eachParked(active []transfer.Progress, reason string, most int, each func(state.Job)) error {
	const page = 1000

	f := state.Filter{Status: []state.Status{state.StatusAttention}, Active: isActive(active), Reason: reason}
	for left := most; ; left -= page {
		if f.Limit = page; most > 0 {
			f.Limit = min(page, left)
		}

		jobs, err := o.store.Jobs(f)
		for _, j := range jobs {
			each(j)
			f.After = j.ID
		}

		if err != nil || len(jobs) < f.Limit || most > 0 && left <= page {
			return err
		}
	}
}

// otherAttention adds what needs a user and is no job.
func (o *Owner) otherAttention(s *control.Status) error {
	for _, w := range s.Watches {
		if b := w.Brake; b != nil {
			s.Attention = append(s.Attention,
				control.Attention{Path: w.Path, Reason: transfer.ReasonMassChange,
					Detail: b.Detail, Since: control.Known(b.At), Fix: b.GoOn})
		}
	}

	held, err := o.watches.heldGone()
	s.Attention = append(s.Attention, held...)

	return err
}

// eta is when all that is open will be done, nil when nobody can know.
func (o *Owner) eta(s control.Status) *control.ETA {
	est := transfer.Estimate{}
	if o.mode != Passive { // when nothing moves nothing is estimated from all open jobs
		est = o.engine.Estimate()
	}

	if est.Left <= 0 || unanswered(s.Waiting) || slices.ContainsFunc(s.Trouble, standsStill) {
		return nil
	}

	return &control.ETA{Seconds: seconds(est.Left), DecidedBy: est.DecidedBy}
}

func (o *Owner) counts(active []transfer.Progress, now time.Time) control.Counts {
	ids := make([]state.JobID, len(active))
	for i, p := range active {
		ids[i] = p.Job
	}

	return control.Counts(o.store.Counts(ids, now))
}

// budgets are those of the profile in use; a look for a moment makes no client for them.
func (o *Owner) budgets() []control.Budget {
	out := []control.Budget{}
	o.clients.mu.Lock()
	c := o.clients.made[o.options.Profile]
	o.clients.mu.Unlock()
	if c == nil && o.mode != Passive {
		c, _ = o.client("") // without credentials there are no budgets to show; whoever needs them is told
	}

	if c == nil {
		return out
	}

	now := time.Now()
	for _, b := range c.Budgets() {
		out = append(out, control.Budget{Class: string(b.Class), LimitPerMinute: b.Limit,
			Available: b.Available, ClosedUntil: ahead(b.ClosedUntil, now), NextCall: ahead(b.Next(), now)})
	}

	return out
}

// Jobs implements [control.API].
func (o *Owner) Jobs(_ context.Context, q control.JobQuery) ([]control.Job, error) {
	active := o.engine.Active()

	f := state.Filter{Open: q.Open, Limit: q.Limit, Active: isActive(active), Newest: q.Newest,
		Path: q.Path, After: state.JobID(q.After)}
	for _, s := range q.States {
		if !slices.Contains(control.JobStates, s) {
			return nil, problem.Usagef("state %q: not one of %s", s, control.StateList())
		}

		f.Status = append(f.Status, s)
	}

	jobs, err := o.store.Jobs(f)
	if err != nil {
		return nil, unknownJob(err)
	}

	out := make([]control.Job, len(jobs))
	for i, j := range jobs {
		out[i] = o.jobOf(j, find(active, j.ID), time.Now())
	}

	return out, nil
}

// Job implements [control.API].
func (o *Owner) Job(_ context.Context, id string) (control.JobDetail, error) {
	j, err := o.store.FindJob(id)
	if err != nil {
		return control.JobDetail{}, unknownJob(err)
	}

	d := control.JobDetail{Job: o.jobOf(j, find(o.engine.Active(), j.ID), time.Now()),
		Parts: []control.Part{}, History: []control.History{}, ProjectID: j.Target.Project,
		VersionNumber: j.VersionNumber}
	parts, err := o.store.Parts(j.ID)
	if err != nil {
		return d, err
	}

	for _, p := range parts {
		d.Parts = append(d.Parts, control.Part{Part: p.Number, Size: p.Size, ETag: p.ETag})
	}

	lines, err := o.store.History(j.ID)
	if err != nil {
		return d, err
	}

	for _, l := range lines {
		d.History = append(d.History, control.History{Time: l.Time.UTC(), Event: l.Event, Detail: l.Detail})
	}

	return d, nil
}

// Changes implements [control.API].
func (o *Owner) Changes(ctx context.Context, since uint64) (control.Event, error) {
	if since == control.FromNow {
		since = o.store.Index()
	}

	c, err := o.store.Changes(ctx, since)
	if err != nil {
		return control.Event{}, err
	}

	now := time.Now()

	active := o.engine.Active()
	e := control.Event{Index: c.Index, Lost: c.Lost, Jobs: []control.Job{}, Counts: o.counts(active, now)}
	for _, id := range c.Jobs {
		if j, err := o.store.Job(id); err == nil { // one that was pruned since is no news
			e.Jobs = append(e.Jobs, o.jobOf(j, find(active, id), now))
		}
	}

	return e, nil
}

func isActive(active []transfer.Progress) func(state.JobID) bool {
	return func(id state.JobID) bool { return find(active, id) != nil }
}

// find looks a job up among the active ones, which are in order of id.
func find(active []transfer.Progress, id state.JobID) *transfer.Progress {
	i, ok := slices.BinarySearchFunc(active, id, func(p transfer.Progress, id state.JobID) int {
		return cmp.Compare(p.Job, id)
	})
	if !ok {
		return nil
	}

	return &active[i]
}

func activeOf(p transfer.Progress) control.Active {
	a := control.Active{
		ID: string(p.Job), Kind: string(p.Kind), Path: p.Path, Remote: p.Remote, Phase: string(p.Phase),
		BytesDone: max(p.BytesDone, 0),
	}
	if moving(p) {
		a.Rate, a.ETASeconds = int64(p.Rate), seconds(p.ETA)
	}

	if p.Kind == state.Upload || p.BytesTotal > 0 {
		a.BytesTotal = &p.BytesTotal
	}

	if p.PartsTotal > 0 {
		a.PartsDone, a.PartsTotal = &p.PartsDone, &p.PartsTotal
	}

	return a
}

// moving reports whether bytes are still to come; the speed of a job whose bytes are there is of
// the past.
func moving(p transfer.Progress) bool { return p.BytesTotal <= 0 || p.BytesDone < p.BytesTotal }

// jobOf tells a job as the contract has it; p is what it does now, nil when it does nothing.
func (o *Owner) jobOf(j state.Job, p *transfer.Progress, now time.Time) control.Job {
	out := control.Job{
		ID: string(j.ID), Kind: string(j.Kind), State: j.Status(p != nil, now),
		Phase: string(j.Phase), Path: j.Path, Remote: j.Target.Address,
		BytesDone: j.BytesDone, Attempts: j.Attempts, Reason: j.Reason, Error: j.Error, Result: j.Result,
		ItemID: j.Item, VersionID: j.Version, StorageID: j.Object, CreatedAt: j.Created.UTC(),
		UpdatedAt: j.Updated.UTC(),
		Successor: string(j.Successor),
	}
	if p != nil && p.BytesDone > out.BytesDone {
		out.BytesDone = p.BytesDone
	}

	if size, ok := sizeOf(j); ok {
		out.Size = &size
	}

	if j.PartsTotal > 0 {
		out.PartsDone, out.PartsTotal = &j.PartsDone, &j.PartsTotal
	}

	if j.Open() {
		out.NextAttempt = o.nextAttempt(j, now)
	}

	if j.Held {
		out.Warning = transfer.HeldBack
	}

	if j.Open() || j.End == state.EndFailed {
		out.Fix = fixOf(j)
	}

	return out
}

// sizeOf is the size of a job's content, once it is known.
func sizeOf(j state.Job) (int64, bool) {
	switch {
	case j.Kind == state.Download:
		return max(j.Size, 0), j.Size >= 0
	case j.Size > 0:
		return j.Size, true
	}

	return j.Snapshot.Size, true
}

func (o *Owner) attentionOf(j state.Job, now time.Time) control.Attention {
	return control.Attention{ID: string(j.ID), Path: j.Path, Reason: j.Reason, Detail: j.Error,
		Since: control.Known(j.Since), Fix: fixOf(j), NextAttempt: o.nextAttempt(j, now)}
}

// nextAttempt is when a job is tried, or the cause probed that it is parked for; nil: not known, or
// now.
func (o *Owner) nextAttempt(j state.Job, now time.Time) *time.Time {
	if t := ahead(j.NextAttempt, now); t != nil || !j.Attention {
		return t
	}

	return ahead(o.probes.next(j), now)
}

// ahead is a time that has not passed yet, else nil: a next attempt whose time has come is under
// way.
func ahead(t, now time.Time) *time.Time {
	if !t.After(now) {
		return nil
	}

	return control.Known(t)
}

// fixOf is the command that would help a job that does not move.
func fixOf(j state.Job) string {
	if j.Reason == "" {
		return ""
	}

	if r, ok := transfer.ReasonByCode(j.Reason); ok {
		return r.FixFor(j)
	}

	return "hoist retry " + string(j.ID)
}

// seconds rounds up, so that something ahead is never shown as nothing.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

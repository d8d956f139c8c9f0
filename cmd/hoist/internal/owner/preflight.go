package owner

import (
	"context"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/preflight"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// Preflight implements [control.API].
func (o *Owner) Preflight(ctx context.Context, r control.PushRequest) (control.PreflightReport, error) {
	by, err := parseOrder(r.OrderBy)
	if err != nil {
		return control.PreflightReport{}, problem.Usagef("--order-by %w", err)
	}

	address, err := remote.ParseAddress(r.Remote)
	if err != nil {
		return control.PreflightReport{}, err
	}

	found, pushing, err := o.startPush(ctx, r, address, "")
	if err != nil {
		return control.PreflightReport{}, err
	}
	defer found.files.Close()

	profile := o.profile(r.Profile)
	resolver, err := o.engine.Resolver(profile)
	if err != nil {
		return control.PreflightReport{}, err
	}

	place, err := resolver.ResolveFolder(ctx, address) // known since the plan was made
	if err != nil {
		return control.PreflightReport{}, err
	}

	client, err := o.client(profile)
	if err != nil {
		return control.PreflightReport{}, err
	}

	out := control.PreflightReport{Rows: []control.PreflightRow{}}
	ahead := o.engine.Forecast(profile)
	p := planning{owner: o, by: by, limit: limit{most: r.Most, cautious: r.Cautious}, dry: true,
		planner: pushing}
	files := func(yield func([]plan.File, error) bool) {
		for run, err := range p.planned(ctx) {
			p.limit.hold(run)
			if !yield(run, err) {
				return
			}
		}
	}
	rows, folders, err := preflight.Check(ctx, preflight.Input{Resolver: resolver, Place: place,
		Files: files, Region: client.Region(), Home: o.options.Home.State, Free: transfer.FreeSpace,
		Sent: func(f *plan.File, missing int) {
			ahead.Add(f.Job, missing)
			if r.When {
				out.When = append(out.When, control.Expected{Remote: f.Remote})
			}
		}})
	if err != nil {
		return control.PreflightReport{}, err
	}

	for _, b := range found.bad {
		out.Rows = append(out.Rows, control.PreflightRow{Check: b.reason, Verdict: preflight.Problem,
			Path: b.path, Detail: b.detail})
	}

	for _, f := range rows {
		out.Rows = append(out.Rows, control.PreflightRow{Check: f.Check, Verdict: f.Verdict, Path: f.Path,
			Remote: f.Remote, Detail: f.Detail, Fix: f.Fix})
	}

	now := time.Now()
	told, err := ahead.Run()
	out.Forecast = control.Forecast{Folders: folders, Files: ahead.Files, Bytes: ahead.Bytes,
		Calls: told.Calls, DecidedBy: told.DecidedBy}
	if told.Left > 0 {
		out.Forecast.Seconds = seconds(told.Left)
	}

	for i := range out.When {
		if after, ok := ahead.Done(i); ok {
			out.When[i].At = now.Add(after).UTC().Truncate(time.Second)
		}
	}

	return out, err
}

package owner

import (
	"context"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/preflight"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// Preflight implements [control.API].
func (o *Owner) Preflight(ctx context.Context, r control.PushRequest) (control.PreflightReport, error) {
	address, err := remote.ParseAddress(r.Remote)
	if err != nil {
		return control.PreflightReport{}, err
	}

	found, pushing, err := o.startPush(ctx, r, address, "")
	if err != nil {
		return control.PreflightReport{}, err
	}

	var planned []plan.File
	limit := limit{most: r.Most, cautious: r.Cautious}
	for run, err := range o.runs(ctx, pushing, r.OrderBy) {
		if err != nil {
			return control.PreflightReport{}, err
		}

		limit.hold(run)
		planned = append(planned, run...)
	}

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

	rows, folders, err := preflight.Check(ctx, preflight.Input{Resolver: resolver, Place: place,
		Files: planned, Region: client.Region(), Home: o.options.Home.State, Free: transfer.FreeSpace})
	if err != nil {
		return control.PreflightReport{}, err
	}

	out := control.PreflightReport{Rows: []control.PreflightRow{}}
	for _, b := range found.bad {
		out.Rows = append(out.Rows, control.PreflightRow{Check: b.reason, Verdict: preflight.Problem,
			Path: b.path, Detail: b.detail})
	}

	for _, f := range rows {
		out.Rows = append(out.Rows, control.PreflightRow{Check: f.Check, Verdict: f.Verdict, Path: f.Path,
			Remote: f.Remote, Detail: f.Detail, Fix: f.Fix})
	}

	out.Forecast, err = o.forecast(planned, folders)

	return out, err
}

// forecast is what the files of a plan that will be sent take, up to its limit.
func (o *Owner) forecast(planned []plan.File, folders int) (control.Forecast, error) {
	out := control.Forecast{Folders: folders}
	var jobs []state.Job
	for _, p := range planned {
		if p.Result == "" && !p.Job.Paused {
			jobs = append(jobs, p.Job)
			out.Bytes += p.Job.Size
		}
	}

	calls, left, err := o.engine.Forecast(jobs, folders)
	out.Files, out.Calls, out.DecidedBy = len(jobs), calls, left.DecidedBy
	if left.Left > 0 {
		out.Seconds = seconds(left.Left)
	}

	return out, err
}

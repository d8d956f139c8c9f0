package owner

import (
	"context"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// CheckState implements [control.API].
func (o *Owner) CheckState(context.Context) (control.StateReport, error) {
	r, err := o.store.Check()
	return StateReportOf(r), err
}

// StateReportOf is a report as commands tell it.
func StateReportOf(r state.Report) control.StateReport {
	out := control.StateReport{
		Path: r.Path, Sound: r.Sound(), Usable: r.Usable, Size: r.Size, Schema: r.Version, Jobs: r.Jobs,
		OpenJobs: r.OpenJobs,
		Keys:     r.Keys, Problems: r.Problems, Notes: r.Notes,
	}
	if out.Problems == nil {
		out.Problems = []string{}
	}

	if out.Notes == nil {
		out.Notes = []string{}
	}

	return out
}

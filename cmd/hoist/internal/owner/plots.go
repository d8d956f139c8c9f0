package owner

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/plots"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// plotting keeps the minutes of an owner for the plots of the page.
type plotting struct {
	ring      *plots.Ring  // nil: it could not be opened
	published atomic.Int64 // files, since the owner was opened

	// of the goroutine that adds minutes: what was counted up to the last one
	sent, received, files int64
	calls                 map[string]int64
}

// plotClasses are the classes of limits whose calls are counted; the order is that of the file.
func plotClasses() []string {
	var out []string
	for _, a := range apsclient.Actions() {
		if a.Budget != "" && !slices.Contains(out, string(a.Budget)) {
			out = append(out, string(a.Budget))
		}
	}

	slices.Sort(out)

	return out
}

// count is called with each job that changed.
func (p *plotting) count(j state.Job) {
	if j.End == state.EndDone && j.Kind == state.Upload &&
		(j.Result == state.ResultCreated || j.Result == state.ResultVersioned) {
		p.published.Add(1)
	}
}

// openPlots opens the ring; a home goes on without.
func (o *Owner) openPlots() {
	var err error
	if o.plotting.ring, err = plots.Open(o.options.Home.PlotsFile(), plotClasses()); err != nil {
		o.log.Warn("what was done is not kept for plots", "error", err)
	}
}

// plot adds each minute to the ring as it ends, and what there is of the last one.
func (o *Owner) plot(ctx context.Context) error {
	p := &o.plotting
	for {
		now := time.Now()
		select {
		case <-ctx.Done():
			o.addMinute(time.Now())
			if err := p.ring.Close(); err != nil {
				o.log.Warn("what was done is not kept for plots", "error", err)
			}

			return nil
		case <-time.After(now.Truncate(time.Minute).Add(time.Minute).Sub(now)):
			o.addMinute(now)
		}
	}
}

// addMinute adds what was done since the last one to the minute of a time.
func (o *Owner) addMinute(at time.Time) {
	p, s := &o.plotting, o.scrape()
	f := o.engine.Figures()
	files, calls := p.published.Load(), map[string]int64{}
	for _, c := range s.calls {
		if a, ok := apsclient.ActionByName(c.Action); ok {
			calls[string(a.Budget)] += c.Number
		}
	}

	m := plots.Minute{Time: at.Truncate(time.Minute), Sent: f.Sent - p.sent,
		Received: f.Received - p.received, QueueAge: s.queueAge(), Published: int(files - p.files),
		Calls: map[string]int{}}
	for class, n := range calls {
		m.Calls[class] = int(n - p.calls[class])
	}

	p.sent, p.received, p.files, p.calls = f.Sent, f.Received, files, calls
	if err := p.ring.Add(m); err != nil { // a plot with a gap stops nobody's work
		o.log.Debug("a minute is not kept for plots", "error", err)
	}
}

// Plots implements [control.API].
func (o *Owner) Plots(_ context.Context, span string) (control.Plots, error) {
	span = cmp.Or(span, string(plots.Hour))
	of, ok := plots.Spans[plots.Span(span)]
	if !ok {
		return control.Plots{}, problem.Usagef("span %q is not hour, day or week", span)
	}

	if o.plotting.ring == nil {
		return control.Plots{}, problem.With(problem.NoDaemon,
			errors.New("what was done is kept by the daemon, and none runs that could open its file"),
			problem.Fix{})
	}

	now := time.Now()
	since := now.Add(-of.Back).Truncate(of.Step).Add(of.Step)
	minutes, err := o.plotting.ring.Minutes(since, now)
	if err != nil {
		return control.Plots{}, err
	}

	out := control.Plots{Span: span, Since: since.UTC(), Until: now.UTC(),
		StepSeconds: int64(of.Step / time.Second), Limits: map[string]int{}, Points: []control.PlotPoint{}}
	for _, b := range o.budgets() {
		out.Limits[b.Class] = b.LimitPerMinute
	}

	for _, p := range plots.Points(minutes, of.Step) {
		out.Points = append(out.Points, control.PlotPoint{Time: p.Time, Sent: p.Sent, Received: p.Received,
			QueueAge: int64(p.QueueAge / time.Second), Published: p.Published, Calls: p.Calls})
	}

	return out, nil
}

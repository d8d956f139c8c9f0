package owner

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// serveMetrics answers a scrape with what the owner knows at this moment.
func (o *Owner) serveMetrics(rw http.ResponseWriter, r *http.Request) {
	reg := prometheus.NewRegistry()
	if err := reg.Register(metrics{o}); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}

	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(rw, r)
}

var (
	descJobs = prometheus.NewDesc("hoist_jobs", "Jobs by state.", []string{"state"}, nil)
	descDone = prometheus.NewDesc("hoist_active_bytes_done", "Bytes of the active jobs that have moved.",
		nil, nil)
	descTotal = prometheus.NewDesc("hoist_active_bytes_total", "Bytes of the active jobs.", nil, nil)
	descRate  = prometheus.NewDesc("hoist_bytes_per_second", "Bytes a second, over all active jobs.", nil,
		nil)
	descAvailable = prometheus.NewDesc("hoist_budget_available",
		"Calls that may be made now, by class of limit.", []string{"class"}, nil)
	descLimit = prometheus.NewDesc("hoist_budget_limit_per_minute",
		"Calls a minute that the service allows, by class of limit.", []string{"class"}, nil)
	descTokens = prometheus.NewDesc("hoist_token_requests_total", "Tokens that were asked for.",
		[]string{"profile"}, nil)
	descETA = prometheus.NewDesc("hoist_eta_seconds",
		"Seconds until all open jobs are done, as estimated; absent while unknown.", nil, nil)
	descUp = prometheus.NewDesc("hoist_owner_start_time_seconds",
		"When this process became the owner of its home.", nil, nil)
)

// metrics collects from an owner.
type metrics struct{ o *Owner }

func (m metrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descJobs, descDone, descTotal, descRate, descAvailable, descLimit,
		descTokens, descETA, descUp} {
		c <- d
	}
}

func (m metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}

	active := m.o.engine.Active()
	n := m.o.counts(active, time.Now())
	for state, count := range map[string]int{
		"queued": n.Queued, "active": n.Active, "waiting": n.Waiting, "paused": n.Paused,
		"attention": n.Attention, "done": n.Done, "failed": n.Failed, "cancelled": n.Cancelled,
	} {
		gauge(descJobs, float64(count), state)
	}

	var done, total, rate float64
	for _, a := range active {
		done, total, rate = done+float64(a.BytesDone), total+float64(max(a.BytesTotal, 0)), rate+a.Rate
	}

	gauge(descDone, done)
	gauge(descTotal, total)
	gauge(descRate, rate)

	for _, b := range m.o.budgets() {
		gauge(descAvailable, float64(b.Available), b.Class)
		gauge(descLimit, float64(b.LimitPerMinute), b.Class)
	}

	m.o.clients.mu.Lock()
	for profile, c := range m.o.clients.made {
		out <- prometheus.MustNewConstMetric(descTokens, prometheus.CounterValue, float64(c.TokenRequests()),
			profile)
	}

	m.o.clients.mu.Unlock()
	if left := m.o.engine.Estimate().Left; left > 0 {
		gauge(descETA, left.Seconds())
	}

	gauge(descUp, float64(m.o.since.Unix()))
}

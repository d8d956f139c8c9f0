package owner

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/watcher"
)

// scrape is what the owner knows at one moment, read once for all figures.
type scrape struct {
	*Owner
	now     time.Time
	status  control.Counts
	backlog state.Backlog
	calls   []apsclient.CallCount

	activeDone, activeTotal, rate float64
}

// sample adds one figure with its labels: name, value, name, value.
type sample func(value float64, labels ...string)

// figures are all that GET /metrics answers beside those of the process, in order.
var figures = []struct {
	name, kind, help string
	read             func(*scrape, sample)
}{
	{"hoist_build_info", "gauge", "1, with the version.",
		func(s *scrape, add sample) { add(1, "version", s.options.Version) }},
	{"hoist_owner_start_time_seconds", "gauge", "When this process became the owner of its home.",
		func(s *scrape, add sample) { add(float64(s.since.Unix())) }},
	{"hoist_healthy", "gauge", "1 while all is well, 0 when nothing moves though it should.",
		func(s *scrape, add sample) { add(oneIf(s.Health() == nil)) }},
	{"hoist_last_progress_timestamp_seconds", "gauge",
		"When a byte moved or a job came further, or there was last nothing to do.",
		func(s *scrape, add sample) { add(float64(s.lastProgress().Unix())) }},

	{"hoist_jobs", "gauge", "Jobs by state.", jobFigures},
	{"hoist_jobs_by_reason", "gauge", "Open jobs that wait or need a person, by state and reason.",
		func(s *scrape, add sample) {
			for reason, n := range s.backlog.Waiting {
				add(float64(n), "state", "waiting", "reason", reason)
			}

			for reason, n := range s.backlog.Attention {
				add(float64(n), "state", "attention", "reason", reason)
			}
		}},
	{"hoist_queue_age_seconds", "gauge",
		"Age of the oldest job that neither a person nor a pause holds; 0 when there is none.",
		func(s *scrape, add sample) { add(s.queueAge().Seconds()) }},
	{"hoist_eta_seconds", "gauge", "Time until all open jobs are done, as estimated; absent while unknown.",
		func(s *scrape, add sample) {
			if left := s.engine.Estimate().Left; left > 0 {
				add(left.Seconds())
			}
		}},
	{"hoist_errors_total", "counter", "Tries of jobs that failed, by reason.",
		func(s *scrape, add sample) {
			for reason, n := range s.engine.Figures().Errors {
				add(float64(n), "reason", reason)
			}
		}},

	{"hoist_bytes_total", "counter", "Bytes of files that moved, those that went again too.",
		func(s *scrape, add sample) {
			f := s.engine.Figures()
			add(float64(f.Sent), "direction", "up")
			add(float64(f.Received), "direction", "down")
		}},
	{"hoist_bytes_per_second", "gauge", "Speed over all active jobs.",
		func(s *scrape, add sample) { add(s.rate) }},
	{"hoist_active_bytes_done", "gauge", "Bytes of the active jobs that have moved.",
		func(s *scrape, add sample) { add(s.activeDone) }},
	{"hoist_active_bytes_total", "gauge", "Bytes of the active jobs.",
		func(s *scrape, add sample) { add(s.activeTotal) }},

	{"hoist_calls_total", "counter", "Calls of the service, by action and status; status 0: no answer.",
		func(s *scrape, add sample) {
			for _, c := range s.calls {
				if !ofData(c) {
					add(float64(c.Number), "action", c.Action, "status", strconv.Itoa(c.Status))
				}
			}
		}},
	{"hoist_call_retries_total", "counter", "Calls of the service that repeat another, by action and status.",
		func(s *scrape, add sample) {
			for _, c := range s.calls {
				if !ofData(c) {
					add(float64(c.Again), "action", c.Action, "status", strconv.Itoa(c.Status))
				}
			}
		}},
	{"hoist_parts_total", "counter", "Parts sent and ranges fetched, by status; status 0: no answer.",
		func(s *scrape, add sample) {
			for _, c := range s.calls {
				if ofData(c) {
					direction := map[string]string{apsclient.ActionPutPart: "up"}[c.Action]
					if direction == "" {
						direction = "down"
					}

					add(float64(c.Number), "direction", direction, "status", strconv.Itoa(c.Status))
				}
			}
		}},
	{"hoist_token_requests_total", "counter", "Tokens that were asked for, by profile.",
		func(s *scrape, add sample) {
			s.eachClient(func(profile string, c *apsclient.Client) {
				add(float64(c.TokenRequests()), "profile", profile)
			})
		}},
	{"hoist_budget_available", "gauge", "Calls that may be made now, by class of limit.",
		func(s *scrape, add sample) {
			for _, b := range s.budgets() {
				add(float64(b.Available), "class", b.Class)
			}
		}},
	{"hoist_budget_limit_per_minute", "gauge", "Calls a minute that the service allows, by class of limit.",
		func(s *scrape, add sample) {
			for _, b := range s.budgets() {
				add(float64(b.LimitPerMinute), "class", b.Class)
			}
		}},

	{"hoist_commits_total", "counter", "Writes of the state.",
		func(s *scrape, add sample) { add(float64(s.store.CommitTimes().Number)) }},
	{"hoist_commit_seconds_total", "counter", "Time that the disk took for the writes of the state.",
		func(s *scrape, add sample) { add(s.store.CommitTimes().Took.Seconds()) }},

	{"hoist_watch_up", "gauge", "1 while a watched folder is there and watched, by watch.",
		func(s *scrape, add sample) {
			s.watches.each(func(c config.Watch, w watcher.Status) {
				add(oneIf(w.State != watcher.StateUnavailable), "watch", c.ID)
			})
		}},
	{"hoist_watch_pending", "gauge", "Files that differ and are not queued yet, by watch.",
		func(s *scrape, add sample) {
			s.watches.each(func(c config.Watch, w watcher.Status) { add(float64(w.Pending), "watch", c.ID) })
		}},
	{"hoist_watch_last_scan_timestamp_seconds", "gauge", "End of the last whole scan, by watch.",
		func(s *scrape, add sample) {
			s.watches.each(func(c config.Watch, w watcher.Status) {
				if !w.LastScan.IsZero() {
					add(float64(w.LastScan.Unix()), "watch", c.ID)
				}
			})
		}},
	{"hoist_watch_scan_seconds", "gauge", "How long the last whole scan took, by watch.",
		func(s *scrape, add sample) {
			s.watches.each(func(c config.Watch, w watcher.Status) {
				if !w.LastScan.IsZero() {
					add(w.LastTook.Seconds(), "watch", c.ID)
				}
			})
		}},
}

func jobFigures(s *scrape, add sample) {
	for status, n := range map[string]int{
		"queued": s.status.Queued, "active": s.status.Active, "waiting": s.status.Waiting,
		"paused": s.status.Paused, "attention": s.status.Attention, "done": s.status.Done,
		"failed": s.status.Failed, "cancelled": s.status.Cancelled,
	} {
		add(float64(n), "state", status)
	}
}

// ofData reports whether a request went to the data plane.
func ofData(c apsclient.CallCount) bool {
	return c.Action == apsclient.ActionPutPart || c.Action == apsclient.ActionGetRange
}

func oneIf(ok bool) float64 {
	if ok {
		return 1
	}

	return 0
}

// eachClient calls do for the client of each profile that was used.
func (o *Owner) eachClient(do func(profile string, c *apsclient.Client)) {
	o.clients.mu.Lock()
	defer o.clients.mu.Unlock()

	for profile, c := range o.clients.made {
		do(profile, c)
	}
}

func (o *Owner) scrape() *scrape {
	s := &scrape{Owner: o, now: time.Now(), backlog: o.store.Backlog()}
	active := o.engine.Active()
	s.status = o.counts(active, s.now)
	for _, a := range active {
		s.activeDone += float64(a.BytesDone)
		s.activeTotal += float64(max(a.BytesTotal, 0))
		s.rate += a.Rate
	}

	sum := map[apsclient.CallCount]apsclient.CallCount{} // over the profiles, by action and status
	o.eachClient(func(_ string, c *apsclient.Client) {
		for _, n := range c.CallCounts() {
			key := apsclient.CallCount{Action: n.Action, Status: n.Status}
			all := sum[key]
			sum[key] = apsclient.CallCount{Action: n.Action, Status: n.Status, Number: all.Number + n.Number,
				Again: all.Again + n.Again}
		}
	})

	for _, n := range sum {
		s.calls = append(s.calls, n)
	}

	return s
}

func (s *scrape) queueAge() time.Duration {
	if s.backlog.Oldest == "" {
		return 0
	}

	j, err := s.store.Job(s.backlog.Oldest)
	if err != nil { // it has just ended and was pruned
		return 0
	}

	return max(0, s.now.Sub(j.Created))
}

// serveMetrics answers a scrape with what the owner knows at this moment.
func (o *Owner) serveMetrics(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w := bufio.NewWriter(rw)
	defer w.Flush()

	s := o.scrape()
	for _, f := range figures {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		f.read(s, func(value float64, labels ...string) {
			metrics.WriteGaugeFloat64(w, labelled(f.name, labels), value)
		})
	}

	metrics.WriteProcessMetrics(w)
}

// labelled is the name of a figure with its labels.
func labelled(name string, labels []string) string {
	if len(labels) == 0 {
		return name
	}

	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace
	var b strings.Builder
	for i := 0; i < len(labels); i += 2 {
		fmt.Fprintf(&b, `,%s="%s"`, labels[i], escape(labels[i+1]))
	}

	return name + "{" + b.String()[1:] + "}"
}

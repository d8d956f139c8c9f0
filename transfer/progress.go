package transfer

import (
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// Progress is what one job does at this moment. Rates are bytes a second over the last seconds, 0
// while unknown; ETA is 0 while unknown.
type Progress struct {
	Job        state.JobID
	Kind       state.Kind
	Phase      state.Phase
	Path       string // absolute local
	Remote     string // address of the file
	BytesDone  int64  // acknowledged and in flight; may fall when a part has to go again
	BytesTotal int64
	PartsDone  int
	PartsTotal int
	Rate       float64
	ETA        time.Duration
	Again      int    // calls of its step that had no clear answer
	Reason     string // of the last of these
	Looking    bool   // whether a call that was made before had its effect, which may show late
}

const meterSeconds = 10

// meter measures bytes a second over the last seconds in which anything moved. Safe for concurrent
// use.
type meter struct {
	mu     sync.Mutex
	bytes  [meterSeconds + 1]int64
	second [meterSeconds + 1]int64 // unix second of each slot
	first  time.Time               // of the current spell of work
	last   time.Time
	link   float64 // the last rate of so many bytes that it tells of the link
}

func newMeter() *meter { return &meter{} }

// add counts n bytes that moved now; negative when a part has to go again, which is not a speed.
func (m *meter) add(n int64, now time.Time) {
	if n <= 0 {
		return
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.last) > meterSeconds*time.Second {
		m.first = now
	}

	m.last = now
	s := now.Unix()
	i := s % int64(len(m.bytes))
	if m.second[i] != s {
		m.second[i], m.bytes[i] = s, 0
	}

	m.bytes[i] += n
}

// steady reports whether work has gone on for as long as the meter looks back: before, the rate
// says more about the start than the link.
func (m *meter) steady(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.idle(now) && now.Sub(m.first) >= meterSeconds*time.Second
}

// took reports whether at least so many bytes moved lately, at rate bytes a second or faster.
func (m *meter) took(now time.Time, bytes int64, rate float64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := m.sum(now)

	return !m.idle(now) && sum >= bytes && float64(sum) >= rate*m.span(now)
}

// idle reports whether no work goes on. Callers hold mu, as those of span and sum do.
func (m *meter) idle(now time.Time) bool {
	return m.last.IsZero() || now.Sub(m.last) > meterSeconds*time.Second
}

// span is how many seconds of the current spell of work the meter remembers.
func (m *meter) span(now time.Time) float64 { return min(now.Sub(m.first).Seconds(), meterSeconds) }

// sum is how many bytes it remembers.
func (m *meter) sum(now time.Time) (sum int64) {
	for i, s := range m.second {
		if now.Unix()-s <= meterSeconds {
			sum += m.bytes[i]
		}
	}

	return sum
}

// rate returns bytes a second over the last seconds; while nothing moves it is the last one that
// told of the link, and 0 before any.
func (m *meter) rate(now time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	span := m.span(now)
	if span < 0.25 || m.idle(now) {
		return m.link
	}

	sum := m.sum(now)
	rate := float64(sum) / (span + 0.5) // half a second of the oldest slot lies outside on average
	if sum >= linkBytes {
		m.link = rate
	}

	return rate
}

// linkBytes is how much must have moved within the time that the meter looks back for its rate to
// tell of the link: of a few small files the calls take longer than the bytes.
const linkBytes = mib

// linkRate returns the last rate that tells of the link; 0 before any.
func (m *meter) linkRate(now time.Time) float64 {
	m.rate(now)
	m.mu.Lock()
	defer m.mu.Unlock()

	return m.link
}

// Active lists the jobs that are being worked on, oldest first.
func (e *Engine) Active() []Progress {
	e.mu.Lock()

	runs := make([]*run, 0, len(e.running))
	for _, r := range e.running {
		runs = append(runs, r)
	}

	e.mu.Unlock()

	now := time.Now()
	out := make([]Progress, 0, len(runs))
	for _, r := range runs {
		r.mu.Lock()
		j, again, why, looking := r.now, r.again, r.why, r.looking
		r.mu.Unlock()
		p := Progress{
			Job: j.ID, Kind: j.Kind, Phase: j.Phase, Path: j.Path, Remote: j.Target.Address,
			BytesTotal: j.Size, PartsDone: j.PartsDone, PartsTotal: j.PartsTotal, Rate: r.meter.rate(now),
			Again: again, Reason: why, Looking: looking,
		}
		if p.BytesTotal <= 0 && j.Kind == state.Upload {
			p.BytesTotal = j.Snapshot.Size
		}

		p.BytesDone = min(max(j.BytesDone+r.sent.Load(), 0), max(p.BytesTotal, j.BytesDone))
		if p.Rate > 0 && p.BytesTotal > p.BytesDone {
			p.ETA = time.Duration(float64(p.BytesTotal-p.BytesDone) / p.Rate * float64(time.Second))
		}

		out = append(out, p)
	}

	slices.SortFunc(out, func(a, b Progress) int { return strings.Compare(string(a.Job), string(b.Job)) })

	return out
}

// Runs reports whether the engine runs the job right now.
func (e *Engine) Runs(id state.JobID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running[id] != nil
}

// moved counts n live bytes of a part of r, n < 0 when they go again or have been committed.
func (e *Engine) moved(r *run, n int64) {
	r.sent.Add(n)
	if n > 0 {
		now := time.Now()
		r.meter.add(n, now)
		e.meter.add(n, now)
		e.figures.bytes(r.kind, n, now)
	}
}

// backlog is what the open jobs still need.
type backlog struct {
	bytes    int64 // not yet acknowledged, up and down
	large    int64 // of these, those of files that are not small
	items    int   // creates of new items to come
	versions int   // creates of versions to come
	storages int
	folders  int
	profile  string // of the first job: whose budgets decide
	at       time.Time
	cost     time.Duration // of counting it
}

// Estimate is when the open jobs will be done, as far as is known.
type Estimate struct {
	Left      time.Duration // 0: unknown
	DecidedBy string        // "bandwidth", "latency", or the budget class whose limit decides; "": unknown
	// of a class none of whose calls is free now: how many it lets through a minute, and when the
	// next one is; zero: when one under way is answered
	PerMinute int
	Next      time.Time
}

// Estimate says how long the open jobs will take and what decides it. It is zero when nothing is
// open or nothing is known. Jobs that are paused or wait for a person do not count.
func (e *Engine) Estimate() Estimate {
	now := time.Now()
	e.mu.Lock()
	b := e.backlog
	e.mu.Unlock()
	if age := now.Sub(b.at); b.at.IsZero() || age >= max(250*time.Millisecond, b.cost*listPause) {
		b = backlog{at: now}
		if err := e.countOpen(&b); err != nil {
			e.log.Debug("estimate", "error", err)
			return Estimate{}
		}

		b.cost = time.Since(now)
	}

	e.mu.Lock()

	e.backlog = b
	p := e.profiles[b.profile]
	for _, r := range e.running {
		b.bytes -= r.sent.Load()
	}

	e.mu.Unlock()
	var budgets []apsclient.BudgetState
	if p != nil {
		budgets = p.client.Budgets()
	}

	var limit int64
	if e.cfg.Bandwidth != nil {
		limit, _ = e.cfg.Bandwidth(now)
	}

	return estimate(b, e.meter.rate(now), limit, budgets, now)
}

// countOpen adds up all open jobs, a page at a time: there may be a hundred thousand.
func (e *Engine) countOpen(b *backlog) error {
	page := state.Filter{Open: true, Limit: 1000}
	for {
		jobs, err := e.store.Jobs(page)
		if err != nil || len(jobs) == 0 {
			return err
		}

		b.add(jobs)
		page.After = jobs[len(jobs)-1].ID
	}
}

func (b *backlog) add(jobs []state.Job) {
	for _, j := range jobs {
		if j.Paused || j.Attention && j.NextAttempt.IsZero() {
			continue
		}

		if b.profile == "" {
			b.profile = j.Profile
		}

		if !isPublishing(j) {
			left := max(0, size(j)-j.BytesDone)
			b.bytes += left
			if size(j) > smallFile {
				b.large += left
			}
		}

		if j.Kind != state.Upload || j.Target.OSS() || j.Phase == state.PhasePublished {
			continue
		}

		if j.Phase == state.PhaseQueued {
			b.storages++
		}

		if j.Target.Item != "" || j.Intent != nil && j.Intent.Kind == intentVersion {
			b.versions++
		} else {
			b.items++
		}
	}
}

// bandwidthDecides reports whether it is the line that takes the time of a backlog, by its rate and a
// limit of it (0: none): of small files the calls do, unless they have reached the limit.
func bandwidthDecides(b backlog, rate float64, limit int64) bool {
	const near = 0.8

	return 2*b.large >= b.bytes || limit > 0 && rate >= near*float64(limit)
}

// estimate compares the bytes over the rate with the creates over their budgets: when the slot of
// the last one will be free.
func estimate(b backlog, rate float64, limit int64, budgets []apsclient.BudgetState, now time.Time) Estimate {
	var longest Estimate
	if rate > 0 && b.bytes > 0 {
		longest.Left = time.Duration(min(float64(b.bytes)/rate, 1e9) * float64(time.Second))
		longest.DecidedBy = latency
		if bandwidthDecides(b, rate, limit) {
			longest.DecidedBy = bandwidth
		}
	}

	need := map[apsclient.BudgetClass]int{
		apsclient.BudgetPostItems: b.items, apsclient.BudgetPostVersions: b.versions,
		apsclient.BudgetPostStorage: b.storages, apsclient.BudgetPostFolders: b.folders,
	}
	for _, s := range budgets {
		n := need[s.Class]
		if n == 0 || s.Limit <= 0 {
			continue
		}

		var d time.Duration
		free, closed := s.Available, s.ClosedUntil.Sub(now)
		if closed > 0 {
			free = max(s.Limit-len(s.FreeAt), 0)
		}

		if n > free {
			d = max(slotIn(n-free, s, now), time.Second)
		}

		d = max(d, closed)
		if d > longest.Left {
			longest = Estimate{Left: d, DecidedBy: string(s.Class)}
			if s.Available == 0 {
				longest.PerMinute, longest.Next = s.Limit, s.Next()
			}
		}
	}

	longest.Left = longest.Left.Round(time.Second)

	return longest
}

// What decides an estimate when no budget does: how fast bytes go, or how fast calls are answered.
const (
	bandwidth = "bandwidth"
	latency   = "latency"
)

// slotIn is how long it takes until the n-th call (from 1) beyond those that are free now has a
// slot: calls come back in the order in which they were answered, a minute later, and so do the
// ones that take their slots.
func slotIn(n int, s apsclient.BudgetState, now time.Time) time.Duration {
	// more are used than a lowered limit allows
	rounds, i := (n-1)/s.Limit, (n-1)%s.Limit+max(len(s.FreeAt)-s.Limit, 0)
	// of a call that has no answer yet, or was not made
	first := time.Minute
	if i < len(s.FreeAt) {
		first = max(s.FreeAt[i].Sub(now), 0)
	}

	return first + time.Duration(rounds)*time.Minute
}

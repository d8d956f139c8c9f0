package transfer

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// Forecast tells what uploads that are not queued yet will take: the engine's own scheduler, run in
// virtual time behind what is queued already. One goroutine uses it.
type Forecast struct {
	Files int
	Bytes int64

	e       *Engine
	profile string
	uploads []upload
	folders map[string]int32 // those to be made, by base and path
	made    []simFolder
	buckets map[string]int32
	large   int64 // bytes of files that are not small: of the others the calls take the time
	told    bool
}

// Outlook is what a Forecast comes to.
type Outlook struct {
	Left      time.Duration // until the last is done; 0: unknown
	DecidedBy string        // "bandwidth", the budget class that is waited for most, or "latency"
	Calls     int           // of the service, not of the storage
}

// Forecast is of uploads of a profile.
func (e *Engine) Forecast(profile string) *Forecast {
	return &Forecast{e: e, profile: profile, folders: map[string]int32{}, buckets: map[string]int32{}}
}

// Add counts an upload; missing is how many of its folders, counted from the last, have to be made.
func (f *Forecast) Add(j state.Job, missing int) {
	f.Files++
	f.Bytes += size(j)
	if size(j) > smallFile {
		f.large += size(j)
	}

	f.uploads = append(f.uploads, f.upload(j, missing))
}

func (f *Forecast) upload(j state.Job, missing int) upload {
	u := upload{size: size(j), priority: int32(j.Priority), folder: -1, bucket: -1,
		version: j.Target.Item != ""}
	if !j.Target.OSS() {
		u.folder = f.folder(j.Target, missing)
		return u
	}

	b, ok := f.buckets[j.Target.Bucket]
	if !ok {
		b = int32(len(f.buckets))
		f.buckets[j.Target.Bucket] = b
	}

	u.bucket = b

	return u
}

// folder is the index of a target's folder, -1: it is there.
func (f *Forecast) folder(t state.Target, missing int) int32 {
	at := int32(-1)
	for n := len(t.Dirs) - missing; n < len(t.Dirs); n++ {
		key := t.Base + t.BasePath + "/" + strings.Join(t.Dirs[:n+1], "/")
		i, ok := f.folders[key]
		if !ok {
			i = int32(len(f.made))
			f.folders[key] = i
			f.made = append(f.made, simFolder{parent: at})
		}

		at = i
	}

	return at
}

// assumedLatency is taken while no call was answered.
const assumedLatency = 200 * time.Millisecond

// Run is how long they take, as far as the limits, the latency and the speed measured so far say.
func (f *Forecast) Run() (Outlook, error) {
	if f.Files == 0 {
		return Outlook{}, nil
	}

	p, err := f.e.profile(f.profile)
	if err != nil {
		return Outlook{}, err
	}

	asked := len(f.uploads)
	if err := f.addQueued(); err != nil {
		return Outlook{}, err
	}

	s, line := f.e.simulation(p.client, time.Now())
	s.folders, s.buckets = f.made, make([]simBucket, len(f.buckets))
	for i := range len(f.uploads) - asked {
		s.enter(&f.uploads[asked+i])
	}

	for i := range asked {
		s.enter(&f.uploads[i])
	}

	s.run()

	f.uploads = f.uploads[:asked]
	out := Outlook{DecidedBy: s.decided(), Calls: s.calls}
	// nothing is known that decides, and the line would if it were known
	if out.DecidedBy == latency && !line && f.large > linkBytes {
		out.DecidedBy = ""
		return out, nil
	}

	f.told = true
	for i := range f.uploads {
		out.Left = max(out.Left, f.uploads[i].done)
	}

	return out, nil
}

// Done is how long it takes, after Run, until upload i in the order of Add is done; false: unknown.
func (f *Forecast) Done(i int) (time.Duration, bool) {
	return f.uploads[i].done, f.told
}

// addQueued adds what is queued already: it comes first.
func (f *Forecast) addQueued() error {
	page := state.Filter{Open: true, Kind: state.Upload, Limit: 1000}
	for {
		jobs, err := f.e.store.Jobs(page)
		if err != nil || len(jobs) == 0 {
			return err
		}

		for _, j := range jobs {
			if j.Paused || j.Attention && j.NextAttempt.IsZero() || j.Profile != f.profile ||
				j.Phase == state.PhasePublished || mayRename(j) {
				continue
			}

			u := f.upload(j, 0)
			u.before = true
			switch {
			case isPublishing(j):
				u.phase = simCompleted
			case j.Phase != state.PhaseQueued:
				u.phase, u.size = simBegun, max(0, u.size-j.BytesDone)
			}

			f.uploads = append(f.uploads, u)
		}

		page.After = jobs[len(jobs)-1].ID
	}
}

// simulation begins at now with what the engine and the client have and know; line is false when it is
// not known how fast bytes go.
func (e *Engine) simulation(c *apsclient.Client, now time.Time) (s *simulation, line bool) {
	large, small := newLanes(e.cfg.Parts, e.cfg.Transfers)
	s = &simulation{began: now, now: now, transfers: e.cfg.Transfers, share: e.share,
		partSize: e.cfg.PartSize, latency: cmp.Or(c.Latency(), assumedLatency), parts: &simGate{lane: large},
		budgets: map[apsclient.BudgetClass]*simBudget{}}
	s.small = s.parts
	if small != nil {
		s.small = &simGate{lane: *small}
	}

	for _, b := range c.Budgets() {
		s.budgets[b.Class] = &simBudget{window: b.Window(now)}
	}

	limit := e.cfg.Bandwidth
	if limit == nil {
		limit = func(time.Time) (int64, time.Time) { return 0, time.Time{} }
	}

	limited, _ := limit(now)
	link := cmp.Or(linkBehind(e.link.linkRate(now), limited), e.keptLink())
	s.line.limit = func(at time.Time) (float64, time.Time) {
		up, until := limit(at)
		return slower(float64(up), link), until
	}
	rate, until := s.line.limit(now)

	return s, rate > 0 || !until.IsZero()
}

// metaLink is where the speed of the line is kept for the next process: bytes a second.
const metaLink = "link/up"

// keepLink keeps the speed of the line, if it was learned.
func (e *Engine) keepLink() {
	var limited int64
	now := time.Now()
	if e.cfg.Bandwidth != nil {
		limited, _ = e.cfg.Bandwidth(now)
	}

	rate := linkBehind(e.link.linkRate(now), limited)
	if rate <= 0 {
		return
	}

	if err := e.store.SetMeta(metaLink, strconv.FormatFloat(rate, 'f', 0, 64)); err != nil {
		e.log.Debug("the speed of the line was not kept", "error", err)
	}
}

// keptLink is the speed that an earlier process learned; 0: none did.
func (e *Engine) keptLink() float64 {
	text, _, err := e.store.Meta(metaLink)
	if err != nil {
		return 0
	}

	rate, _ := strconv.ParseFloat(text, 64)

	return max(rate, 0)
}

// linkBehind is what a rate that was measured under a limit tells of the link: nothing if the limit
// decided it. Zero: unknown, or no limit.
func linkBehind(measured float64, limit int64) float64 {
	const near = 0.9
	if limit > 0 && measured > near*float64(limit) {
		return 0
	}

	return measured
}

// slower is the smaller of two rates; zero: none.
func slower(a, b float64) float64 {
	if a <= 0 || b > 0 && b < a {
		return b
	}

	return a
}

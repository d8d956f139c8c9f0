package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// ensureURL makes sure that a usable URL of part n is at hand, asking for the run of missing parts
// that begins there. bad is a URL that was refused and must not be used again; "" none. One caller
// at a time asks for a job.
func (s *sending) ensureURL(ctx context.Context, n int, bad apsclient.SignedURL) error {
	u := s.r.urls
	if _, ok := u.get(n, time.Now()); ok && bad == "" {
		return nil // whoever asks now asks for those behind it
	}

	select {
	case u.asking <- struct{}{}:
		defer func() { <-u.asking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}

	if bad != "" {
		u.drop(n, bad)
	}

	if _, ok := u.get(n, time.Now()); ok {
		return nil
	}

	if sessionOver(s.job.UploadExpires, time.Now()) {
		return errSessionDead
	}

	limit := maxURLsACall
	if bad != "" {
		limit = 1
	}

	_, count := missingRun(s.job.PartsTotal, n, limit, func(p int) bool {
		_, fresh := u.get(p, time.Now())
		return p != n && (fresh || u.isStored(p))
	})
	_, err := s.e.askURLs(ctx, s.r, s.c, s.job, s.job.PartSize, n, count, s.job.UploadKey)
	if err != nil && isSessionDead(err) {
		return fmt.Errorf("%w: %v", errSessionDead, err)
	}

	return err
}

// nextRun is the first part behind n, which begins now, whose URL is to be asked for now; 0: none is.
// No run is asked for ahead twice.
func (s *sending) nextRun(n int, g *gate) int {
	u, now := s.r.urls, time.Now()
	next, count := missingRun(s.job.PartsTotal, n+1, 1, func(p int) bool {
		_, fresh := u.get(p, now)
		return fresh || u.isStored(p)
	})
	if count == 0 || next <= s.ahead || next-n-1 > leadParts(g.width(), s.job.PartSize, s.e.rateEach(now)) {
		return 0
	}

	s.ahead = next

	return next
}

// askAhead asks for the run of URLs from a part on, so that the part need not wait for it. That it
// failed is found, and told, when the part's turn comes.
func (s *sending) askAhead(ctx context.Context, next int) {
	if err := s.ensureURL(ctx, next, ""); err != nil && ctx.Err() == nil {
		s.e.log.Debug("URLs ahead", "job", string(s.job.ID), "part", next, "error", err)
	}
}

// rateEach is about how many bytes a second one file gets; 0: unknown.
func (e *Engine) rateEach(now time.Time) float64 {
	return e.meter.rate(now) / float64(max(1, e.activeTransfers()))
}

// askURLs asks for the URLs of count parts from first on; with an empty key it begins the session.
// It returns when the session ends. Fewer may be at hand afterwards, see fewerURLs.
func (e *Engine) askURLs(ctx context.Context, r *run, c *apsclient.Client, job state.Job, partSize int64,
	first, count int, key string) (time.Time, error) {
	asked := time.Now() // the end is counted by our clock, whatever the service's says
	count = min(count, e.urlsACall())
	before := first - r.urls.firstOpen() // parts that go before these
	bytes := min(int64(count+before)*partSize, job.Snapshot.Size)
	minutes := urlMinutes(bytes, e.rateEach(asked))
	req := apsclient.UploadURLsRequest{
		Parts: count, FirstPart: first, UploadKey: key, Acceleration: e.cfg.Acceleration, Minutes: minutes,
	}
	got, err := e.uploadURLs(ctx, c, job, req)
	if count > 1 && errors.Is(err, apsclient.ErrBadRequest) {
		req.Parts = 1
		if one, e2 := e.uploadURLs(ctx, c, job, req); e2 == nil { // so it was for their number
			got, err = one, nil
			e.fewerURLs.Store(int64(count / 2))
		}
	}

	if err != nil {
		return time.Time{}, err
	}

	life := time.Duration(minutes) * time.Minute
	if own := got.URLs[0].Lifetime(); own > urlMargin { // the service may give less than was asked for
		life = min(life, own)
	}

	r.urls.add(got.UploadKey, first, got.URLs, asked.Add(life))

	return got.UploadExpires, nil
}

// urlsACall is how many URLs a call asks for: fewer after the service refused to give so many.
func (e *Engine) urlsACall() int {
	if n := e.fewerURLs.Load(); n > 0 {
		return int(n)
	}

	return maxURLsACall
}

// urlRuns are the signed URLs at hand for one session, each bound to its part number. They live in
// memory only. Safe for concurrent use.
type urlRuns struct {
	asking chan struct{} // held by who asks the service

	mu   sync.Mutex
	key  string
	urls []apsclient.SignedURL // index: part number - 1; "" none
	ends []time.Time
	done []bool
}

func newURLRuns(parts int) *urlRuns {
	return &urlRuns{asking: make(chan struct{}, 1), urls: make([]apsclient.SignedURL, parts),
		ends: make([]time.Time, parts), done: make([]bool, parts)}
}

func (u *urlRuns) add(key string, first int, urls []apsclient.SignedURL, ends time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()

	u.key = key
	for i, url := range urls {
		if n := first + i; n <= len(u.urls) {
			u.urls[n-1], u.ends[n-1] = url, ends
		}
	}
}

// reset makes the stored parts the ones that need no URL.
func (u *urlRuns) reset(parts []state.Part) {
	u.mu.Lock()
	clear(u.done)
	u.mu.Unlock()

	for _, p := range parts {
		u.stored(p.Number)
	}
}

// get returns the URL of part n if it can still be used now.
func (u *urlRuns) get(n int, now time.Time) (apsclient.SignedURL, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	url, ends := u.urls[n-1], u.ends[n-1]

	return url, url != "" && now.Add(urlMargin).Before(ends)
}

// drop forgets the URL of part n if it is still bad.
func (u *urlRuns) drop(n int, bad apsclient.SignedURL) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.urls[n-1] == bad {
		u.urls[n-1] = ""
	}
}

// stored notes that part n needs no URL any more.
func (u *urlRuns) stored(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n >= 1 && n <= len(u.done) {
		u.done[n-1], u.urls[n-1] = true, ""
	}
}

// firstOpen is the first part that is not stored.
func (u *urlRuns) firstOpen() int {
	u.mu.Lock()
	defer u.mu.Unlock()

	return 1 + max(0, slices.Index(u.done, false))
}

func (u *urlRuns) isStored(n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.done[n-1]
}

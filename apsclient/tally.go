package apsclient

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Actions of a [CallCount] that are no calls of the registry: the data plane.
const (
	ActionPutPart  = "put-part"
	ActionGetRange = "get-range"
)

// CallCount is how many requests of one kind had one outcome, repeats included and tokens not.
type CallCount struct {
	Action string // of the registry, or ActionPutPart, ActionGetRange
	Status int    // 0: no answer
	Number int64
	Again  int64 // of these, repeats within one call
}

// tally counts requests by what they were and what came back. Safe for concurrent use.
type tally struct {
	mu               sync.Mutex // guards what follows
	by               map[tallied]*CallCount
	service, storage failures
	asked            map[int]time.Time // of the requests of the control plane that are not answered yet
	asks             int
	answered         time.Time     // last
	latency          time.Duration // see [Client.Latency]
}

// failures are those since a request was answered, which ends them.
type failures struct {
	number      int
	since, last time.Time // of the first and the last of them
}

func (f *failures) note(failed bool, now time.Time) {
	switch {
	case !failed:
		*f = failures{}
	case f.number == 0:
		*f = failures{1, now, now}
	default:
		f.number, f.last = f.number+1, now
	}
}

type tallied struct {
	action string
	status int
}

func (t *tally) add(action string, status int, again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[tallied]*CallCount{}
	}

	c := t.by[tallied{action, status}]
	if c == nil {
		c = &CallCount{Action: action, Status: status}
		t.by[tallied{action, status}] = c
	}

	c.Number++
	if again {
		c.Again++
	}

	of := &t.service
	if action == ActionPutPart || action == ActionGetRange {
		of = &t.storage
	}

	of.note(status == 0 || status >= http.StatusInternalServerError, time.Now())
}

// For how long failures tell of the service, and of its storage: repeats within a call come soon, those of
// bytes when the bytes were sent again.
const (
	failingFresh = 15 * time.Second
	storageFresh = time.Minute
)

// Failing returns since when the service has answered no request of the control plane, or only
// with failures of its own; ok is false when it answers, or has not been asked for a while.
func (c *Client) Failing() (since time.Time, ok bool) {
	t := &c.core.tally
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.service.since, t.service.number > 0 && time.Since(t.service.last) < failingFresh
}

// StorageFailing is Failing for the data plane, where a single failure, as on a bad line, does
// not count.
func (c *Client) StorageFailing() (since time.Time, ok bool) {
	t := &c.core.tally
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.storage.since, t.storage.number > 1 && time.Since(t.storage.last) < storageFresh
}

// silentLong is how long an answer may take until the service is said to be silent.
const silentLong = 8 * time.Second

// Silent returns since when the control plane has owed an answer without giving any other.
func (c *Client) Silent() (since time.Time, ok bool) {
	t := &c.core.tally
	t.mu.Lock()
	defer t.mu.Unlock()

	for _, at := range t.asked {
		if since.IsZero() || at.Before(since) {
			since = at
		}
	}

	ok = !since.IsZero() && time.Since(since) >= silentLong && !t.answered.After(since)

	return since, ok
}

// awaiting is a transport that knows which answers are owed.
type awaiting struct {
	http.RoundTripper
	tally *tally
}

// CloseIdleConnections closes those of the transport below.
func (a awaiting) CloseIdleConnections() { closeIdle(a.RoundTripper) }

func (a awaiting) RoundTrip(r *http.Request) (*http.Response, error) {
	t := a.tally
	t.mu.Lock()
	if t.asked == nil {
		t.asked = map[int]time.Time{}
	}

	t.asks++
	ask, began := t.asks, time.Now()
	t.asked[ask] = began
	t.mu.Unlock()

	resp, err := a.RoundTripper.RoundTrip(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.asked, ask)
	if err == nil {
		t.answered = time.Now()
		took := t.answered.Sub(began)
		if t.latency == 0 {
			t.latency = took
		}

		t.latency += (took - t.latency) / latencyOf
	}

	return resp, err
}

// latencyOf is over about how many answers the latency is averaged.
const latencyOf = 8

// Latency is how long the service has lately taken, on average, to answer a call of the control
// plane, without waits for budgets and repeats; 0: nothing was answered yet.
func (c *Client) Latency() time.Duration {
	t := &c.core.tally
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.latency
}

// counting is a transport that counts its requests; of says what one is, and whether it repeats
// another.
type counting struct {
	http.RoundTripper
	tally *tally
	of    func(*http.Request) (action string, again bool)
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	action, again := c.of(r)
	resp, err := c.RoundTripper.RoundTrip(r)
	switch {
	case err == nil:
		c.tally.add(action, resp.StatusCode, again)
	case r.Context().Err() == nil: // else nobody waits for the answer any more
		c.tally.add(action, 0, again)
	}

	return resp, err
}

// ofCall is a request of the control plane.
func ofCall(r *http.Request) (string, bool) {
	call := callOf(r)
	return call.action.Name, call.attempts > 1
}

// ofPart is a request of the data plane.
func ofPart(r *http.Request) (string, bool) {
	if r.Method == http.MethodPut {
		return ActionPutPart, false
	}

	return ActionGetRange, false
}

// CloseIdleConnections closes those of the transport that is counted.
func (c counting) CloseIdleConnections() { closeIdle(c.RoundTripper) }

// closeIdle closes the idle connections of a transport that has some.
func closeIdle(t http.RoundTripper) {
	if t, ok := t.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// CallCounts lists what was asked of the service, in order of action and status.
func (c *Client) CallCounts() []CallCount {
	t := &c.core.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]CallCount, 0, len(t.by))
	for _, one := range t.by {
		out = append(out, *one)
	}

	slices.SortFunc(out, func(a, b CallCount) int {
		return cmp.Or(strings.Compare(a.Action, b.Action), cmp.Compare(a.Status, b.Status))
	})

	return out
}

// Calls counts the requests of the control plane that were answered or given up, repeats included
// and tokens not.
func (c *Client) Calls() (n int64) {
	for _, one := range c.CallCounts() {
		if one.Action != ActionPutPart && one.Action != ActionGetRange {
			n += one.Number
		}
	}

	return n
}

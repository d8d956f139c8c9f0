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
	mu sync.Mutex // guards what follows
	by map[tallied]*CallCount
	// of the control plane: the first and the last of the requests that failed at the service since
	// it answered one; zero: it does
	failing, failed time.Time
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

	switch now := time.Now(); {
	case action == ActionPutPart || action == ActionGetRange:
	case status != 0 && status < http.StatusInternalServerError:
		t.failing = time.Time{}
	default:
		t.failed = now
		if t.failing.IsZero() {
			t.failing = now
		}
	}
}

// failingFresh is for how long a failure tells of the service; repeats within a call come sooner.
const failingFresh = 15 * time.Second

// Failing returns since when the service has answered no request of the control plane, or with
// failures of its own alone; ok is false when it answers, or was asked nothing for a while.
func (c *Client) Failing() (since time.Time, ok bool) {
	t := &c.core.tally
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.failing, !t.failing.IsZero() && time.Since(t.failed) < failingFresh
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
func (c counting) CloseIdleConnections() {
	if t, ok := c.RoundTripper.(interface{ CloseIdleConnections() }); ok {
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

package apsclient

import (
	"context"
	"log/slog"
	"net/http"
)

// callInfo travels with a control-plane request through the layers. One call uses it from one
// goroutine at a time.
type callInfo struct {
	request Request // with its scopes
	action  Action  // with the variant applied
	op      string  // "create version"
	scopes  []string
	budget  *budget
	// attempts made; applied: one of those that failed may have had its effect.
	attempts int
	applied  bool
	told     func(why string) // of what holds the call up; nil: nobody is
}

func (c *callInfo) tell(why string) {
	if c.told != nil {
		c.told(why)
	}
}

type callKey struct{}

func withCall(ctx context.Context, c *callInfo) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func callOf(r *http.Request) *callInfo { return r.Context().Value(callKey{}).(*callInfo) }

// RequestOf returns the request that became r, for a [Config.Chain] that hands it on by its
// parameters. Its scopes are those that the token must have.
func RequestOf(r *http.Request) Request { return callOf(r).request }

// roundTrip makes a function a layer.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newChain puts the layers of the control plane together, outermost first:
//
//	logging  one line a call, whatever happened below
//	retry    repeats what is safe to repeat blindly; so each attempt below takes its own slot and token
//	pacing   waits for a slot of the budget, tells it when the answer arrived, closes it on 429
//	auth     adds the token; on 401 forgets it, and retry repeats once with a new one
//	metered  counts the bytes of the call in the bandwidth
//	attempt  one request: time-out, the whole body bounded and in memory, *NetError without an answer
//	base     the pooled transport
//
// A request that waits in pacing holds no token, so none gets old there.
func newChain(base http.RoundTripper, tokens TokenSource, limit Bandwidth,
	log *slog.Logger) http.RoundTripper {
	return logging(log, retrying(pacing(authorizing(tokens, metered(limit, attempt(base))))))
}

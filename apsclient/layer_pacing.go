package apsclient

import (
	"fmt"
	"net/http"
	"time"
)

// defaultRetryAfter is taken when a 429 does not say how long.
const defaultRetryAfter = 10 * time.Second

// pacing takes a slot of the call's budget for each attempt.
func pacing(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		b := callOf(r).budget
		if at, full := b.full(time.Now()); full && !at.IsZero() {
			callOf(r).tell(fmt.Sprintf("the limit %s lets no call through before %s", callOf(r).action.Budget,
				at.Local().Format(time.TimeOnly)))
		}

		if err := b.acquire(r.Context()); err != nil {
			return nil, err
		}

		resp, err := next.RoundTrip(r)
		if notSent(err) {
			b.unused()
			return resp, err
		}

		b.release()
		if err == nil && resp.StatusCode == http.StatusTooManyRequests {
			after := retryAfter(resp.Header, time.Now())
			if after == 0 {
				after = defaultRetryAfter
			}

			b.throttled(after)
		}

		return resp, err
	})
}

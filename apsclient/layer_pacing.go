package apsclient

import (
	"net/http"
	"time"
)

// defaultRetryAfter is taken when a 429 does not say how long.
const defaultRetryAfter = 10 * time.Second

// pacing takes a slot of the call's budget for each attempt.
func pacing(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		b := callOf(r).budget
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

package apsclient

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	maxAttempts  = 4
	firstBackoff = time.Second
	maxBackoff   = time.Minute
	// Longer than this nobody waits inside a call: the caller is told and decides.
	maxRetryAfter = 2 * time.Minute
)

// outcome of one attempt, for the decision.
type outcome struct {
	status     int   // 0: no answer
	err        error // no answer
	retryAfter time.Duration
}

// retryDelay decides whether the attempt'th attempt (from 1) may be followed by another, blindly,
// and the longest time to wait before: jitter is taken from it when exact is false.
func retryDelay(class RetryClass, attempt int, o outcome) (wait time.Duration, exact, again bool) {
	if attempt >= maxAttempts {
		return 0, false, false
	}

	switch {
	case o.status == http.StatusUnauthorized:
		// Refused before any effect. auth has forgotten the token; a second 401 is final.
		return 0, true, attempt == 1
	case o.status == http.StatusTooManyRequests:
		// Refused by the gateway before any effect, so every class may repeat. Pacing keeps the
		// class closed meanwhile.
		return 0, true, o.retryAfter <= maxRetryAfter
	case class == RetryVerify:
		return 0, false, false
	case o.err != nil:
		_, unanswered := errors.AsType[*NetError](o.err)
		return backoff(attempt), false, unanswered
	case o.status == 408, o.status == 500, o.status == 502, o.status == 503, o.status == 504:
		if o.retryAfter > 0 {
			return o.retryAfter, true, o.retryAfter <= maxRetryAfter
		}

		return backoff(attempt), false, true
	}

	return 0, false, false
}

// retrying repeats what retryDelay allows. Request bodies come from GetBody.
func retrying(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		call := callOf(r)
		ctx := r.Context()
		for n := 1; ; n++ {
			call.attempts = n
			resp, err := next.RoundTrip(r)
			if err != nil && ctx.Err() != nil {
				return nil, err
			}

			if _, ok := errors.AsType[*tokenFailure](err); ok {
				return nil, err // the token source has repeated what it could
			}

			o := outcome{err: err}
			if err == nil {
				o.status, o.retryAfter = resp.StatusCode, retryAfter(resp.Header, time.Now())
			}

			wait, exact, again := retryDelay(call.action.Retry, n, o)
			if !again {
				return resp, err
			}

			if err != nil && MaybeApplied(err) ||
				err == nil && (resp.StatusCode >= 500 || resp.StatusCode == 408) {
				call.applied = true
			}

			if resp != nil {
				_ = resp.Body.Close()
				call.tell(resp.Status)
			} else {
				call.tell(err.Error())
			}

			if !exact {
				wait = jittered(wait)
			}

			if e := Sleep(ctx, wait); e != nil {
				if err == nil {
					err = e
				}

				return nil, err
			}

			if r.Body != nil && r.Body != http.NoBody {
				body, e := r.GetBody()
				if e != nil {
					return nil, e
				}

				r = r.Clone(ctx)
				r.Body = body
			}
		}
	})
}

// backoff is the longest wait after the attempt'th attempt (from 1).
func backoff(attempt int) time.Duration { return min(firstBackoff<<(attempt-1), maxBackoff) }

// jittered is any part of a wait, so that those who failed together do not come back together.
func jittered(wait time.Duration) time.Duration { return rand.N(wait + 1) }

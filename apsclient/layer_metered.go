package apsclient

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// metered counts calls of the control plane among the bytes of the bandwidth: a request waits for
// what it sends, as a part does, and before that for what the answers of others were too fast. An
// answer, which is small, comes at once; what it had, the bytes of files go without.
func metered(limit Bandwidth, next http.RoundTripper) http.RoundTripper {
	if limit.Up == nil && limit.Down == nil {
		return next
	}

	return roundTrip(func(r *http.Request) (*http.Response, error) {
		out := len(r.Method) + len(r.URL.RequestURI()) + headerBytes(r.Header) + int(max(r.ContentLength, 0))
		err := takeBytes(r.Context(), limit.Down, 1)
		if err == nil {
			err = takeBytes(r.Context(), limit.Up, out)
		}

		if err != nil {
			return nil, &NetError{Op: callOf(r).op, Err: plainError(r.Context(), err)}
		}

		resp, err := next.RoundTrip(r)
		if err == nil {
			oweBytes(limit.Down, headerBytes(resp.Header)+int(resp.ContentLength))
		}

		return resp, err
	})
}

// headerBytes is the size of headers on the line, without compression.
func headerBytes(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}

	return n
}

// takeBytes waits until n bytes may go.
func takeBytes(ctx context.Context, l *rate.Limiter, n int) error {
	for l != nil && l.Limit() != rate.Inf && l.Burst() > 0 && n > 0 {
		now := min(n, l.Burst())
		turn := l.ReserveN(time.Now(), now)
		if !turn.OK() {
			continue // the burst became less meanwhile
		}

		// WaitN would fail at once when the turn comes after the context's end.
		if err := Sleep(ctx, turn.Delay()); err != nil {
			turn.Cancel()
			return err
		}

		n -= now
	}

	return nil
}

// oweBytes counts n bytes that came: who comes next waits for them.
func oweBytes(l *rate.Limiter, n int) {
	for l != nil && l.Limit() != rate.Inf && n > 0 {
		now := min(n, max(1, l.Burst()))
		l.ReserveN(time.Now(), now)
		n -= now
	}
}

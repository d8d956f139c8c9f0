package apsclient

import (
	"log/slog"
	"net/http"
	"time"
)

// logging writes one debug line a call: no query, no body, no header but the request ids:
// ours, which all attempts of the call carry, and the answer's when that is another.
func logging(log *slog.Logger, next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			return next.RoundTrip(r)
		}

		call, start := callOf(r), time.Now()
		resp, err := next.RoundTrip(r)
		attrs := []slog.Attr{
			slog.String("action", call.action.Name), slog.String("method", r.Method),
			slog.String("path", r.URL.EscapedPath()),
			slog.String("request_id", r.Header.Get("X-Ads-Request-Id")),
			slog.Int("attempts", call.attempts), slog.Duration("took", time.Since(start)),
		}
		if err != nil {
			attrs = append(attrs, slog.String("error", err.Error()))
		} else {
			attrs = append(attrs, slog.Int("status", resp.StatusCode))
			if id := requestID(resp.Header); id != "" && id != r.Header.Get("X-Ads-Request-Id") {
				attrs = append(attrs, slog.String("answer_id", id))
			}
		}

		log.LogAttrs(r.Context(), slog.LevelDebug, "call", attrs...)

		return resp, err
	})
}

// dataLogging writes one debug line for each part that is sent or fetched, without the query of its
// signed URL. What is fetched is counted as announced: the body is read later.
func dataLogging(log *slog.Logger, next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			return next.RoundTrip(r)
		}

		start, bytes := time.Now(), r.ContentLength
		part := r.URL.Query().Get("partNumber")
		resp, err := next.RoundTrip(r)
		attrs := []slog.Attr{slog.String("method", r.Method), slog.String("host", r.URL.Host),
			slog.String("path", r.URL.EscapedPath())}
		if part != "" {
			attrs = append(attrs, slog.String("part", part))
		}

		if spec := r.Header.Get("Range"); spec != "" {
			attrs = append(attrs, slog.String("range", spec))
		}

		if err != nil {
			attrs = append(attrs, slog.String("error", plainError(r.Context(), err).Error()))
		} else {
			if r.Method == http.MethodGet {
				bytes = resp.ContentLength
			}

			attrs = append(attrs, slog.Int("status", resp.StatusCode),
				slog.String("answer_id", requestID(resp.Header)))
		}

		attrs = append(attrs, slog.Int64("bytes", bytes), slog.Duration("took", time.Since(start)))
		log.LogAttrs(r.Context(), slog.LevelDebug, "data", attrs...)

		return resp, err
	})
}

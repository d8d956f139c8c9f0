package apsclient

import (
	"net/http"
	"strings"
)

// authorizing adds the token of the call's scopes. On a 401 the token is forgotten; the retry layer
// repeats once.
func authorizing(tokens TokenSource, next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Del("Authorization")
		if tokens == nil {
			return next.RoundTrip(r)
		}

		t, err := tokens.Token(r.Context(), callOf(r).scopes)
		if err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}

			return nil, &tokenFailure{err}
		}

		r.Header.Set("Authorization", "Bearer "+t.AccessToken)
		resp, err := next.RoundTrip(r)
		if err == nil && resp.StatusCode == http.StatusUnauthorized {
			tokens.Invalidate(t.AccessToken)
		}

		return resp, err
	})
}

// tokenFailure marks errors of the token source: the call itself was not sent.
type tokenFailure struct{ err error }

func (e *tokenFailure) Error() string { return e.err.Error() }
func (e *tokenFailure) Unwrap() error { return e.err }

// scopeKey is the name of a scope set, whatever the order.
func scopeKey(scopes []string) string { return strings.Join(sortedScopes(scopes), " ") }

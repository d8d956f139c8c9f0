package apsclient

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"crypto/x509"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

// DefaultBaseURL is the origin of every APS call.
const DefaultBaseURL = "https://developer.api.autodesk.com"

// Config of a Client. The zero value makes calls without a token to the real service.
type Config struct {
	BaseURL   string            // origin; "": DefaultBaseURL. http only for loopback
	Tokens    TokenSource       // nil: no Authorization header (Forward set, or data plane only)
	UserID    string            // sent in the user header of the calls that take one
	Region    string            // sent with buckets, webhooks and administration; "": the service's default
	Scopes    []string          // see WithScopes
	Limits    Limits            // nil map: only 429 and Retry-After
	Logger    *slog.Logger      // nil: discard
	Transport http.RoundTripper // below both chains; nil: own pooled transports
	RootCAs   *x509.CertPool    // nil: the system's; see LoadRoots
	Forward   Forwarder         // when set, every control-plane call goes through it
	UserAgent string            // "": "hoist"
	Bandwidth *rate.Limiter     // bytes a second of both directions of the data plane; nil: none
}

// TokenSource gives access tokens. Implementations are safe for concurrent use and make one request a scope set at a time.
type TokenSource interface {
	// Token returns a token with exactly these scopes, refreshed early.
	Token(ctx context.Context, scopes []string) (*oauth2.Token, error)
	// Invalidate forgets a token that the service refused.
	Invalidate(accessToken string)
}

// Forwarder carries a Request to the process that owns the home and brings the answer back. That process answers with
// AnswerOf(client.Do(ctx, r)).
type Forwarder interface {
	Forward(ctx context.Context, r Request) (*Response, error)
}

// Request is one call of a registered action by its parameters; the body goes as given.
type Request struct {
	Action  string            `json:"action"`
	Variant string            `json:"variant,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
	Query   url.Values        `json:"query,omitempty"`
	Header  http.Header       `json:"header,omitempty"`
	Body    []byte            `json:"body,omitempty"`
	// Scopes of the token; nil: the action's own, or those of WithScopes when they hold them.
	Scopes []string `json:"scopes,omitempty"`
}

// Response is the answer of the service, whatever its status.
type Response struct {
	Status int         `json:"status"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
	// Failure is set by AnswerOf when no answer of the service exists; Do turns it back into the typed error.
	Failure *Failure `json:"failure,omitempty"`
}

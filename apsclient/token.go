package apsclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

const (
	tokenPath    = "/authentication/v2/token"
	tokenTimeout = 30 * time.Second
	// A token with less than this left is not used any more, whatever the refresh says.
	tokenMargin   = 10 * time.Second
	tokenAttempts = 4
)

// fetcher makes one request for a token of a scope set. Errors are *AuthError (refused), *Error or
// *NetError.
type fetcher func(ctx context.Context, hc *http.Client, scopes []string) (*oauth2.Token, error)

// tokenCache keeps one token a scope set, asks once at a time a set, and refreshes at 80 % of the
// lifetime.
type tokenCache struct {
	fetch    fetcher
	requests atomic.Int64

	mu      sync.Mutex
	hc      *http.Client           // guarded by mu
	entries map[string]*tokenEntry // guarded by mu; by scopeKey
}

type tokenEntry struct {
	turn chan struct{} // holds the one permit to fetch

	mu        sync.Mutex // guards all below
	token     *oauth2.Token
	refreshAt time.Time
	err       error // of the last fetch that was refused
	refusals  int   // so far; a clock may not tell two moments apart
}

func newTokenCache(f fetcher) *tokenCache {
	return &tokenCache{fetch: f, entries: map[string]*tokenEntry{}}
}

// bind gives the cache the transport, and the name, of the first client it serves.
func (c *tokenCache) bind(rt http.RoundTripper, agent string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hc == nil {
		c.hc = tokenClient(rt, agent)
	}
}

// tokenClient never follows a redirect: credentials go to one host.
func tokenClient(rt http.RoundTripper, agent string) *http.Client {
	named := roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", agent)

		return rt.RoundTrip(r)
	})

	return &http.Client{Transport: tokenAnswers(named),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
}

func (c *tokenCache) client() *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hc == nil {
		c.hc = tokenClient(newTransport(nil), defaultAgent)
	}

	return c.hc
}

// Requests counts the requests made so far.
func (c *tokenCache) Requests() int64 { return c.requests.Load() }

func (c *tokenCache) entry(scopes []string) *tokenEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := scopeKey(scopes)
	e := c.entries[key]
	if e == nil {
		e = &tokenEntry{turn: make(chan struct{}, 1)}
		c.entries[key] = e
	}

	return e
}

// Token implements TokenSource.
func (c *tokenCache) Token(ctx context.Context, scopes []string) (*oauth2.Token, error) {
	e := c.entry(scopes)

	before, _ := e.refusal()
	t, fresh := e.current(time.Now())
	if fresh {
		return t, nil
	}

	if t != nil {
		// Still good, only due: one caller refreshes, the others go on.
		select {
		case e.turn <- struct{}{}:
		default:
			return t, nil
		}
	} else {
		select {
		case e.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}

	defer func() { <-e.turn }()
	t, fresh = e.current(time.Now())
	if fresh {
		return t, nil
	}

	// Whoever waited while another was refused gets the same answer.
	if refusals, err := e.refusal(); err != nil && refusals > before {
		return nil, err
	}

	got, err := c.fetchPatiently(ctx, scopes)
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		if _, ok := errors.AsType[*AuthError](err); ok {
			e.err = err
			e.refusals++
		} else if t != nil && t.Expiry.Sub(now) > tokenMargin {
			return t, nil // due, but good for now
		}

		return nil, err
	}

	e.err = nil
	e.token = got
	if got.Expiry.IsZero() {
		got.Expiry = now.Add(time.Hour)
	}

	e.refreshAt = now.Add(got.Expiry.Sub(now) * 4 / 5)

	return got, nil
}

// refusal returns how many fetches were refused so far, and the error if the last one was.
func (e *tokenEntry) refusal() (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refusals, e.err
}

// current returns the token if it can be used, and whether it needs no refresh.
func (e *tokenEntry) current(now time.Time) (t *oauth2.Token, fresh bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.token == nil || e.token.Expiry.Sub(now) <= tokenMargin {
		return nil, false
	}

	return e.token, now.Before(e.refreshAt)
}

// Invalidate implements TokenSource.
func (c *tokenCache) Invalidate(accessToken string) {
	c.mu.Lock()

	entries := make([]*tokenEntry, 0, len(c.entries))
	for _, e := range c.entries {
		entries = append(entries, e)
	}

	c.mu.Unlock()

	for _, e := range entries {
		e.mu.Lock()
		if e.token != nil && e.token.AccessToken == accessToken {
			e.token = nil
		}

		e.mu.Unlock()
	}
}

// fetchPatiently repeats on an unreachable, busy or throttled endpoint; asking twice for a token
// harms nobody.
func (c *tokenCache) fetchPatiently(ctx context.Context, scopes []string) (*oauth2.Token, error) {
	hc := c.client()
	for n := 1; ; n++ {
		c.requests.Add(1)
		t, err := func() (*oauth2.Token, error) {
			ctx, cancel := context.WithTimeoutCause(ctx, tokenTimeout,
				errors.New("no token within "+tokenTimeout.String()))
			defer cancel()

			return c.fetch(ctx, hc, scopes)
		}()
		if err == nil {
			return t, nil
		}

		after, again := Retryable(err)
		if !again || n >= tokenAttempts || ctx.Err() != nil || after > maxRetryAfter {
			return nil, err
		}

		if after == 0 {
			after = jittered(backoff(n))
		}

		if e := Sleep(ctx, after); e != nil {
			return nil, err
		}
	}
}

// ClientCredentials is the two-legged flow: the application acts for itself. One token a scope set
// is cached and refreshed at 80 % of its lifetime; concurrent callers share one request. baseURL ""
// is DefaultBaseURL; a base URL that ParseBaseURL refuses makes every Token fail, so that no secret
// goes there.
func ClientCredentials(baseURL, clientID string, secret Secret) TokenSource {
	base, baseErr := ParseBaseURL(baseURL)

	return newTokenCache(func(ctx context.Context, hc *http.Client, scopes []string) (*oauth2.Token, error) {
		if baseErr != nil {
			return nil, baseErr
		}

		form := url.Values{"grant_type": {"client_credentials"}}
		if len(scopes) > 0 {
			form.Set("scope", strings.Join(scopes, " "))
		}

		return postForm(ctx, hc, base.String()+tokenPath, form, clientID, secret, scopes)
	})
}

// tokenError is a refusal of the token endpoint.
func tokenError(resp *http.Response, body []byte, scopes []string) error {
	status := resp.StatusCode
	e := newError("get token", http.MethodPost, tokenPath, status, resp.Header, body)
	if status == 408 || status == 429 || status >= 500 {
		return e
	}

	a := &AuthError{Status: status, Code: e.Code, Detail: e.Detail, Scopes: scopes}
	var oauth struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &oauth) == nil && oauth.Error != "" {
		a.Code = clean(oauth.Error) // says more than the code of the gateway that may stand beside it
	}

	if a.Detail == "" {
		a.Detail = e.Title
	}

	return a
}

// postForm asks for a token. The id and the secret go as they are, as the service documents it: x/oauth2
// form-encodes them first, so that a secret with "+" or "/" would be another. A public client, without a
// secret, names itself in the form.
func postForm(ctx context.Context, hc *http.Client, endpoint string, form url.Values, clientID string,
	secret Secret, scopes []string) (*oauth2.Token, error) {
	if secret == "" {
		form.Set("client_id", clientID)
	}

	ctx, sent := watchSent(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("get token: %w", err)
	}

	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if secret != "" {
		r.SetBasicAuth(clientID, secret.Reveal())
	}

	resp, err := hc.Do(r)
	if err != nil {
		return nil, &NetError{Op: "get token", Err: plainError(ctx, err), Sent: sent(err)}
	}

	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
	if err != nil {
		return nil, &NetError{Op: "get token", Err: plainError(ctx, err), Sent: true}
	}

	if resp.StatusCode/100 != 2 {
		return nil, tokenError(resp, body, scopes)
	}

	var answer struct {
		AccessToken  string       `json:"access_token"`
		TokenType    string       `json:"token_type"`
		RefreshToken string       `json:"refresh_token"`
		ExpiresIn    looseSeconds `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, &NetError{Op: "get token", Err: err, Sent: true}
	}

	t := &oauth2.Token{AccessToken: answer.AccessToken, TokenType: answer.TokenType,
		RefreshToken: answer.RefreshToken, ExpiresIn: int64(answer.ExpiresIn)}
	if answer.ExpiresIn > 0 {
		t.Expiry = time.Now().Add(time.Duration(answer.ExpiresIn) * time.Second)
	}

	return t, nil
}

// looseSeconds takes a number of seconds, also one that stands as a text; 0 for what is none.
type looseSeconds int64

func (s *looseSeconds) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if *s = 0; err == nil && n > 0 {
		*s = looseSeconds(min(n, math.MaxInt32))
	}

	return nil
}

package apsclient

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/oauth2"
)

const authorizePath = "/authentication/v2/authorize"

// CodeFlow signs a user in: authorization code with PKCE (S256). A public client has no secret.
type CodeFlow struct {
	BaseURL     string // "": DefaultBaseURL
	ClientID    string
	Secret      Secret // "": public client
	RedirectURL string // as registered, such as http://localhost:8080/callback
	Scopes      []string
	Transport   http.RoundTripper // nil: an own one with the system's roots
	UserAgent   string            // "": "hoist"
}

// NewVerifier returns a fresh PKCE verifier: 43 unreserved characters.
func NewVerifier() Secret { return Secret(oauth2.GenerateVerifier()) }

// AuthorizeURL is the page to open in a browser. state comes back with the code and must be
// compared.
func (f CodeFlow) AuthorizeURL(state string, verifier Secret) (string, error) {
	base, err := ParseBaseURL(f.BaseURL)
	if err != nil {
		return "", err
	}

	q := url.Values{"response_type": {"code"}, "client_id": {f.ClientID}, "state": {state},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(verifier.Reveal())},
		"code_challenge_method": {"S256"}}
	if f.RedirectURL != "" {
		q.Set("redirect_uri", f.RedirectURL)
	}

	if len(f.Scopes) > 0 {
		q.Set("scope", strings.Join(f.Scopes, " "))
	}

	// The service insists on one beside this scope. It binds an ID token, which is not used here.
	if slices.Contains(f.Scopes, "openid") {
		q.Set("nonce", oauth2.GenerateVerifier())
	}

	return base.String() + authorizePath + "?" + escapeQuery(q), nil
}

// SignedIn is the outcome of an exchange: a first access token, and the refresh token to keep
// (lifetime 15 days).
type SignedIn struct {
	Token   *oauth2.Token
	Refresh Secret
}

// Exchange turns the code of the redirect (lifetime 5 minutes, single use) into tokens. Errors are
// *AuthError or *NetError.
func (f CodeFlow) Exchange(ctx context.Context, code string, verifier Secret) (SignedIn, error) {
	base, err := ParseBaseURL(f.BaseURL)
	if err != nil {
		return SignedIn{}, err
	}

	rt := f.Transport
	if rt == nil {
		own := newTransport(nil)
		defer own.CloseIdleConnections()
		rt = own
	}

	ctx, cancel := context.WithTimeoutCause(ctx, tokenTimeout,
		errors.New("no token within "+tokenTimeout.String()))
	defer cancel()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code},
		"code_verifier": {verifier.Reveal()}}
	if f.RedirectURL != "" {
		form.Set("redirect_uri", f.RedirectURL)
	}

	t, err := postForm(ctx, tokenClient(rt, cmp.Or(f.UserAgent, defaultAgent)),
		base.String()+tokenPath, form, f.ClientID, f.Secret, f.Scopes)
	if err != nil {
		if a, ok := errors.AsType[*AuthError](err); ok {
			a.Login = a.Code == "invalid_grant"
		}

		return SignedIn{}, err
	}

	if t.RefreshToken == "" {
		return SignedIn{}, &AuthError{Detail: "the answer has no refresh token", Scopes: f.Scopes}
	}

	return SignedIn{Token: t, Refresh: Secret(t.RefreshToken)}, nil
}

// TokenStore keeps the refresh token of one sign-in. It is shared by all processes of a home.
type TokenStore interface {
	// Lock lets one process refresh at a time; unlock is called once.
	Lock(ctx context.Context) (unlock func(), err error)
	// Load returns the refresh token that was saved last; "" when there is none.
	Load() (Secret, error)
	// Save replaces it, durable on return.
	Save(Secret) error
}

// refresher is the refresh flow with rotation: each refresh answers with a new refresh token, and
// the old one may be dead.
type refresher struct {
	base, clientID string
	secret         Secret
	store          TokenStore

	mu sync.Mutex // guards unsaved
	// unsaved is a new refresh token that the store could not take: it is saved before anything
	// else is tried.
	unsaved Secret
}

// RefreshTokens is the three-legged flow after a sign-in. The new refresh token is durable in the
// store before the access token is used. A process that died between the two left the old one: it
// is tried, and if the service has retired it the error is an *AuthError with Login set. secret
// "" is a public client. Access tokens are asked for with exactly the scopes of the call, which
// must be among those signed in for.
func RefreshTokens(baseURL, clientID string, secret Secret, store TokenStore) TokenSource {
	base, baseErr := ParseBaseURL(baseURL)
	r := &refresher{clientID: clientID, secret: secret, store: store}
	if baseErr == nil {
		r.base = base.String()
	}

	return newTokenCache(func(ctx context.Context, hc *http.Client, scopes []string) (*oauth2.Token, error) {
		if baseErr != nil {
			return nil, baseErr
		}

		return r.fetch(ctx, hc, scopes)
	})
}

func (r *refresher) fetch(ctx context.Context, hc *http.Client, scopes []string) (*oauth2.Token, error) {
	unlock, err := r.store.Lock(ctx)
	if err != nil {
		return nil, &AuthError{Detail: "lock the sign-in: " + err.Error(), Scopes: scopes}
	}
	defer unlock()
	if err := r.saveUnsaved(); err != nil {
		return nil, err
	}

	refresh, err := r.store.Load()
	if err != nil {
		return nil, &AuthError{Detail: "read the sign-in: " + err.Error(), Scopes: scopes, Login: true}
	}

	if refresh == "" {
		return nil, &AuthError{Detail: "nobody is signed in", Scopes: scopes, Login: true}
	}

	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}

	t, err := postForm(ctx, hc, r.base+tokenPath, form, r.clientID, r.secret, scopes)
	if err != nil {
		if a, ok := errors.AsType[*AuthError](err); ok && a.Code == "invalid_grant" {
			a.Login = true
		}

		return nil, err
	}

	if t.RefreshToken != "" && t.RefreshToken != refresh.Reveal() {
		r.mu.Lock()
		r.unsaved = Secret(t.RefreshToken)
		r.mu.Unlock()
		if err := r.saveUnsaved(); err != nil {
			return nil, err // the access token is thrown away: nothing is used that is not durable
		}
	}

	t.RefreshToken = ""

	return t, nil
}

// saveUnsaved makes a new refresh token durable. Called with the store locked.
func (r *refresher) saveUnsaved() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unsaved == "" {
		return nil
	}

	if err := r.store.Save(r.unsaved); err != nil {
		return &AuthError{Detail: "save the new sign-in: " + err.Error()}
	}

	r.unsaved = ""

	return nil
}

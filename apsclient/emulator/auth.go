package emulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// client is a registered application.
type client struct {
	ID, Secret string   // Secret: "" for a public client
	Scopes     []string // granted at most; nil: all
	Redirects  []string
}

// grant is an authorization code or a refresh token.
type grant struct {
	Code                bool
	Client, User        string
	Scopes              []string
	Redirect, Challenge string
	Nonce               string
	Expires             time.Time
}

const (
	codeLifetime    = 5 * time.Minute
	refreshLifetime = 15 * 24 * time.Hour
)

var knownScopes = []string{
	"data:read", "data:write", "data:create", "data:search", "bucket:create", "bucket:read", "bucket:update",
	"bucket:delete", "code:all",
	"account:read", "account:write", "user:read", "user:write", "user-profile:read", "viewables:read",
	"openid", "profile", "email",
	"application:service_account:read", "application:service_account:write",
	"application:service_account_key:read",
	"application:service_account_key:write",
}

func authRoutes() []route {
	return []route{
		{op: "token", method: http.MethodPost, pattern: "/authentication/v2/token", family: famAuth,
			user: noToken, handle: (*call).grantToken},
		{op: "authorize", method: http.MethodGet, pattern: "/authentication/v2/authorize", family: famAuth,
			user: noToken, handle: (*call).authorizePage},
		{op: "revoke", method: http.MethodPost, pattern: "/authentication/v2/revoke", family: famAuth,
			user: noToken, handle: (*call).revoke},
		{op: "user-info", method: http.MethodGet, pattern: "/userinfo", family: famAuth, user: userOptional,
			handle: (*call).userInfo},
	}
}

// form reads the form and identifies the application that asks; it refuses what is not one.
func (c *call) form() (url.Values, *client) {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))

	f, err := url.ParseQuery(string(c.body))
	id, secret, basic := c.r.BasicAuth()
	switch {
	case kind != "application/x-www-form-urlencoded":
		c.refuse(invalid("Content-Type must be application/x-www-form-urlencoded"))
	case err != nil:
		c.refuse(invalid("the form cannot be read"))
	case basic && (f.Has("client_secret") || f.Has("client_id")):
		c.refuse(invalid("client credentials must be in the header or in the body, not in both"))
	case basic:
		// RFC 6749 2.3.1 form-encodes both; the service takes them as they are, and so do most
		// clients.
		if u, err := url.QueryUnescape(secret); err == nil && c.client(id, secret) == nil {
			secret = u
		}
	default:
		id, secret = f.Get("client_id"), f.Get("client_secret")
	}

	if id == "" {
		c.refuse(invalid("The required parameter(s) client_id not present in the request"))
	}

	cl := c.client(id, secret)
	if cl == nil {
		c.fail(http.StatusUnauthorized, "invalid_client",
			"The client_id specified does not have access to the api product, or its secret is wrong")
	}

	return f, cl
}

func (c *call) client(id, secret string) *client {
	var cl *client
	c.s.read(func(m *model) { cl = m.clients.get(id) })
	if cl == nil || subtle.ConstantTimeCompare([]byte(cl.Secret), []byte(secret)) != 1 {
		return nil
	}

	return cl
}

// scopes checks what was asked for against what exists, what the application may have and a bound.
// Empty asks for the bound.
func (c *call) scopes(raw string, cl *client, bound []string) []string {
	want := strings.Fields(raw)
	bad := func(detail string) { c.fail(http.StatusBadRequest, "invalid_scope", detail) }
	switch {
	case len(want) == 0 && bound == nil:
		bad("the scope parameter is empty")
	case len(want) == 0:
		return bound
	case len(raw) > 3000 || len(want) > 50:
		bad("too many scopes: 50 at most, 3000 characters at most")
	}

	for _, w := range want {
		switch {
		case !slices.Contains(knownScopes, w):
			bad("The scope " + w + " is not known")
		case bound != nil && !slices.Contains(bound, w):
			bad("The scope " + w + " was not granted before")
		case cl.Scopes != nil && !slices.Contains(cl.Scopes, w):
			bad("The scope " + w + " is not granted to this application")
		}
	}

	return want
}

func (c *call) grantToken() {
	f, cl := c.form()
	if c.over || !c.s.allow(c, cl.ID, "token", 500) {
		return
	}

	switch f.Get("grant_type") {
	case "client_credentials":
		if cl.Secret == "" {
			c.fail(http.StatusBadRequest, "unauthorized_client",
				"a public client cannot use client credentials")
		}

		c.issue(cl, "", c.scopes(f.Get("scope"), cl, nil), nil, false)
	case "authorization_code":
		c.redeemCode(f, cl)
	case "refresh_token":
		c.refresh(f, cl)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		c.redeemAssertion(f, cl)
	default:
		c.fail(http.StatusBadRequest, "unsupported_grant_type",
			"grant_type is not supported: "+f.Get("grant_type"))
	}
}

// issue makes an access token, with a refresh token when wanted. after runs in the same change.
func (c *call) issue(cl *client, user string, scopes []string, g *grant, refresh bool) {
	access := randomHex(24)
	out := obj{"access_token": access, "token_type": "Bearer",
		"expires_in": int(c.s.cfg.TokenLifetime / time.Second)}
	c.inWorld(func(m *model) *problem {
		for id, t := range m.tokens.m { // forget the dead
			if c.now.Sub(t.Expires) > time.Hour {
				m.tokens.del(id)
			}
		}

		m.tokens.put(access,
			&token{Client: cl.ID, User: user, Scopes: scopes, Expires: c.now.Add(c.s.cfg.TokenLifetime)})
		if refresh {
			rt := randomID() + randomID()
			granted := scopes
			if g != nil {
				granted = g.Scopes
			}

			m.grants.put(rt, &grant{Client: cl.ID, User: user, Scopes: granted,
				Expires: c.now.Add(refreshLifetime)})
			out["refresh_token"] = rt
		}

		return nil
	})
	c.rec.Scopes, c.rec.User = scopes, user
	if refresh && slices.Contains(scopes, "openid") {
		nonce := ""
		if g != nil {
			nonce = g.Nonce
		}

		out["id_token"] = c.s.idToken(origin(c.r), cl.ID, user, nonce, c.now)
	}

	c.w.Header().Set("Cache-Control", "no-store")
	c.ok(out)
}

var verifierForm = form(`^[A-Za-z0-9._~-]{43,128}$`)

func (c *call) redeemCode(f url.Values, cl *client) {
	var g *grant
	code := f.Get("code")
	c.s.update(func(m *model) {
		if got := m.grants.get(code); got != nil && got.Code {
			g = got
			m.grants.del(code) // single use, whatever comes of it
		}
	})

	invalid := func(detail string) { c.fail(http.StatusBadRequest, "invalid_grant", detail) }
	switch {
	case g == nil || g.Client != cl.ID || !c.now.Before(g.Expires):
		invalid("The authorization code is invalid, used or expired")
	case g.Redirect != f.Get("redirect_uri"):
		invalid("redirect_uri differs from the one of the authorization request")
	case g.Challenge == "" && cl.Secret == "":
		invalid("a public client needs PKCE")
	case g.Challenge != "" && !verifierForm().MatchString(f.Get("code_verifier")):
		invalid("code_verifier is missing or malformed")
	case g.Challenge != "" && g.Challenge != challenge(f.Get("code_verifier")):
		invalid("code_verifier does not match the code_challenge")
	default:
		c.issue(cl, g.User, g.Scopes, g, true)
	}
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (c *call) refresh(f url.Values, cl *client) {
	old := f.Get("refresh_token")
	invalid := &problem{http.StatusBadRequest, "invalid_grant", "The refresh token is invalid or expired"}
	var g *grant
	c.inWorld(func(m *model) *problem {
		g = m.grants.get(old)
		if g == nil || g.Code || g.Client != cl.ID || !c.now.Before(g.Expires) {
			return invalid
		}

		return nil
	})
	if c.over {
		return
	}

	scopes := c.scopes(f.Get("scope"), cl, g.Scopes)
	c.inWorld(func(m *model) *problem {
		switch {
		case c.knob.KeepRefreshToken:
		case m.grants.get(old) == nil: // somebody else was first
			return invalid
		default:
			m.grants.del(old)
		}

		return nil
	})
	c.issue(cl, g.User, scopes, g, true)
}

// authorizePage stands for the sign-in page: it approves at once in the name of the demonstration
// user.
func (c *call) authorizePage() {
	q := c.q
	var cl *client
	var user string
	c.s.read(func(m *model) {
		cl = m.clients.get(q.Get("client_id"))
		user = m.signedIn(q.Get("login_hint"))
	})

	redirect, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case cl == nil:
		c.refuse(invalid("client_id is not known"))
		return
	case err != nil || !cl.mayRedirect(q.Get("redirect_uri")):
		c.refuse(invalid("redirect_uri is not registered for this application"))
		return
	case !c.s.allow(c, cl.ID, "authorize", 500):
		return
	}

	back := url.Values{}
	if q.Has("state") {
		back.Set("state", q.Get("state"))
	}

	want := strings.Fields(q.Get("scope"))
	unknown := slices.IndexFunc(want, func(w string) bool {
		return !slices.Contains(knownScopes, w) || cl.Scopes != nil && !slices.Contains(cl.Scopes, w)
	})
	switch {
	case q.Get("response_type") != "code":
		back.Set("error", "unsupported_response_type")
	case len(want) == 0 || unknown >= 0:
		back.Set("error", "invalid_scope")
	case q.Has("code_challenge") && q.Get("code_challenge_method") != "S256":
		back.Set("error", "invalid_request")
		back.Set("error_description", "code_challenge_method must be S256")
	case cl.Secret == "" && !q.Has("code_challenge"):
		back.Set("error", "invalid_request")
		back.Set("error_description", "a public client needs a code_challenge")
	case slices.Contains(want, "openid") && q.Get("nonce") == "":
		back.Set("error", "invalid_request")
		back.Set("error_description", "nonce is needed with openid")
	case c.knob.NoAutoApprove:
		back.Set("error", "access_denied")
	default:
		code := randomID()
		c.s.update(func(m *model) {
			m.grants.put(code, &grant{Code: true, Client: cl.ID, User: user, Scopes: want,
				Redirect:  q.Get("redirect_uri"),
				Challenge: q.Get("code_challenge"), Nonce: q.Get("nonce"), Expires: c.now.Add(codeLifetime)})
		})
		back.Set("code", code)
	}

	rq := redirect.Query()
	maps.Copy(rq, back)
	redirect.RawQuery = rq.Encode()
	c.w.Header().Set("Location", redirect.String())
	c.empty(http.StatusFound)
}

func (cl *client) mayRedirect(raw string) bool {
	if slices.Contains(cl.Redirects, raw) {
		return true
	}

	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" {
		return false
	}

	ip := net.ParseIP(u.Hostname())

	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *call) revoke() {
	f, cl := c.form()
	if f.Get("token") == "" || f.Get("token_type_hint") == "" {
		c.refuse(invalid("token and token_type_hint are needed"))
	}

	c.inWorld(func(m *model) *problem {
		if t := m.tokens.get(f.Get("token")); t != nil && t.Client == cl.ID {
			m.tokens.del(f.Get("token"))
		}

		if g := m.grants.get(f.Get("token")); g != nil && g.Client == cl.ID {
			m.grants.del(f.Get("token"))
		}

		return nil
	})
	c.empty(http.StatusOK)
}

func (c *call) userInfo() {
	var p *person
	c.s.read(func(m *model) { p = m.personByUID(c.user) })
	if p == nil {
		c.fail(http.StatusForbidden, "insufficient_scope", "a three-legged token is needed")
		return
	}

	c.ok(obj{"sub": p.UID, "name": p.Name(), "given_name": p.First, "family_name": p.Last,
		"email": p.Email, "email_verified": true,
		"preferred_username": p.Email})
}

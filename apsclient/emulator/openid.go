package emulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// openIDRoutes are what an OpenID Connect client asks, and the paths of the first version of
// authentication, which old clients still use.
func openIDRoutes() []route {
	row := func(op, method, pattern string, user userRule, h func(*call)) route {
		return route{op: op, method: method, pattern: pattern, family: famAuth, user: user, handle: h}
	}
	get, post := http.MethodGet, http.MethodPost
	const v1, v2 = "/authentication/v1", "/authentication/v2"

	return []route{
		row("introspect", post, v2+"/introspect", noToken, (*call).introspect),
		row("list-keys", get, v2+"/keys", noToken, (*call).publicKeys),
		row("logout", get, v2+"/logout", noToken, (*call).logout),
		row("openid-configuration", get, "/.well-known/openid-configuration", noToken, (*call).openID),
		row("token", post, v1+"/authenticate", noToken, (*call).grantToken),
		row("token", post, v1+"/gettoken", noToken, (*call).grantToken),
		row("token", post, v1+"/refreshtoken", noToken, (*call).grantToken),
		row("authorize", get, v1+"/authorize", noToken, (*call).authorizePage),
		row("get-user-profile", get, "/userprofile/v1/users/@me", userRequired, (*call).userProfile),
	}
}

func (c *call) introspect() {
	f, cl := c.form()
	out := obj{"active": false}
	c.inWorld(func(m *model) *problem {
		t := m.tokens.get(f.Get("token"))
		switch {
		case f.Get("token") == "":
			return invalid("The required parameter(s) token not present in the request")
		case t == nil || t.Client != cl.ID || !c.now.Before(t.Expires):
			return nil
		}

		out = obj{"active": true, "scope": strings.Join(t.Scopes, " "), "client_id": t.Client,
			"exp": t.Expires.Unix()}
		if t.User != "" {
			out["userid"] = t.User
		}

		return nil
	})
	c.ok(out)
}

// oidcKey is the key that signs id tokens; it is made when one is needed first.
func (s *Server) oidcKey() *rsa.PrivateKey {
	var key *rsa.PrivateKey
	s.update(func(m *model) {
		if stored := m.meta.get("oidc-key"); stored != nil {
			der, _ := base64.StdEncoding.DecodeString(*stored)
			key, _ = x509.ParsePKCS1PrivateKey(der)
		}

		if key == nil {
			key, _ = rsa.GenerateKey(rand.Reader, 2048) // a key of this size is always made
			text := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key))
			m.meta.put("oidc-key", &text)
		}
	})

	return key
}

const oidcKeyID = "hoist-demo-key"

// idToken is an OpenID Connect token, signed by the key that list-keys publishes.
func (s *Server) idToken(issuer, clientID, user, nonce string, now time.Time) string {
	enc := func(v obj) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	claims := obj{"iss": issuer, "aud": clientID, "sub": user, "iat": now.Unix(),
		"exp": now.Add(time.Hour).Unix()}
	if nonce != "" {
		claims["nonce"] = nonce
	}

	text := enc(obj{"alg": "RS256", "typ": "JWT", "kid": oidcKeyID}) + "." + enc(claims)
	sum := sha256.Sum256([]byte(text))
	sig, _ := rsa.SignPKCS1v15(nil, s.oidcKey(), crypto.SHA256, sum[:])

	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func (c *call) publicKeys() {
	key := c.s.oidcKey().PublicKey
	enc := base64.RawURLEncoding.EncodeToString
	c.ok(obj{"keys": list{obj{"kid": oidcKeyID, "kty": "RSA", "use": "sig", "alg": "RS256",
		"n": enc(key.N.Bytes()), "e": enc(big.NewInt(int64(key.E)).Bytes())}}})
}

func (c *call) openID() {
	at := origin(c.r)
	auth := at + "/authentication/v2"

	scopes := list{}
	for _, s := range knownScopes {
		scopes = append(scopes, s)
	}

	c.ok(obj{"issuer": at, "authorization_endpoint": auth + "/authorize", "token_endpoint": auth + "/token",
		"userinfo_endpoint": at + "/userinfo", "jwks_uri": auth + "/keys",
		"revocation_endpoint": auth + "/revoke", "revoke_endpoint": auth + "/revoke",
		"introspection_endpoint": auth + "/introspect", "end_session_endpoint": auth + "/logout",
		"scopes_supported": scopes, "response_types_supported": list{"code"},
		"response_modes_supported": list{"query"},
		"grant_types_supported": list{"authorization_code", "client_credentials", "refresh_token",
			"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"subject_types_supported":               list{"public"},
		"id_token_signing_alg_values_supported": list{"RS256"}})
}

// logout leads to where the client wants to go, or to the sign-in page.
func (c *call) logout() {
	to := c.q.Get("post_logout_redirect_uri")
	if to == "" {
		to = "https://accounts.autodesk.com/logout"
	}

	c.w.Header().Set("Location", to)
	c.empty(http.StatusFound)
}

// userProfile is the user of the token as the first version of authentication shows it.
func (c *call) userProfile() {
	var p *person
	c.s.read(func(m *model) { p = m.personByUID(c.user) })
	if p == nil {
		c.refuse(forbidden("a three-legged token is needed"))
		return
	}

	c.ok(obj{"userId": p.UID, "userName": p.Email, "emailId": p.Email, "firstName": p.First,
		"lastName": p.Last, "emailVerified": true, "2FaEnabled": false, "countryCode": "US",
		"language": "en", "optin": false, "lastModified": adminTime(p.Updated), "profileImages": obj{},
		"websiteUrl": ""})
}

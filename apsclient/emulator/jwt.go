package emulator

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type assertion struct {
	Iss   string   `json:"iss"`
	Sub   string   `json:"sub"`
	Aud   string   `json:"aud"`
	Exp   int64    `json:"exp"`
	Scope []string `json:"scope"`
}

// redeemAssertion is the JWT bearer grant of secure service accounts.
func (c *call) redeemAssertion(f url.Values, cl *client) {
	if cl.Secret == "" {
		c.fail(http.StatusForbidden, "unauthorized_client",
			"only server-to-server applications may use service accounts")
	}

	a, err := c.checkAssertion(f.Get("assertion"), cl)
	if err != nil {
		c.fail(http.StatusBadRequest, "invalid_grant", err.Error())
	}

	c.scopes(strings.Join(a.Scope, " "), cl, nil)
	scopes := c.scopes(f.Get("scope"), cl, a.Scope)
	c.inWorld(func(m *model) *problem {
		m.robotSeen(a.Sub, c.now)
		return nil
	})
	c.issue(cl, a.Sub, scopes, nil, false)
}

func (c *call) checkAssertion(raw string, cl *client) (assertion, error) {
	var a assertion
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return a, errors.New("the assertion is not a JWT")
	}

	var head struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	if err := segment(parts[0], &head); err != nil {
		return a, err
	}

	if head.Alg != "RS256" {
		return a, errors.New("the assertion must be signed with RS256")
	}

	if err := segment(parts[1], &a); err != nil {
		return a, err
	}

	var key *rsa.PublicKey
	c.s.read(func(m *model) { key = m.robotKey(a.Sub, cl.ID, head.Kid) })
	if key == nil {
		return a, errors.New("kid and sub are not an enabled key and service account of this application")
	}

	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return a, errors.New("the signature cannot be read")
	}

	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) != nil {
		return a, errors.New("the signature is wrong")
	}

	exp := time.Unix(a.Exp, 0)
	switch {
	case a.Iss != cl.ID:
		return a, errors.New("iss is not the client id")
	case !strings.HasSuffix(a.Aud, "/authentication/v2/token") || !strings.HasPrefix(a.Aud, "http"):
		return a, errors.New("aud is not the token endpoint")
	case !c.now.Before(exp):
		return a, errors.New("the assertion has expired")
	case exp.Sub(c.now) > 5*time.Minute+30*time.Second: // half a minute for clocks and rounding
		return a, errors.New("exp is more than 5 minutes away")
	case len(a.Scope) == 0 || slices.Contains(a.Scope, ""):
		return a, errors.New("scope must be an array of scopes")
	}

	return a, nil
}

func segment(raw string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(raw)
	if err != nil {
		return errors.New("the assertion is not base64url")
	}

	if err := json.Unmarshal(b, into); err != nil {
		return errors.New("the assertion is not JSON of the expected form")
	}

	return nil
}

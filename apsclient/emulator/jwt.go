package emulator

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ServiceAccount is a secure service account that the server knows.
type ServiceAccount struct {
	ID      string // claim sub; also the user it acts as
	KeyID   string // header kid
	KeyFile string // PEM file with the private key, PKCS #8
}

// ServiceAccount makes the demonstration application's service account on first use and returns it. The private key is a
// file in Dir; the server itself keeps the public half.
func (s *Server) ServiceAccount() (ServiceAccount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.world.log.flush()
	acc := ServiceAccount{ID: demoRobot, KeyFile: filepath.Join(s.cfg.Dir, "service-account.pem")}
	if kid := s.world.meta.get("ssa-kid"); kid != nil {
		acc.KeyID = *kid
		return acc, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return acc, fmt.Errorf("make the service account's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return acc, fmt.Errorf("encode the service account's key: %w", err)
	}
	if err := os.WriteFile(acc.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return acc, fmt.Errorf("write the service account's key: %w", err)
	}
	acc.KeyID = uuid()
	public := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	s.world.meta.put("ssa-kid", &acc.KeyID)
	s.world.meta.put("ssa-public", &public)
	return acc, nil
}

// serviceKey is the public key that kid names.
func (m *model) serviceKey(kid string) *rsa.PublicKey {
	have, public := m.meta.get("ssa-kid"), m.meta.get("ssa-public")
	if have == nil || public == nil || *have != kid {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(*public)
	if err != nil {
		return nil
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return nil
	}
	return key
}

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
		c.fail(http.StatusForbidden, "unauthorized_client", "only server-to-server applications may use service accounts")
		return
	}
	a, err := c.checkAssertion(f.Get("assertion"), cl)
	if err != nil {
		c.fail(http.StatusBadRequest, "invalid_grant", err.Error())
		return
	}
	if _, ok := c.scopes(strings.Join(a.Scope, " "), cl, nil); !ok {
		return
	}
	if scopes, ok := c.scopes(f.Get("scope"), cl, a.Scope); ok {
		c.issue(cl, a.Sub, scopes, nil, false)
	}
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
	var key *rsa.PublicKey
	c.s.read(func(m *model) { key = m.serviceKey(head.Kid) })
	if key == nil {
		return a, errors.New("the key id is not known")
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return a, errors.New("the signature cannot be read")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) != nil {
		return a, errors.New("the signature is wrong")
	}
	if err := segment(parts[1], &a); err != nil {
		return a, err
	}
	exp := time.Unix(a.Exp, 0)
	switch {
	case a.Iss != cl.ID:
		return a, errors.New("iss is not the client id")
	case a.Sub != demoRobot:
		return a, errors.New("sub is not a service account of this application")
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

// idToken is an OpenID Connect token; it is signed with a key of the server (HS256), which no client needs to check.
func (s *Server) idToken(clientID, user, nonce string, now time.Time) string {
	enc := func(v obj) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	claims := obj{"iss": "https://developer.api.autodesk.com", "aud": clientID, "sub": user, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	head := enc(obj{"alg": "HS256", "typ": "JWT"}) + "." + enc(claims)
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(head))
	return head + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

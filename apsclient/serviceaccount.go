package apsclient

import (
	"context"
	"crypto/rsa"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
)

// assertionLifetime is below the 5 minutes that the service allows, for clocks that differ a
// little.
const assertionLifetime = 4 * time.Minute

// ServiceAccount is a secure service account: unattended access in the name of a user of its own.
// Only server-to-server applications have them.
type ServiceAccount struct {
	ID         string // claim sub
	KeyID      string // header kid
	PrivateKey Secret // PEM, RSA 2048; the service shows it once
}

// ServiceAccountTokens is the JWT bearer flow (RS256). There is no refresh token: each access token
// is asked for by a new assertion. A key that cannot be read is a *ConfigError at once.
func ServiceAccountTokens(baseURL, clientID string, secret Secret, account ServiceAccount) (TokenSource,
	error) {
	base, err := ParseBaseURL(baseURL)
	if err != nil {
		return nil, err
	}

	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(account.PrivateKey.Reveal()))
	if err != nil {
		return nil, &ConfigError{Name: "service account", Problem: "the private key is not an RSA key in PEM"}
	}

	if account.ID == "" || account.KeyID == "" {
		return nil, &ConfigError{Name: "service account",
			Problem: "the id of the account or of its key is missing"}
	}

	endpoint := base.String() + tokenPath

	return newTokenCache(func(ctx context.Context, hc *http.Client, scopes []string) (*oauth2.Token, error) {
		assertion, err := signAssertion(key, clientID, account, endpoint, scopes, time.Now())
		if err != nil {
			return nil, &AuthError{Detail: "sign the assertion: " + err.Error(), Scopes: scopes}
		}

		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
			"assertion": {assertion}, "scope": {strings.Join(scopes, " ")}}

		return postForm(ctx, hc, endpoint, form, clientID, secret, scopes)
	}), nil
}

// signAssertion makes the JWT; the scope claim is an array.
func signAssertion(key *rsa.PrivateKey, clientID string, account ServiceAccount, audience string,
	scopes []string, now time.Time) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": clientID, "sub": account.ID, "aud": audience, "exp": now.Add(assertionLifetime).Unix(),
		"scope": scopes,
	})
	t.Header["kid"] = account.KeyID

	return t.SignedString(key)
}

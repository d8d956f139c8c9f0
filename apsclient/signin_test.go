package apsclient_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"hoist/apsclient"
)

// memoryStore is a TokenStore that remembers in which order things happened.
type memoryStore struct {
	mu      sync.Mutex
	lock    sync.Mutex
	refresh apsclient.Secret
	fail    error
	log     []string
}

func (s *memoryStore) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, what)
}

func (s *memoryStore) Lock(context.Context) (func(), error) {
	s.lock.Lock()
	return s.lock.Unlock, nil
}
func (s *memoryStore) Load() (apsclient.Secret, error) { return s.refresh, nil }
func (s *memoryStore) Save(r apsclient.Secret) error {
	if s.fail != nil {
		return s.fail
	}

	s.note("saved " + r.Reveal())
	s.refresh = r

	return nil
}

// rotating is a token endpoint that retires a refresh token with its use.
func rotating(t *testing.T, store *memoryStore) *service {
	valid := "r0"

	return &service{
		token: func(n int, r *http.Request, form string) (*http.Response, error) {
			q, err := url.ParseQuery(form)
			if err != nil {
				return nil, err
			}

			if q.Get("grant_type") != "refresh_token" || q.Get("client_id") != "public" ||
				r.Header.Get("Authorization") != "" {
				t.Errorf("form %v", q)
			}

			if q.Get("refresh_token") != valid {
				return reply(400, "application/json",
					`{"developerMessage":"The refresh token is invalid or expired","errorCode":"AUTH-400",`+
						`"error":"invalid_grant","error_description":"The refresh token is invalid or `+
						`expired"}`), nil
			}

			valid = "r" + strings.Repeat("x", n)

			return jsonReply(200, map[string]any{"access_token": "a" + strings.Repeat("x", n),
				"token_type": "Bearer", "expires_in": 3599, "refresh_token": valid}), nil
		},
		answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
			store.note("used " + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			if strings.HasSuffix(r.URL.Path, "/storage") {
				return reply(201, "", objectBody), nil
			}

			return reply(200, "", folderBody), nil
		},
	}
}

func TestRefreshIsDurableBeforeUse(t *testing.T) {
	store := &memoryStore{refresh: "r0"}

	c := newClient(t, rotating(t, store), func(c *apsclient.Config) {
		c.Tokens = apsclient.RefreshTokens("", "public", "", store)
	})
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := c.Items.CreateStorage(t.Context(), "b.p", "urn:x", "a.dwg"); err != nil {
				t.Error(err)
			}
		})
	}

	wg.Wait()
	if c.TokenRequests() != 2 {
		t.Errorf("%d refreshes for two scope sets", c.TokenRequests())
	}

	saved := map[string]bool{}
	for _, line := range store.log {
		what, token, _ := strings.Cut(line, " ")
		if what == "saved" {
			saved[token[1:]] = true
		} else if !saved[token[1:]] {
			t.Errorf("access token %s was used before its refresh token was durable: %v", token, store.log)
		}
	}
}

func TestRefreshFailures(t *testing.T) {
	t.Run("killed before the answer was stored", func(t *testing.T) {
		store := &memoryStore{refresh: "an older one"}
		c := newClient(t, rotating(t, store), func(c *apsclient.Config) {
			c.Tokens = apsclient.RefreshTokens("", "public", "", store)
		})
		_, err := c.Folders.Folder(t.Context(), "b.p", "urn:x")
		auth, ok := errors.AsType[*apsclient.AuthError](err)
		if !ok || !auth.Login || auth.Code != "invalid_grant" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the store cannot save", func(t *testing.T) {
		store := &memoryStore{refresh: "r0", fail: errors.New("disk full")}
		s := rotating(t, store)
		c := newClient(t, s, func(c *apsclient.Config) {
			c.Tokens = apsclient.RefreshTokens("", "public", "", store)
		})
		if _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); err == nil || s.count() != 0 {
			t.Errorf("got %v, and %d calls with a token whose successor is not durable", err, s.count())
		}

		store.fail = nil
		if _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); err != nil {
			t.Errorf("once the store works again: %v", err)
		}

		if store.log[0] != "saved rx" {
			t.Errorf("the rotated token was lost: %v", store.log)
		}
	})
	t.Run("nobody signed in", func(t *testing.T) {
		c := newClient(t, &service{}, func(c *apsclient.Config) {
			c.Tokens = apsclient.RefreshTokens("", "public", "", &memoryStore{})
		})
		_, err := c.Folders.Folder(t.Context(), "b.p", "urn:x")
		auth, ok := errors.AsType[*apsclient.AuthError](err)
		if !ok || !auth.Login {
			t.Errorf("got %v", err)
		}
	})
}

func TestCodeFlow(t *testing.T) {
	verifier := apsclient.NewVerifier()
	s := &service{token: func(_ int, r *http.Request, form string) (*http.Response, error) {
		q, err := url.ParseQuery(form)
		if err != nil {
			return nil, err
		}

		if q.Get("code_verifier") != verifier.Reveal() || q.Get("client_id") != "public" ||
			q.Get("redirect_uri") != "http://localhost:8080/callback" || q.Has("client_secret") {
			t.Errorf("form %v", q)
		}

		if q.Get("code") != "good" {
			return reply(400, "application/json", `{"error":"invalid_grant"}`), nil
		}

		return jsonReply(200, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 3599,
			"refresh_token": "r"}), nil
	}}
	f := apsclient.CodeFlow{ClientID: "public", RedirectURL: "http://localhost:8080/callback",
		Scopes: []string{"data:read", "data:write"}, Transport: s}
	page, err := f.AuthorizeURL("STATE", verifier)
	if err != nil {
		t.Fatal(err)
	}

	u, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}

	sum := sha256.Sum256([]byte(verifier.Reveal()))
	q := u.Query()
	if q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) ||
		q.Get("code_challenge_method") != "S256" || q.Get("state") != "STATE" ||
		q.Get("scope") != "data:read data:write" || q.Get("response_type") != "code" ||
		u.Host != "developer.api.autodesk.com" {
		t.Errorf("authorise URL %s", page)
	}

	in, err := f.Exchange(t.Context(), "good", verifier)
	if err != nil || in.Refresh.Reveal() != "r" || in.Token.AccessToken != "a" {
		t.Errorf("got %v, %v", in, err)
	}

	_, err = f.Exchange(t.Context(), "used", verifier)
	auth, ok := errors.AsType[*apsclient.AuthError](err)
	if !ok || !auth.Login {
		t.Errorf("got %v", err)
	}
}

func TestServiceAccount(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}

	account := apsclient.ServiceAccount{ID: "robot", KeyID: "kid-1",
		PrivateKey: apsclient.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}
	s := &service{
		token: func(_ int, r *http.Request, form string) (*http.Response, error) {
			q, err := url.ParseQuery(form)
			if err != nil {
				return nil, err
			}

			claims := jwt.MapClaims{}
			parsed, err := jwt.ParseWithClaims(q.Get("assertion"), claims, func(*jwt.Token) (any, error) {
				return &key.PublicKey, nil
			},
				jwt.WithAudience("https://developer.api.autodesk.com/authentication/v2/token"),
				jwt.WithIssuer("id"), jwt.WithSubject("robot"),
				jwt.WithExpirationRequired(), jwt.WithValidMethods([]string{"RS256"}))
			if err != nil {
				t.Error(err)
				return nil, err
			}

			if scopes, ok := claims["scope"].([]any); !ok || len(scopes) != 1 || scopes[0] != "data:read" ||
				parsed.Header["kid"] != "kid-1" {
				t.Errorf("claims %v, header %v", claims, parsed.Header)
			}

			if user, pass, ok := r.BasicAuth(); !ok || user != "id" || pass != "secret" {
				t.Error("no client credentials")
			}

			return jsonReply(200, map[string]any{"access_token": "a", "token_type": "Bearer",
				"expires_in": 3599}), nil
		},
		answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "", folderBody), nil
		},
	}
	tokens, err := apsclient.ServiceAccountTokens("", "id", "secret", account)
	if err != nil {
		t.Fatal(err)
	}

	c := newClient(t, s, func(c *apsclient.Config) { c.Tokens = tokens })
	if _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); err != nil {
		t.Error(err)
	}

	account.PrivateKey = "-----BEGIN nonsense"
	_, err = apsclient.ServiceAccountTokens("", "id", "secret", account)
	_, ok := errors.AsType[*apsclient.ConfigError](err)
	if !ok || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
}

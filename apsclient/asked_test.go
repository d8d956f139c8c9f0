package apsclient_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"hoist/apsclient"
)

// TestParametersOfTheSpecifications gives each call every parameter of the query and of the header that
// its specification has, with every value that is listed, and looks where it ends.
func TestParametersOfTheSpecifications(t *testing.T) {
	c := newChecker(nil, loadSpecs(t))
	client := newClient(t, &service{})
	seen := 0
	for _, f := range forms() {
		plan, err := client.Plan(f.request)
		if err != nil {
			t.Fatal(err)
		}

		u, err := url.Parse(plan.URL)
		if err != nil {
			t.Fatal(err)
		}

		route, _ := c.find(&http.Request{Method: f.method, URL: u})
		if route == nil {
			continue
		}

		for _, ref := range append(route.PathItem.Parameters, route.Operation.Parameters...) {
			p := ref.Value
			if p.In == "path" || p.Name == "x-user-id" { // one specification puts the latter into the query
				continue
			}

			seen++
			for _, value := range valuesOf(p) {
				takes(t, client, f.request, p, value)
			}
		}
	}

	if seen < 100 {
		t.Errorf("%d parameters", seen)
	}
}

// valuesOf are values that a parameter of a specification takes.
func valuesOf(p *openapi3.Parameter) []string {
	schema := p.Schema.Value
	if schema.Items != nil {
		schema = schema.Items.Value
	}

	var out []string
	for _, v := range schema.Enum {
		out = append(out, fmt.Sprint(v))
	}

	switch {
	case out != nil:
		return out
	case p.Name == "copyFrom":
		return []string{"urn:adsk.wipprod:fs.file:vf.L?version=2"}
	case p.Name == "Content-Type":
		return []string{"application/json"}
	case schema.Type.Is("integer"):
		return []string{"3"}
	case schema.Type.Is("boolean"):
		return []string{"true", "false"}
	}

	return []string{"a b+c&d"}
}

func takes(t *testing.T, client *apsclient.Client, r apsclient.Request, p *openapi3.Parameter, value string) {
	t.Helper()

	name := strings.ReplaceAll(p.Name, "[*]", "[attributes.displayName]-contains")
	given := map[string]string{name: value}
	maps.Copy(given, r.Params)

	r.Params = given
	if err := apsclient.Validate(r); err != nil {
		t.Errorf("%s=%s: %v", name, value, err)
		return
	}

	plan, err := client.Plan(r)
	if err != nil {
		t.Fatal(err)
	}

	u, err := url.Parse(plan.URL)
	if err != nil {
		t.Fatal(err)
	}

	got := plan.Header[http.CanonicalHeaderKey(name)]
	if p.In == "query" {
		got = u.Query().Get(name)
	}

	if got != value || strings.Contains(u.RawQuery, "+") {
		t.Errorf("%s: %s=%q became %q of %s", r.Action, name, value, got, plan.URL)
	}
}

// TestTokenRequestsAreDocumented: of every flow, with an id and a secret that an encoding would change,
// and an answer that writes its number as text.
func TestTokenRequestsAreDocumented(t *testing.T) {
	const id, secret = "an/id", "s+c/r%2Bt="
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	account := apsclient.ServiceAccount{ID: "robot", KeyID: "kid-1", PrivateKey: apsclient.Secret(
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))}
	robot, err := apsclient.ServiceAccountTokens("", id, secret, account)
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		grant  string
		tokens apsclient.TokenSource // nil: the code flow
	}{
		{"client_credentials", apsclient.ClientCredentials("", id, secret)},
		{"refresh_token", apsclient.RefreshTokens("", id, secret, &memoryStore{refresh: "r0"})},
		{"urn:ietf:params:oauth:grant-type:jwt-bearer", robot},
		{"authorization_code", nil},
	}
	for _, tt := range tests {
		t.Run(tt.grant, func(t *testing.T) {
			s := &service{token: func(_ int, r *http.Request, body string) (*http.Response, error) {
				want := http.Header{"Accept": {"application/json"}, "User-Agent": {"hoist/9"},
					"Content-Type": {"application/x-www-form-urlencoded"},
					"Authorization": {"Basic " + base64.StdEncoding.EncodeToString(
						[]byte(id+":"+secret))}}
				for name := range want {
					if r.Header.Get(name) != want.Get(name) {
						t.Errorf("%s: %q, want %q", name, r.Header.Get(name), want.Get(name))
					}
				}

				form, err := url.ParseQuery(body)
				if err != nil || form.Get("grant_type") != tt.grant || form.Has("client_id") ||
					form.Has("client_secret") {
					t.Errorf("form %q: %v", body, err)
				}

				return jsonReply(200, map[string]any{"access_token": "a", "token_type": "Bearer",
					"expires_in": "3599", "refresh_token": "r1"}), nil
			}, answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(200, "", folderBody), nil
			}}
			if tt.tokens == nil {
				in, err := apsclient.CodeFlow{ClientID: id, Secret: secret, RedirectURL: "http://localhost/",
					Transport: s, UserAgent: "hoist/9"}.Exchange(t.Context(), "code", apsclient.NewVerifier())
				if err != nil || in.Token.Expiry.IsZero() {
					t.Errorf("%+v, %v", in.Token, err)
				}

				return
			}

			c := newClient(t, s, func(c *apsclient.Config) { c.Tokens, c.UserAgent = tt.tokens, "hoist/9" })
			if _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); err != nil {
				t.Error(err)
			}

			token, err := tt.tokens.Token(t.Context(), []string{"data:read"})
			if err != nil || token.ExpiresIn != 3599 {
				t.Errorf("%+v, %v", token, err)
			}
		})
	}
}

// TestAuthorizeURLIsDocumented: spaces as "%20", and the nonce that "openid" needs.
func TestAuthorizeURLIsDocumented(t *testing.T) {
	for _, tt := range []struct {
		scopes []string
		nonce  bool
	}{{[]string{"data:read", "data:write"}, false}, {[]string{"openid", "data:read"}, true}} {
		f := apsclient.CodeFlow{ClientID: "id", RedirectURL: "http://localhost:8080/", Scopes: tt.scopes}
		page, err := f.AuthorizeURL("STATE", apsclient.NewVerifier())
		if err != nil {
			t.Fatal(err)
		}

		u, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}

		if q := u.Query(); strings.Contains(page, "+") || (q.Get("nonce") != "") != tt.nonce ||
			q.Get("scope") != strings.Join(tt.scopes, " ") {
			t.Errorf("%v: %s", tt.scopes, page)
		}
	}
}

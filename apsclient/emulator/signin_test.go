package emulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestThreeLegged(t *testing.T) {
	a := newAPI(t, Config{})
	verifier := strings.Repeat("v", 43)
	const back = "http://127.0.0.1:9999/cb"
	ask := func(more ...string) url.Values {
		q := url.Values{"response_type": {"code"}, "client_id": {PublicClientID}, "redirect_uri": {back},
			"scope": {"data:read data:write openid"}, "state": {"s.1"},
			"nonce": {"n1"}, "code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}}
		for i := 0; i+1 < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}

		return q
	}
	authorize := func(q url.Values) url.Values {
		t.Helper()
		r := a.call("GET", "/authentication/v2/authorize?"+q.Encode(), nil).want(302)
		u, err := url.Parse(r.header.Get("Location"))
		if err != nil || u.Query().Get("state") != "s.1" || !strings.HasPrefix(u.String(), back) {
			t.Fatalf("redirected to %q", r.header.Get("Location"))
		}

		return u.Query()
	}
	redeem := func(code string, more ...string) reply {
		t.Helper()

		f := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back},
			"client_id": {PublicClientID}, "code_verifier": {verifier}}
		for i := 0; i+1 < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}

		return a.form(f, "", "")
	}
	code := authorize(ask()).Get("code")
	tok := redeem(code).want(200)
	redeem(code).want(400).has("invalid_grant") // once only
	if len(strings.Split(tok.text("id_token"), ".")) != 3 {
		t.Errorf("id token %q", tok.text("id_token"))
	}

	redeem(authorize(ask()).Get("code"), "code_verifier",
		strings.Repeat("w", 43)).want(400).has("code_verifier")
	redeem(authorize(ask()).Get("code"), "redirect_uri",
		"http://127.0.0.1:1/other").want(400).has("redirect_uri")
	old := authorize(ask()).Get("code")
	a.s.Advance(5 * time.Minute)
	redeem(old).want(400)

	for _, tt := range []struct{ name, key, value, want string }{
		{"plain challenge", "code_challenge_method", "plain", "invalid_request"},
		{"unknown scope", "scope", "data:fly", "invalid_scope"},
		{"no nonce", "nonce", "", "invalid_request"},
		{"implicit", "response_type", "token", "unsupported_response_type"},
	} {
		if got := authorize(ask(tt.key, tt.value)).Get("error"); got != tt.want {
			t.Errorf("%s: error %q, want %q", tt.name, got, tt.want)
		}
	}

	a.call("GET", "/authentication/v2/authorize?"+ask("redirect_uri", "https://evil.example/").Encode(),
		nil).want(400)
	a.s.SetKnobs(func(k *Knobs) { k.NoAutoApprove = true })
	if got := authorize(ask()).Get("error"); got != "access_denied" {
		t.Errorf("error %q", got)
	}

	// acts as the person, and refreshes by rotation
	a.token = tok.text("access_token")
	a.call("GET", "/userinfo", nil).want(200).has("ada.admin@example.com")
	refresh := func(token, scope string) reply {
		return a.form(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token},
			"client_id": {PublicClientID}, "scope": {scope}}, "", "")
	}
	next := refresh(tok.text("refresh_token"), "data:read").want(200)
	refresh(tok.text("refresh_token"), "").want(400).has("invalid_grant") // the old one is dead
	refresh(next.text("refresh_token"), "account:write").want(400).has("invalid_scope")
	a.s.Advance(16 * 24 * time.Hour)
	refresh(next.text("refresh_token"), "").want(400)
}

func TestServiceAccount(t *testing.T) {
	a := newAPI(t, Config{})
	const accounts = "/authentication/v2/service-accounts"
	a.token = a.login("application:service_account:write application:service_account_key:write")
	sub := a.call("POST", accounts,
		obj{"name": "robot-2", "firstName": "Robot", "lastName": "Second"}).want(201).text("serviceAccountId")
	made := a.call("POST", accounts+"/"+sub+"/keys", nil).want(201)
	kid, manager := made.text("kid"), a.token
	block, _ := pem.Decode([]byte(made.text("privateKey")))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}

	key := parsed.(*rsa.PrivateKey)
	sign := func(change obj, algorithm string) string {
		t.Helper()
		claims := obj{"iss": DefaultClientID, "sub": sub, "aud": base + "/authentication/v2/token",
			"exp": a.s.now().Add(4 * time.Minute).Unix(), "scope": list{"data:read", "data:write"}}
		maps.Copy(claims, change)
		enc := func(v obj) string {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}

			return base64.RawURLEncoding.EncodeToString(b)
		}
		head := enc(obj{"alg": algorithm, "kid": kid}) + "." + enc(claims)
		sum := sha256.Sum256([]byte(head))
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}

		return head + "." + base64.RawURLEncoding.EncodeToString(sig)
	}
	post := func(assertion, scope string) reply {
		f := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
			"assertion": {assertion}}
		if scope != "" {
			f.Set("scope", scope)
		}

		return a.form(f, DefaultClientID, DefaultClientSecret)
	}
	tok := post(sign(nil, "RS256"), "data:read").want(200)
	if tok.at("refresh_token") != nil {
		t.Error("a refresh token was issued")
	}

	a.token = tok.text("access_token")
	a.call("GET", "/project/v1/hubs", nil).want(200)
	if rs := a.s.Requests(); rs[len(rs)-1].User != sub || len(rs[len(rs)-1].Scopes) != 1 {
		t.Errorf("journal %+v", rs[len(rs)-1])
	}

	post(sign(nil, "RS256"), "account:read").want(400).has("invalid_scope")

	for _, tt := range []struct {
		name, algorithm string
		change          obj
	}{
		{"issuer", "RS256", obj{"iss": "other"}},
		{"subject", "RS256", obj{"sub": "other"}},
		{"audience", "RS256", obj{"aud": "https://example.com/"}},
		{"expired", "RS256", obj{"exp": a.s.now().Add(-time.Second).Unix()}},
		{"too long", "RS256", obj{"exp": a.s.now().Add(10 * time.Minute).Unix()}},
		{"scope as text", "RS256", obj{"scope": "data:read"}},
		{"algorithm", "HS256", nil},
	} {
		if got := post(sign(tt.change, tt.algorithm), ""); got.status != 400 ||
			!strings.Contains(string(got.raw), "invalid_grant") {
			t.Errorf("%s: %d %s", tt.name, got.status, got.raw)
		}
	}

	post(sign(nil, "RS256")+"A", "").want(400)
	f := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion": {sign(nil, "RS256")}}
	a.form(f, DefaultClientID, "wrong").want(401)
	a.token = manager
	a.call("PATCH", accounts+"/"+sub, obj{"status": "DISABLED"}).want(200)
	post(sign(nil, "RS256"), "").want(400)
}

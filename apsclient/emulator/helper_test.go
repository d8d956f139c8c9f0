package emulator

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

const base = "https://aps.test"

// api is a plain HTTP client of a server: no types of the package's own wire are used on this side
// either.
type api struct {
	t     *testing.T
	s     *Server
	http  *http.Client
	base  string
	token string
}

const allScopes = "data:read data:write data:create data:search bucket:create bucket:read bucket:delete " +
	"account:read account:write"

func newAPI(t *testing.T, c Config) *api {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}

	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	a := &api{t: t, s: s, base: base,
		http: &http.Client{Transport: s.Transport(),
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			}}}
	a.token = a.login(allScopes)

	return a
}

func (a *api) login(scopes string) string {
	a.t.Helper()
	r := a.form(url.Values{"grant_type": {"client_credentials"}, "scope": {scopes}}, DefaultClientID,
		DefaultClientSecret)
	if r.status != http.StatusOK {
		a.t.Fatalf("token: %d %s", r.status, r.raw)
	}

	return r.text("access_token")
}

// form posts to the token endpoint, with Basic credentials when id is given.
func (a *api) form(f url.Values, id, secret string) reply {
	a.t.Helper()
	req := a.request(http.MethodPost, a.base+"/authentication/v2/token", strings.NewReader(f.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		req.SetBasicAuth(id, secret)
	}

	return a.send(req)
}

func (a *api) request(method, u string, body io.Reader) *http.Request {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, u, body)
	if err != nil {
		a.t.Fatal(err)
	}

	return req
}

type reply struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
	err    error
}

func (a *api) send(req *http.Request) reply {
	a.t.Helper()
	resp, err := a.http.Do(req)
	if err != nil {
		return reply{t: a.t, err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)

	return reply{t: a.t, status: resp.StatusCode, header: resp.Header, raw: raw, err: err}
}

// call sends a control-plane request. body: nil, a string of JSON, or a value. headers come in
// pairs.
func (a *api) call(method, path string, body any, headers ...string) reply {
	a.t.Helper()

	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			a.t.Fatal(err)
		}

		r = bytes.NewReader(raw)
	}

	if !strings.HasPrefix(path, "http") {
		path = a.base + path
	}

	req := a.request(method, path, r)
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
		if strings.Contains(path, "/data/v1/") {
			req.Header.Set("Content-Type", "application/vnd.api+json")
		}
	}

	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}

	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}

	return a.send(req)
}

// want checks a status and returns the reply.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.err != nil {
		r.t.Fatalf("got error %v, want status %d", r.err, status)
	}

	if r.status != status {
		r.t.Fatalf("got status %d, want %d: %s", r.status, status, r.raw)
	}

	return r
}

// at reads a value by a dotted path with list indexes: "data.0.attributes.name".
func (r reply) at(path string) any {
	r.t.Helper()
	var v any
	if err := json.Unmarshal(r.raw, &v); err != nil {
		r.t.Fatalf("answer is not JSON: %v: %s", err, r.raw)
	}

	for step := range strings.SplitSeq(path, "/") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			var n int
			if _, err := fmt.Sscan(step, &n); err != nil || n >= len(x) {
				return nil
			}

			v = x[n]
		default:
			return nil
		}
	}

	return v
}

func (r reply) text(path string) string {
	r.t.Helper()
	s, _ := r.at(path).(string)
	return s
}

func (r reply) len(path string) int {
	r.t.Helper()
	l, _ := r.at(path).([]any)
	return len(l)
}

// has checks that the answer holds a text.
func (r reply) has(text string) reply {
	r.t.Helper()
	if !strings.Contains(string(r.raw), text) {
		r.t.Fatalf("answer lacks %q: %s", text, r.raw)
	}

	return r
}

func esc(s string) string { return url.PathEscape(s) }

func (a *api) storage(name string) string {
	a.t.Helper()
	d := a.s.Demo()

	return a.call("POST", "/data/v1/projects/"+d.Project+"/storage",
		storageBody(d.Folder, name)).want(201).text("data/id")
}

func storageBody(folder, name string) obj {
	return obj{"jsonapi": jsonapi(), "data": obj{"type": "objects", "attributes": obj{"name": name},
		"relationships": obj{"target": obj{"data": ref("folders", folder)}}}}
}

func objectPath(urn string) string {
	b, k, _ := splitURN(urn)
	return "/oss/v2/buckets/" + b + "/objects/" + esc(k)
}

// put sends a part and returns its ETag without quotes.
func (a *api) put(u string, content []byte) reply {
	a.t.Helper()
	return a.send(a.request(http.MethodPut, u, bytes.NewReader(content)))
}

// upload brings parts to an object and completes it.
func (a *api) upload(urn string, parts ...[]byte) {
	a.t.Helper()
	p := objectPath(urn) + "/signeds3upload"
	r := a.call("GET", fmt.Sprintf("%s?parts=%d&firstPart=1", p, len(parts)), nil).want(200)

	var tags []string
	size := 0
	for n, content := range parts {
		tags = append(tags, unquote(
			a.put(r.text(fmt.Sprintf("urls/%d", n)), content).want(200).header.Get("ETag")))
		size += len(content)
	}

	done := a.call("POST", p, obj{"uploadKey": r.text("uploadKey"), "size": size, "eTags": tags}).want(200)
	if done.text("objectId") != urn {
		a.t.Fatalf("completion: %s", done.raw)
	}
}

func itemBody(folder, name, storage string) obj {
	return obj{"jsonapi": jsonapi(), "data": obj{"type": "items",
		"attributes": obj{"displayName": name, "extension": obj{"type": typeItem360, "version": "1.0"}},
		"relationships": obj{"tip": obj{"data": ref("versions", "1")},
			"parent": obj{"data": ref("folders", folder)}}},
		"included": list{obj{"type": "versions", "id": "1",
			"attributes":    obj{"name": name, "extension": obj{"type": typeVersion360, "version": "1.0"}},
			"relationships": obj{"storage": obj{"data": ref("objects", storage)}}}}}
}

func versionBody(item, name, storage string) obj {
	return obj{"jsonapi": jsonapi(), "data": obj{"type": "versions",
		"attributes": obj{"name": name, "extension": obj{"type": typeVersion360, "version": "1.0"}},
		"relationships": obj{"item": obj{"data": ref("items", item)},
			"storage": obj{"data": ref("objects", storage)}}}}
}

// publish makes a new item with content in the demonstration folder.
func (a *api) publish(name string, content string) (item, version, storage string) {
	a.t.Helper()
	d := a.s.Demo()
	urn := a.storage(name)
	a.upload(urn, []byte(content))
	r := a.call("POST", "/data/v1/projects/"+d.Project+"/items", itemBody(d.Folder, name, urn)).want(201)

	return r.text("data/id"), r.text("included/0/id"), urn
}

func trust(t *testing.T, file string) *http.Transport {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	return trustPEM(raw)
}

func trustPEM(raw []byte) *http.Transport {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)

	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true}
}

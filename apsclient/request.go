package apsclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Request is one call of a registered action by its parameters; the body goes as given.
type Request struct {
	Action  string
	Variant string // "acc" or "bim360"; "": the action's own
	Params  map[string]string
	Query   url.Values
	Header  http.Header
	Body    []byte
	// Scopes of the token; nil: the action's own, or those of WithScopes when they hold them.
	Scopes []string
}

// Response is the answer of the service, whatever its status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// prepared is a request with everything but the token.
type prepared struct {
	action Action // with the variant applied
	path   string // escaped
	query  url.Values
	header http.Header
	body   []byte

	regionOpen bool   // of the hq family: the caller names no region
	userKey    string // under which the user of the call was found, "" not looked up
}

// canonical makes accountId and account_id (and the like) one name.
func canonical(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

// find returns the parameter that is meant by name, exactly or by the other spelling.
func find(params []Param, name string) (Param, bool) {
	for _, p := range params {
		if p.Name == name {
			return p, true
		}
	}

	for _, p := range params {
		if p.In != InBody && canonical(p.Name) == canonical(name) {
			return p, true
		}
	}

	return Param{}, false
}

// param is the parameter of the action that is meant by name, among them any filter that its list takes.
func (a Action) param(name string) (Param, bool) {
	if p, ok := find(a.Params, name); ok {
		return p, true
	}

	return queryParam(a, name)
}

// resolveAction returns the action with its variant applied: method, path, parameters, budget,
// retry class, paging.
func resolveAction(name, variant string) (Action, error) {
	a, ok := ActionByName(name)
	if !ok {
		var known []string
		for _, x := range Actions() {
			known = append(known, x.Name)
		}

		return Action{}, &ParamError{Problem: "unknown action " + name, Near: nearest(name, known)}
	}

	if variant == "" || variant == a.Platform {
		return a, nil
	}

	for _, v := range a.Variants {
		if v.Name == variant {
			a.Method, a.Path, a.Params, a.Body, a.Budget, a.Retry, a.Paging = v.Method, v.Path, v.Params,
				v.Body, v.Budget, v.Retry, v.Paging
			a.Contexts, a.Platform, a.Example = v.Contexts, v.Name, v.Example

			return a, nil
		}
	}

	takes := "this action has no variants"
	if names := a.Platforms(); len(names) > 0 {
		takes = "takes " + strings.Join(names, " or ")
	}

	return Action{}, &ParamError{Action: name, Param: "variant",
		Problem: "unknown variant " + variant + ": " + takes}
}

// prepare puts path, query, headers and body together. It insists on the path parameters only; see
// Validate for the rest.
func (c *Client) prepare(r Request) (*prepared, error) {
	a, err := resolveAction(r.Action, r.Variant)
	if err != nil {
		return nil, err
	}

	if a.Method == MethodComposite {
		return nil, &ParamError{Action: a.Name,
			Problem: "consists of other actions and runs through the transfer engine"}
	}

	p := &prepared{action: a, path: a.Path, query: url.Values{}, header: http.Header{}, body: r.Body}
	for name, value := range r.Params {
		param, ok := a.param(name)
		if !ok {
			return nil, unknownParam(a, name)
		}

		switch param.In {
		case InPath:
			p.path = strings.ReplaceAll(p.path, "{"+param.Name+"}", escapeSegment(pathValue(a, param, value)))
		case InQuery:
			p.query.Set(param.Name, value)
		case InHeader:
			p.header.Set(param.Name, value)
		case InBody, InInput: // not of the request's head
		}
	}

	for _, param := range a.Params {
		if param.In == InPath && strings.Contains(p.path, "{"+param.Name+"}") {
			return nil, &ParamError{Action: a.Name, Param: param.Name,
				Problem: "missing: takes " + param.Takes()}
		}
	}

	maps.Copy(p.query, r.Query)

	for k, v := range r.Header {
		if !strings.EqualFold(k, "Authorization") {
			p.header[http.CanonicalHeaderKey(k)] = v
		}
	}

	c.addDefaults(p)

	return p, nil
}

// pathValue adds or strips the "b." of hub, project and account ids as the family of the call
// needs.
func pathValue(a Action, p Param, value string) string {
	switch canonical(p.Name) {
	case "hubid", "projectid":
		if dataFamily(a.Path) {
			return withB(value)
		}

		return withoutB(value)
	case "accountid":
		return withoutB(value)
	}

	return value
}

func dataFamily(path string) bool {
	return strings.HasPrefix(path, "/data/") || strings.HasPrefix(path, "/project/")
}

func adminFamily(path string) bool {
	return strings.HasPrefix(path, "/construction/admin/") || strings.HasPrefix(path, "/bim360/admin/")
}

// addDefaults sets the headers of the family: media types, user, region.
func (c *Client) addDefaults(p *prepared) {
	path := p.action.Path
	set := func(k, v string) {
		if v != "" && p.header.Get(k) == "" {
			p.header.Set(k, v)
		}
	}
	accept := "application/json"
	if dataFamily(path) {
		accept = "application/vnd.api+json"
		set("X-User-Id", c.core.userID)
	}

	set("Accept", accept)

	switch p.action.Body {
	case "jsonapi":
		set("Content-Type", "application/vnd.api+json")
	case "json":
		set("Content-Type", "application/json")
	}

	switch {
	case adminFamily(path):
		set("User-Id", c.core.userID)
		set("Region", c.core.region)
	case strings.HasPrefix(path, "/hq/"):
		if strings.HasPrefix(path, "/hq/v2/") {
			set("X-User-Id", c.core.userID)
		}

		p.regionOpen = p.header.Get("Region") == ""
		c.addRegion(p)
	case strings.HasPrefix(path, "/webhooks/"):
		set("X-Ads-Region", c.core.region)
	case p.action.Name == "create-bucket": // the specification requires the first, the second is older
		set("Region", cmp.Or(p.header.Get("X-Ads-Region"), c.core.region, defaultRegion))
		set("X-Ads-Region", p.header.Get("Region"))
	case p.action.Name == "list-buckets":
		if c.core.region != "" && !p.query.Has("region") {
			p.query.Set("region", c.core.region)
		}
	}
}

// request makes the HTTP request at base. The id is ours and finds the call in the service's logs.
func (p *prepared) request(ctx context.Context, base *url.URL) (*http.Request, error) {
	u := *base
	var err error
	if u.Path, err = url.PathUnescape(p.path); err != nil {
		return nil, err
	}

	u.RawPath, u.RawQuery = p.path, escapeQuery(p.query)
	r := (&http.Request{Method: p.action.Method, URL: &u, Host: u.Host, Header: p.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	if p.body != nil {
		r.ContentLength = int64(len(p.body))
		r.GetBody = func() (io.ReadCloser, error) { return newBody(p.body), nil }
		r.Body = newBody(p.body)
	}

	if len(p.body) == 0 {
		r.Body, r.GetBody = http.NoBody, func() (io.ReadCloser, error) { return http.NoBody, nil }
	}

	var id [16]byte
	_, _ = rand.Read(id[:])
	r.Header.Set("X-Ads-Request-Id", hex.EncodeToString(id[:]))

	return r, nil
}

func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// Planned is what a call would send: for --dry-run. It holds no token; parameters that are secret
// print redacted.
type Planned struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"headers"`
	Body   string            `json:"body,omitempty"`
	Scopes []string          `json:"scopes,omitempty"`
}

// Plan returns what Do would send.
func (c *Client) Plan(r Request) (Planned, error) {
	p, err := c.prepare(r)
	if err != nil {
		return Planned{}, err
	}

	if who := p.namedUser(); who != "" {
		id := c.core.accounts.memory.Recall(c.core.accounts.userKey(hqAccount(p), who))
		p.header.Set("X-User-Id", cmp.Or(id, "the BIM 360 id of "+who+", which is looked up"))
	}

	if p.action.Name == actionPutBinary {
		return Planned{Method: http.MethodPut, URL: redacted,
			Header: map[string]string{"Content-Type": "application/octet-stream"}}, nil
	}

	hr, err := p.request(context.Background(), c.core.base)
	if err != nil {
		return Planned{}, err
	}

	hr.Header.Del("X-Ads-Request-Id")

	out := Planned{Method: hr.Method, URL: hr.URL.String(), Header: map[string]string{},
		Body: string(withoutSecrets(p.action, r.Body)), Scopes: c.scopesFor(p.action, r.Scopes)}
	for k := range hr.Header {
		out.Header[k] = hr.Header.Get(k)
	}

	if c.core.tokens != nil || c.core.remote {
		out.Header["Authorization"] = redacted
	}

	return out, nil
}

// withoutSecrets is a body whose secret fields are redacted; without any it stays as it is.
func withoutSecrets(a Action, body []byte) []byte {
	for _, p := range a.Params {
		var fields map[string]json.RawMessage
		if p.In != InBody || !p.Secret || json.Unmarshal(body, &fields) != nil || fields[p.Name] == nil {
			continue
		}

		fields[p.Name] = json.RawMessage(`"` + redacted + `"`)
		body, _ = json.Marshal(fields) // what was read as JSON marshals
	}

	return body
}

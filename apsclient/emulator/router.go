package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// family decides the shape of error bodies and what bodies are taken.
type family int

const (
	famDM   family = iota // JSON:API
	famOSS                // {"reason"}
	famHQ                 // {"code","message"}
	famCA                 // construction/admin
	famWH                 // webhooks
	famAuth               // token endpoint
	famS3                 // XML
)

// userRule is the context that an endpoint needs.
type userRule int

const (
	appOnly      userRule = iota // acts as the app whatever the token
	userOptional                 // acts as the user when one is there
	userRequired                 // a three-legged token, or two-legged with a user header
	noToken                      // takes no bearer token
)

// route is one endpoint as data.
type route struct {
	op, method, pattern string
	family              family
	scopes              []string // all needed
	class               string   // of the rate limits; "" none
	perMinute           int
	user                userRule
	streams             bool // the handler reads the body and writes the answer as they come
	handle              func(*call)
	segments            []string
}

type router struct{ routes []*route }

func newRouter() *router {
	r := &router{}
	for _, group := range [][]route{authRoutes(), robotRoutes(), projectRoutes(), dataRoutes(), ossRoutes(),
		s3Routes(), hookRoutes(), hqRoutes(), adminRoutes(), openIDRoutes(), relationRoutes(),
		commandRoutes(), signedRoutes(), companyRoutes(), userViewRoutes()} {
		for i := range group {
			rt := group[i]
			rt.segments = strings.Split(strings.TrimPrefix(rt.pattern, "/"), "/")
			r.routes = append(r.routes, &rt)
		}
	}

	return r
}

// find matches the escaped path segment by segment, so that an encoded slash stays inside its
// segment. A last segment {name...} takes the rest. known says whether the path exists with another
// method. The official Node SDKs begin every path with two slashes, which the service takes.
func (r *router) find(method, escaped string) (rt *route, params map[string]string, known bool) {
	got := strings.Split(strings.TrimLeft(escaped, "/"), "/")
	for _, rt := range r.routes {
		params, ok := rt.match(got)
		if !ok {
			continue
		}

		if rt.method == method {
			return rt, params, true
		}

		known = true
	}

	return nil, nil, known
}

func (rt *route) match(got []string) (map[string]string, bool) {
	params := map[string]string{}
	for i, want := range rt.segments {
		if name, ok := strings.CutSuffix(want, "...}"); ok {
			if i >= len(got) {
				return nil, false
			}

			params[name[1:]] = strings.Join(got[i:], "/")

			return params, true
		}

		if i >= len(got) {
			return nil, false
		}

		if strings.HasPrefix(want, "{") {
			v, err := url.PathUnescape(got[i])
			if err != nil || v == "" {
				return nil, false
			}

			params[want[1:len(want)-1]] = v

			continue
		}

		if want != got[i] {
			return nil, false
		}
	}

	return params, len(rt.segments) == len(got)
}

// familyOf guesses the error shape for a path that no route matches.
func familyOf(path string) family {
	switch {
	case strings.HasPrefix(path, "/oss/"):
		return famOSS
	case strings.HasPrefix(path, "/hq/"):
		return famHQ
	case strings.HasPrefix(path, "/construction/"), strings.HasPrefix(path, "/bim360/"):
		return famCA
	case strings.HasPrefix(path, "/webhooks/"):
		return famWH
	case strings.HasPrefix(path, "/authentication/"):
		return famAuth
	case strings.HasPrefix(path, "/s3/"):
		return famS3
	}

	return famDM
}

// origin is scheme and host as the client named them.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}

	if s, ok := r.Context().Value(schemeKey{}).(string); ok {
		scheme = s
	}

	return scheme + "://" + r.Host
}

type schemeKey struct{} // set by the in-process transport

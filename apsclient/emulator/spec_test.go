package emulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// knownDifferences are places where specification and documentation part, or where the
// specification contradicts itself. The key is a piece of the operation and one of the validator's
// message.
var knownDifferences = []struct{ op, message, reason string }{
	{"POST /authentication/v2/token", "Error at \"/scope\"", "scopes are a space-separated list by OAuth " +
		"and by the documentation; the specification types them as one value of an enumeration"},
	{"GET /data/v1/projects/{project_id}/items/{item_id}/tip", `Error at "/links/href"`,
		"links holds self as everywhere else in JSON:API and in the examples; the specification names a " +
			"bare link"},
	{"/relationships/refs", `Error at "/links": input matches more than one`, "self fits both " +
		"alternatives, which are not closed"},
	{"/relationships/", `Error at "/data": minimum number of items is 1`, "a resource without " +
		"relations has an empty list"},
	{"/commands", "does not contain the discriminator property", "the discriminator is a path, which " +
		"OpenAPI does not know; the forms are checked by name in the test"},
	{"POST /authentication/v2/introspect", `Error at "/client_id"`, "RFC 7662: a dead token answers " +
		"active=false and nothing else"},
	{"PUT /oss/v2/signedresources/", "request body has an error", "bytes are typed as a form"},
	{"/image", "unsupported schema of request body", "a picture is typed as a form"},
}

// relax loosens the one place where the specification contradicts its own examples: it types every
// value inside extension.data as an object, while texts, numbers and lists stand there in its
// examples and in the documentation.
func relax(doc *openapi3.T) {
	for name, ref := range doc.Components.Schemas {
		if !strings.Contains(name, "_extension_") && !strings.Contains(name, "_attributes_extension") {
			continue
		}

		if data := ref.Value.Properties["data"]; data != nil && data.Value != nil {
			data.Value.AdditionalProperties = openapi3.AdditionalProperties{}
		}
	}
}

// specs is the published OpenAPI description of the service.
type specs struct {
	t    *testing.T
	docs []*openapi3.T
	mu   sync.Mutex
	seen map[string]int // operation -> validated answers
}

// loadSpecs reads the specifications; without them the test is skipped, unless REQUIRE_SPECS=1.
func loadSpecs(t *testing.T) *specs {
	t.Helper()
	dir := os.Getenv("HOIST_SPECS")
	if dir == "" {
		wd, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}

		dir = filepath.Join(wd, "..", "..", "..", "shared")
	}

	files, err := filepath.Glob(filepath.Join(dir, "aps", "openapi", "*.yaml"))
	if err != nil || len(files) == 0 {
		if os.Getenv("REQUIRE_SPECS") == "1" {
			t.Fatalf("no specifications in %s", dir)
		}

		t.Skipf("no specifications in %s: set HOIST_SPECS", dir)
	}

	s := &specs{t: t, seen: map[string]int{}}
	for _, f := range files {
		doc, err := openapi3.NewLoader().LoadFromFile(f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}

		relax(doc)
		s.docs = append(s.docs, doc)
	}

	return s
}

// route finds the operation of a request: the template with the fewest parameters that matches.
func (s *specs) route(method, escaped string) (*routers.Route, map[string]string) {
	var best *routers.Route

	var bestParams map[string]string
	got := strings.Split(escaped, "/")
	for _, doc := range s.docs {
		for template, item := range doc.Paths.Map() {
			op := item.GetOperation(method)
			want := strings.Split(template, "/")
			if op == nil || len(want) != len(got) {
				continue
			}

			params, ok := map[string]string{}, true
			for i, w := range want {
				if strings.HasPrefix(w, "{") && strings.HasSuffix(w, "}") {
					v, err := url.PathUnescape(got[i])
					if err != nil {
						ok = false
					}

					params[w[1:len(w)-1]] = v
				} else if w != got[i] {
					ok = false
				}
			}

			if ok && (best == nil || len(params) < len(bestParams)) {
				best, bestParams = &routers.Route{Spec: doc, Path: template, PathItem: item, Method: method,
					Operation: op}, params
			}
		}
	}

	return best, bestParams
}

// checked validates every exchange that passes through it. Requests that ended in 4xx are meant to
// be wrong.
type checked struct {
	base  http.RoundTripper
	specs *specs
}

func (c *checked) RoundTrip(req *http.Request) (*http.Response, error) {
	escaped := req.URL.EscapedPath()
	route, params := c.specs.route(req.Method, escaped)
	var body []byte
	if req.Body != nil && route != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(body))
	}

	resp, err := c.base.RoundTrip(req)
	if err != nil || route == nil {
		return resp, err
	}

	raw, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	if err != nil {
		return resp, nil
	}

	name := req.Method + " " + route.Path
	opts := &openapi3filter.Options{AuthenticationFunc: func(context.Context,
		*openapi3filter.AuthenticationInput) error {
		return nil
	}, MultiError: true}
	in := &openapi3filter.RequestValidationInput{Request: req.Clone(req.Context()), PathParams: params,
		Route: route, Options: opts}
	in.Request.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode < 400 {
		c.report(name, "request", openapi3filter.ValidateRequest(req.Context(), in))
	}

	if route.Operation.Responses.Status(resp.StatusCode) == nil && resp.StatusCode >= 400 {
		return resp, nil // error statuses are the documentation's; the specification lists few of them
	}

	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode,
		Header: resp.Header, Options: opts}
	out.SetBodyBytes(raw)
	c.report(name, fmt.Sprintf("response %d", resp.StatusCode),
		openapi3filter.ValidateResponse(req.Context(), out))
	c.specs.mu.Lock()
	defer c.specs.mu.Unlock()
	if resp.StatusCode < 400 {
		c.specs.seen[name]++
	}

	return resp, nil
}

func (c *checked) report(name, what string, err error) {
	if err == nil {
		return
	}

	message := what + ": " + err.Error()
	for _, k := range knownDifferences {
		if strings.Contains(name, k.op) && strings.Contains(message, k.message) {
			return
		}
	}

	if i := strings.Index(message, "Schema:"); i > 0 && len(message) > i+200 {
		message = message[:i] + " …"
	}

	c.specs.t.Errorf("%s %s", name, message)
}

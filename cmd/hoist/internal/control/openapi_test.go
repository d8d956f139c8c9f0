package control

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// described is the document of the API, checked.
func described(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}

	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}

	r, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}

	return doc, r
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// examples are a path with something in place of its placeholders: each value of a parameter that
// has only some.
func examples(path string, item *openapi3.PathItem) []string {
	out := []string{path}
	for _, m := range placeholder.FindAllStringSubmatch(path, -1) {
		values := []string{"x"}
		if item != nil {
			if p := item.Parameters.GetByInAndName("path", m[1]); p != nil && len(p.Schema.Value.Enum) > 0 {
				values = nil
				for _, v := range p.Schema.Value.Enum {
					values = append(values, v.(string))
				}
			}
		}

		var next []string
		for _, o := range out {
			for _, v := range values {
				next = append(next, strings.Replace(o, m[0], v, 1))
			}
		}

		out = next
	}

	return out
}

// TestEveryRouteIsDescribed: what the document has is answered, and what is answered it has.
func TestEveryRouteIsDescribed(t *testing.T) {
	doc, router := described(t)
	mux := http.NewServeMux()
	nothing := func(http.ResponseWriter, *http.Request) {}
	routes := server{}.routes(ServerOptions{Metrics: nothing})
	for pattern := range routes {
		mux.HandleFunc(pattern, nothing)
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.Replace(path, "{verb}", string(Pause), 1)
		r := httptest.NewRequestWithContext(t.Context(), method, "http://hoist"+examples(path, nil)[0], nil)
		if _, _, err := router.FindRoute(r); err != nil {
			t.Errorf("%s is answered and not described: %v", pattern, err)
		}
	}

	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			for _, example := range examples(path, item) {
				r := httptest.NewRequestWithContext(t.Context(), method, example, nil)
				if _, pattern := mux.Handler(r); pattern == "" {
					t.Errorf("%s %s is described and not answered", method, example)
				}
			}
		}
	}
}

// TestSchemasAreTheTypes: each schema has the fields of its type, and requires those that are always
// there.
func TestSchemasAreTheTypes(t *testing.T) {
	doc, _ := described(t)
	var update struct {
		Update
		lastLine
	}
	types := map[string]any{"Update": update, "Action": plainAction{}, "Error": struct {
		errorBody
		Body string `json:"body,omitempty"`
	}{}}
	for _, v := range []any{Status{}, Trouble{}, Owner{}, Slow{}, Counts{}, Watch{}, Brake{},
		SentVersion{}, Excluded{}, RuleCount{}, Active{}, Attention{},
		Waiting{}, Budget{}, ETA{}, Job{}, JobDetail{}, Part{}, History{}, ActResult{},
		Filter{}, PushRequest{}, PullRequest{}, Plan{}, PlanFile{}, Progress{}, WatchRequest{},
		WatchSettings{}, PageLink{}, WatchAdded{}, Event{}, StateReport{}, PreflightReport{}, PreflightRow{},
		Forecast{}, ForecastPart{}, Expected{}, VerifyRequest{}, VerifyFile{}, VerifyReport{},
		ForgetRequest{}, Forgotten{}, StreamRecord{}, Explanation{}, Record{}, Plots{}, PlotPoint{},
		Bandwidth{}, BandwidthRequest{}, ActedOn{}, ActAllRequest{}, Finding{},
		PendingPush{}, DroppedPushes{}, Renewed{}} {
		types[reflect.TypeOf(v).Name()] = v
	}

	for name, schema := range doc.Components.Schemas {
		v, ok := types[name]
		if !ok {
			t.Errorf("schema %s is of no type that this test knows", name)
			continue
		}

		delete(types, name)

		var fields, always []string
		fieldsOf(reflect.TypeOf(v), &fields, &always)

		var have []string
		for field := range schema.Value.Properties {
			have = append(have, field)
		}

		if slices.Sort(have); !slices.Equal(have, fields) {
			t.Errorf("%s has the properties\n%v, its type the fields\n%v", name, have, fields)
		}

		strict := schema.Value.AdditionalProperties.Has != nil // what hoist takes: all may be left out
		need := slices.Sorted(slices.Values(schema.Value.Required))
		if !strict && name != "Update" && !slices.Equal(need, always) {
			t.Errorf("%s requires\n%v, its type always has\n%v", name, need, always)
		}
	}

	for name := range types {
		t.Errorf("type %s has no schema", name)
	}
}

// fieldsOf are the names in JSON of a struct, sorted, and those that are always there.
func fieldsOf(ty reflect.Type, all, always *[]string) {
	for f := range ty.Fields() {
		if f.Anonymous {
			fieldsOf(f.Type, all, always)
			continue
		}

		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}

		*all = append(*all, name)
		if options == "" {
			*always = append(*always, name)
		}
	}

	slices.Sort(*all)
	slices.Sort(*always)
}

// TestAnswersAreAsDescribed sends requests that the document allows, and some that it does not, and
// compares every answer with it.
func TestAnswersAreAsDescribed(t *testing.T) {
	_, router := described(t)
	h := NewHandler(&owner{follow: func(_ context.Context, each func(Update) error) error {
		return each(Update{For: "a", Job: &Job{ID: "a", Kind: "upload", State: "done"}})
	}}, ServerOptions{})
	for _, tt := range []struct {
		method, path, body string
		wrong              bool // the request is not one of the document
	}{
		{method: "GET", path: "/healthz"},
		{method: "GET", path: "/v1/openapi.yaml"},
		{method: "GET", path: "/v1/status"},
		{method: "GET", path: "/v1/jobs/none"},
		{method: "POST", path: "/v1/jobs/7/pause"},
		{method: "POST", path: "/v1/push",
			body: `{"paths":["/a"],"remote":"oss://bkt","filter":{"min_age":2}}`},
		{method: "POST", path: "/v1/push", body: `{"paht":["/a"]}`, wrong: true},
		{method: "GET", path: "/v1/jobs?limit=x", wrong: true},
		{method: "GET", path: "/v1/plots?span=day"},
		{method: "POST", path: "/v1/follow", body: `{"ids":["a"]}`},
		{method: "DELETE", path: "/v1/watches", wrong: true},
		{method: "PATCH", path: "/v1/watches/7", body: `{"set":{"settle":["30s"]}}`},
		{method: "PATCH", path: "/v1/watches/7", body: `{"settle":"30s"}`, wrong: true},
		{method: "POST", path: "/v1/actions/list-hubs", body: `{"params":7}`, wrong: true},
		{method: "POST", path: "/v1/actions/no-such", body: `{}`},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), tt.method, "http://hoist"+tt.path,
				strings.NewReader(tt.body))
			if tt.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}

			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			checkAnswer(t, router, r, tt.body, w.Result(), tt.wrong)
		})
	}
}

// checkAnswer compares a request and its answer with the document.
func checkAnswer(t *testing.T, router routers.Router, r *http.Request, body string, resp *http.Response,
	wrong bool) {
	t.Helper()
	route, params, err := router.FindRoute(r)
	if err != nil {
		t.Fatal(err)
	}

	r.Body = io.NopCloser(strings.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(t.Context(), in); (err != nil) != wrong {
		t.Errorf("the request: %v, wanted an error: %v", err, wrong)
	}

	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	if wrong && resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a wrong request: status %d", resp.StatusCode)
	}

	if kind := resp.Header.Get("Content-Type"); kind == "application/x-ndjson" || kind == "application/yaml" {
		return // no decoder for lines; TestFollowTellsEverythingThenEnds reads them
	}

	if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
		Body:    io.NopCloser(bytes.NewReader(data)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}); err != nil {
		t.Errorf("the answer: %v\n%s", err, data)
	}
}

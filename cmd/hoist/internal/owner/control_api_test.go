package owner

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
)

// TestControlAPIIsAsItSays reads the description from an owner, and compares what it answers with it.
func TestControlAPIIsAsItSays(t *testing.T) {
	options, cloud := newOptions(t)
	options.Reload = func() (config.Settings, []config.Watch, error) {
		file, err := config.Load(options.Home)
		return file.Settings, file.Watch, err
	}
	handler := control.NewHandler(open(t, Full, options),
		control.ServerOptions{Health: func() error { return nil }})
	answer := func(method, path, body string) (*http.Request, *http.Response, []byte) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "http://hoist"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)

		return r, w.Result(), w.Body.Bytes()
	}

	_, _, text := answer("GET", "/v1/openapi.yaml", "")
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}

	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}

	ask := func(method, path, body string, status int) []byte {
		t.Helper()
		r, resp, data := answer(method, path, body)
		if resp.StatusCode != status {
			t.Fatalf("%s %s: status %d, want %d\n%s", method, path, resp.StatusCode, status, data)
		}

		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Fatal(err)
		}

		if resp.Header.Get("Content-Type") == "application/x-ndjson" {
			return data
		}

		r.Body = io.NopCloser(strings.NewReader(body))
		if err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route,
				PathParams: params},
			Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(data)),
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		}); err != nil {
			t.Errorf("%s %s: %v\n%s", method, path, err, data)
		}

		return data
	}

	quoted := func(s string) string {
		q, _ := json.Marshal(s) // a string always marshals
		return string(q)
	}

	dir, remote := t.TempDir(), cloud.DemoRemote()
	path := write(t, filepath.Join(dir, "plan.dwg"), make([]byte, 1000))
	var plan control.Plan
	if err := json.Unmarshal(ask("POST", "/v1/push", `{"paths":[`+quoted(path)+`],"remote":`+
		quoted(remote)+`}`, 200), &plan); err != nil || len(plan.Files) != 1 || plan.Files[0].Job == "" {
		t.Fatalf("push: %+v, %v", plan, err)
	}

	id := plan.Files[0].Job
	ask("POST", "/v1/follow", `{"ids":["`+id+`"]}`, 200)
	watched := filepath.Join(dir, "watched")
	if err := os.Mkdir(watched, 0o755); err != nil {
		t.Fatal(err)
	}

	var watch control.WatchAdded
	if err := json.Unmarshal(ask("POST", "/v1/watches", `{"path":`+quoted(watched)+`,"remote":`+
		quoted(remote+"/w")+`}`, 200), &watch); err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/healthz", "", 200},
		{"GET", "/v1/status", "", 200},
		{"GET", "/v1/jobs?state=done&limit=5", "", 200},
		{"GET", "/v1/jobs/" + id, "", 200},
		{"GET", "/v1/jobs/ffff", "", 404},
		{"POST", "/v1/jobs/" + id + "/pause", "", 200},
		{"POST", "/v1/pull", `{"remote":` + quoted(remote+"/plan.dwg") + `,"path":` +
			quoted(filepath.Join(dir, "back.dwg")) + `,"dry_run":true}`, 200},
		{"POST", "/v1/pull", `{"remote":"aps://nowhere/x","path":` + quoted(dir) + `}`, 404},
		{"GET", "/v1/watches", "", 200},
		{"POST", "/v1/watches/" + watch.ID + "/scan", "", 200},
		{"PATCH", "/v1/watches/" + watch.ID, `{"set":{"settle":["3s"],"exclude":["*.bak","old/"]}}`, 200},
		{"PATCH", "/v1/watches/" + watch.ID, `{"set":{"settle":["soon"]}}`, 400},
		{"GET", "/v1/explain?path=" + url.QueryEscape(path), "", 200},
		{"GET", "/v1/state", "", 200},
		{"POST", "/v1/verify", "", 200},
		{"POST", "/v1/actions/list-hubs", "", 200},
		{"POST", "/v1/actions/list-hub", "", 400},
		{"DELETE", "/v1/watches?id=" + watch.ID, "", 200},
		{"DELETE", "/v1/watches/" + watch.ID, "", 404},
	} {
		ask(tt.method, tt.path, tt.body, tt.status)
	}
}

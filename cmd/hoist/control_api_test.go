package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/trail"
)

// TestControlAPIIsAsItSays reads the description from a daemon, and compares what the daemon answers
// with it.
func TestControlAPIIsAsItSays(t *testing.T) {
	l := newLab(t)
	l.start("daemon")
	l.owned("daemon")
	c := l.socket()

	resp, err := c.Get("http://hoist/v1/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}

	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

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
		r, err := http.NewRequestWithContext(t.Context(), method, "http://hoist"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}

		r.Header.Set("Content-Type", "application/json")
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Fatalf("%s %s: status %d, want %d, %v\n%s", method, path, resp.StatusCode, status, err, data)
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

	path := l.file("plan.dwg", 1000)
	var plan control.Plan
	if err := json.Unmarshal(ask("POST", "/v1/push", `{"paths":[`+quoted(path)+`],"remote":`+
		quoted(l.remote)+`}`, 200), &plan); err != nil || len(plan.Files) != 1 || plan.Files[0].Job == "" {
		t.Fatalf("push: %+v, %v", plan, err)
	}

	id := plan.Files[0].Job
	ask("POST", "/v1/follow", `{"ids":["`+id+`"]}`, 200)
	watched := filepath.Join(l.dir, "watched")
	if err := os.Mkdir(watched, 0o755); err != nil {
		t.Fatal(err)
	}

	var watch control.WatchAdded
	if err := json.Unmarshal(ask("POST", "/v1/watches", `{"path":`+quoted(watched)+`,"remote":`+
		quoted(l.remote+"/w")+`}`, 200), &watch); err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/healthz", "", 200},
		{"GET", "/metrics", "", 200},
		{"GET", "/v1/status", "", 200},
		{"GET", "/v1/jobs?state=done&limit=5", "", 200},
		{"GET", "/v1/jobs/" + id, "", 200},
		{"GET", "/v1/jobs/ffff", "", 404},
		{"POST", "/v1/jobs/" + id + "/pause", "", 200},
		{"POST", "/v1/pull", `{"remote":` + quoted(l.remote+"/plan.dwg") + `,"path":` +
			quoted(filepath.Join(l.dir, "back.dwg")) + `,"dry_run":true}`, 200},
		{"POST", "/v1/pull", `{"remote":"aps://nowhere/x","path":` + quoted(l.dir) + `}`, 404},
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

// TestEventsGoOn: the events of a daemon by index, without a gap, over a break, and after its end.
func TestEventsGoOn(t *testing.T) {
	l := newLab(t)
	d := l.start("daemon")
	l.owned("daemon")

	stands := func() control.Event {
		var e control.Event
		out, _ := l.run(0, "events", "--json")
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			t.Fatalf("%v: %s", err, out)
		}

		return e
	}
	before := stands()
	follower := l.start("events", "--follow", "--since", strconv.FormatUint(before.Index, 10), "--json")
	path := l.file("plan.dwg", 1000)
	l.run(0, "push", path, l.remote)
	after := stands()
	if after.Index <= before.Index || after.Counts.Done != 1 {
		t.Errorf("it stood at %+v, stands at %+v", before, after)
	}

	out, _ := l.run(0, "events", "--json", "--since", strconv.FormatUint(before.Index, 10))
	var since control.Event
	if err := json.Unmarshal([]byte(out), &since); err != nil || since.Lost || len(since.Jobs) != 1 ||
		since.Jobs[0].State != "done" {
		t.Errorf("what came since: %v %s", err, out)
	}

	if out, _ := l.run(0, "events", "--since", strconv.FormatUint(after.Index, 10)); out != "" {
		t.Errorf("nothing came after: %s", out)
	}

	if d.interrupt() != 0 {
		t.Error("the daemon did not end well")
	}

	if code := follower.wait(); code != 6 {
		t.Errorf("the follower of a daemon that ended: exit code %d", code)
	}

	last := before.Index
	var state string
	for line := range strings.Lines(follower.out.String()) {
		var e control.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Index <= last || e.Lost {
			t.Errorf("after %d: %v, %s", last, err, line)
		}

		last = e.Index
		for _, j := range e.Jobs {
			state = string(j.State)
		}
	}

	if state != "done" {
		t.Errorf("the last that was told of the job is %q\n%s", state, follower.out.String())
	}

	l.run(6, "events", "--follow")
}

// TestChangesAreNotedWithTheirUser: what a command does itself, and what it has the owner do.
func TestChangesAreNotedWithTheirUser(t *testing.T) {
	l := newLab(t)
	path := l.file("plan.dwg", 1000)
	l.run(0, "push", path, l.remote)
	l.run(0, "push", "--dry-run", path, l.remote)
	l.run(0, "jobs")
	l.start("daemon")
	l.owned("daemon")
	l.run(0, "push", "--force", path, l.remote)
	l.run(0, "rm", "--yes", l.remote+"/plan.dwg")
	l.run(5, "pause", "ffff")
	l.run(0, "ls", l.remote)

	f, err := os.Open(filepath.Join(l.home, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	me, _ := trail.Self()
	var got []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e trail.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Time.IsZero() {
			t.Fatalf("%v: %s", err, lines.Text())
		}

		// the loopback address of a Windows without sockets tells nobody
		if (e.User != me || e.PID == 0) && os.PathSeparator == '/' {
			t.Errorf("not who did it: %s", lines.Text())
		}

		got = append(got, e.Command)
		if (e.Error != "") != (e.Command == "pause") {
			t.Errorf("what came of it: %s", lines.Text())
		}
	}

	want := "push push api create-version pause"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("noted: %s\nwant:  %s", text, want)
	}
}

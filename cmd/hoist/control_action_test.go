package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
)

// socket returns a client that asks the owner of the home as curl --unix-socket does, without a
// hint of who asks.
func (l *lab) socket() *http.Client {
	l.t.Helper()
	network, addr, token := "unix", filepath.Join(l.home, "control.sock"), ""
	if data, err := os.ReadFile(filepath.Join(l.home, "control.addr")); err == nil {
		addr, token, _ = strings.Cut(strings.TrimSpace(string(data)), "\n")
		if !filepath.IsAbs(addr) {
			network = "tcp"
		}
	}

	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}
	l.t.Cleanup(t.CloseIdleConnections)

	return &http.Client{Transport: withToken{t, strings.TrimSpace(token), addr}}
}

// withToken adds what a loopback address asks for.
type withToken struct {
	next        http.RoundTripper
	token, addr string
}

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
		r.Host = w.addr
	}

	return w.next.RoundTrip(r)
}

// TestActionsOverTheSocket: POST /v1/actions/{name} as a program without hoist's own packages
// writes it.
func TestActionsOverTheSocket(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.addExamples()
	l.start("daemon")
	l.owned("daemon")
	c := l.socket()
	path, err := json.Marshal(l.file("composite.dwg", 1000))
	if err != nil {
		t.Fatal(err)
	}

	upload := `{"params":{"project_id":"` + lookProject + `","folder_id":"` + lookParent + `"},"body":` +
		string(path) + `}`
	for _, row := range []struct {
		name, action, body string
		status             int
		says               []string
	}{
		{"no parameters", "list-hubs", `{}`, 200, []string{`"Demo Hub"`, `"data"`}},
		{"no body at all", "list-hubs", ``, 200, []string{`"Demo Hub"`}},
		{"a parameter", "get-bucket-details", `{"params":{"bucketKey":"hoist-demo-bucket"}}`, 200,
			[]string{`"bucketKey"`, `hoist-demo-bucket`}},
		{"a query", "list-bucket-objects",
			`{"params":{"bucketKey":"hoist-demo-bucket"},"query":{"limit":1,"beginsWith":["hel"]}}`, 200,
			[]string{"hello.txt"}},
		{"a body", "create-bucket", `{"body":{"bucketKey":"socket-bucket","policyKey":"transient"}}`, 200,
			[]string{"socket-bucket"}},
		{"a body as text", "create-bucket",
			`{"body":"{\"bucketKey\":\"socket-bucket2\",\"policyKey\":\"transient\"}"}`, 200,
			[]string{"socket-bucket2"}},
		{"an answer without a body", "create-webhook",
			`{"params":{"system":"data","event":"dm.version.deleted"},` +
				`"body":{"callbackUrl":"https://example.com/s","scope":{"folder":"` +
				lookParent + `"}}}`, 201,
			[]string{`"status":201`, `"hook_id"`}},
		{"an unknown action", "list-hub", `{}`, 400, []string{`"error"`, `list-hubs`, `"code":2`, `"hint"`}},
		{"an unknown parameter", "get-hub", `{"params":{"hup":"x"}}`, 400,
			[]string{`"error"`, `hup`, `"code":2`, `"hint"`}},
		{"out of range", "list-bucket-objects",
			`{"params":{"bucketKey":"hoist-demo-bucket"},"query":{"limit":101}}`, 400, []string{`1 to 100`}},
		{"a parameter of another type", "list-buckets", `{"params":{"limit":{"a":1}}}`, 400,
			[]string{`parameter limit`, `"code":2`}},
		{"a query that is not known", "list-buckets", `{"query":{"brandNew":5}}`, 200, []string{`"items"`}},
		{"the same, strictly", "list-buckets", `{"query":{"brandNew":5},"strict":true}`, 400,
			[]string{`brandNew`, `"code":2`}},
		{"a deprecated value, strictly", "list-project-users", `{"params":{"projectId":"` + lookProject +
			`"},"query":{"filter[status]":"active,reactivated"},"strict":true}`, 400, []string{`deprecated`}},
		{"a known query, strictly", "list-buckets", `{"query":{"limit":5},"strict":true}`, 200,
			[]string{`"items"`}},
		{"a null", "list-buckets", `{"query":{"beginsWith":[null]}}`, 400,
			[]string{`parameter beginsWith`, `"code":2`}},
		{"params of another type", "list-hubs", `{"params":7}`, 400, []string{`params: number`, `"code":2`}},
		{"a list", "list-hubs", `[]`, 400, []string{`array`, `"code":2`}},
		{"two values", "list-hubs", `{} {}`, 400, []string{`more than one`, `"code":2`}},
		{"another profile", "create-bucket?profile=nobody",
			`{"body":{"bucketKey":"nobodys","policyKey":"transient"}}`, 400, []string{`nobody`, `"code":2`}},
		{"malformed", "list-hubs", `{"params":`, 400, []string{`"error"`, `"code":2`}},
		{"an unknown field", "list-hubs", `{"parameters":{}}`, 400, []string{`"error"`, `parameters`}},
		{"what the service refuses", "get-bucket-details", `{"params":{"bucketKey":"no-such-bucket"}}`, 404,
			[]string{`"error"`, `"code":5`, `"hint"`, `"body"`}},
		{"the composite without a file", "upload-file-in-project-folder",
			`{"params":{"project_id":"b.x","folder_id":"urn:y"}}`, 400, []string{`absolute path`}},
		{"the composite", "upload-file-in-project-folder", upload, 200,
			[]string{`"created"`, `"item_id"`, `"version_id"`}},
		{"the composite again", "upload-file-in-project-folder", upload, 200, []string{`"unchanged"`}},
		{"the composite that leaves what is there", "upload-file-in-project-folder",
			strings.Replace(upload, `"},`, `","conflict":"skip"},`, 1), 200,
			[]string{`"unchanged"`, `"item_id"`, `"version_id"`, `"storage_id"`,
				`"remote":"aps://Demo Hub/`}},
		{"the composite where it is not", "upload-file-in-project-folder",
			strings.Replace(upload, lookProject, "b.5c1f0000-0000-4000-8000-000000000999", 1), 404,
			[]string{`"code":5`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			l.cloud.ResetJournal()
			resp, err := c.Post("http://hoist/v1/actions/"+row.action, "application/x-www-form-urlencoded",
				strings.NewReader(row.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			data, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}

			if resp.StatusCode != row.status || !has(row.says...)(string(data)) || !json.Valid(data) {
				t.Errorf("status %d, want %d, with %q:\n%s", resp.StatusCode, row.status, row.says, data)
			}

			if n := len(l.cloud.Requests()); row.status == 400 && n > 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}

	// A signed URL, which has no place in a row.
	urls := l.action(c, "get-signed-s3-upload-urls",
		`{"params":{"bucketKey":"hoist-demo-bucket","objectKey":"by-socket"}}`)
	url, err := json.Marshal(parseURLs(t, urls)[0])
	if err != nil {
		t.Fatal(err)
	}

	if got := l.action(c, "upload-binary-to-signed-s3-url",
		`{"params":{"url":`+string(url)+`},"body":"aGVsbG8="}`); !strings.Contains(got,
		`"etag":"5d41402abc4b2a76b9719d911017c592"`) {
		t.Errorf("a part that was put: %s", got)
	}

	// An answer is lost: what is there is the answer.
	l.cloud.ResetJournal()
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-bucket" {
			return emulator.Fault{Kind: emulator.LoseReply}
		}

		return emulator.Fault{}
	})
	lost, err := c.Post("http://hoist/v1/actions/create-bucket", "application/json",
		strings.NewReader(`{"body":{"bucketKey":"lost-bucket","policyKey":"transient"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Body.Close()
	if data, err := io.ReadAll(lost.Body); err != nil || lost.StatusCode != http.StatusOK ||
		!has(`"bucketKey"`, `lost-bucket`)(string(data)) {
		t.Errorf("after a lost answer: status %d, %v: %s", lost.StatusCode, err, data)
	}

	// The service is gone: the same shape.
	l.stopCloud()
	resp, err := c.Post("http://hoist/v1/actions/create-bucket", "application/json",
		strings.NewReader(`{"body":{"bucketKey":"socket-bucket3","policyKey":"transient"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusBadGateway ||
		!has(`"error"`, `"hint"`, `"code":1`)(string(data)) {
		t.Errorf("status %d, %v: %s", resp.StatusCode, err, data)
	}
}

// TestWarningsOverTheSocket: what may be a mistake is sent and named, one header each, whatever the
// name holds.
func TestWarningsOverTheSocket(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start("daemon")
	l.owned("daemon")
	c := l.socket()
	for query, want := range map[string]int{`{}`: 0, `{"limit":5}`: 0, `{"brandNew":5}`: 1,
		`{"a\r\nX-Evil: 1":"x","newer":[1,2]}`: 2} {
		resp, err := c.Post("http://hoist/v1/actions/list-buckets", "application/json",
			strings.NewReader(`{"query":`+query+`}`))
		if err != nil {
			t.Fatal(err)
		}

		resp.Body.Close()
		if got := resp.Header.Values("X-Hoist-Warning"); len(got) != want ||
			resp.Header.Get("X-Evil") != "" ||
			resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, %q", query, resp.StatusCode, got)
		}
	}
}

// TestWrongInputOverTheSocket: what the owner cannot mean is refused, and not taken for something
// else.
func TestWrongInputOverTheSocket(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("relative.dwg", 1000)
	l.start("daemon")
	l.owned("daemon")

	c := l.socket()
	const remote = `"remote":"aps://Demo Hub/Demo Project/Project Files"`
	for _, row := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "jobs?state=nonsense", "", 400, "queued, active"},
		{"GET", "jobs?limit=-1", "", 400, "limit"},
		{"GET", "jobs/nonsense", "", 404, `"code":5`},
		{"POST", "jobs/nonsense/pause", "", 404, `"code":5`},
		{"GET", "events?since=nonsense", "", 400, "since"},
		{"POST", "push", `{"paths":["relative.dwg"],` + remote + `}`, 400, "not absolute"},
		{"POST", "pull", `{"path":"relative",` + remote + `}`, 400, "not absolute"},
		{"POST", "pull", `{` + remote + `}`, 400, "not absolute"},
		{"POST", "watches", `{"path":".",` + remote + `}`, 400, "not absolute"},
		{"DELETE", "watches", "", 400, "id"},
		{"GET", "explain?path=relative.dwg", "", 400, "not absolute"},
	} {
		t.Run(row.method+" "+row.path+row.body, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), row.method, "http://hoist/v1/"+row.path,
				strings.NewReader(row.body))
			if err != nil {
				t.Fatal(err)
			}

			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			data, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != row.status ||
				!has(row.says, `"error"`, `"hint"`)(string(data)) {
				t.Errorf("status %d, want %d, with %q: %s, %v", resp.StatusCode, row.status, row.says, data,
					err)
			}
		})
	}
}

// action makes a call over the socket and returns its answer, which must be a success.
func (l *lab) action(c *http.Client, name, body string) string {
	l.t.Helper()
	resp, err := c.Post("http://hoist/v1/actions/"+name, "application/json", strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: status %d, %v: %s", name, resp.StatusCode, err, data)
	}

	return string(data)
}

func parseURLs(t *testing.T, answer string) []string {
	t.Helper()
	var in struct{ URLs []string }
	if err := json.Unmarshal([]byte(answer), &in); err != nil || len(in.URLs) == 0 {
		t.Fatalf("no URLs in %s (%v)", answer, err)
	}

	return in.URLs
}

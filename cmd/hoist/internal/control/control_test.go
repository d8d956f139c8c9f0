package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
)

// owner is an API whose answers a test sets.
type owner struct {
	API
	follow func(ctx context.Context, each func(Update) error) error
	event  func(since uint64) (Event, error)
	acted  []string
	pushed PushRequest
}

func (o *owner) Status(context.Context) (Status, error) {
	return Status{Version: "v", Watches: []Watch{}, Active: []Active{}, Attention: []Attention{},
		Waiting: []Waiting{}, Budgets: []Budget{}}, nil
}

func (o *owner) Brief(ctx context.Context, _ int) (Status, error) { return o.Status(ctx) }

func (o *owner) Act(_ context.Context, id string, verb Verb) (ActResult, error) {
	o.acted = append(o.acted, string(verb)+" "+id)
	return ActResult{ID: id, State: "paused", Result: string(verb)}, nil
}

func (o *owner) SetWatch(_ context.Context, which string, r WatchSettings) (WatchAdded, error) {
	return WatchAdded{ID: which, Path: "/a", Remote: "oss://bkt", State: strings.Join(r.Set["settle"], "")},
		nil
}

func (o *owner) Job(_ context.Context, id string) (JobDetail, error) {
	return JobDetail{}, problem.With(problem.NotFound, errors.New("no job "+id),
		problem.Text("look at the list"))
}

func (o *owner) Plots(_ context.Context, span string) (Plots, error) {
	return Plots{Span: span, Limits: map[string]int{"oss": 1000}, Points: []PlotPoint{{Sent: 1}}}, nil
}

func (o *owner) Push(_ context.Context, r PushRequest) (Plan, error) {
	o.pushed = r
	return Plan{Batch: r.Batch, Files: []PlanFile{}}, nil
}

func (o *owner) Follow(ctx context.Context, _ []string, each func(Update) error) error {
	return o.follow(ctx, each)
}

func (o *owner) Changes(_ context.Context, since uint64) (Event, error) { return o.event(since) }

func (o *owner) Action(_ context.Context, profile string, r apsclient.Request) (*Answer, error) {
	return &Answer{Status: 200,
		Body: []byte(profile + " " + r.Action + " " + r.Params["hub_id"])}, nil
}

// serve listens as an owner does and dials it.
func serve(t *testing.T, api API, o ServerOptions) *Client {
	t.Helper()
	dir := shortDir(t)
	socket, addr := filepath.Join(dir, "control.sock"), filepath.Join(dir, "control.addr")
	l, err := Listen(socket, addr, writePrivate)
	if err != nil {
		t.Fatal(err)
	}

	o.Token = l.Token
	s := httptest.NewUnstartedServer(NewHandler(api, o))
	if err := s.Listener.Close(); err != nil {
		t.Fatal(err)
	}

	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	c, err := Dial(t.Context(), socket, addr)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(c.Close)

	return c
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(dir) })

	return dir
}

func writePrivate(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }

func TestClientAndServer(t *testing.T) {
	o := &owner{}
	c := serve(t, o, ServerOptions{})
	ctx := t.Context()
	if s, err := c.Status(ctx); err != nil || s.Version != "v" {
		t.Errorf("status: %+v, %v", s, err)
	}

	if r, err := c.Act(ctx, "ab c", Pause); err != nil || r.Result != string(Pause) ||
		o.acted[0] != "pause ab c" {
		t.Errorf("act: %+v, %v, %v", r, err, o.acted)
	}

	if _, err := c.Push(ctx, PushRequest{Paths: []string{"/a/"}, Remote: "oss://bkt",
		Batch: "7"}); err != nil || o.pushed.Paths[0] != "/a/" || o.pushed.Batch != "7" {
		t.Errorf("push: %+v, %v", o.pushed, err)
	}

	for name, told := range map[string]bool{"/a\xff": false, "/a\ufffd": true, `/a\ufffd`: true,
		`/a\` + "\xff": false} {
		o.pushed = PushRequest{}
		_, err := c.Push(ctx, PushRequest{Paths: []string{"/b", name}, Remote: "oss://bkt"})
		if kind, _ := problem.Of(err); told != (err == nil) || told != (len(o.pushed.Paths) == 2 &&
			o.pushed.Paths[1] == name) || !told && kind != problem.Usage {
			t.Errorf("push of %q: %+v, %v", name, o.pushed, err)
		}
	}

	_, err := c.Job(ctx, "x")
	if kind, fix := problem.Of(err); kind != problem.NotFound || fix.Words != "look at the list" ||
		err.Error() != "no job x" {
		t.Errorf("job: %v, %q, %v", err, kind, fix)
	}

	resp, err := c.Action(ctx, "p q",
		apsclient.Request{Action: "get-hub", Params: map[string]string{"hub_id": "b.1"}})
	if err != nil || string(resp.Body) != "p q get-hub b.1" {
		t.Errorf("action: %+v, %v", resp, err)
	}
}

func TestFollowTellsEverythingThenEnds(t *testing.T) {
	o := &owner{follow: func(_ context.Context, each func(Update) error) error {
		for _, id := range []string{"a", "b"} {
			if err := each(Update{For: id, Job: &Job{ID: id}}); err != nil {
				return err
			}
		}

		return nil
	}}
	c := serve(t, o, ServerOptions{})
	var got []string
	if err := c.Follow(t.Context(), []string{"a", "b"}, func(u Update) error {
		got = append(got, u.For)
		return nil
	}); err != nil || strings.Join(got, "") != "ab" {
		t.Errorf("got %v, %v", got, err)
	}

	o.follow = func(context.Context, func(Update) error) error {
		return problem.With(problem.Attention, errors.New("broken"), problem.Fix{})
	}
	if kind, _ := problem.Of(c.Follow(t.Context(), nil, nil)); kind != problem.Attention {
		t.Errorf("an error at the end: got %q", kind)
	}
}

func TestFollowKnowsThatTheOwnerHasGone(t *testing.T) {
	o := &owner{}
	dying := make(chan struct{})
	o.follow = func(ctx context.Context, _ func(Update) error) error {
		close(dying)
		<-ctx.Done()
		return ctx.Err()
	}
	dir := shortDir(t)
	socket, addr := filepath.Join(dir, "s"), filepath.Join(dir, "a")
	l, err := Listen(socket, addr, writePrivate)
	if err != nil {
		t.Fatal(err)
	}

	s := &http.Server{Handler: NewHandler(o, ServerOptions{Token: l.Token}), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c, err := Dial(t.Context(), socket, addr)
	if err != nil {
		t.Fatal(err)
	}

	go func() { <-dying; _ = s.Close() }()
	if err := c.Follow(t.Context(), nil, nil); !errors.Is(err, ErrNoOwner) {
		t.Errorf("got %v, want ErrNoOwner", err)
	}

	<-served
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}

	if _, err := Dial(t.Context(), socket, addr); !errors.Is(err, ErrNoOwner) {
		t.Errorf("dial afterwards: %v", err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(problem.ErrInterrupted)
	if _, err := c.Status(ctx); !errors.Is(err, problem.ErrInterrupted) {
		t.Errorf("when it is us who stop: got %v", err)
	}
}

func TestEvents(t *testing.T) {
	o := &owner{event: func(since uint64) (Event, error) {
		if since > 8 {
			return Event{}, errors.New("end")
		}

		return Event{Index: since + 1, Jobs: []Job{}}, nil
	}}
	c := serve(t, o, ServerOptions{})
	if e, err := c.Changes(t.Context(), 6); err != nil || e.Index != 7 {
		t.Errorf("got %+v, %v", e, err)
	}

	r, err := c.send(t.Context(), http.MethodGet, "/v1/events?since=6", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	var all strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			break
		}
	}

	if n := strings.Count(all.String(), "event: change\n"); n != 3 ||
		!strings.HasPrefix(all.String(), "id: 7\n") {
		t.Errorf("got %d events:\n%s", n, all.String())
	}

	for path, want := range map[string]uint64{"/v1/events": FromNow, "/v1/events?since=0": 0} {
		asked := make(chan uint64, 1)
		c := serve(t, &owner{event: func(since uint64) (Event, error) {
			asked <- since
			return Event{}, errors.New("end")
		}}, ServerOptions{})
		r, err := c.send(t.Context(), http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}

		if got := <-asked; got != want {
			t.Errorf("%s: since %d, want %d", path, got, want)
		}

		_ = r.Close()
	}

	if _, err := c.send(t.Context(), http.MethodGet, "/v1/events?since=x", nil); err == nil {
		t.Error("an index that is none was taken")
	}
}

func TestOtherAccountsAreRefused(t *testing.T) {
	c := serve(t, &owner{}, ServerOptions{CheckAccount: func(profile, fingerprint string) error {
		if profile != "default" || fingerprint != "mine" {
			return problem.Usagef("another account")
		}

		return nil
	}})
	c.Account = "default mine"
	if _, err := c.Push(t.Context(), PushRequest{}); err != nil {
		t.Errorf("the same account: %v", err)
	}

	c.Account = "default yours"
	if kind, _ := problem.Of(second(c.Push(t.Context(), PushRequest{}))); kind != problem.Usage {
		t.Errorf("another account: %q", kind)
	}

	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("looking needs no account: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestTCPNeedsTokenAndAddress(t *testing.T) {
	h := NewHandler(&owner{}, ServerOptions{Token: "t"})
	for _, tt := range []struct {
		name, token, host string
		want              int
		method, path      string // GET /v1/status when there are none
		header, value     string
	}{
		{name: "right", token: "t", host: "127.0.0.1:1", want: 200},
		{name: "right, IPv6", token: "t", host: "[::1]:1", want: 200},
		{name: "no token", host: "127.0.0.1:1", want: 403},
		{name: "no token, health", host: "127.0.0.1:1", want: 403, path: "/healthz"},
		{name: "wrong token", token: "x", host: "127.0.0.1:1", want: 403},
		{name: "token in a cookie", host: "127.0.0.1:1", want: 403, header: "Cookie", value: "token=t"},
		{name: "token in the address", host: "127.0.0.1:1", want: 403, path: "/v1/status?token=t"},
		{name: "name of a web page", token: "t", host: "evil.example", want: 403},
		{name: "change", token: "t", host: "127.0.0.1:1", want: 200, method: "POST",
			path: "/v1/jobs/7/pause"},
		{name: "change by another site", token: "t", host: "127.0.0.1:1", want: 403, method: "POST",
			path: "/v1/jobs/7/pause", header: "Origin", value: "https://evil.example"},
		{name: "change by a page of another port", token: "t", host: "127.0.0.1:1", want: 403, method: "POST",
			path: "/v1/jobs/7/pause", header: "Origin", value: "http://127.0.0.1:2"},
		{name: "change by another site as a browser tells", token: "t", host: "127.0.0.1:1", want: 403,
			method: "POST", path: "/v1/push", header: "Sec-Fetch-Site", value: "cross-site"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), cmp.Or(tt.method, http.MethodGet),
				cmp.Or(tt.path, "/v1/status"), nil)
			r.Host = tt.host
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}

			if tt.token != "" {
				r.Header.Set("Authorization", "Bearer "+tt.token)
			}

			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
		})
	}
}

// TestOtherUsersAreRefused: also when the file system would let them in.
func TestOtherUsersAreRefused(t *testing.T) {
	h := NewHandler(&owner{}, ServerOptions{})
	me := strconv.Itoa(os.Geteuid())
	for user, want := range map[string]int{"": 200, me: 200, "0": 200, "12345678": 403} {
		ctx := context.WithValue(t.Context(), peerKey{}, Peer{User: user})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/status", nil))
		if w.Code != want {
			t.Errorf("user %q: got %d, want %d", user, w.Code, want)
		}
	}
}

func TestRequestsAreStrict(t *testing.T) {
	words := func(problem.Kind, problem.Fix) (int, string) { return 5, "do this" }

	h := NewHandler(&owner{}, ServerOptions{Words: words})
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1/push", `{"paths":[],"remote":"oss://bkt"}`, 200},
		{"POST", "/v1/push", `{"paht":[]}`, 400},
		{"POST", "/v1/push", `{`, 400},
		{"GET", "/v1/jobs?limit=x", "", 400},
		{"GET", "/v1/nothing", "", 404},
		{"POST", "/v1/status", "{}", 405},
		{"PUT", "/v1/watches", "{}", 405},
		{"GET", "/v1/jobs/7/pause", "", 405},
		{"GET", "/v1/jobs/7/explode", "", 404},
		{"DELETE", "/v1/watches", "", 400},
		{"POST", "/v1/jobs/7/explode", "{}", 404},
		{"GET", "/healthz", "", 200},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s %s: got %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}

		allow := map[string]string{"POST /v1/status": "GET, HEAD",
			"PUT /v1/watches":      "DELETE, GET, HEAD, POST",
			"GET /v1/jobs/7/pause": "POST"}[tt.method+" "+tt.path]
		if got := w.Header().Get("Allow"); got != allow {
			t.Errorf("%s %s: Allow %q, want %q", tt.method, tt.path, got, allow)
		}

		if tt.want >= 400 {
			var e errorBody
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error == "" || e.Kind == "" ||
				e.Hint != "do this" || e.Code != 5 {
				t.Errorf("%s %s: error body %s", tt.method, tt.path, w.Body)
			}
		}
	}
}

func TestLongPathsAndLeftovers(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("the socket of Windows is tried by TestClientAndServer")
	}

	long := filepath.Join(shortDir(t), strings.Repeat("long", 30))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}

	socket, addr := filepath.Join(long, "control.sock"), filepath.Join(long, "control.addr")
	l, err := Listen(socket, addr, writePrivate)
	if err != nil {
		t.Fatal(err)
	}

	named, err := os.ReadFile(addr)
	path := strings.TrimSpace(string(named))
	if err != nil || len(path) > maxSocket || !filepath.IsAbs(path) {
		t.Fatalf("control.addr: %q, %v", named, err)
	}

	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder of the socket: %v, %v", info.Mode(), err)
	}

	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}

	if _, err := Listen(socket, addr, writePrivate); err == nil {
		t.Error("a second owner listens while the first answers")
	}

	// The process dies: its socket stays and nobody answers.
	l.Listener.(interface{ SetUnlinkOnClose(bool) }).SetUnlinkOnClose(false)
	if err := l.Listener.Close(); err != nil {
		t.Fatal(err)
	}

	next, err := Listen(socket, addr, writePrivate)
	if err != nil {
		t.Fatalf("after a death: %v", err)
	}

	if _, err := os.Stat(path); err == nil {
		t.Error("the old socket is still there")
	}

	if err := next.Close(); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(socket, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := Listen(socket, addr, writePrivate); err == nil {
		t.Error("a file that is no socket was removed")
	}
}

package remote

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

const testBase = "http://127.0.0.1"

// world is a service in process and a real client of it.
type world struct {
	t       *testing.T
	srv     *emulator.Server
	client  *apsclient.Client
	base    apsclient.FolderID
	project apsclient.ProjectID
	store   intents
	dead    atomic.Bool // nothing of this process reaches the service any more
}

func newWorld(t *testing.T, opts ...func(*emulator.Config)) *world {
	t.Helper()
	w := &world{t: t, store: intents{}}

	ec := emulator.Config{Dir: t.TempDir()}
	for _, o := range opts {
		o(&ec)
	}

	srv, err := emulator.New(ec)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { srv.Close() })
	w.srv = srv
	w.client, err = apsclient.New(apsclient.Config{BaseURL: testBase,
		Tokens: apsclient.ClientCredentials(testBase, emulator.DefaultClientID,
			emulator.DefaultClientSecret),
		Transport: &mortal{w: w, next: srv.Transport()}})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(w.client.Close)

	place, err := w.resolver().Resolve(t.Context(), mustAddress(t, srv.DemoRemote()))
	if err != nil {
		t.Fatal(err)
	}

	w.base, w.project = place.Folder.ID, place.Project.ID
	srv.ResetJournal()

	return w
}

// mortal is the network of a process: after its death nothing gets through.
type mortal struct {
	w    *world
	next http.RoundTripper
}

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.next.RoundTrip(r)
	if m.w.dead.Load() {
		if err == nil {
			resp.Body.Close()
		}

		return nil, http.ErrServerClosed
	}

	return resp, err
}

// intents is an IntentStore in memory.
type intents map[string][]byte

func (i intents) Intent(key string) ([]byte, bool, error) {
	data, ok := i[key]
	return data, ok, nil
}

func (i intents) PutIntent(key string, data []byte) error {
	i[key] = data
	return nil
}

func (i intents) DeleteIntent(key string) error {
	delete(i, key)
	return nil
}

func (w *world) resolver() *Resolver {
	return NewResolver(w.client.WithScopes(apsclient.TransferScopes...), slog.New(slog.DiscardHandler))
}

func (w *world) addFile(project, path, content string) (item, version string) {
	w.t.Helper()
	item, version, err := w.srv.AddFile(project, path, strings.NewReader(content), int64(len(content)))
	if err != nil {
		w.t.Fatal(err)
	}

	return item, version
}

func (w *world) addFolder(project, path string) string {
	w.t.Helper()
	id, err := w.srv.AddFolder(project, path)
	if err != nil {
		w.t.Fatal(err)
	}

	return id
}

func mustAddress(t *testing.T, text string) Address {
	t.Helper()
	a, err := ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}

	return a
}

// api counts the control-plane calls since the last reset, tokens not included.
func (w *world) api() (n int, ops []string) {
	for _, r := range w.srv.Requests() {
		if r.Op != "token" && r.Op != "s3-get" && r.Op != "s3-put" {
			n++
			ops = append(ops, r.Op)
		}
	}

	return n, ops
}

func (w *world) wantCalls(t *testing.T, what string, want ...string) {
	t.Helper()
	_, got := w.api()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: calls %q, want %q", what, got, want)
	}

	w.srv.ResetJournal()
}

// foldersNamed counts the folders of a name in the demonstration project.
func (w *world) foldersNamed(name string) int {
	n := 0
	for _, f := range w.srv.Folders(w.srv.Demo().Project) {
		if f == name || strings.HasSuffix(f, "/"+name) {
			n++
		}
	}

	return n
}

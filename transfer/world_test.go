package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/remote"
)

const testBase = "http://127.0.0.1"

// tried reports whether a row of a long table is tried: each one, or with HOIST_SAMPLE=4 each fourth one,
// when the whole table is tried elsewhere.
func tried(row int) bool {
	each, err := strconv.Atoi(os.Getenv("HOIST_SAMPLE"))

	return err != nil || each < 1 || row%each == 0
}

// world is one machine with one home, and a service in process. Real client, real store, real
// engine.
type world struct {
	t       testing.TB
	srv     *emulator.Server
	client  *apsclient.Client
	store   *state.Store
	dir     string // local files
	home    string
	base    apsclient.FolderID
	project apsclient.ProjectID
	core    bool   // the hub is one of a team
	cfg     Config // of the next engine

	mu   sync.Mutex
	dead bool // nothing of this process reaches the service any more

	attempts atomic.Int64 // requests made

	// answers in the service's place; nil, or what it returns: the service does
	instead func(*http.Request) *http.Response
}

type worldOption func(*emulator.Config, *apsclient.Config, *Config)

func newWorld(t testing.TB, opts ...worldOption) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), home: t.TempDir()}

	ec := emulator.Config{Dir: t.TempDir()}
	cc := apsclient.Config{BaseURL: testBase,
		Tokens: apsclient.ClientCredentials(testBase, emulator.DefaultClientID, emulator.DefaultClientSecret)}
	for _, o := range opts {
		o(&ec, &cc, &w.cfg)
	}

	srv, err := emulator.New(ec)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { srv.Close() })
	w.srv = srv
	cc.Transport = &mortal{w: w, next: srv.Transport()}
	if w.client, err = apsclient.New(cc); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(w.client.Close)
	w.open()
	t.Cleanup(func() { w.store.Close() })

	address, err := remote.ParseAddress(srv.DemoRemote())
	if err != nil {
		t.Fatal(err)
	}

	place, err := remote.NewResolver(w.client.WithScopes(apsclient.TransferScopes...),
		slog.New(slog.DiscardHandler)).Resolve(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}

	w.base, w.project = place.Folder.ID, place.Project.ID
	srv.ResetJournal()

	return w
}

func (w *world) open() {
	w.t.Helper()
	store, err := state.Open(filepath.Join(w.home, "state.db"), state.Options{})
	if err != nil {
		w.t.Fatal(err)
	}

	w.store = store
}

// engine makes a new process: nothing but the store is kept.
func (w *world) engine() *Engine {
	w.t.Helper()
	c := w.cfg
	c.Store = w.store
	c.Clients = func(string) (*apsclient.Client, error) { return w.client, nil }
	c.Logger = slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}

	return e
}

// at is the resolver of an engine's default profile.
func (w *world) at(e *Engine) *remote.Resolver {
	w.t.Helper()
	r, err := e.Resolver("default")
	if err != nil {
		w.t.Fatal(err)
	}

	return r
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Output().Write(p)
	return len(p), nil
}

// mortal is the network of a process: after its death nothing gets through.
type mortal struct {
	w    *world
	next http.RoundTripper
}

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	m.w.attempts.Add(1)
	if m.w.isDead() {
		return nil, errors.New("this process is dead")
	}

	if m.w.instead != nil {
		if resp := m.w.instead(r); resp != nil {
			return resp, nil
		}
	}

	resp, err := m.next.RoundTrip(r)
	if m.w.isDead() {
		if err == nil {
			resp.Body.Close()
		}

		return nil, errors.New("this process is dead")
	}

	return resp, err
}

func (w *world) isDead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

func (w *world) kill()   { w.setDead(true) }
func (w *world) revive() { w.setDead(false) }

func (w *world) setDead(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = dead
}

// contentOf are size pseudo-random bytes.
func contentOf(size int, seed uint64) []byte {
	data := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	rng.Read(data)

	return data
}

// write makes a local file of size pseudo-random bytes and returns its content.
func (w *world) write(name string, size int, seed uint64) []byte {
	w.t.Helper()
	data := contentOf(size, seed)
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}

	if err := os.WriteFile(path, data, 0o644); err != nil {
		w.t.Fatal(err)
	}

	return data
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// job describes the upload of a local file into the demonstration folder, below dirs.
func (w *world) job(name string, dirs ...string) state.Job {
	w.t.Helper()
	snap, err := state.SnapshotPath(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}

	addr := w.srv.DemoRemote()
	for _, d := range dirs {
		addr += "/" + d
	}

	return state.Job{
		Kind: state.Upload, Profile: "default", Path: w.path(name), Rel: w.path(name), Snapshot: snap,
		Size: snap.Size,
		Target: state.Target{Address: addr + "/" + filepath.Base(name), Project: string(w.project),
			Base: string(w.base), Core: w.core, Dirs: dirs, Name: filepath.Base(name)},
	}
}

func (w *world) enqueue(j state.Job) state.Job {
	w.t.Helper()
	j, verdict, err := w.store.Enqueue(j)
	if err != nil || verdict != state.Queued && verdict != state.Merged {
		w.t.Fatalf("enqueue: %v %v", verdict, err)
	}

	return j
}

// runUntil runs an engine until done says so, which is asked after every commit.
func (w *world) runUntil(e *Engine, done func() bool) {
	w.t.Helper()

	ctx, cancel := context.WithTimeout(w.t.Context(), time.Hour)
	defer cancel()

	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()

	index := w.store.Index()
	for !done() {
		next, err := w.store.Wait(ctx, index)
		if err != nil {
			w.dump()
			w.t.Errorf("wait: %v", err)
			break
		}

		index = next
	}

	cancel()
	if err := <-ended; err != nil {
		w.t.Errorf("run: %v", err)
	}
}

// runAll runs until no job is open that anything but a person could move.
func (w *world) runAll(e *Engine) {
	w.t.Helper()
	w.runUntil(e, func() bool { return w.settled() })
}

func (w *world) settled() bool {
	w.t.Helper()
	jobs, err := w.store.OpenJobs()
	if err != nil {
		w.t.Fatal(err)
	}

	for _, j := range jobs {
		if !j.Attention && !j.Paused {
			return false
		}
	}

	return true
}

func (w *world) dump() {
	jobs, _ := w.store.OpenJobs()
	for _, j := range jobs {
		w.t.Logf("open: %s %s %s streak %d: %s %s", j.ID, j.Path, j.Phase, j.Streak, j.Reason, j.Error)
	}
}

func (w *world) get(id state.JobID) state.Job {
	w.t.Helper()
	j, err := w.store.Job(id)
	if err != nil {
		w.t.Fatal(err)
	}

	return j
}

// wantDone checks that a job ended well with a result.
func (w *world) wantDone(id state.JobID, result string) state.Job {
	w.t.Helper()
	j := w.get(id)
	if j.End != state.EndDone || j.Result != result {
		w.t.Fatalf("job %s %s: end %q result %q reason %q error %q, want done %s", j.Path, j.Phase, j.End,
			j.Result, j.Reason, j.Error, result)
	}

	return j
}

// versions returns the contents of the versions of a file below the demonstration folder, oldest
// first.
func (w *world) versions(rel string) [][]byte {
	w.t.Helper()

	var out [][]byte
	for _, f := range w.srv.Items() {
		if f.Path != "Project Files/"+rel {
			continue
		}

		if out != nil {
			w.t.Errorf("%s is there twice", rel)
		}

		for _, v := range f.Versions {
			r, err := w.srv.ReadVersion(v.ID)
			if err != nil {
				w.t.Fatal(err)
			}

			data, err := io.ReadAll(r)
			if err != nil {
				w.t.Fatal(err)
			}

			r.Close()
			out = append(out, data)
		}
	}

	return out
}

// wantVersions checks that a remote file has exactly these versions.
func (w *world) wantVersions(rel string, want ...[]byte) {
	w.t.Helper()
	got := w.versions(rel)
	if len(got) != len(want) {
		w.t.Fatalf("%s has %d versions, want %d", rel, len(got), len(want))
	}

	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			w.t.Errorf("version %d of %s has %d bytes that are not the %d of the file", i+1, rel, len(got[i]),
				len(want[i]))
		}
	}
}

// calls counts the requests of an operation that had their effect or an answer.
func (w *world) calls(op string) int {
	n := 0
	for _, r := range w.srv.Requests() {
		if r.Op == op {
			n++
		}
	}

	return n
}

// storedParts lists the part numbers that S3 stored, in order, with repetitions.
func (w *world) storedParts() []int {
	var out []int
	for _, r := range w.srv.Requests() {
		if r.Op == "s3-put" && r.Status == 200 {
			out = append(out, r.Part)
		}
	}

	return out
}

func newReader(data []byte) *bytes.Reader { return bytes.NewReader(data) }

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

func mustAddress(t testing.TB, text string) remote.Address {
	t.Helper()
	a, err := remote.ParseAddress(text)
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

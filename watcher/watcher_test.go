package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tree is a folder to be watched.
type tree struct {
	t    *testing.T
	root string
}

func newTree(t *testing.T) tree { return tree{t, t.TempDir()} }

func (f tree) path(p string) string { return filepath.Join(f.root, filepath.FromSlash(p)) }

func (f tree) write(p, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(p)), 0o755); err != nil {
		f.t.Fatal(err)
	}

	if err := os.WriteFile(f.path(p), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// old sets a file's time to long ago, before any clock of a test.
func (f tree) old(p string) {
	f.t.Helper()
	long := time.Date(1999, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(f.path(p), long, long); err != nil {
		f.t.Fatal(err)
	}
}

func (f tree) remove(p string) {
	f.t.Helper()
	if err := os.RemoveAll(f.path(p)); err != nil {
		f.t.Fatal(err)
	}
}

func (f tree) rename(from, to string) {
	f.t.Helper()
	if err := os.Rename(f.path(from), f.path(to)); err != nil {
		f.t.Fatal(err)
	}
}

// handNotifier gives the notices that a test gives it.
type handNotifier struct {
	mu    sync.Mutex
	paths map[string]notice
	doubt bool
	wake  chan struct{}
	added map[string]bool
	limit int // folders it has room for; 0 any number
	gone  []string
}

func newHand() *handNotifier {
	return &handNotifier{paths: map[string]notice{}, wake: make(chan struct{}, 1), added: map[string]bool{}}
}

func (h *handNotifier) add(folder string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limit > 0 && len(h.added) >= h.limit {
		return &noticesError{errors.New("no room for more watched folders"), "raise it"}
	}

	h.added[folder] = true

	return nil
}
func (h *handNotifier) ended([]string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	gone := h.gone
	h.gone = nil

	return gone
}
func (h *handNotifier) drop(string)             {}
func (h *handNotifier) ready() <-chan struct{}  { return h.wake }
func (h *handNotifier) run(ctx context.Context) { <-ctx.Done() }
func (h *handNotifier) take() (map[string]notice, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, d := h.paths, h.doubt
	h.paths, h.doubt = map[string]notice{}, false

	return p, d
}

func (h *handNotifier) notice(p string, n notice) {
	h.mu.Lock()
	h.paths[p] = n
	h.mu.Unlock()

	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// fixture runs a watcher and collects what it tells.
type fixture struct {
	tree
	w    *Watcher
	base *memBaseline
	hand *handNotifier

	mu     sync.Mutex
	told   []string // "path", "-path" for removed, "~path" for capped
	states map[string]Snapshot
	moves  []string // "old > new"
	refuse int      // batches still to be refused
	more   chan struct{}
}

func (x *fixture) emit(_ context.Context, changes []Change) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refuse > 0 {
		x.refuse--
		return errors.New("not now")
	}

	for _, c := range changes {
		if c.Removed {
			x.told = append(x.told, "-"+c.Path)
			delete(x.states, c.Path)
			continue
		}

		if c.From != "" {
			x.moves = append(x.moves, c.From+" > "+c.Path)
		}

		told := c.Path
		if c.Capped {
			told = "~" + told
		}

		x.told = append(x.told, told)
		x.states[c.Path] = c.Snapshot
	}

	select {
	case x.more <- struct{}{}:
	default:
	}

	return nil
}

// take returns what was told since the last call, sorted.
func (x *fixture) take() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	told := x.told
	x.told = nil
	slices.Sort(told)

	return told
}

// newTestBook is a book without a keeper, whose rule files rest for ten seconds.
func newTestBook(t testing.TB, root string, given *Rules) *Book {
	t.Helper()
	b, err := NewBook(root, given, 10*time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}

	return b
}

// newFixture prepares a watcher; change may alter its configuration.
func newFixture(t *testing.T, f tree, change func(*Config)) *fixture {
	t.Helper()
	x := &fixture{tree: f, base: newMemBaseline(t), hand: newHand(), states: map[string]Snapshot{},
		more: make(chan struct{}, 1)}
	cfg := Config{
		Book: newTestBook(t, f.root, &Rules{}), Baseline: x.base, Settle: 10 * time.Second,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&cfg)
	}

	var err error
	if x.w, err = New(cfg); err != nil {
		t.Fatal(err)
	}

	x.w.source = func(string) (notifier, error) { return x.hand, nil }

	return x
}

// start runs the watcher until the test, or the returned function, ends it.
func (x *fixture) start(t *testing.T) (stop func()) {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.w.Run(ctx, x.emit) }()
	once := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(once)

	return once
}

func (x *fixture) want(t *testing.T, want ...string) {
	t.Helper()
	if got := x.take(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func (x *fixture) notice(paths ...string) {
	for _, p := range paths {
		x.hand.notice(p, notice{touched: true, created: true})
	}
}

func TestLimitFallsBackToPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), nil)
		x.hand.limit = 2
		for _, p := range []string{"a/1.dwg", "b/2.dwg", "c/3.dwg"} {
			x.write(p, "1")
			x.old(p)
		}

		x.start(t)
		synctest.Wait()
		x.want(t, "a/1.dwg", "b/2.dwg", "c/3.dwg")
		s := x.w.Status()
		if s.State != StatePolling || !strings.Contains(s.Detail, "no room for more watched folders") ||
			!strings.Contains(s.Detail, "raise it") {
			t.Errorf("status %+v", s)
		}

		x.write("c/4.dwg", "1")
		time.Sleep(45 * time.Second)
		synctest.Wait()
		x.want(t, "c/4.dwg")
	})
}

// TestBackFromPolling: notices are tried for again, and had when there is room for them.
func TestBackFromPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), nil)
		x.hand.limit = 2
		for _, p := range []string{"a/1.dwg", "b/2.dwg", "c/3.dwg"} {
			x.write(p, "1")
			x.old(p)
		}

		x.start(t)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s := x.w.Status(); s.State != StatePolling {
			t.Errorf("status %+v", s)
		}

		x.hand.mu.Lock()
		x.hand.limit = 0
		x.hand.mu.Unlock()
		time.Sleep(70 * time.Second)
		synctest.Wait()
		if s := x.w.Status(); s.State != StateWatching || s.Detail != "" {
			t.Errorf("status %+v", s)
		}
	})
}

// TestStopBetweenEmitAndStore ends the watcher after the changes were taken: they are told again,
// and then no more.
func TestStopBetweenEmitAndStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), nil)
		x.write("a.dwg", "1")
		x.old("a.dwg")
		broken := &brokenBaseline{memBaseline: x.base}
		x.w.cfg.Baseline = broken
		if err := x.w.Run(t.Context(), x.emit); !errors.Is(err, errBroken) {
			t.Fatalf("run: %v, want the baseline's error", err)
		}

		x.want(t, "a.dwg")
		x.w.cfg.Baseline = x.base
		stop := x.start(t)
		synctest.Wait()
		x.want(t, "a.dwg")
		stop()
		x.start(t)
		synctest.Wait()
		x.want(t)
	})
}

var errBroken = errors.New("disk full")

type brokenBaseline struct{ *memBaseline }

func (*brokenBaseline) Store([]FolderChange) error { return errBroken }

// TestLateFinding delivers what a scan saw after the file was changed, noticed, and told in its new
// state.
func TestLateFinding(t *testing.T) {
	x := newFixture(t, newTree(t), nil)
	r := &run{Watcher: x.w, emit: x.emit, set: newSettler(10*time.Second, time.Minute, 0),
		ed: newEditor(x.base)}
	look := func(text string) record {
		x.write("a.dwg", text)
		x.old("a.dwg")
		rec, _, _, err := lookAt(x.root, "a.dwg")
		if err != nil {
			t.Fatal(err)
		}

		return rec
	}
	before, after := look("first"), look("the last state")
	tell := func() {
		t.Helper()
		if err := r.flush(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	r.rest(settled{path: "a.dwg", rec: after, fresh: true}, false)
	tell()
	if err := r.scanned(t.Context(),
		finding{time.Now().Add(-time.Minute),
			[]seen{{path: "a.dwg", rec: before, op: opAdded}}}); err != nil {
		t.Fatal(err)
	}

	for wait := range 3 {
		r.look(t.Context(), time.Now().Add(time.Duration(wait)*11*time.Second))
		tell()
	}

	x.want(t, "a.dwg")
	if s := x.states["a.dwg"]; s.Size != after.size {
		t.Errorf("told %d bytes, want %d", s.Size, after.size)
	}

	if len(r.set.pending) != 0 || r.tracked != 1 {
		t.Errorf("%d pending, %d tracked", len(r.set.pending), r.tracked)
	}
}

// TestManyFiles drops 200 files and writes half of them again within the settle time.
func TestManyFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), nil)
		x.start(t)
		synctest.Wait()

		var all []string
		for i := range 200 {
			p := fmt.Sprintf("set %d/sheet %03d.dwg", i%7, i)
			all = append(all, p)
			x.write(p, "first")
			x.notice(p)
		}

		time.Sleep(5 * time.Second)

		for i := 0; i < 200; i += 2 {
			x.write(all[i], "the last state")
			x.notice(all[i])
		}

		time.Sleep(20 * time.Second)
		synctest.Wait()
		slices.Sort(all)
		x.want(t, all...)
		x.mu.Lock()
		defer x.mu.Unlock()

		last := 0
		for _, s := range x.states {
			if s.Size == int64(len("the last state")) {
				last++
			}
		}

		if last != 100 {
			t.Errorf("%d files were told in their last state, want 100", last)
		}
	})
}

func TestSnapshot(t *testing.T) {
	f := newTree(t)
	f.write("a.dwg", "123")
	rec, mode, ok, err := lookAt(f.root, "a.dwg")
	if err != nil || !ok || !mode.IsRegular() {
		t.Fatalf("%v %v %v", mode, ok, err)
	}

	l, err := list(newTestBook(t, f.root, &Rules{}), "", &Rules{})
	if err != nil || len(l.records) != 1 || l.records[0] != rec {
		t.Fatalf("the listing says %v, %v, a look %v", l.records, err, rec)
	}

	s := rec.snapshot()
	if s.Size != 3 || time.Since(s.ModTime) > time.Hour {
		t.Errorf("snapshot %+v", s)
	}

	if known := runtime.GOOS != "windows"; (s.FileID != "") != known || s.ChangeTime.IsZero() == known {
		t.Errorf("snapshot %+v on %s", s, runtime.GOOS)
	}
}

func TestNewRefuses(t *testing.T) {
	good := Config{Book: newTestBook(t, t.TempDir(), &Rules{}), Baseline: newMemBaseline(t)}
	tests := []struct {
		name   string
		change func(*Config)
	}{
		{"relative root", func(c *Config) { c.Book = newTestBook(t, "a", &Rules{}) }},
		{"no rules", func(c *Config) { c.Book = nil }},
		{"no baseline", func(c *Config) { c.Baseline = nil }},
		{"negative time", func(c *Config) { c.Settle = -1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			if _, err := New(c); err == nil {
				t.Error("no error")
			}
		})
	}
}

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
	refuse int // batches still to be refused
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

// TestRun plays scenes with a clock of its own. Each scene starts with a first scan that is over.
func TestRun(t *testing.T) {
	second := func(n int) { time.Sleep(time.Duration(n) * time.Second); synctest.Wait() }

	tests := []struct {
		name   string
		files  []string // old, before the start
		change func(*Config)
		scene  func(t *testing.T, x *fixture)
	}{
		{"old files are settled at once", []string{"a.dwg", "A1/b.dwg", "a.bak", "x/Thumbs.db"}, nil,
			func(t *testing.T, x *fixture) {
				x.want(t, "A1/b.dwg", "a.dwg")
				if s := x.w.Status(); s.State != StateWatching || s.Files != 2 || s.Pending != 0 ||
					s.LastScan.IsZero() {
					t.Errorf("status %+v", s)
				}
			}},
		{"a new file settles", nil, nil, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			x.notice("a.dwg")
			second(9)
			x.want(t)
			if s := x.w.Status(); s.Files != 1 || s.Pending != 1 {
				t.Errorf("status %+v", s)
			}

			second(1)
			x.want(t, "a.dwg")
			if s := x.w.Status(); s.Files != 1 || s.Pending != 0 {
				t.Errorf("status %+v", s)
			}
		}},
		{"written again within the settle time: one change with the last state", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("a.dwg", "1")
				x.notice("a.dwg")
				second(8)
				x.write("a.dwg", "four")
				x.notice("a.dwg")
				second(9)
				x.want(t)
				second(1)
				x.want(t, "a.dwg")
				if s := x.states["a.dwg"]; s.Size != 4 {
					t.Errorf("size %d, want 4", s.Size)
				}
			}},
		{"saved every 5 s: told within each minute, as saved all the time", nil, nil,
			func(t *testing.T, x *fixture) {
				for i := range 22 {
					x.write("a.dwg", fmt.Sprint("state ", i))
					x.notice("a.dwg")
					second(5)
				}

				x.want(t, "~a.dwg", "~a.dwg")
				second(5)
				x.want(t, "a.dwg")
			}},
		{"a copy that pauses for two seconds is one change, at its end", nil, func(c *Config) {
			c.Settle = 3 * time.Second
		}, func(t *testing.T, x *fixture) {
			for i := range 40 {
				x.write("a.rvt", strings.Repeat("x", i))
				x.notice("a.rvt")
				second(2)
			}

			x.want(t)
			if s := x.w.Status(); s.Busy != 1 {
				t.Errorf("status %+v", s)
			}

			second(1)
			x.want(t, "a.rvt")
		}},
		{"an atomic save is one change of the same path", []string{"a.dwg"}, nil,
			func(t *testing.T, x *fixture) {
				x.take()
				x.write("sav123.tmp", "second state")
				x.rename("a.dwg", "a.bak")
				x.rename("sav123.tmp", "a.dwg")
				x.hand.notice("a.dwg", notice{touched: true, created: true, left: true})
				x.notice("a.bak", "sav123.tmp")
				second(10)
				x.want(t, "a.dwg")
				second(4000) // past the next scan
				x.want(t)
			}},
		{"a lock makes it longer", []string{"a.dwl"}, nil, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			x.notice("a.dwg")
			second(29)
			x.want(t)
			second(1)
			x.want(t, "a.dwg")
		}},
		{"removed", []string{"a.dwg", "d/b.dwg", "d/e/c.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.take()
			x.remove("d")
			x.hand.notice("d", notice{touched: true, left: true})
			second(10)
			x.want(t, "-d/b.dwg", "-d/e/c.dwg")
			if len(x.base.folders) != 1 || x.w.Status().Files != 1 {
				t.Errorf("baseline has folders %v, status %+v", x.base.folders, x.w.Status())
			}
		}},
		{"a lost notice is found by the next scan", []string{"a.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.take()
			x.write("b.dwg", "1")
			x.remove("a.dwg")
			second(3590)
			x.want(t)
			second(21)
			x.want(t, "-a.dwg", "b.dwg")
		}},
		{"doubt asks for a scan", nil, nil, func(t *testing.T, x *fixture) {
			x.write("d/b.dwg", "1")
			x.hand.mu.Lock()
			x.hand.doubt = true
			x.hand.mu.Unlock()

			x.hand.wake <- struct{}{}
			second(10)
			x.want(t, "d/b.dwg")
		}},
		{"a folder that is moved in", nil, nil, func(t *testing.T, x *fixture) {
			x.write("d/e/b.dwg", "1")
			x.notice("d")
			second(10)
			x.want(t, "d/e/b.dwg")
			if !x.hand.added["d"] || !x.hand.added["d/e"] {
				t.Errorf("notices are asked for in %v", x.hand.added)
			}
		}},
		{"polling by wish", nil, func(c *Config) { c.Poll = true }, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			second(39)
			x.want(t)
			second(1)
			x.want(t, "a.dwg")
			if s := x.w.Status(); s.State != StatePolling || s.Detail != "polling: asked for" {
				t.Errorf("status %+v", s)
			}
		}},
		{"a refused batch comes again, and the baseline waits for it", nil, nil,
			func(t *testing.T, x *fixture) {
				x.mu.Lock()
				x.refuse = 2
				x.mu.Unlock()
				x.write("a.dwg", "1")
				x.notice("a.dwg")
				second(12)
				if x.base.stores != 0 {
					t.Error("the baseline was stored before the change was taken")
				}

				x.want(t)
				second(1)
				x.want(t, "a.dwg")
				if x.base.stores != 1 {
					t.Errorf("%d commits, want 1", x.base.stores)
				}
			}},
		{"the root goes and comes back", []string{"a.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.take()
			aside := x.root + " aside"
			if err := os.Rename(x.root, aside); err != nil {
				t.Skipf("the root cannot be moved here: %v", err)
			}

			x.hand.notice("a.dwg", notice{touched: true, left: true})
			x.hand.notice("", notice{touched: true, left: true})
			second(100)
			if s := x.w.Status(); s.State != StateUnavailable || s.Detail == "" {
				t.Errorf("status %+v", s)
			}

			if err := os.Rename(aside, x.root); err != nil {
				t.Fatal(err)
			}

			second(100)
			x.want(t)
			if s := x.w.Status(); s.State != StateWatching || s.Files != 1 || s.Pending != 0 {
				t.Errorf("status %+v", s)
			}
		}},
		{"a pattern that comes later takes files out without a removal", []string{"a.dwg", "b.rvt"}, nil,
			func(t *testing.T, x *fixture) {
				x.take()
				x.write(IgnoreFile, "*.rvt\n")
				x.notice(IgnoreFile)
				second(20)
				x.want(t)
				if s := x.w.Status(); s.Files != 1 || len(x.base.records("")) != 1 {
					t.Errorf("status %+v, baseline %v", s, x.base.records(""))
				}

				x.remove(IgnoreFile)
				x.notice(IgnoreFile)
				second(20)
				x.want(t, "b.rvt")
			}},
		{"a rule younger than the settle time wins over the file that it excludes", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("fees.xlsx", "1")
				x.write("plan.dwg", "1")
				x.notice("fees.xlsx", "plan.dwg")
				second(6)
				x.write(IgnoreFile, "fees*\n")
				x.notice(IgnoreFile)
				second(5)
				x.want(t) // both wait for the rule file
				if s := x.w.Status(); s.Pending != 2 || !strings.Contains(s.Detail, IgnoreFile) {
					t.Errorf("status %+v", s)
				}

				second(7)
				x.want(t, "plan.dwg")
				if s := x.w.Status(); s.Files != 1 || s.Pending != 0 || s.Detail != "" {
					t.Errorf("status %+v", s)
				}
			}},
		{"a rule file that nobody announced is asked at the handing over", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("a/fees.xlsx", "1")
				x.notice("a/fees.xlsx")
				second(9)
				x.write("a/.hoistignore", "fees*\n")
				second(30)
				x.want(t)
			}},
		{"a rule file saved in place again and again lets nothing slip", []string{"plan.dwg"}, nil,
			func(t *testing.T, x *fixture) {
				x.write("private/a.dwg", "1")
				x.write(IgnoreFile, "private/\n")
				x.notice("private", IgnoreFile)
				for range 20 {
					x.write(IgnoreFile, "")
					x.notice(IgnoreFile)
					second(1)
					x.write(IgnoreFile, "private/\n")
					x.notice(IgnoreFile)
					second(1)
				}

				x.want(t, "plan.dwg")
				x.write("new.dwg", "1")
				x.notice("new.dwg")
				second(15)
				x.want(t, "new.dwg")
			}},
		{"a pipe in the place of a rule file: nothing below it, all beside it", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("b/y.dwg", "1")
				makePipe(t, x.path("b/.hoistignore"))
				x.write("other.dwg", "1")
				x.notice("b", "b/.hoistignore", "b/y.dwg", "other.dwg")
				second(12)
				x.want(t, "other.dwg")
				if s := x.w.Status(); !strings.Contains(s.Detail, "b/.hoistignore") {
					t.Errorf("status %+v", s)
				}

				x.remove("b/.hoistignore")
				second(30)
				x.want(t, "b/y.dwg")
				if s := x.w.Status(); s.Detail != "" {
					t.Errorf("status %+v", s)
				}
			}},
		{"rules that are given while it runs", []string{"a.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.want(t, "a.dwg")
			rules, err := ParseRules(RuleOptions{Patterns: []string{"fees*"}})
			must(t, err)
			x.write("fees.xlsx", "1")
			x.notice("fees.xlsx")
			second(5)
			x.w.book.SetRules(rules, 10*time.Second)
			x.w.Scan()
			second(10)
			x.want(t)
		}},
		{"sizes", nil, func(c *Config) {
			c.Book.SetRules(&Rules{opts: RuleOptions{MinSize: 3}}, 10*time.Second)
		}, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			x.write("b.dwg", "123")
			x.notice("a.dwg", "b.dwg")
			second(10)
			x.want(t, "b.dwg")
			x.write("b.dwg", "1")
			x.notice("b.dwg")
			second(10)
			x.want(t)
			if n := x.w.Status().Files; n != 0 {
				t.Errorf("%d files, want 0", n)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t, newTree(t), tt.change)
				for _, p := range tt.files {
					x.write(p, "old")
					x.old(p)
				}

				x.start(t)
				synctest.Wait()
				tt.scene(t, x)
			})
		})
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
	r.rest(settled{path: "a.dwg", rec: after, fresh: true})
	tell()
	if err := r.scanned(t.Context(),
		finding{time.Now().Add(-time.Minute),
			[]seen{{path: "a.dwg", rec: before, op: opAdded}}}); err != nil {
		t.Fatal(err)
	}

	for wait := range 3 {
		r.look(time.Now().Add(time.Duration(wait) * 11 * time.Second))
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

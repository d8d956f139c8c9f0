package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// awaitTold waits until everything wanted was told, in any order and number of batches, and fails
// when something else was.
func (x *fixture) awaitTold(want ...string) {
	x.t.Helper()
	slices.Sort(want)

	deadline := time.After(30 * time.Second)
	for {
		x.mu.Lock()
		got := slices.Sorted(slices.Values(x.told))
		x.mu.Unlock()
		if slices.Equal(got, want) {
			x.take()
			return
		}

		select {
		case <-x.more:
		case <-deadline:
			x.t.Fatalf("told %q, want %q; status %+v", got, want, x.w.Status())
		}
	}
}

// awaitState waits for a state of the watcher.
func (x *fixture) awaitState(state string) {
	x.t.Helper()

	deadline := time.Now().Add(30 * time.Second)
	for x.w.Status().State != state {
		if time.Now().After(deadline) {
			x.t.Fatalf("status %+v, want %s", x.w.Status(), state)
		}

		time.Sleep(5 * time.Millisecond)
	}
}

// newWatchedTree is a tree for the system's own notices. Wine takes a new folder for a watched one that was
// removed when it has its inode, and gives no notices of it: there nothing is removed.
func newWatchedTree(t *testing.T) tree {
	t.Helper()
	if runtime.GOOS != "windows" {
		return newTree(t)
	}

	root, err := os.MkdirTemp("", "watched") //nolint:usetesting // which would remove it
	if err != nil {
		t.Fatal(err)
	}

	return tree{t, root}
}

// startReal runs a watcher with the system's own notices. The interval between scans is so long
// that only notices can tell.
func startReal(t *testing.T, f tree) *fixture {
	t.Helper()
	x := newFixture(t, f, func(c *Config) {
		c.Settle = 200 * time.Millisecond
		c.SettleCap = 20 * time.Second
	})
	if kind := remoteKind(f.root); kind != "" {
		t.Skipf("the folder for temporary files is on a network mount: %s", kind)
	}

	x.w.source = newOSNotifier
	x.start(t)
	x.awaitState(StateWatching)

	return x
}

func TestSystemNotices(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		scene func(x *fixture)
		want  []string
	}{
		{"new file", nil, func(x *fixture) { x.write("a.dwg", "1") }, []string{"a.dwg"}},
		{"new file in a new folder", nil, func(x *fixture) {
			x.write("d/e/f/a.dwg", "1")
		}, []string{"d/e/f/a.dwg"}},
		{"written", []string{"d/a.dwg"}, func(x *fixture) {
			x.write("d/a.dwg", "another")
		}, []string{"d/a.dwg"}},
		{"removed", []string{"a.dwg", "b.dwg"}, func(x *fixture) { x.remove("a.dwg") }, []string{"-a.dwg"}},
		{"atomic save", []string{"a.dwg"}, func(x *fixture) {
			x.write("tmp1234.tmp", "second")
			x.rename("a.dwg", "a.bak")
			x.rename("tmp1234.tmp", "a.dwg")
		}, []string{"a.dwg"}},
		{"renamed", []string{"a.dwg"}, func(x *fixture) {
			x.rename("a.dwg", "b.dwg")
		}, []string{"-a.dwg", "b.dwg"}},
		{"folder renamed", []string{"d/e/a.dwg"}, func(x *fixture) {
			x.rename("d", "g")
		}, []string{"-d/e/a.dwg", "g/e/a.dwg"}},
		{"folder removed", []string{"d/e/a.dwg"}, func(x *fixture) { x.remove("d") }, []string{"-d/e/a.dwg"}},
		{"litter beside a drawing", nil, func(x *fixture) {
			for _, p := range []string{"a.bak", "a.dwl", "~$a.docx", "OldVersions/x.dat", ".git/index",
				"Thumbs.db"} {
				x.write(p, "1")
			}

			x.write("c.dwg", "1")
		}, []string{"c.dwg"}},
		{"ignore file", []string{"a.rvt"}, func(x *fixture) {
			x.write(IgnoreFile, "*.nwd")
			x.write("a.nwd", "1")
			x.write("b.rvt", "1")
		}, []string{"b.rvt"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newWatchedTree(t)
			for _, p := range tt.files {
				f.write(p, "old")
				f.old(p)
			}

			x := startReal(t, f)
			x.awaitTold(tt.files...)
			tt.scene(x)
			x.awaitTold(tt.want...)
			// What follows a renamed or new folder must be seen too.
			x.write("d/e/later.dwg", "1")
			x.awaitTold("d/e/later.dwg")
		})
	}
}

func TestSystemNoticesInRenamedFolder(t *testing.T) {
	f := newWatchedTree(t)
	f.write("d/e/a.dwg", "1")
	f.old("d/e/a.dwg")
	x := startReal(t, f)
	x.awaitTold("d/e/a.dwg")
	x.rename("d", "g")
	x.awaitTold("-d/e/a.dwg", "g/e/a.dwg")

	x.write("g/e/b.dwg", "1")
	x.awaitTold("g/e/b.dwg")
}

// TestSystemNoticesOfManyFiles writes faster than a slow machine settles: a file may be told in
// between too, but at last as it is.
func TestSystemNoticesOfManyFiles(t *testing.T) {
	x := startReal(t, newWatchedTree(t))
	const last = "the last state"
	for i := range 200 {
		p := fmt.Sprintf("set %d/sheet %03d.dwg", i%5, i)
		x.write(p, "first")
		x.write(p, last)
	}

	deadline := time.After(30 * time.Second)
	for {
		x.mu.Lock()

		done := 0
		for _, s := range x.states {
			if s.Size == int64(len(last)) {
				done++
			}
		}

		x.mu.Unlock()
		if done == 200 {
			return
		}

		select {
		case <-x.more:
		case <-deadline:
			x.mu.Lock()
			defer x.mu.Unlock()

			for p, s := range x.states {
				if s.Size != int64(len(last)) {
					t.Logf("%s: told %d times, at last with %d bytes", p, countOf(x.told, p), s.Size)
				}
			}

			t.Fatalf("%d files were told in their last state, want 200; status %+v", done, x.w.Status())
		}
	}
}

func countOf(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}

	return n
}

// TestWatchingStopsNobody renames and removes folders that hold watched folders, which Windows
// refuses where these are held open.
func TestWatchingStopsNobody(t *testing.T) {
	x := startReal(t, newWatchedTree(t))
	x.write("d/e/f/a.dwg", "1")
	x.awaitTold("d/e/f/a.dwg")
	x.rename("d/e/f/a.dwg", "d/e/f/b.dwg")
	x.awaitTold("-d/e/f/a.dwg", "d/e/f/b.dwg")
	x.rename("d", "g")
	x.awaitTold("-d/e/f/b.dwg", "g/e/f/b.dwg")
	x.remove("g")
	x.awaitTold("-g/e/f/b.dwg")
}

// TestSystemNoticesAfterRootCameBack watches on when the root was away.
func TestSystemNoticesAfterRootCameBack(t *testing.T) {
	parent := newTree(t)
	f := tree{t, parent.path("root")}
	f.write("a.dwg", "1")
	f.old("a.dwg")
	x := newFixture(t, f, func(c *Config) {
		c.Settle = 100 * time.Millisecond
		c.PollInterval = 50 * time.Millisecond
	})
	if kind := remoteKind(f.root); kind != "" {
		t.Skipf("the folder for temporary files is on a network mount: %s", kind)
	}

	var system *osNotifier
	x.w.source = func(root string) (notifier, error) {
		n, err := newOSNotifier(root)
		system, _ = n.(*osNotifier)
		return n, err
	}
	x.start(t)
	x.awaitTold("a.dwg")
	x.awaitState(StateWatching)
	parent.rename("root", "aside")
	system.lose() // not every system announces that
	x.awaitState(StateUnavailable)
	parent.rename("aside", "root")
	x.awaitState(StateWatching)
	x.write("d/b.dwg", "1")
	x.awaitTold("d/b.dwg")
}

func TestWalk(t *testing.T) {
	f := newTree(t)
	for _, p := range []string{"b.dwg", "a.dwg", "A1/c.rvt", "A1/x.bak", "z/y/d.dwg", "skip/e.dwg"} {
		f.write(p, p)
	}

	f.write(IgnoreFile, "skip/\n")
	linked := os.Symlink(f.path("a.dwg"), f.path("link.dwg")) == nil && runtime.GOOS != "windows"
	var got, failed []string
	onErr := func(rel string, err error) {
		if !errors.Is(err, ErrSkipped) {
			t.Errorf("%s: %v", rel, err)
		}

		failed = append(failed, rel)
	}
	_, err := Walk(rested(t, f.root, &Rules{}), func(rel string, s Snapshot) error {
		if s.Size != int64(len(rel)) {
			t.Errorf("%s: %d bytes", rel, s.Size)
		}

		got = append(got, rel)

		return nil
	}, onErr)
	if want := []string{"A1/c.rvt", "a.dwg", "b.dwg", "z/y/d.dwg"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}

	if linked && !slices.Equal(failed, []string{"link.dwg"}) {
		t.Errorf("skipped %q, want the link", failed)
	}

	stop := errors.New("stop")
	if _, err := Walk(rested(t, f.root, &Rules{}), func(string, Snapshot) error {
		return stop
	}, onErr); !errors.Is(err, stop) {
		t.Errorf("got %v, want the function's error", err)
	}

	if _, err := Walk(rested(t, filepath.Join(f.root, "none"), &Rules{}), nil, nil); !errors.Is(err,
		fs.ErrNotExist) {
		t.Errorf("got %v, want that there is no such folder", err)
	}

	if _, err := Walk(rested(t, f.path("a.dwg"), &Rules{}), nil, nil); err == nil {
		t.Error("a file was walked")
	}

	young, err := ParseRules(RuleOptions{MinAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}

	f.old("a.dwg")
	got = nil
	if _, err := Walk(rested(t, f.root, young), func(rel string, _ Snapshot) error {
		got = append(got, rel)
		return nil
	}, onErr); err != nil || !slices.Equal(got, []string{"a.dwg"}) {
		t.Errorf("got %q, %v, want the old file alone", got, err)
	}
}

func TestUnreadableFolder(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("nothing is unreadable here")
	}

	f := newTree(t)
	f.write("d/a.dwg", "1")
	f.write("b.dwg", "1")
	if err := os.Chmod(f.path("d"), 0); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.Chmod(f.path("d"), 0o755) })
	var failed []string
	_, err := Walk(rested(t, f.root, &Rules{}), func(string, Snapshot) error {
		return nil
	}, func(rel string, err error) { failed = append(failed, rel) })
	if err != nil || !slices.Equal(failed, []string{"d"}) {
		t.Errorf("failed %q, %v, want d", failed, err)
	}
}

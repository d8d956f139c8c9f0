package watcher

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// newLink makes a link to a folder, or skips the test: Wine makes what is none.
func (f tree) newLink(to, p string) {
	f.t.Helper()
	err := os.Symlink(to, f.path(p))
	if info, lookErr := os.Lstat(f.path(p)); err != nil || lookErr != nil || info.Mode()&os.ModeSymlink == 0 {
		f.t.Skip("no links here:", err, lookErr)
	}
}

// TestBehindALink: what lies behind a link is left out, at whatever depth and whenever the folder became one,
// but for the folder that somebody named and those above it.
func TestBehindALink(t *testing.T) {
	outside := newTree(t)
	outside.write("deep/f.dwg", "outside")
	f := newTree(t)
	f.write("real/deep/f.dwg", "inside")
	f.newLink(outside.root, "link")
	f.newLink(outside.path("deep"), "real/link")
	f.newLink("real", "within")

	for _, c := range []struct {
		named, path string
		leftOut     bool
	}{
		{"", "real/deep/f.dwg", false},
		{"", "link/f.dwg", true},
		{"", "link/deep/f.dwg", true},
		{"", "link/gone/f.dwg", true},
		{"", "real/link/f.dwg", true},
		{"", "within/deep/f.dwg", true},
		{"", "gone/f.dwg", false},
		{"link", "link/deep/f.dwg", false},
		{"link/deep", "link/deep/f.dwg", false},
		{"real", "real/link/f.dwg", true},
	} {
		given := &Rules{}
		if c.named != "" {
			given = given.Below(c.named)
		}

		folder, _ := split(c.path)
		if leftOut, rule := newTestBook(t, f.root, given).At(folder).Match(c.path,
			false); leftOut != c.leftOut ||
			leftOut && rule != specialFiles {
			t.Errorf("%q below the named %q: left out %v, by %q", c.path, c.named, leftOut, rule)
		}
	}
}

// TestFolderBecomesALink: nothing that lies behind it is told, and all is as before when it is a folder
// again.
func TestFolderBecomesALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outside := newTree(t)
		outside.write("f.dwg", "outside")
		outside.old("f.dwg")
		x := newFixture(t, newTree(t), nil)
		x.write("a/f.dwg", "inside")
		x.start(t)
		pass := func(want ...string) {
			t.Helper()
			time.Sleep(30 * time.Second)
			synctest.Wait()
			x.want(t, want...)
		}
		pass("a/f.dwg")

		x.write("a/f.dwg", "inside, and more")
		x.notice("a/f.dwg")
		synctest.Wait() // it is looked at before the folder goes
		x.rename("a", "b")
		x.newLink(outside.root, "a")
		pass()
		x.w.Scan("a")
		pass()

		x.remove("a")
		x.rename("b", "a")
		x.w.Scan("")
		pass("a/f.dwg")
	})
}

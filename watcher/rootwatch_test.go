package watcher

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const testMarker = ".hoist-root"

// TestRoot plays what becomes of the root with a clock of its own. Each scene begins with a.dwg
// told and the marker left in the root.
func TestRoot(t *testing.T) {
	second := func(n int) { time.Sleep(time.Duration(n) * time.Second); synctest.Wait() }
	away := func(x *fixture) string { return filepath.Join(filepath.Dir(x.root), "away") }
	leave := func(t *testing.T, x *fixture) { must(t, os.Rename(x.root, away(x))) }
	state := func(t *testing.T, x *fixture, want string) {
		t.Helper()
		if s := x.w.Status(); s.State != want {
			t.Errorf("status %+v, want %s", s, want)
		}
	}

	tests := []struct {
		name  string
		scene func(t *testing.T, x *fixture)
	}{
		{"goes for a while", func(t *testing.T, x *fixture) {
			leave(t, x)
			second(10)
			state(t, x, StateUnavailable)
			second(3600)
			x.want(t)
			must(t, os.Rename(away(x), x.root))
			x.write("b.dwg", "b")
			x.old("b.dwg")
			second(10)
			state(t, x, StateWatching)
			x.want(t, "b.dwg")
		}},
		{"an empty folder is in its place: the disk is not mounted", func(t *testing.T, x *fixture) {
			leave(t, x)
			must(t, os.Mkdir(x.root, 0o755))
			second(10)
			state(t, x, StateUnavailable)
			second(3600)
			x.want(t)
			if s := x.w.Status(); s.Files != 1 || !strings.Contains(s.Detail, "mounted") {
				t.Errorf("status %+v", s)
			}

			must(t, os.Remove(x.root))
			must(t, os.Rename(away(x), x.root))
			second(10)
			state(t, x, StateWatching)
			x.want(t)
		}},
		{"another folder is in its place, as after a mount or a restore", func(t *testing.T, x *fixture) {
			leave(t, x)
			x.write("b.dwg", "b")
			x.old("b.dwg")
			second(10)
			state(t, x, StateWatching)
			second(20)
			x.want(t, "-a.dwg", "b.dwg")
		}},
		{"a folder above it is renamed and a copy takes its place", func(t *testing.T, x *fixture) {
			above := filepath.Dir(x.root)
			must(t, os.Rename(above, above+".old"))
			must(t, os.CopyFS(above, os.DirFS(above+".old")))
			x.write("b.dwg", "b")
			second(30)
			state(t, x, StateWatching)
			x.want(t, "a.dwg", "b.dwg") // a.dwg is another file now
		}},
		{"becomes a file", func(t *testing.T, x *fixture) {
			leave(t, x)
			must(t, os.WriteFile(x.root, nil, 0o644))
			second(10)
			state(t, x, StateUnavailable)
			x.want(t)
		}},
		{"everything in it is deleted, but not the marker", func(t *testing.T, x *fixture) {
			x.remove("a.dwg")
			x.notice("a.dwg")
			second(20)
			state(t, x, StateWatching)
			x.want(t, "-a.dwg")
		}},
		{"goes between a deletion and its end", func(t *testing.T, x *fixture) {
			x.remove("a.dwg")
			x.hand.notice("a.dwg", notice{touched: true, left: true})
			second(9)
			leave(t, x)
			second(60)
			x.want(t)
			state(t, x, StateUnavailable)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := tree{t, filepath.Join(t.TempDir(), "office", "root")}
				f.write("a.dwg", "a")
				f.old("a.dwg")
				f.write(testMarker, "{}")
				x := newFixture(t, f, func(c *Config) { c.Marker = testMarker })
				x.start(t)
				synctest.Wait()
				x.want(t, "a.dwg")
				tt.scene(t, x)
			})
		})
	}
}

// TestStartWithoutTheDisk starts over an empty place where files are known.
func TestStartWithoutTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newTree(t)
		f.write("a.dwg", "a")
		f.old("a.dwg")
		x := newFixture(t, f, func(c *Config) { c.Marker = testMarker })
		stop := x.start(t)
		synctest.Wait()
		x.want(t, "a.dwg")
		stop()

		must(t, os.Rename(f.path("a.dwg"), f.root+".a.dwg"))
		x.start(t)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		x.want(t)
		if s := x.w.Status(); s.State != StateUnavailable || s.Files != 1 {
			t.Errorf("status %+v", s)
		}

		must(t, os.Rename(f.root+".a.dwg", f.path("a.dwg")))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if runtime.GOOS == "windows" { // a listing tells no change time
			x.want(t)
		} else {
			x.want(t, "a.dwg") // renaming it moved its change time: it is to be compared
		}

		if s := x.w.Status(); s.State != StateWatching || s.Files != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

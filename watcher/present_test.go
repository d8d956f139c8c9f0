package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFoldersThatLeaveThemselvesOut(t *testing.T) {
	f := newTree(t)
	for _, p := range []string{"a.dwg", ".nosync", "work/.nosync", "work/b.dwg", "work/deep/c.dwg",
		"cache/d.dwg",
		"liar/CACHEDIR.TAG", "liar/e.dwg", "form/.bu\u0308ro", "form/f.dwg"} {
		f.write(p, "x")
	}

	f.write("cache/CACHEDIR.TAG", cacheSign+"\n# by a renderer\n")
	rules, err := ParseRules(RuleOptions{IfPresent: []string{".nosync", ".b\u00fcro"}, Caches: true,
		OneFileSystem: true})
	must(t, err)

	b := rested(t, f.root, rules)
	found, _ := walked(t, b)
	if want := []string{".nosync", "a.dwg", "liar/CACHEDIR.TAG", "liar/e.dwg"}; !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}

	for _, p := range []string{"work/deep/c.dwg", "cache/d.dwg"} {
		folder, _ := split(p)
		if ignored, _ := b.At(folder).Match(p, false); !ignored {
			t.Errorf("%s is taken when it is asked for alone", p)
		}
	}
}

// TestWhatLeavesAFolderOutRests: what says that a folder is left out may be saved like any file, and
// counts as gone once it has been gone for the settle time.
func TestWhatLeavesAFolderOutRests(t *testing.T) {
	const tag = cacheSign + "\n"
	tests := []struct {
		name   string
		mark   string
		before string // what the mark holds at first; "-": it is not there
		change func(f tree, at string)
		sent   bool // once it has rested
	}{
		{"tag emptied and written", cacheTag, tag, func(f tree, at string) {
			f.write(at, "")
			time.Sleep(9 * time.Second)
			f.write(at, tag)
		}, false},
		{"tag that ends within the signature", cacheTag, tag,
			func(f tree, at string) { f.write(at, tag[:20]) }, true},
		{"tag deleted and made anew", cacheTag, tag, func(f tree, at string) {
			f.remove(at)
			time.Sleep(9 * time.Second)
			f.write(at, tag)
		}, false},
		{"tag deleted for good", cacheTag, tag, func(f tree, at string) { f.remove(at) }, true},
		{"new tag that is written in two steps", cacheTag, "-", func(f tree, at string) {
			f.write(at, "")
			time.Sleep(9 * time.Second)
			f.write(at, tag)
		}, false},
		{"tag becomes a folder", cacheTag, tag, func(f tree, at string) {
			f.remove(at)
			must(f.t, os.Mkdir(f.path(at), 0o755))
		}, true},
		{"mark deleted and made anew", ".nosync", "", func(f tree, at string) {
			f.remove(at)
			time.Sleep(9 * time.Second)
			f.write(at, "")
		}, false},
		{"mark deleted for good", ".nosync", "", func(f tree, at string) { f.remove(at) }, true},
	}
	rules, err := ParseRules(RuleOptions{IfPresent: []string{".nosync"}, Caches: true})
	must(t, err)

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newTree(t)
				f.write("out/a.dwg", "x")
				old := time.Now().Add(-time.Hour)
				must(t, os.Chtimes(f.path("out/a.dwg"), old, old))
				at := "out/" + tt.mark
				if tt.before != "-" {
					f.write(at, tt.before)
				}

				x := newFixture(t, f, func(c *Config) { c.Book = newTestBook(t, f.root, rules) })
				ended := make(chan bool)
				change := func() { defer close(ended); tt.change(f, at) }
				if tt.before == "-" {
					go change()
					synctest.Wait()
					x.start(t)
				} else {
					x.start(t)
					time.Sleep(time.Minute)
					go change()
					synctest.Wait()
				}

				for range 9 {
					x.notice(at)
					time.Sleep(time.Second)
					synctest.Wait()
					if told := x.take(); slices.ContainsFunc(told, aDrawing) {
						t.Errorf("told %q while it rests", told)
					}
				}

				<-ended
				x.notice(at)
				time.Sleep(time.Minute)
				synctest.Wait()
				if told := x.take(); slices.ContainsFunc(told, aDrawing) != tt.sent {
					t.Errorf("told %q, want the drawing %v", told, tt.sent)
				}
			})
		})
	}
}

func aDrawing(told string) bool { return filepath.Ext(told) == ".dwg" }

// TestFoldersStayLeftOutOverARestart: a mark that is away while the process starts holds for the
// settle time, as one that goes while it runs.
func TestFoldersStayLeftOutOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, keeper := newTree(t), &memKeeper{}
		rules, err := ParseRules(RuleOptions{IfPresent: []string{".nosync"}})
		must(t, err)
		f.write("out/.nosync", "")
		f.write("out/a.dwg", "x")

		taken := func(b *Book) bool { ignored, _ := b.At("out").Match("out/a.dwg", false); return !ignored }
		b, err := NewBook(f.root, rules, 10*time.Second, keeper)
		must(t, err)
		if taken(b) {
			t.Error("it is taken beside its mark")
		}

		must(t, b.Store())
		f.remove("out/.nosync")
		b, err = NewBook(f.root, rules, 10*time.Second, keeper)
		must(t, err)
		if taken(b) {
			t.Error("it is taken the moment its mark is gone")
		}

		time.Sleep(10 * time.Second)
		if !taken(b) {
			t.Error("it is never taken again")
		}
	})
}

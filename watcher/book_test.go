package watcher

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// memKeeper keeps the rules of one root.
type memKeeper struct {
	text      string
	published string // a path
}

func (m *memKeeper) LoadRules() (string, error) { return m.text, nil }
func (m *memKeeper) StoreRules(s string) error  { m.text = s; return nil }
func (m *memKeeper) Published(path string) bool { return m.published == path }

// rested is a book whose rule files have rested whenever it is asked.
func rested(t testing.TB, root string, given *Rules) *Book {
	t.Helper()
	b := newTestBook(t, root, given)
	b.settle = 0

	return b
}

func TestRuleFiles(t *testing.T) {
	f := newTree(t)
	f.write(".hoistignore", "*.rvt\r\n[bad\n/top.dwg\n")
	f.write("Area/.hoistignore", "!keep.rvt\n/top.dwg\n")
	own, err := ParseRules(RuleOptions{Patterns: []string{"!own.rvt"}})
	if err != nil {
		t.Fatal(err)
	}

	b := rested(t, f.root, own)
	tests := []struct {
		folder, path string
		ignored      bool
	}{
		{"", "a.rvt", true},
		{"Area", "Area/a.rvt", true},
		{"Area", "Area/keep.rvt", false},
		{"", "top.dwg", true},
		{"Area", "Area/top.dwg", true},
		{"Area/x", "Area/x/top.dwg", false},
		{"Area/x", "Area/x/keep.rvt", false},
		{"Other", "Other/keep.rvt", true},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r := b.At(tt.folder)
			if ignored, rule := r.Match(tt.path, false); ignored != tt.ignored {
				t.Errorf("got %t by %q, want %t", ignored, rule, tt.ignored)
			}

			if ignored, rule := r.Match("Area/own.rvt", false); ignored {
				t.Errorf("a given pattern is weaker than a file: ignored by %q", rule)
			}
		})
	}
}

// TestRuleFileForms tries what may lie in a rule file, each time with rules that hold already and
// with none.
func TestRuleFileForms(t *testing.T) {
	utf16 := func(order, text string) string {
		out := order
		for _, c := range text {
			if order == "\xff\xfe" {
				out += string([]byte{byte(c), byte(c >> 8)})
			} else {
				out += string([]byte{byte(c >> 8), byte(c)})
			}
		}

		return out
	}
	tests := []struct {
		name, text string
		right      bool // it is understood and excludes new.dwg
	}{
		{"plain", "new.dwg\n", true},
		{"without a line end", "new.dwg", true},
		{"byte order mark", "\ufeffnew.dwg\r\n", true},
		{"UTF-16 of Windows", utf16("\xff\xfe", "new.dwg\r\n"), true},
		{"UTF-16, big end first", utf16("\xfe\xff", "new.dwg\n"), true},
		{"UTF-16 beyond ASCII", utf16("\xff\xfe", "pläne/\nnew.dwg\n"), true},
		{"UTF-16 that ends within a character", utf16("\xff\xfe", "new.dwg\n") + "a", false},
		{"UTF-16 without a mark", utf16("", "new.dwg"), false},
		{"Latin-1", "new.dwg\npl\xe4ne/\n", false},
		{"UTF-8 cut within a letter", "new.dwg\npl\xc3", false},
		{"too long", "new.dwg\n" + strings.Repeat("#", maxIgnoreFile), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newTree(t)
			f.write(IgnoreFile, tt.text)
			b := rested(t, f.root, &Rules{})
			r := b.At("")
			if (r.Held() == nil) != tt.right {
				t.Errorf("held: %v", r.Held())
			}

			if ignored, _ := r.Match("new.dwg", false); ignored != tt.right {
				t.Errorf("excluded: %t", ignored)
			}

			before := rested(t, f.root, &Rules{})
			f.write(IgnoreFile, "old.dwg\n")
			before.At("")
			f.remove(IgnoreFile)
			f.write(IgnoreFile, tt.text)

			r = before.At("")
			if r.Held() != nil {
				t.Errorf("held although older rules are known: %v", r.Held())
			}

			if ignored, _ := r.Match("old.dwg", false); ignored == tt.right {
				t.Errorf("the rules before hold: %t", ignored)
			}

			if problems := before.Problems(); (len(problems) == 0) != tt.right {
				t.Errorf("problems told: %q", problems)
			}
		})
	}
}

// link makes a symbolic link. Those of Wine are not seen as such.
func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Skip("no links can be made here:", err)
	}

	if info, err := os.Lstat(at); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Skip("links are not seen as such here")
	}
}

// TestRuleFileKinds puts other things in the place of a rule file. None of them may be waited for.
func TestRuleFileKinds(t *testing.T) {
	tests := []struct {
		name  string
		make  func(t *testing.T, f tree, at string)
		right bool
	}{
		{"folder", func(t *testing.T, _ tree, at string) { must(t, os.Mkdir(at, 0o755)) }, false},
		{"named pipe", func(t *testing.T, _ tree, at string) { makePipe(t, at) }, false},
		{"link to a pipe", func(t *testing.T, f tree, at string) {
			makePipe(t, f.path("pipe"))
			link(t, f.path("pipe"), at)
		}, false},
		{"link to an endless device", func(t *testing.T, _ tree, at string) {
			if _, err := os.Stat("/dev/zero"); err != nil {
				t.Skip("there is no /dev/zero")
			}

			link(t, "/dev/zero", at)
		}, false},
		{"link to a folder", func(t *testing.T, f tree, at string) {
			link(t, f.root, at)
		}, false},
		{"link that leads nowhere", func(t *testing.T, f tree, at string) {
			link(t, f.path("none"), at)
		}, false},
		{"link to itself", func(t *testing.T, _ tree, at string) { link(t, at, at) }, false},
		{"link to shared rules", func(t *testing.T, f tree, at string) {
			f.write("shared", "new.dwg\n")
			link(t, f.path("shared"), at)
		}, true},
		{"link by way of a link", func(t *testing.T, f tree, at string) {
			f.write("shared", "new.dwg\n")
			link(t, "shared", f.path("way"))
			link(t, "way", at)
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newTree(t)
			tt.make(t, f, f.path(IgnoreFile))
			f.write("sub/x.dwg", "x")

			b := rested(t, f.root, &Rules{})
			for _, folder := range []string{"", "sub"} {
				r := b.At(folder)
				if (r.Held() == nil) != tt.right {
					t.Errorf("in %q held: %v", folder, r.Held())
				}

				if ignored, _ := r.Match("new.dwg", false); ignored != tt.right {
					t.Errorf("in %q excluded: %t", folder, ignored)
				}
			}

			var held *HeldError
			_, err := Walk(b, func(string, Snapshot) error { return nil }, func(_ string, err error) {
				held, _ = errors.AsType[*HeldError](err)
			})
			if err != nil || (held == nil) != tt.right {
				t.Errorf("walk: %v, held %v", err, held)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhoeverLooksFirst: that other rules hold is told to the watcher, whoever found it out first:
// the engine asks the same book, and a scan has passed over what was held.
func TestWhoeverLooksFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newTree(t)
		b := newTestBook(t, f.root, &Rules{})
		for _, text := range []string{"a.dwg\n", "b.dwg\n", ""} {
			if text == "" {
				f.remove("sub/.hoistignore")
			} else {
				f.write("sub/.hoistignore", text)
			}

			b.At("sub")
			if changed := b.recheck(false); len(changed) > 0 {
				t.Errorf("%q: told of %q before it rested", text, changed)
			}

			time.Sleep(11 * time.Second)
			b.At("sub")
			at, due := b.next()
			if changed := b.recheck(false); !due || at.After(time.Now()) ||
				!slices.Equal(changed, []string{"sub"}) {
				t.Errorf("%q: due %t at %v, told of %q", text, due, at, changed)
			}

			if changed := b.recheck(false); len(changed) > 0 {
				t.Errorf("%q: told twice of %q", text, changed)
			}
		}
	})
}

// TestRuleFileRests plays saves of a rule file with a clock of its own: what was understood holds
// until the new state has rested, and nothing is handed over meanwhile.
func TestRuleFileRests(t *testing.T) {
	tests := []struct {
		name   string
		change func(f tree)
		after  []string // what is excluded once it has rested
	}{
		{"emptied and written", func(f tree) {
			f.write(IgnoreFile, "")
			time.Sleep(9 * time.Second)
			f.write(IgnoreFile, "private\nmore\n")
		}, []string{"more", "private"}},
		{"emptied for good", func(f tree) { f.write(IgnoreFile, "") }, nil},
		{"deleted for good", func(f tree) { f.remove(IgnoreFile) }, nil},
		{"deleted and made anew", func(f tree) {
			f.remove(IgnoreFile)
			time.Sleep(9 * time.Second)
			f.write(IgnoreFile, "more\n")
		}, []string{"more"}},
		{"replaced by rename", func(f tree) {
			f.write("new", "more\n")
			must(f.t, os.Rename(f.path("new"), f.path(IgnoreFile)))
		}, []string{"more"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newTree(t)
				f.write(IgnoreFile, "private\n")
				b := newTestBook(t, f.root, &Rules{})
				if held := b.At("").Held(); held == nil {
					t.Error("a rule file that was never seen counts at once")
				}

				time.Sleep(10 * time.Second)
				if got := excludedIn(b); !slices.Equal(got, []string{"private"}) {
					t.Fatalf("excluded %q", got)
				}

				ended := make(chan bool)
				go func() { defer close(ended); tt.change(f) }()
				synctest.Wait()

				for range 9 {
					if held := b.At("").Held(); held == nil || held.Err != nil {
						t.Errorf("held: %v", held)
					}

					if got := excludedIn(b); !slices.Equal(got, []string{"private"}) {
						t.Errorf("excluded %q while it rests", got)
					}

					time.Sleep(time.Second)
				}

				<-ended
				b.At("")
				time.Sleep(10 * time.Second)
				if got := excludedIn(b); !slices.Equal(got, tt.after) || b.At("").Held() != nil {
					t.Errorf("excluded %q, want %q; held: %v", got, tt.after, b.At("").Held())
				}
			})
		})
	}
}

// excludedIn is which of some names the rules at the root exclude.
func excludedIn(b *Book) (out []string) {
	r := b.At("")
	for _, name := range []string{"more", "private"} {
		if ignored, _ := r.Match(name, false); ignored {
			out = append(out, name)
		}
	}

	return out
}

func TestLastRulesOutliveTheProcess(t *testing.T) {
	f, keeper := newTree(t), &memKeeper{}
	open := func() *Book {
		b, err := NewBook(f.root, &Rules{}, 0, keeper)
		must(t, err)

		return b
	}
	f.write(IgnoreFile, "private\n")
	f.write("sub/.hoistignore", "more\n")
	first := open()
	first.At("sub")
	must(t, first.Store())

	f.remove(IgnoreFile)
	makePipe(t, f.path(IgnoreFile))

	again := open()
	if got := excludedIn(again); !slices.Equal(got, []string{"private"}) || again.At("").Held() != nil {
		t.Errorf("excluded %q, held %v", got, again.At("").Held())
	}

	if ignored, _ := again.At("sub").Match("sub/more", false); !ignored {
		t.Error("the rules of a sub folder are lost")
	}

	must(t, os.Remove(f.path(IgnoreFile)))
	again.At("")
	must(t, again.Store())

	if got := excludedIn(open()); got != nil {
		t.Errorf("excluded %q though the rule file is deleted", got)
	}
}

func TestRulesAndLetterCase(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "Name.txt"), nil, 0o644))
	letter, ok := lettersOf(dir)
	_, err := os.Stat(filepath.Join(dir, "nAME.TXT"))
	if !ok || (letter != usualCase()) != (errors.Is(err, os.ErrNotExist) != (usualCase() == 0)) {
		t.Errorf("letters compare as %v (%t), and the other case: %v", letter, ok, err)
	}

	rules, err := ParseRules(RuleOptions{Patterns: []string{"Pl\u00e4ne/", "*.LOG"}})
	must(t, err)

	folded := rules.in(2)
	for _, tt := range []struct {
		path          string
		dir           bool
		exact, folded bool
	}{
		{"Pl\u00e4ne", true, true, true},
		{"Pla\u0308ne", true, true, true},
		{"pl\u00c4ne", true, false, true},
		{"PLA\u0308NE", true, false, true},
		{"a.LOG", false, true, true},
		{"a.log", false, false, true},
	} {
		if got, _ := rules.in(0).Match(tt.path, tt.dir); got != tt.exact {
			t.Errorf("%q: excluded %t, want %t", tt.path, got, tt.exact)
		}

		if got, _ := folded.Match(tt.path, tt.dir); got != tt.folded {
			t.Errorf("%q without regard to case: excluded %t, want %t", tt.path, got, tt.folded)
		}
	}
}

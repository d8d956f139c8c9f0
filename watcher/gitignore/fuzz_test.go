package gitignore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var seeds = []struct{ rules, path string }{
	{"/*\n!keep/\n", "keep/a"},
	{"*.bak\r\n!a.bak\r\n", "x/a.bak"},
	{"\ufeff**/a/**/b\n", "a/x/y/b"},
	{"[!a-c][[:digit:]]*\\ \n", "x1 "},
	{"foo**/b?r", "foox/y/bar"},
	{"[]-a\\]]\n[a\n[[:x:]]", "]"},
	{"a/**\\/b", "a/x/b"},
	{"é*\n!?", "é"},
	{"\\A[A]\x00x\n/a//\n", "A"},
	{"***/a\n*/**/*", "b/a/c"},
}

// FuzzMatch looks for inputs that are judged too slowly, or otherwise than by trying everything.
func FuzzMatch(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s.rules), s.path, false, uint8(0))
		f.Add([]byte(s.rules), s.path, true, uint8(1))
	}

	f.Fuzz(func(t *testing.T, data []byte, path string, dir bool, letter uint8) {
		if len(data) > 4096 || len(path) > 1024 {
			t.Skip()
		}

		begun := time.Now()
		r := Parse("", data, Case(letter%3))
		ignored, by := Stack{r}.Judge(path, dir)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("took %s", took)
		}

		if ignored && (by == nil || by.Negated) {
			t.Errorf("ignored by %+v", by)
		}

		path = canonical(path, r.letter)
		for _, rule := range r.All() {
			g, fold := rule.pattern.glob, r.letter.table()
			if got, want := g.match(path, fold), tryAll(g, path, fold); got != want {
				t.Errorf("%q on %q: got %t, want %t", rule.Text, path, got, want)
			}
		}
	})
}

// tryAll matches by the meaning of each op alone: reach[i] says that the ops so far can take i
// bytes.
func tryAll(g glob, name string, fold *[256]byte) bool {
	reach := make([]bool, len(name)+1)
	reach[0] = true
	for _, o := range g {
		next := make([]bool, len(name)+1)
		for i, ok := range reach {
			if !ok {
				continue
			}

			switch o.kind {
			case opStar:
				for j := i; ; j++ {
					next[j] = true
					if j == len(name) || name[j] == '/' {
						break
					}
				}
			case opDeep:
				for j := i; j <= len(name); j++ {
					next[j] = true
				}
			case opFolders:
				next[i] = true
				for j := i; j < len(name); j++ {
					next[j+1] = next[j+1] || name[j] == '/'
				}
			case opLit, opAny, opSet:
				if i < len(name) && (o.kind == opLit && o.lit == byteOf(name[i], fold) ||
					o.kind == opAny && name[i] != '/' || o.kind == opSet && o.set.has(name[i])) {
					next[i+1] = true
				}
			}
		}

		reach = next
	}

	return reach[len(name)]
}

// FuzzEqualsGit asks git about each input, which is slow; without -fuzz it asks about the seeds.
func FuzzEqualsGit(f *testing.F) {
	g := newGrove(f)
	fixed := g.sinceStarsFixed()

	for _, s := range seeds {
		f.Add(s.rules, s.path, false)
		f.Add(s.rules, s.path, true)
	}

	f.Fuzz(func(t *testing.T, rules, path string, dir bool) {
		rules, path = nfc(rules), nfc(path)
		if !gitTakes(path) || fixed && differsByVersion.MatchString(rules) {
			t.Skip()
		}

		g := &grove{t: t, root: g.root}
		g.add(map[string]string{"": rules}, []entry{{path, dir}})
		defer os.RemoveAll(filepath.Join(g.root, g.trees[0].at))
		g.compare()
	})
}

// gitTakes reports whether a path can be asked about: it is clean, and not too long for a file
// system.
func gitTakes(p string) bool {
	for step := range strings.SplitSeq(p, "/") {
		switch {
		case step == "", step == ".", step == "..", len(step) > 200:
			return false
		case strings.HasPrefix(strings.ToLower(step), ".git"):
			return false
		}
	}

	return len(p) < 1000 && !strings.Contains(p, "\x00")
}

func TestNoPatternTakesForever(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, 250) }

	tests := []struct{ name, rule, path string }{
		{"stars in a name", many("*a") + "b", many("a")},
		{"two stars and a slash", many("**/a/") + "b", many("a/a/") + "a"},
		{"two stars without a letter", many("**/") + "b", many("a/a/") + "a"},
		{"stars in each folder", "x/" + many("**/*a*/") + "b", "x/" + many("aaa/") + "a"},
		{"two stars before an escaped slash", "**\\/" + many("*a**\\/") + "b", many("aaaa/") + "a"},
		{"question marks", many("*?") + "/b", many("a") + "/a"},
		{"a very long line", "*" + strings.Repeat("?*", 1<<19), many("a")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Parse("", []byte(tt.rule), ASCII)
			begun := time.Now()
			if r.Match(tt.path, false) != nil {
				t.Error("it matches")
			}

			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

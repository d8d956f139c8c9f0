package gitignore

import (
	"strings"
	"testing"
)

// The rows are what people write, with what git says of them; the differential test asks git
// itself.
func TestJudge(t *testing.T) {
	tests := []struct {
		name  string
		rules string
		// Paths that end in a slash are folders.
		ignored, kept string
	}{
		{"name at any depth", "a.bak", "a.bak x/a.bak a.bak/ a.bak/x", "b.bak a.bak.dwg"},
		{"suffix", "*.bak", "a.bak .bak x/y.bak", "a.bak1 bak"},
		{"letter case counts", "*.Bak", "a.Bak", "a.bak"},
		{"last wins", "*.dwg\n!keep.dwg\nx/keep.dwg", "a.dwg x/keep.dwg", "keep.dwg y/keep.dwg"},
		{"anchored at the front", "/a", "a a/b", "x/a"},
		{"anchored in the middle", "x/a", "x/a", "a y/x/a"},
		{"a slash at the end does not anchor", "a/", "a/ x/a/ x/a/b", "a x/a"},
		{"nothing comes back from an ignored folder", "a/\n!a/b", "a/ a/b", "b"},
		{"all but one folder", "/*\n!keep/", "a a/ a/b keep x/keep/", "keep/ keep/a"},
		{"all but one deep folder", "/*\n!/x/\n/x/*\n!/x/keep/", "a y/keep/z x/a", "x/ x/keep/ x/keep/a"},
		{"one star stays in its folder", "a/*/z", "a/b/z", "a/z a/b/c/z"},
		{"two stars in the middle", "a/**/z", "a/z a/b/z a/b/c/z", "z a/b x/a/z"},
		{"two stars in front", "**/z", "z a/z a/b/z", "az"},
		{"two stars at the end", "a/**", "a/b a/b/c", "a a/ x/a/b"},
		{"two stars within a name are as one", "a/b**c", "a/bc a/bxc", "a/b/c a/bx/c"},
		{"two stars behind a name", "foo**/bar", "foo/bar foox/bar foox/y/bar", "bar/foo"}, // git up to 2.51
		{"question mark", "a?c", "abc", "ac abbc"},
		{"question mark is one byte", "?\n[ä]", "a", "ä"},
		{"two bytes for one letter", "??", "ä", "a"},
		{"class", "[a-c]x", "ax bx", "dx x"},
		{"class negated", "[!a-c]x\n[^e]y", "dx fy", "ax ey"},
		{"bracket in a class", "[]a]\n[!]b-z]x", "] a ax", "b ]x bx"},
		{"dash at either end", "[a-]x\n[-b]y", "-x ax -y by", "bx ay"},
		{"no range begins with a range or a class", "[a-c-e]x\n[a[:digit:]-c]y", "-x ex -y cy", "dx by"},
		{"no slash is matched", "/a/b[!x]c\n/a/d?c\n/a/e[/]c", "a/b-c a/d-c", "a/b/c a/d/c a/e/c"},
		{"two stars before a slash with a backslash", "a/**\\/b", "a/x/b a/x/y/b", "a/b"},
		{"POSIX classes", "[[:digit:][:upper:]]", "1 A", "a d"},
		{"backslash in a class", `[a\]]`, "a ]", `b \`},
		{"class without an end", "[a\n[[:nope:]]", "", "[a a n"},
		{"escapes", "\\!a\n\\#b\n\\*c", "!a #b *c", "a b xc"},
		{"backslash at the end", `a\`, "", `a a\`},
		{"comment", "#a\n# *", "", "a #a"},
		{"byte order mark", "\ufeffa", "a", "\ufeffa"},
		{"lines end in CR and LF", "a\r\n*.b\r\n", "a x.b", "c"},
		{"of two CRs one is part of the name", "a\r\r\n", "a\r", "a"},
		{"CR at the very end", "a\r", "a", ""},
		{"what follows a NUL is not read", "a\x00b", "a", "ab"},
		{"a slash alone, an exclamation mark alone", "/\n!\n//\n", "", "a a/"},
		{"two slashes", "a//b\na//", "", "a/ a/b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Stack{Parse("", []byte(tt.rules), Exact)}
			for want, list := range map[bool]string{true: tt.ignored, false: tt.kept} {
				for p := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ' ' }) {
					p, dir := strings.CutSuffix(p, "/")
					if got, by := s.Judge(p, dir); got != want {
						t.Errorf("%q: ignored %t by %+v, want %t", p, got, by, want)
					}
				}
			}
		})
	}
}

func TestTrailingBlanks(t *testing.T) {
	tests := []struct{ rule, text, match, miss string }{
		{"a  ", "a", "a", "a  "},
		{`a\ `, `a\ `, "a ", "a"},
		{`a\  `, `a\ `, "a ", "a  "},
		{`a \ `, `a \ `, "a  ", "a "},
		{"a\t", "a\t", "a\t", "a"},
		{" a", " a", " a", "a"},
		{`a\\ `, `a\\`, `a\`, `a\ `},
		{"a \r", "a", "a", "a \r"},
		{"a\r ", "a\r", "a\r", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			r := Parse("", []byte(tt.rule), Exact)
			if by := r.Match(tt.match, false); by == nil || by.Text != tt.text {
				t.Errorf("%q: got %+v, want the rule %q", tt.match, by, tt.text)
			}

			if by := r.Match(tt.miss, false); by != nil {
				t.Errorf("%q matches", tt.miss)
			}
		})
	}
}

func TestStack(t *testing.T) {
	var s Stack
	s = s.Push(Parse("", []byte("*.rvt\n/top.dwg\nold/\n"), Exact))

	area := s.Push(Parse("Area", []byte("# what stays\n!keep.rvt\n/top.dwg\n!old/\n"), Exact))
	tests := []struct {
		path    string
		dir     bool
		ignored bool
		folder  string
		line    int
	}{
		{"a.rvt", false, true, "", 1},
		{"keep.rvt", false, true, "", 1},
		{"Area/keep.rvt", false, false, "Area", 2},
		{"Area/x/keep.rvt", false, false, "Area", 2},
		{"Areas/keep.rvt", false, true, "", 1},
		{"Area", true, false, "", 0},
		{"Area/top.dwg", false, true, "Area", 3},
		{"Area/x/top.dwg", false, false, "", 0},
		{"old/a", false, true, "", 3},
		{"Area/old", true, false, "Area", 4},
		{"Area/old/a", false, false, "", 0},
		{"", true, false, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			ignored, by := area.Judge(tt.path, tt.dir)
			if by == nil {
				by = &Rule{}
			}

			if ignored != tt.ignored || by.Folder != tt.folder || by.Line != tt.line {
				t.Errorf("ignored %t by %q line %d, want %t by %q line %d",
					ignored, by.Folder, by.Line, tt.ignored, tt.folder, tt.line)
			}
		})
	}

	if ignored, _ := s.Judge("Area/keep.rvt", false); !ignored {
		t.Error("Push changed the stack that it was called on")
	}

	three := area.Push(Parse("Area/x", nil, Exact))
	one, other := three.Push(Parse("", []byte("a"), Exact)), three.Push(Parse("", []byte("b"), Exact))
	if one.Last("a", false) == nil || other.Last("b", false) == nil {
		t.Error("two stacks pushed onto one share their top")
	}

	if by := area.Last("old/a", false); by != nil {
		t.Errorf("Last looked at the folders above: %+v", by)
	}
}

func TestCase(t *testing.T) {
	tests := []struct {
		rule, path            string
		exact, ascii, unicode bool
	}{
		{"plan.dwg", "plan.dwg", true, true, true},
		{"Plan.dwg", "pLAN.DWG", false, true, true},
		{"*.DWG", "a.dwg", false, true, true},
		{"/Area/*.dwg", "AREA/a.DWG", false, true, true},
		{"[a-c]x", "BX", false, true, true},
		{"[A-C]x", "bx", false, true, true},
		{"[[:upper:]]x", "bx", false, true, true},
		{"[[:lower:]]x", "Bx", false, true, true},
		{`\A`, "A", true, false, false},
		{"[A]", "A", true, false, false},
		{"Ä.dwg", "ä.DWG", false, false, true},
		{"größe*", "GRÖßE 1", false, false, true},
		{"*.Ä", "x.ä", false, false, true},
		{"ſ", "s", false, false, false},
		{"\u212a", "k", false, true, true}, // the sign for kelvin is the letter K in NFC
		{"Σ", "ς", false, false, true},
		{"\xff", "\xfe", false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.rule+" "+tt.path, func(t *testing.T) {
			for letter, want := range map[Case]bool{Exact: tt.exact, ASCII: tt.ascii, Unicode: tt.unicode} {
				if got := Parse("", []byte(tt.rule), letter).Match(tt.path, false) != nil; got != want {
					t.Errorf("case %d: got %t, want %t", letter, got, want)
				}
			}
		})
	}
}

func TestUnicodeForms(t *testing.T) {
	const nfc, nfd = "Caf\u00e9", "Cafe\u0301"
	for _, rule := range []string{nfc, nfd} {
		for _, p := range []string{nfc, nfd} {
			one := rule[:2] + "?" + rule[3:] + "/"
			for _, text := range []string{rule, "*" + rule, "/" + rule + "/*", one} {
				s := Stack{Parse("", []byte(text), Exact)}
				if ignored, _ := s.Judge(p+"/x", false); !ignored {
					t.Errorf("%+q does not match %+q", text, p)
				}
			}

			s := Stack{Parse(rule, []byte("/x"), Exact)}
			if ignored, by := s.Judge(p+"/x", false); !ignored || by.Folder != rule {
				t.Errorf("rules of folder %+q are not for %+q", rule, p)
			}
		}
	}

	// So many marks that the library would part them.
	marks := strings.Repeat("\u0301", 40)
	if Parse("", []byte("b*"+marks[:40]), Exact).Match("b"+marks, false) == nil {
		t.Error("a long run of marks was changed")
	}
}

func TestNever(t *testing.T) {
	for text, want := range map[string]bool{
		"[a": true, "[[:nope:]]": true, "[a[:alpha:]": true, `a\`: true, "/": true, "!": true, "!/": true,
		"a//b": true,
		"*":    false, "[]]": false, "a/": false, "**": false, `\[a`: false, "a/**/b": false,
	} {
		all := Parse("", []byte(text), Exact).All()
		if len(all) != 1 || (all[0].Never != "") != want {
			t.Errorf("%q: got %+v, want a reason %t", text, all, want)
		}
	}

	if why := Parse("", []byte(`\A`), ASCII).All()[0].Never; why == "" {
		t.Error("nothing is said of a backslash that makes a pattern match nothing when case does not count")
	}
}

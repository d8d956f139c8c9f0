package gitignore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// long makes the differential test several times as large.
var long = os.Getenv("HOIST_LONG") != ""

const (
	ruleFiles    = 1296
	pathsPerFile = 48 // 62,208 judgements, twice: core.ignorecase has two values
)

func TestEqualsGit(t *testing.T) {
	rounds := 1
	if long {
		rounds = 8
	}

	for seed := range uint64(rounds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()

			g := newGrove(t)
			m := maker{Rand: rand.New(rand.NewPCG(seed, 1972)), starsFixed: g.sinceStarsFixed()}
			for range ruleFiles {
				g.add(m.tree())
			}

			if n := g.compare(); n != 2*ruleFiles*pathsPerFile {
				t.Errorf("%d judgements, want %d", n, 2*ruleFiles*pathsPerFile)
			}
		})
	}
}

// Each byte that a name may hold, against each class, its opposite, and itself in several guises.
func TestEqualsGitOnEachByte(t *testing.T) {
	g := newGrove(t)

	var names []entry
	for b := 1; b < 256; b++ {
		if b != '/' && b != '.' {
			names = append(names, entry{path: string([]byte{byte(b)})})
		}
	}

	for class := range classes {
		g.add(map[string]string{"": "[[:" + class + ":]]\n"}, names)
		g.add(map[string]string{"": "[![:" + class + ":]]\n"}, names)
	}

	for _, p := range []string{
		"?", "[A-Z]", "[a-z]", "[!B-f]", "[Z-a]", "[\x80-\xff]", "[ --]", "[]-a]", "[!]]", "[\\]-\\^]",
		"[-c]", "[a-c-e]", "[a[:digit:]-c]",
	} {
		g.add(map[string]string{"": p + "\n"}, names)
	}

	for _, n := range names {
		if n.path == "\n" {
			continue
		}

		g.add(map[string]string{"": n.path + "\n\\" + n.path + "\n[" + n.path + "]\n"}, names)
	}

	g.compare()
}

// Names in NFD are judged as git judges them in NFC, with patterns in either form.
func TestBothFormsOfUnicode(t *testing.T) {
	g := newGrove(t)

	m := maker{Rand: rand.New(rand.NewPCG(7, 7)), starsFixed: g.sinceStarsFixed()}
	m.names = []string{
		"é", "É", "Ångström", "Ä.dwg", "ä.dwg", "Zürich", "ZÜRICH", "한글", "ệ", "ạ", "e", "plan é.rvt",
	}
	for range 200 {
		g.add(m.tree())
	}

	for letter, ignorecase := range map[Case]bool{Exact: false, ASCII: true} {
		all := g.ask(ignorecase)
		for i, tr := range g.trees {
			for _, form := range []norm.Form{norm.NFC, norm.NFD} {
				parsed, decomposed := map[string]*Rules{}, map[string]*Rules{}
				for folder, text := range tr.ignore {
					parsed[folder] = Parse(norm.NFD.String(folder), []byte(form.String(text)), letter)
					decomposed[norm.NFD.String(folder)] = parsed[folder]
				}

				for j, p := range tr.paths {
					_, ignored := tr.judge(parsed, p)
					_, same := tr.judge(decomposed, entry{norm.NFD.String(p.path), p.dir})
					if want := all[i][j].ignored(); ignored != want || same != want {
						t.Errorf("ignorecase %t, files %q, %q: NFC %t, NFD %t, git %t",
							ignorecase, tr.ignore, p.path, ignored, same, want)
					}
				}
			}
		}
	}
}

// maker makes up trees. Most patterns come from a path of the tree and are bent a little, so that
// many match, or nearly do.
type maker struct {
	*rand.Rand
	starsFixed bool
	names      []string
}

var plainNames = []string{
	"a", "b", "A", "ab", "Ab", "aB", "abc", "foo", "FOO", "bar", "keep", "plan.dwg", "Plan.DWG", "plan.bak",
	"x.y.z", ".x", "...", "a b", "a ", " ", "a\tb", "a\r", "1", "0042", "a:b", "a-b", "-", "#x", "!x", "^",
	"[a]", "]", "a*", "?", "\\", "a\\b", "é", "É", "日本", "\xff",
}

// differsByVersion is a pattern on which git 2.52 is not what it was before.
var differsByVersion = regexp.MustCompile(`[^/*]\*\*`)

func (m maker) pick(from ...string) string { return from[m.IntN(len(from))] }
func (m maker) chance(percent int) bool    { return m.IntN(100) < percent }

func (m maker) tree() (map[string]string, []entry) {
	names := m.names
	if names == nil {
		for range 6 {
			names = append(names, m.pick(plainNames...))
		}
	}

	seen := map[string]bool{}

	var paths []entry
	folders := []string{""}
	for tries := 0; len(paths) < pathsPerFile; tries++ {
		p := m.pick(names...)
		if m.chance(20) {
			p += m.pick(names...)
		}

		if tries > 500 {
			p = fmt.Sprintf("%s%d", p, tries)
		}

		if parent := m.pick(folders...); parent != "" {
			p = parent + "/" + p
		}

		if seen[p] || strings.Count(p, "/") > 5 {
			continue
		}

		seen[p] = true
		e := entry{p, m.chance(25)}
		if e.dir {
			folders = append(folders, p)
		}

		paths = append(paths, e)
	}

	ignore := map[string]string{"": m.file(paths, "")}
	for range m.IntN(3) {
		if folder := m.pick(folders...); folder != "" {
			ignore[folder] = m.file(paths, folder)
		}
	}

	return ignore, paths
}

func (m maker) file(paths []entry, folder string) string {
	var b strings.Builder
	if m.chance(10) {
		b.WriteString("\xef\xbb\xbf")
	}

	for range 1 + m.IntN(6) {
		line := m.pattern(paths, folder)
		for m.starsFixed && differsByVersion.MatchString(line) {
			line = m.pattern(paths, folder)
		}

		b.WriteString(line)
		b.WriteString(m.pick("\n", "\n", "\n", "\n", "\r\n", "\r\r\n", "\n\n", "  \n", " \r\n", "\t\n",
			"\\ \n", "\\ \\  \n", "\\\n", "\x00x\n"))
	}

	if text := b.String(); m.chance(20) {
		return strings.TrimRight(text, "\n")
	}

	return b.String()
}

func (m maker) pattern(paths []entry, folder string) string {
	if m.chance(25) {
		return m.pick("*", "/*", "!*/", "!/*/", "*.dwg", "!*.dwg", "**", "/**", "*/*", "!keep/", "!keep",
			"/a", "a/", "!a", "*b*", "?", "!?", "**/a/**", "!**/b", "[a-f]*", "![!a]*", "a/**", "!a/b", "*/")
	}

	if m.chance(10) {
		var b strings.Builder
		for range 1 + m.IntN(8) {
			b.WriteString(m.pick("a", "b", "A", "/", "*", "**", "?", "[", "]", "!", "^", "-", "\\", ":", ".",
				" ", "#", "[a", "[:alpha:]", "[!"))
		}

		return b.String()
	}

	p := paths[m.IntN(len(paths))].path
	if rest, ok := strings.CutPrefix(p, folder+"/"); ok && folder != "" {
		p = rest
	}

	steps := strings.Split(p, "/")
	if m.chance(50) {
		steps = steps[m.IntN(len(steps)):]
	}

	for i := range steps {
		if m.chance(50) {
			steps[i] = m.bend(steps[i])
		}
	}

	if m.chance(30) {
		i := m.IntN(len(steps) + 1)
		step := m.pick("**", "**", "***", "*", "", "a**", "**a", "**\\")
		steps = slices.Insert(slices.Clone(steps), i, step)
	}

	if len(steps) > 1 && m.chance(20) {
		i := m.IntN(len(steps))
		steps = slices.Delete(slices.Clone(steps), i, i+1)
	}

	front := m.pick("", "", "", "", "!", "!", "/", "!/", "\\", "#", " ", "**/")
	between := m.pick("/", "/", "/", "/", "/", "?", "[!x]", "\\/")

	return front + strings.Join(steps, between) +
		m.pick("", "", "", "", "/", "/", "/*", "/**", "*", "//", "/**/", "/**/*")
}

// bend changes a name into a pattern that still matches it, or nearly.
func (m maker) bend(s string) string {
	var b strings.Builder
	letters := strings.Split(s, "")
	for i := 0; i < len(letters); i++ {
		c := letters[i]
		switch m.IntN(24) {
		case 0:
			b.WriteString("?")
		case 1:
			b.WriteString("*")
			i += m.IntN(3)
		case 2:
			b.WriteString("[" + c + "]")
		case 3:
			not := m.pick("!", "^")
			b.WriteString("[" + not + m.pick("z", "b-d", "[:digit:]", "]", "\\]", c, "a-", "-") + "]")
		case 4:
			b.WriteString("\\" + c)
		case 5:
			b.WriteString(strings.ToUpper(c))
		case 6:
			b.WriteString("[" + m.pick("a-z", "A-Z", "a-\\z", "\\a-z", "0-9a-f", "]-a", "--0", "!", "z-a",
				"/", "a\\]b", "a-c-e", "-c", "b[:digit:]-f", "[:alpha:]", "[:upper:]", "[:lower:]_",
				"[:alnum:].",
				"[:punct:]", "[:space:]", "[:blank:]", "[:nope:]", "[:alpha]", "[:") + "]")
		case 7:
			b.WriteString(m.pick("[", "]", "[]", "[!]", "[a", "[\\", "[a-", "[[:alpha:]", "[]]"))
		case 8:
			b.WriteString("**" + c)
		default:
			b.WriteString(c)
		}
	}

	return b.String()
}

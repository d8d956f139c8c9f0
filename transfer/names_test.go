package transfer

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"hoist/state"
)

func TestRefusedName(t *testing.T) {
	for name, row := range map[string]struct {
		name string
		ok   bool
	}{
		"plain":           {"plan.rvt", true},
		"umlaut":          {"Grundriß Übersicht.dwg", true},
		"percent":         {"100%.dwg", true},
		"255 characters":  {strings.Repeat("ä", 255), true},
		"256 characters":  {strings.Repeat("a", 256), false},
		"empty":           {"", false},
		"colon":           {"a:b", false},
		"apostrophe":      {"l'étage.dwg", false},
		"backtick":        {"a`b", false},
		"trade mark":      {"a™.dwg", false},
		"newline":         {"a\nb", false},
		"not UTF-8":       {"a\xffb", false},
		"parent":          {"..", false},
		"dollar":          {"~$plan.docx", false},
		"a leading dot":   {".hidden", true},
		"fullwidth colon": {"a：b", true},
	} {
		if problem := refusedName(row.name); (problem == "") != row.ok {
			t.Errorf("%s: refusedName(%q) = %q, want ok %v", name, row.name, problem, row.ok)
		}
	}
}

func TestMapRemoteName(t *testing.T) {
	for name, want := range map[string]string{
		"a:b.dwg":     "a%3Ab.dwg",
		"100%.dwg":    "100%.dwg",
		"50%20off":    "50%20off", // no code of ours: a space is not reserved
		"a%3Ab":       "a%253Ab",
		"l'étage":     "l%27étage",
		"Acme™ R.dwg": "Acme%E2%84%A2 R.dwg",
	} {
		got := mapRemoteName(name)
		if got != want {
			t.Errorf("mapRemoteName(%q) = %q, want %q", name, got, want)
		}

		if back := unescapeName(got, remoteCode); back != name {
			t.Errorf("unescapeName(%q) = %q, want %q", got, back, name)
		}

		if problem := refusedName(got); problem != "" {
			t.Errorf("the mapped %q is refused: %s", got, problem)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ in, posix, windows string }{
		{"/a/plan-1.rvt", "/a/plan-1.rvt", "/a/plan-1.rvt"},
		{"", "''", `""`},
		{"a b", "'a b'", `"a b"`},
		{"it's", `'it'\''s'`, `"it's"`},
		{`say "x"`, `'say "x"'`, `"say \"x\""`},
		{`C:\plans\a.dwg`, `'C:\plans\a.dwg'`, `C:\plans\a.dwg`},
		{`C:\my plans\`, `'C:\my plans\'`, `"C:\my plans\\"`},
		{"$HOME;ls", "'$HOME;ls'", `"$HOME;ls"`},
		{"~ana", "'~ana'", `"~ana"`},
	} {
		if got := quoteFor("linux", tt.in); got != tt.posix {
			t.Errorf("POSIX: %s, want %s", got, tt.posix)
		}

		if got := quoteFor("windows", tt.in); got != tt.windows {
			t.Errorf("Windows: %s, want %s", got, tt.windows)
		}
	}
}

func TestFixForARefusedName(t *testing.T) {
	r, _ := ReasonByCode(ReasonNameRefused)

	const cancel, push = "hoist cancel 1", "hoist push --map-names "
	target := func(name string, dirs ...string) state.Target {
		return state.Target{BasePath: "aps://A|B/P/Files", Dirs: dirs, Name: name}
	}
	for _, tt := range []struct {
		name string
		job  state.Job
		want string
	}{
		{"file", state.Job{Path: "/p/a?.dwg", Target: target("a?.dwg")},
			push + Quote("/p/a?.dwg") + " " + Quote("aps://A|B/P/Files")},
		{"folder", state.Job{Path: "/p/a?/b.dwg", Target: target("b.dwg", "a?")},
			push + Quote("/p/a?/b.dwg") + " " + Quote("aps://A|B/P/Files/a%253F")},
		{"too long", state.Job{Path: "/p/x", Target: target(strings.Repeat("?", 255))}, cancel},
		{"refused for something else", state.Job{Path: "/p/b.dwg", Target: target("b.dwg")}, cancel},
		{"download", state.Job{Kind: state.Download, Path: "/p/a?.dwg", Target: target("a?.dwg")}, cancel},
		{"object", state.Job{Path: "/p/a?.dwg",
			Target: state.Target{BasePath: "oss://bucket", Name: "a?.dwg"}}, cancel},
	} {
		tt.job.ID, tt.job.Reason = "1", ReasonNameRefused
		if tt.job.Kind == "" {
			tt.job.Kind = state.Upload
		}

		if got := r.FixFor(tt.job); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}

	conflict, _ := ReasonByCode(ReasonConflict)
	renamed := state.Job{Profile: "bob", Path: "/p/model.rvt",
		Target: state.Target{Address: "aps://H/P/F/my tower.rvt", Name: "my tower.rvt"}}
	if got, want := conflict.FixFor(renamed),
		"hoist push --force /p/model.rvt aps://H/P/F --as "+Quote("my tower.rvt")+
			" --profile bob"; got != want {
		t.Errorf("another name: %s, want %s", got, want)
	}
}

func TestLocalName(t *testing.T) {
	linux, windows := localRulesFor("linux"), localRulesFor("windows")
	for name, row := range map[string]struct{ name, linux, windows string }{
		"plain":            {"plan.rvt", "plan.rvt", "plan.rvt"},
		"slash":            {"a/b", "a%2Fb", "a%2Fb"},
		"absolute":         {"/etc/passwd", "%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd"},
		"parent":           {"..", "%2E%2E", "%2E%2E"},
		"self":             {".", "%2E", "%2E"},
		"climbing":         {"../x", "..%2Fx", "..%2Fx"},
		"climbing back":    {`..\x`, `..\x`, `..%5Cx`},
		"drive":            {`C:\x`, `C:\x`, `C%3A%5Cx`},
		"stream":           {"a.txt:evil", "a.txt:evil", "a.txt%3Aevil"},
		"device":           {"CON", "CON", "%43ON"},
		"device with dot":  {"nul.dwg", "nul.dwg", "%6Eul.dwg"},
		"port":             {"COM1", "COM1", "%43OM1"},
		"no port":          {"COM10", "COM10", "COM10"},
		"console":          {"Console.dwg", "Console.dwg", "Console.dwg"},
		"trailing dot":     {"a.", "a.", "a%2E"},
		"trailing space":   {"a ", "a ", "a%20"},
		"both":             {"a. ", "a. ", "a%2E%20"},
		"percent":          {"100%.dwg", "100%.dwg", "100%.dwg"},
		"web name":         {"a%20b.dwg", "a%20b.dwg", "a%20b.dwg"},
		"our code":         {"a%2Fb", "a%252Fb", "a%252Fb"},
		"our temporary":    {".hoist-1.part", "%2Ehoist-1.part", "%2Ehoist-1.part"},
		"control":          {"a\nb", "a\nb", "a%0Ab"},
		"fullwidth":        {"平面図：１.dwg", "平面図：１.dwg", "平面図：１.dwg"},
		"an extended name": {"con.tar.gz", "con.tar.gz", "%63on.tar.gz"},
	} {
		for _, sys := range []struct {
			goos  string
			rules localRules
			want  string
		}{{"linux", linux, row.linux}, {"windows", windows, row.windows}} {
			got, problem := sys.rules.localName(row.name)
			if got != sys.want || problem != "" {
				t.Errorf("%s on %s: localName(%q) = %q, %q; want %q", name, sys.goos, row.name, got, problem,
					sys.want)
			}

			if back := unescapeName(got, sys.rules.ours); back != row.name {
				t.Errorf("%s on %s: unescapeName(%q) = %q, want %q", name, sys.goos, got, back, row.name)
			}
		}
	}

	for name, remote := range map[string]string{"empty": "", "not UTF-8": "a\xff",
		"too long": strings.Repeat("ä", 255)} {
		if got, problem := linux.localName(remote); problem == "" {
			t.Errorf("%s: localName = %q, want a problem", name, got)
		}
	}
}

// Whatever the remote name: what is written is one local name, and it can be undone.
func TestLocalNameIsReversible(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "C", "CON", "nul", "com1", ".", "..", " ", "/", `\`, ":", "%",
		"%2", "%2F", "%25", "%2E", "%20", "%43", "%43ON", "\x01", "ü", ".hoist-", ".part", "x"})
	for _, goos := range []string{"linux", "windows", "darwin"} {
		rules := localRulesFor(goos)
		rapid.Check(t, func(t *rapid.T) {
			name := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "")
			local, problem := rules.localName(name)
			if problem != "" {
				t.Fatalf("localName(%q): %s", name, problem)
			}

			if strings.ContainsAny(local, "/\x00") || local == "." || local == ".." ||
				!utf8.ValidString(local) || goos == runtime.GOOS && !filepath.IsLocal(local) {
				t.Fatalf("localName(%q) = %q leaves its folder", name, local)
			}

			if ownName(local) {
				t.Fatalf("localName(%q) = %q is a temporary name of ours", name, local)
			}

			if rules.windows && (strings.ContainsAny(local, `<>:"\|?*`) || isDevice(local) ||
				strings.TrimRight(local, ". ") != local) {
				t.Fatalf("localName(%q) = %q is no name on Windows", name, local)
			}

			if back := unescapeName(local, rules.ours); back != name {
				t.Fatalf("unescapeName(%q) = %q, want %q", local, back, name)
			}
		})
	}

	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "")
		if mapped := mapRemoteName(name); unescapeName(mapped, remoteCode) != name ||
			strings.ContainsAny(mapped, reservedRemote) {
			t.Fatalf("mapRemoteName(%q) = %q, back %q", name, mapped, unescapeName(mapped, remoteCode))
		}
	})
}

func TestNearest(t *testing.T) {
	names := []string{"Project Files", "Plans", "Photos", "Project files old", "Shared"}
	if got := nearest("project files", names); len(got) < 1 || got[0] != "Project Files" {
		t.Errorf("nearest = %q", got)
	}

	if got := nearest("Plan", names); len(got) != 1 || got[0] != "Plans" {
		t.Errorf("nearest = %q, want Plans", got)
	}

	if got := nearest("zzzzzzzz", names); len(got) != 0 {
		t.Errorf("nearest = %q, want none", got)
	}
}

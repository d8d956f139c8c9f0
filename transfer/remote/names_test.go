package remote

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"hoist/apsclient"
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
		if problem := RefusedName(row.name); (problem == "") != row.ok {
			t.Errorf("%s: RefusedName(%q) = %q, want ok %v", name, row.name, problem, row.ok)
		}
	}
}

// TestFold: names that a service or file system may take for one, and those that nobody does.
func TestFold(t *testing.T) {
	for name, row := range map[string]struct {
		a, b string
		same bool
	}{
		"letter case":           {"Plan.DWG", "plan.dwg", true},
		"beyond ASCII":          {"\u00c4U\u00dfen", "\u00e4u\u00dfEN", true},
		"Unicode forms":         {"Pl\u00e4ne", "Pla\u0308ne", true},
		"both at once":          {"PL\u00c4NE", "pla\u0308ne", true},
		"Greek sigmas":          {"\u03a3\u03a3", "\u03c3\u03c2", true},
		"Cyrillic":              {"\u041f\u041b\u0410\u041d", "\u043f\u043b\u0430\u043d", true},
		"the Kelvin sign":       {"10\u212a.dwg", "10k.dwg", true},
		"sharp s is no case":    {"stra\u00dfe", "strasse", false},
		"an accent counts":      {"plane", "pl\u00e4ne", false},
		"digits of other forms": {"plan2", "plan\u00b2", false},
		"a blank":               {"plan", "plan ", false},
	} {
		if same := Fold(row.a) == Fold(row.b); same != row.same {
			t.Errorf("%s: %q and %q: %v, want %v", name, row.a, row.b, same, row.same)
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
		got := MapName(name)
		if got != want {
			t.Errorf("MapName(%q) = %q, want %q", name, got, want)
		}

		if back := unescapeName(got, remoteCode); back != name {
			t.Errorf("unescapeName(%q) = %q, want %q", got, back, name)
		}

		if problem := RefusedName(got); problem != "" {
			t.Errorf("the mapped %q is refused: %s", got, problem)
		}
	}
}

func TestLocalName(t *testing.T) {
	linux, windows := LocalRulesFor("linux"), LocalRulesFor("windows")
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
			rules LocalRules
			want  string
		}{{"linux", linux, row.linux}, {"windows", windows, row.windows}} {
			got, problem := sys.rules.LocalName(row.name)
			if got != sys.want || problem != "" {
				t.Errorf("%s on %s: LocalName(%q) = %q, %q; want %q", name, sys.goos, row.name, got, problem,
					sys.want)
			}

			if back := unescapeName(got, sys.rules.ours); back != row.name {
				t.Errorf("%s on %s: unescapeName(%q) = %q, want %q", name, sys.goos, got, back, row.name)
			}
		}
	}

	for name, remote := range map[string]string{"empty": "", "not UTF-8": "a\xff",
		"too long": strings.Repeat("ä", 255)} {
		if got, problem := linux.LocalName(remote); problem == "" {
			t.Errorf("%s: LocalName = %q, want a problem", name, got)
		}
	}
}

// Whatever the remote name: what is written is one local name, and it can be undone.
func TestLocalNameIsReversible(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "C", "CON", "nul", "com1", ".", "..", " ", "/", `\`, ":", "%",
		"%2", "%2F", "%25", "%2E", "%20", "%43", "%43ON", "\x01", "ü", ".hoist-", ".part", "x"})
	for _, goos := range []string{"linux", "windows", "darwin"} {
		rules := LocalRulesFor(goos)
		rapid.Check(t, func(t *rapid.T) {
			name := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "")
			local, problem := rules.LocalName(name)
			if problem != "" {
				t.Fatalf("LocalName(%q): %s", name, problem)
			}

			if strings.ContainsAny(local, "/\x00") || local == "." || local == ".." ||
				!utf8.ValidString(local) || goos == runtime.GOOS && !filepath.IsLocal(local) {
				t.Fatalf("LocalName(%q) = %q leaves its folder", name, local)
			}

			if OwnName(local) {
				t.Fatalf("LocalName(%q) = %q is a temporary name of ours", name, local)
			}

			if rules.windows && (strings.ContainsAny(local, `<>:"\|?*`) || isDevice(local) ||
				strings.TrimRight(local, ". ") != local) {
				t.Fatalf("LocalName(%q) = %q is no name on Windows", name, local)
			}

			if back := unescapeName(local, rules.ours); back != name {
				t.Fatalf("unescapeName(%q) = %q, want %q", local, back, name)
			}
		})
	}

	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "")
		if mapped := MapName(name); unescapeName(mapped, remoteCode) != name ||
			strings.ContainsAny(mapped, reservedRemote) {
			t.Fatalf("MapName(%q) = %q, back %q", name, mapped, unescapeName(mapped, remoteCode))
		}
	})
}

func TestNearest(t *testing.T) {
	names := []string{"Project Files", "Plans", "Photos", "Project files old", "Shared"}
	if got := apsclient.Nearest("project files", names); len(got) < 1 || got[0] != "Project Files" {
		t.Errorf("nearest = %q", got)
	}

	if got := apsclient.Nearest("Plan", names); len(got) != 1 || got[0] != "Plans" {
		t.Errorf("nearest = %q, want Plans", got)
	}

	if got := apsclient.Nearest("zzzzzzzz", names); len(got) != 0 {
		t.Errorf("nearest = %q, want none", got)
	}
}

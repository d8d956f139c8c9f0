package remote

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLocalName: whatever a remote name holds, it stays in its folder, and two names stay two.
func FuzzLocalName(f *testing.F) {
	for _, name := range []string{"plan.dwg", "..", "../../etc/passwd", `..\x`, "CON", "a:b",
		"a\x00b", "%2F", "é ",
		".hoist-tmp", "con.txt ", "a\xff"} {
		f.Add(name, "x")
	}

	f.Fuzz(func(t *testing.T, name, other string) {
		for _, goos := range []string{"linux", "windows", "darwin"} {
			rules := LocalRulesFor(goos)
			local, problem := rules.LocalName(name)
			if problem != "" {
				continue
			}

			if local == "" || local == "." || local == ".." || strings.ContainsAny(local, "/\x00") ||
				!utf8.ValidString(local) || OwnName(local) {
				t.Errorf("%s: %q becomes %q", goos, name, local)
			}

			if rules.windows && (strings.ContainsAny(local, `<>:"\|?*`) || isDevice(local) ||
				strings.TrimRight(local, ". ") != local) {
				t.Errorf("windows: %q becomes %q", name, local)
			}

			if second, problem := rules.LocalName(other); problem == "" && second == local && other != name {
				t.Errorf("%s: %q and %q become %q", goos, name, other, local)
			}

			if back := unescapeName(local, rules.ours); back != name {
				t.Errorf("%s: %q becomes %q, and back %q", goos, name, local, back)
			}
		}
	})
}

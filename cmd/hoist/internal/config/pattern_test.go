package config

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const patterned = `[[watch]]
path = "/a"
remote = "oss://bucket/a"
gate = "warn"
settle = "5s"
priority = "low"

[[watch.pattern]]
match = "*.rvt"
open = "on-close"
gate = "park"
settle = "1m"

# of all drawings
[[watch.pattern]]
match = "issued/**"
gate = "off"
prefer = "cloud"
priority = "high"

# another folder
[[watch]]
path = "/b"
remote = "oss://bucket/b"
`

func TestPatterns(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its paths are absolute on Unix alone")
	}

	home := Home{Config: t.TempDir(), State: t.TempDir()}
	if err := os.WriteFile(home.ConfigFile(), []byte(patterned), 0o600); err != nil {
		t.Fatal(err)
	}

	file, err := Load(home)
	if err != nil {
		t.Fatal(err)
	}

	w := file.Watch[0]
	for _, row := range []struct {
		rel, gate, prefer string
		onClose           bool
		settle            time.Duration
		priority          int
	}{
		{"a.dwg", "warn", "local", false, 5 * time.Second, -1},
		{"x/a.rvt", "park", "local", true, time.Minute, -1},
		{"issued/x/a.dwg", "off", "cloud", false, 5 * time.Second, 1},
		{"issued/a.rvt", "park", "cloud", true, time.Minute, 1}, // the first that says something counts
	} {
		if d, p := w.SettleOf(row.rel), w.PriorityOf(row.rel); d != row.settle || p != row.priority {
			t.Errorf("%s: %v %d, want %+v", row.rel, d, p, row)
		}

		if g, p, c := w.GateOf(row.rel, Settings{Gate: GateOff}), w.PreferOf(row.rel),
			w.OnClose(row.rel); g != row.gate ||
			p != row.prefer || c != row.onClose {
			t.Errorf("%s: %s %s %v, want %+v", row.rel, g, p, c, row)
		}
	}

	// a setting of the watch is changed, and the watch is cut, with its patterns
	w.Gate = GatePark
	if err := SetWatch(home, w, []string{"gate"}); err != nil {
		t.Fatal(err)
	}

	if file, err = Load(home); err != nil || file.Watch[0].Gate != GatePark ||
		len(file.Watch[0].Pattern) != 2 {
		t.Errorf("%+v, %v", file.Watch, err)
	}

	if err := CutWatch(home, w.ID); err != nil {
		t.Fatal(err)
	}

	rest, err := os.ReadFile(filepath.Clean(home.ConfigFile()))
	if err != nil || strings.Contains(string(rest), "pattern") ||
		!strings.Contains(string(rest), "# another folder") {
		t.Errorf("%v\n%s", err, rest)
	}
}

// TestPatternMistakes: each is named.
func TestPatternMistakes(t *testing.T) {
	w := Watch{Path: "/a", Remote: "oss://bucket/a", Priority: "urgent", Open: "ajar", Pattern: []Pattern{
		{Match: "*.rvt", Open: "never", Gate: "shut", Prefer: "mine", Settle: "soon", Priority: "top"}, {}}}
	err := w.Complete("config.toml")
	for _, want := range []string{"watch.priority", "watch.open", "pattern[0].open", "pattern[0].gate",
		"pattern[0].prefer", "pattern[0].settle", "pattern[0].priority", "pattern[1].match"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}

	if _, err := w.With(map[string][]string{"pattern": {"x"}}); err == nil {
		t.Error("tables are set as a key")
	}

	_, err = w.WithPattern("*.rvt",
		map[string][]string{"match": {"*.dwg"}, "colour": {"red"}, "settle": {"never"}})
	for _, want := range []string{"match: ", "--pattern",
		"colour: unknown key; there are gate, open, ", "never"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// TestSetPattern: the table of a match is changed, added and taken away, and nothing else is.
func TestSetPattern(t *testing.T) {
	head := "[[watch]]\npath = '" + abs("one") + "'\nremote = \"oss://bkt/one\"\n"
	first := "\n# heavy ones\n[[watch.pattern]]\nmatch = \"*.rvt\"\ngate = 'park' # mine\n"
	second := "\n[[watch.pattern]]\nmatch = 'issued/'\nopen = \"on-close\"\n"
	tail := "\n# about two\n[[watch]]\npath = '" + abs("two") + "'\nremote = \"oss://bkt/two\"\n"
	for _, row := range []struct {
		name, match string
		set         map[string][]string
		want        string // between head and tail
	}{
		{"a new key", "issued/", map[string][]string{"settle": {"1m"}},
			first + "\n[[watch.pattern]]\nsettle = '1m'\nmatch = 'issued/'\nopen = \"on-close\"\n"},
		{"another value", "*.rvt", map[string][]string{"gate": {"off"}},
			"\n# heavy ones\n[[watch.pattern]]\nmatch = \"*.rvt\"\ngate = 'off'\n" + second},
		{"a new table", "*.dwg", map[string][]string{"priority": {"high"}, "settle": {"3s"}},
			first + second + "\n[[watch.pattern]]\nmatch = '*.dwg'\nsettle = '3s'\npriority = 'high'\n"},
		{"the last key", "issued/", map[string][]string{"open": {""}}, first + "\n"},
		{"nothing of nothing", "*.dwg", map[string][]string{"open": {""}}, first + second},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := testHome(t)
			write(t, h.ConfigFile(), head+first+second+tail)
			f, err := Load(h)
			if err != nil {
				t.Fatal(err)
			}

			w, err := f.Watch[0].WithPattern(row.match, row.set)
			if err != nil {
				t.Fatal(err)
			}

			if err := SetPattern(h, w, row.match, slices.Collect(maps.Keys(row.set))); err != nil {
				t.Fatal(err)
			}

			text, _ := os.ReadFile(h.ConfigFile())
			if want := head + row.want + tail; string(text) != want {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}

			if f, err = Load(h); err != nil || !sameTables(f.Watch[:1], []Watch{w}) {
				t.Errorf("got %+v, %v", f.Watch, err)
			}
		})
	}
}

package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const patterned = `[[watch]]
path = "/a"
remote = "oss://bucket/a"
gate = "warn"

[[watch.pattern]]
match = "*.rvt"
open = "on-close"
gate = "park"

# of all drawings
[[watch.pattern]]
match = "issued/**"
gate = "off"
prefer = "cloud"

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
	}{
		{"a.dwg", "warn", "local", false},
		{"x/a.rvt", "park", "local", true},
		{"issued/x/a.dwg", "off", "cloud", false},
		{"issued/a.rvt", "park", "cloud", true}, // the first that says something counts
	} {
		if g, p, c := w.GateOf(row.rel, Settings{Gate: GateOff}), w.PreferOf(row.rel), w.OnClose(row.rel); g != row.gate ||
			p != row.prefer || c != row.onClose {
			t.Errorf("%s: %s %s %v, want %+v", row.rel, g, p, c, row)
		}
	}

	// a setting of the watch is changed, and the watch is cut, with its patterns
	w.Gate = GatePark
	if err := SetWatch(home, w, []string{"gate"}); err != nil {
		t.Fatal(err)
	}

	if file, err = Load(home); err != nil || file.Watch[0].Gate != GatePark || len(file.Watch[0].Pattern) != 2 {
		t.Errorf("%+v, %v", file.Watch, err)
	}

	if err := CutWatch(home, w.ID); err != nil {
		t.Fatal(err)
	}

	rest, err := os.ReadFile(filepath.Clean(home.ConfigFile()))
	if err != nil || strings.Contains(string(rest), "pattern") || !strings.Contains(string(rest), "# another folder") {
		t.Errorf("%v\n%s", err, rest)
	}
}

// TestPatternMistakes: each is named.
func TestPatternMistakes(t *testing.T) {
	w := Watch{Path: "/a", Remote: "oss://bucket/a", Pattern: []Pattern{
		{Match: "*.rvt", Open: "never", Gate: "shut", Prefer: "mine"}, {}}}
	err := w.Complete("config.toml")
	for _, want := range []string{"pattern[0].open", "pattern[0].gate", "pattern[0].prefer", "pattern[1].match"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}

	if _, err := w.With(map[string][]string{"pattern": {"x"}}); err == nil {
		t.Error("tables are set as a key")
	}
}

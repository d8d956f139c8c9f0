package config

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSetWatch: other values hold, and nothing else in the file changes.
func TestSetWatch(t *testing.T) {
	head, body := "transfers = 3 # three\n\n[[watch]]\n",
		"path = '"+abs("one")+"'\nremote = \"oss://bkt/one\"\n"
	tail := "\n# about two\n[[watch]]\npath = '" + abs("two") +
		"'\nremote = \"oss://bkt/two\"\nsettle = '1s'\n"
	for _, row := range []struct {
		name, had    string // below path and remote
		above, below string // these, afterwards
		set          map[string][]string
	}{
		{"a new key", "", "settle = '30s'\n", "", map[string][]string{"settle": {"30s"}}},
		{"another value", "# mine\nsettle = \"5s\"\nscan='1h'\n", "", "# mine\nsettle = '30s'\nscan='1h'\n",
			map[string][]string{"settle": {"30s"}}},
		{"the default", "settle = '5s'\nscan='1h'\n", "", "scan='1h'\n", map[string][]string{"settle": {""}}},
		{"a list", "exclude = [\n  \"a[0-9]\", # ten\n  \"b]\",\n]\nscan = '1h'\n", "",
			"exclude = ['*.bak', \"it's/\"]\nscan = '1h'\n",
			map[string][]string{"exclude": {"*.bak", "it's/"}}},
		{"yes and no", "exclude-caches = true\n", "one-file-system = true\n", "exclude-caches = false\n",
			map[string][]string{"exclude-caches": {"false"}, "one-file-system": {"true"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := testHome(t)
			write(t, h.ConfigFile(), head+body+row.had+tail)
			f, err := Load(h)
			if err != nil {
				t.Fatal(err)
			}

			w, err := f.Watch[0].With(row.set)
			if err != nil {
				t.Fatal(err)
			}

			if err := SetWatch(h, w, slices.Collect(maps.Keys(row.set))); err != nil {
				t.Fatal(err)
			}

			text, _ := os.ReadFile(h.ConfigFile())
			if want := head + row.above + body + row.below + tail; string(text) != want {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}

			if f, err = Load(h); err != nil || !sameTables(f.Watch[:1], []Watch{w}) {
				t.Errorf("got %+v, %v", f.Watch, err)
			}
		})
	}
}

// TestSetWatchNamesEveryMistake: they are told at once, and nothing is written.
func TestSetWatchNamesEveryMistake(t *testing.T) {
	w := Watch{Path: abs("one"), Remote: "oss://bkt/one"}
	_, err := w.With(map[string][]string{"settle": {"soon"}, "path": {"/x"}, "colour": {"red"},
		"scan": {"1h", "2h"}, "exclude-caches": {"maybe"}, "min-size": {"much"}})
	for _, want := range []string{"settle", "soon", "path", "add another", "colour",
		"there are delete, exclude, ",
		"scan: is given 2 times", "maybe", "min-size"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}

	h := testHome(t)
	inline := "watch = [{path = '" + abs("one") + "', remote = 'oss://bkt/one'}]\n"
	write(t, h.ConfigFile(), inline)
	f, err := Load(h)
	if err != nil {
		t.Fatal(err)
	}

	f.Watch[0].Settle = "3s"
	if err := SetWatch(h, f.Watch[0], []string{"settle"}); err == nil ||
		!strings.Contains(err.Error(), "by hand") {
		t.Errorf("got %v", err)
	}

	if text, _ := os.ReadFile(h.ConfigFile()); string(text) != inline {
		t.Errorf("it was changed:\n%s", text)
	}
}

package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestSetBWLimit: one line changes, and what people wrote around it stays.
func TestSetBWLimit(t *testing.T) {
	const table = "\n# the drawings\n[[watch]]\npath = '/a'\nremote = 'oss://bkt'\n"
	for _, tt := range []struct{ name, before, value, want string }{
		{"an empty file", "", "2M", "bwlimit = '2M'\n"},
		{"no end of line", "limits = 'server'", "2M", "limits = 'server'\nbwlimit = '2M'\n"},
		{"before the tables", "limits = 'server' # ours\n" + table, "08:00,2M 19:00,off",
			"limits = 'server' # ours\nbwlimit = '08:00,2M 19:00,off'\n" + table},
		{"tables alone", table, "2M:1M", "bwlimit = '2M:1M'\n" + table},
		{"another value", "# slow\nbwlimit = '1M' # as agreed\nparts = 4\n" + table, "3M",
			"# slow\nbwlimit = '3M'\nparts = 4\n" + table},
		{"none", "bwlimit = '1M'\nparts = 4\n" + table, "", "parts = 4\n" + table},
		{"none where there was none", table, "", table},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			h := Home{Config: dir, State: dir}
			if err := os.WriteFile(h.ConfigFile(), []byte(strings.ReplaceAll(tt.before, "/a", dir)),
				0o600); err != nil {
				t.Fatal(err)
			}

			if err := SetBWLimit(h, tt.value); err != nil {
				t.Fatal(err)
			}

			got, err := os.ReadFile(h.ConfigFile())
			if err != nil || string(got) != strings.ReplaceAll(tt.want, "/a", dir) {
				t.Errorf("%q, want %q, %v", got, tt.want, err)
			}
		})
	}
}

// TestWatchSetIsWhatWithTakes: the settings of a watch are what gives them to another.
func TestWatchSetIsWhatWithTakes(t *testing.T) {
	want := map[string][]string{"settle": {"3s"}, "gate": {"park"}, "exclude": {"*.bak", "old/"},
		"exclude-caches": {"true"}}
	w, err := Watch{Path: t.TempDir(), Remote: "aps://h/p/f"}.With(want)
	if got := w.Set(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v, %v", got, want, err)
	}
}

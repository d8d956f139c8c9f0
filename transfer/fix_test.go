package transfer

import (
	"strings"
	"testing"

	"hoist/state"
)

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
		{"a\nb'\x1b1\u00e4", `$'a\012b\'\0331\303\244'`, "\"a\nb'\x1b1\u00e4\""},
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

package transfer

import (
	"runtime"
	"strings"
	"syscall"
	"testing"

	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
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
		{"a\nb'\x1b1\u00e4", `"$(printf 'a\012b\047\0331\303\244')"`, "\"a\nb'\x1b1\u00e4\""},
		{"/a/\tb\n\n", `"$(printf '/a/\011b')"[[:cntrl:]][[:cntrl:]]`, "\"/a/\tb\n\n\""},
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

// TestFixForAFolderThatCannotBeMade: the fix opens the folder that is there.
func TestFixForAFolderThatCannotBeMade(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the rows have paths of POSIX")
	}

	r, _ := ReasonByCode(ReasonUnreadable)
	for text, dir := range map[string]string{
		"mkdir /d/shut/a: permission denied":           "/d/shut",
		"open /d/shut/a/b/x.dwg: permission denied":    "/d/shut/a/b",
		"rename /d/shut/a/b/.x.dwg: permission denied": "/d/shut/a/b",
	} {
		job := state.Job{ID: "1", Kind: state.Download, Path: "/d/shut/a/b/x.dwg", Reason: ReasonUnreadable,
			Error: text, Target: state.Target{Address: "aps://H/P/F/x.dwg", Name: "x.dwg"}}
		const again = "hoist retry --wait 1"
		if got, want := r.FixFor(job), "chmod u+rwx "+dir+" && "+again; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}

		// No chmod helps there.
		what, _, _ := strings.Cut(text, ": ")
		job.Error = what + ": " + syscall.EROFS.Error()
		if got := r.FixFor(job); got != again {
			t.Errorf("%s: %s, want %s", job.Error, got, again)
		}
	}
}

// TestFixForAClash: the fix renames what clashes here, be it the file or a folder above it.
func TestFixForAClash(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the rows have paths of POSIX")
	}

	r, _ := ReasonByCode(ReasonNameClash)
	there := &remote.NameClashError{Name: "arch", Other: "Arch", Kind: "folder"}
	for _, row := range []struct {
		name string
		err  error
		root string
		want string
	}{
		{"file of a watch", &plan.ClashError{Path: "/d/arch/x.dwg", Other: "/d/arch/X.dwg"}, "watch",
			"mv /d/arch/x.dwg /d/arch/x-2.dwg"},
		{"folder of a watch", &plan.ClashError{Path: "/d/arch", Other: "/d/Arch"}, "watch",
			"mv /d/arch /d/arch-2"},
		{"file of a push", &plan.ClashError{Path: "/d/arch/x.dwg", Other: "/d/arch/X.dwg"}, state.PathRoot,
			"mv /d/arch/x.dwg /d/arch/x-2.dwg && hoist push /d/arch/x-2.dwg aps://H/P/F/arch --profile bob"},
		{"folder of a push", &plan.ClashError{Path: "/d/arch", There: there}, state.PathRoot,
			"mv /d/arch /d/arch-2 && hoist push /d/arch-2 aps://H/P/F --profile bob"},
		{"a name that is not here", &plan.ClashError{There: there}, "watch", "hoist cancel 1"},
	} {
		job := state.Job{ID: "1", Kind: state.Upload, Profile: "bob", Root: row.root, Path: "/d/arch/x.dwg",
			Reason: ReasonNameClash, Error: row.err.Error(),
			Target: state.Target{Address: "aps://H/P/F/arch/x.dwg", Name: "x.dwg"}}
		if got := r.FixFor(job); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

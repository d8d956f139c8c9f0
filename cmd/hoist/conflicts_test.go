package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/transfer"
)

// TestConflicts: who and when is told, and each way on ends the conflict with nothing lost.
func TestConflicts(t *testing.T) {
	notRaced(t)
	t.Parallel()
	for _, tt := range []struct {
		keep     []string
		here     int64 // size of the file under the name
		versions int
		beside   bool // a second file, here and there
	}{
		{[]string{"mine"}, 30, 3, false},
		{[]string{"theirs"}, 20, 2, false},
		{[]string{"both"}, 20, 2, true},
		{[]string{"both", "--as-version"}, 20, 4, false},
	} {
		t.Run(strings.Join(tt.keep, " "), func(t *testing.T) {
			l := newLab(t)
			path := l.file("plan (2).rvt", 10)
			l.run(0, "push", path, l.remote)
			other := l.second()
			other.dir = t.TempDir()
			theirs := other.file("plan (2).rvt", 20, "theirs")
			other.run(0, "push", theirs, l.remote)
			l.file("plan (2).rvt", 30, "ours")
			ours, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}

			l.run(3, "push", path, l.remote)

			out, _ := l.run(0, "conflicts", "--json")
			var c conflict
			if err := json.Unmarshal([]byte(out), &c); err != nil || c.Path != path || c.Theirs == nil ||
				c.Theirs.Version != 2 || c.Theirs.By == "" || c.Theirs.Modified == nil ||
				*c.Ours.Size != 30 ||
				c.Base != 1 || c.Since == nil {
				t.Fatalf("conflicts: %v %s", err, out)
			}

			if out, _ := l.run(0, "conflicts"); !strings.Contains(out, "theirs: version 2, 20 B, by ") ||
				!strings.Contains(out, "hoist resolve ") {
				t.Errorf("conflicts: %s", out)
			}

			l.run(0, append([]string{"resolve", path, "--keep"}, tt.keep...)...)
			if s := l.status(); len(s.Attention) != 0 {
				t.Errorf("still: %+v", s.Attention)
			}

			info, err := os.Stat(path)
			if err != nil || info.Size() != tt.here {
				t.Errorf("here: %v, %v; want %d bytes", info, err, tt.here)
			}

			l.published("plan (2).rvt", tt.versions, path)

			found := false // ours is somewhere: under its name, beside it, or as a version
			for _, f := range l.cloud.Items() {
				found = found || tt.beside && strings.Contains(f.Path, "(conflict ")
				for _, v := range f.Versions {
					found = found || !tt.beside && v.Size == 30
				}
			}

			kept, _ := filepath.Glob(filepath.Join(l.dir, "plan (2)*"))
			for _, k := range kept {
				data, err := os.ReadFile(k)
				found = found || !tt.beside && err == nil && string(data) == string(ours)
			}

			if !found {
				t.Errorf("ours is lost; here are %q", kept)
			}

			l.run(5, "resolve", path, "--keep", "mine")
			l.run(0, "push", path, l.remote)
		})
	}

	l := newLab(t)
	l.run(2, "resolve", "x.rvt")
	l.run(2, "resolve", "x.rvt", "--keep", "all")
	l.run(2, "resolve", "x.rvt", "--keep", "mine", "--as-version")
	l.run(0, "conflicts")
}

// TestHoldingArea: a file whose name breaks the naming standard of its folder is told as such.
func TestHoldingArea(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.NamingStandard = true })
	path := l.file("bad name.rvt", 10)
	out, stderr := l.run(0, "push", path, l.remote, "--json", "-v")
	if row := results(t, out)[path]; row.Result != "created" || row.Warning != transfer.HeldBack {
		t.Errorf("the row: %s", out)
	}

	if strings.Count(stderr, "hoist: warning: "+path+": "+transfer.HeldBack+"\n") != 1 {
		t.Errorf("what people see: %s", stderr)
	}

	if !strings.Contains(stderr, `fix="rename it`) {
		t.Errorf("the log: %s", stderr)
	}

	id, _ := l.run(0, "jobs", "--jq", ".id")
	if out, _ := l.run(0, "job", strings.TrimSpace(id)); !strings.Contains(out, "holding area") {
		t.Errorf("the history: %s", out)
	}
}

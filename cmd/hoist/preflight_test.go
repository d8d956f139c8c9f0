package main

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
)

// TestPreflightFindsEachLimit breaks every limit once: a row for each, none missed, none invented.
// The sizes and names that no disk here can hold are broken in package preflight and plan.
func TestPreflightFindsEachLimit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("names that differ in case or form alone need a file system that tells them apart")
	}

	l := newLab(t)
	deep := "p" + strings.Repeat("/d", 25) // p is the first level below the top folder
	for _, f := range []string{"ok.dwg", "price$.dwg", "Plan.dwg", "plan.dwg", "caf\u00e9.dwg",
		"cafe\u0301.dwg",
		"roof.dwg", "macro.exe", "secret/a.dwg", "secret/b.dwg"} {
		l.file("p/"+f, 10)
	}

	l.file(deep+"/low.dwg", 10)
	l.file(deep+"/lower.dwg", 10)
	demo := l.cloud.Demo()
	top, err := l.cloud.AddFolder(demo.Project, "Project Files/p")
	if err != nil {
		t.Fatal(err)
	}

	secret, err := l.cloud.AddFolder(demo.Project, "Project Files/p/secret")
	if err != nil {
		t.Fatal(err)
	}

	if _, _, err := l.cloud.AddFile(demo.Project, "Project Files/p/ROOF.dwg", strings.NewReader("x"),
		1); err != nil {
		t.Fatal(err)
	}

	l.cloud.AddNamingStandard(top, "standard-1")
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if strings.Contains(r.Path, secret) {
			return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
		}

		return emulator.Fault{}
	})
	if err := os.MkdirAll(filepath.Join(l.home, "profiles"), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(l.home, "profiles", "default.toml"), []byte("region = \"EMEA\"\n"),
		0o600); err != nil {
		t.Fatal(err)
	}

	before := len(l.cloud.Items())
	out, stderr := l.run(3, "preflight", "--json", filepath.Join(l.dir, "p"), l.remote)
	var got []string
	var last struct{ Forecast control.Forecast }
	for line := range strings.Lines(out) {
		var row control.PreflightRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}

		if row.Check != "" {
			got = append(got, row.Verdict+" "+row.Check+" "+strings.TrimPrefix(row.Path, l.dir+"/"))
		} else if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatal(err)
		}
	}

	want := []string{
		"problem name-refused p/price$.dwg",
		"problem name-clash p/Plan.dwg", "problem name-clash p/plan.dwg",
		"problem name-clash p/caf\u00e9.dwg", "problem name-clash p/cafe\u0301.dwg",
		"problem name-clash p/roof.dwg",
		"warning extension p/macro.exe",
		"problem depth " + deep,
		"problem permission p/secret",
		"warning naming-standard p",
		"warning region ",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), stderr)
	}

	if f := last.Forecast; f.Files != 7 || f.Bytes != 70 || f.Folders != 25 || f.Calls != 4*7+25 {
		t.Errorf("forecast: %+v", f)
	}

	text, _ := l.run(3, "preflight", "--csv", filepath.Join(l.dir, "p"), l.remote)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(want)+1 {
		t.Errorf("CSV: %d rows, %v", len(rows), err)
	}

	if text, _ := l.run(3, "preflight", filepath.Join(l.dir, "p"), l.remote); !strings.Contains(text,
		"problem: permission: ") || !strings.Contains(text, "7 files to send") {
		t.Errorf("text:\n%s", text)
	}

	if now := len(l.cloud.Items()); now != before {
		t.Errorf("%d items before, %d after", before, now)
	}
}

// TestPreflightOfWhatIsRight finds nothing, and says what a push will take.
func TestPreflightOfWhatIsRight(t *testing.T) {
	l := newLab(t)
	l.file("p/a.dwg", 10)
	l.file("p/b/c.dwg", 6<<20)
	out, _ := l.run(0, "preflight", "--json", filepath.Join(l.dir, "p"), l.remote)
	var one struct{ Forecast control.Forecast }
	if err := json.Unmarshal([]byte(out), &one); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	l.cloud.ResetJournal()
	l.run(0, "push", filepath.Join(l.dir, "p"), l.remote)
	made := map[string]int{}
	for _, r := range l.cloud.Requests() {
		if r.Method == http.MethodPost && !strings.Contains(r.Path, "/authentication/") ||
			strings.HasSuffix(r.Path, "/signeds3upload") {
			made[r.Op]++
		}
	}

	calls := 0
	for n := range maps.Values(made) {
		calls += n
	}

	if f := one.Forecast; f.Calls != calls || f.Folders != 2 || f.Files != 2 || f.Bytes != 10+6<<20 {
		t.Errorf("forecast %+v, the push made %v", f, made)
	}
}

// TestPreflightOfABucket: one that forgets is a finding, one that keeps is none.
func TestPreflightOfABucket(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a.dwg", 10)
	for policy, code := range map[string]int{"transient": 3, "temporary": 3, "persistent": 0} {
		bucket := "hoist-preflight-" + policy
		l.run(0, "mkdir", "oss://"+bucket, "--policy", policy)
		out, _ := l.run(code, "preflight", "--json", path, "oss://"+bucket)
		if strings.Contains(out, `"check":"retention"`) != (code == 3) {
			t.Errorf("%s: %s", policy, out)
		}
	}
}

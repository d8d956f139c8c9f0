package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
)

// TestOperator: what people know from other programs is there, or says what to type instead.
func TestOperator(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, n := range []string{"b.rvt", "A.rvt", "c.rvt"} {
		l.file("plans/"+n, 1000)
	}

	l.run(0, "push", filepath.Join(l.dir, "plans")+"/", l.remote+"/plans", "-q")
	if out, _ := l.run(0, "ls", l.remote+"/plans"); out != "A.rvt\nb.rvt\nc.rvt\n" {
		t.Errorf("ls: %q", out)
	}

	if out, _ := l.run(0, "size", l.remote+"/plans", "--json"); !strings.Contains(out,
		`"files":3,"bytes":3000`) {
		t.Errorf("size: %s", out)
	}

	if out, _ := l.run(0, "size", l.remote+"/plans"); out != "3 files, 2.9 KiB (3000 bytes)\n" {
		t.Errorf("size: %s", out)
	}

	l.run(0, "copyto", filepath.Join(l.dir, "plans", "b.rvt"), l.remote+"/other/d.rvt")
	l.published("other/d.rvt", 1, filepath.Join(l.dir, "plans", "b.rvt"))
	l.run(0, "copyto", l.remote+"/other/d.rvt", filepath.Join(l.dir, "e.rvt"))
	same(t, filepath.Join(l.dir, "e.rvt"), filepath.Join(l.dir, "plans", "b.rvt"))
	l.run(2, "copyto", l.remote+"/other/d.rvt", l.dir)
	l.run(2, "copyto", l.remote+"/other", filepath.Join(l.dir, "other"))
	l.run(2, "copyto", filepath.Join(l.dir, "plans", "b.rvt"), l.remote+"/other/")
	l.run(2, "copyto", "a", "b")

	for arg, says := range map[string]string{"copy": "hoist push", "puhs": `or "hoist push"?`,
		"statsu": `"hoist status"`, "zzzz": "hoist help"} {
		if _, stderr := l.run(2, arg); !strings.Contains(stderr, says) {
			t.Errorf("%s: %s", arg, stderr)
		}
	}

	out, _ := l.run(0, "jobs")
	if n := strings.Count(out, "\n"); n != 5 || strings.Count(out, "\t") != 8*n {
		t.Errorf("jobs: %s", out)
	}

	newest, _ := l.run(0, "jobs", "--newest", "--limit", "1", "--jq", ".id")
	id := strings.TrimSpace(newest)
	if !strings.HasSuffix(strings.SplitAfter(out, "\n")[4], "\n") || !strings.HasPrefix(out[strings.LastIndex(
		strings.TrimSpace(out), "\n")+1:], id) {
		t.Errorf("the newest is %s of\n%s", id, out)
	}

	if out, _ := l.run(0, "job", id[len(id)-12:], "--jq", ".id"); strings.TrimSpace(out) != id {
		t.Errorf("job by the end of its id: %s", out)
	}

	if out, _ := l.run(0, "jobs", "--since", "2099-01-01"); out != "" {
		t.Errorf("jobs --since: %s", out)
	}

	if out, _ := l.run(0, "jobs", "--reason", "conflict,forbidden"); out != "" {
		t.Errorf("jobs --reason: %s", out)
	}

	l.run(2, "jobs", "--reason", "whatever")

	copied := filepath.Join(t.TempDir(), "state.db")
	l.run(0, "state", "backup", copied)
	l.run(2, "state", "backup", copied)
	other := l.second()
	if err := os.MkdirAll(other.home, 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.Rename(copied, filepath.Join(other.home, "state.db")); err != nil {
		t.Fatal(err)
	}

	if out, _ := other.run(0, "jobs"); strings.Count(out, "\n") != 5 {
		t.Errorf("the jobs of the copy: %s", out)
	}

	help, _ := l.run(0, "help")
	for _, g := range groups {
		if !strings.Contains(help, "\n"+g.title+"\n") {
			t.Errorf("the help has no %q", g.title)
		}
	}
}

// TestCompletion: names come from the service once, and then from the home.
// TestCopytoInAWatch: a local path inside a watch stands for its remote where the other one lies in none.
func TestCopytoInAWatch(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	file, watched := l.file("e.rvt", 1000), filepath.Join(l.dir, "watched")
	if err := os.Mkdir(watched, 0o755); err != nil {
		t.Fatal(err)
	}

	l.run(0, "watch", "add", watched, l.remote+"/other")
	l.run(0, "copyto", file, filepath.Join(watched, "f.rvt"))
	l.published("other/f.rvt", 1, file)
	l.run(0, "copyto", filepath.Join(watched, "f.rvt"), filepath.Join(l.dir, "g.rvt"))
	same(t, filepath.Join(l.dir, "g.rvt"), file)
	l.run(2, "copyto", filepath.Join(watched, "f.rvt"), filepath.Join(watched, "h.rvt"))
	l.run(2, "copyto", file, watched+string(filepath.Separator))
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("plans/a b.rvt", 10)
	l.file("plans/c.rvt", 10)
	l.run(0, "push", filepath.Join(l.dir, "plans"), l.remote, "-q")
	complete := func(args ...string) string {
		t.Helper()
		out, _ := l.run(0, append([]string{"__complete"}, args...)...)
		return out
	}
	if out := complete("ls", ""); !strings.HasPrefix(out, "aps://\noss://\n") {
		t.Errorf("nothing typed: %s", out)
	}

	if out := complete("ls", l.remote+"/pl"); !strings.HasPrefix(out, l.remote+"/plans/\n") {
		t.Errorf("a folder: %s", out)
	}

	for range 2 {
		if out := complete("pull", l.remote+"/plans/"); !strings.HasPrefix(out,
			l.remote+"/plans/a b.rvt\n"+l.remote+"/plans/c.rvt\n") {
			t.Errorf("files: %s", out)
		}

		l.stopCloud() // the second time they come from the home
	}

	if out := complete("push", "--checksum", ""); !strings.HasPrefix(out, "auto\nalways\nnever\n") {
		t.Errorf("values: %s", out)
	}

	if out := complete("job", ""); !strings.Contains(out, "\tdone a b.rvt\n") {
		t.Errorf("jobs: %s", out)
	}

	l.run(0, "completion", "bash")
}

// TestReadNames: whatever is typed, the names come that a look at all of them finds.
func TestReadNames(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 2000 {
		all = append(all, fmt.Sprintf("%05d %s", i*7, strings.Repeat("long ", i%40*i%300)))
	}

	all = append(all, strings.Repeat("y", 10_000), "z")
	for _, n := range []int{0, 1, 2, 300, len(all)} {
		text := strings.Join(append(slices.Clone(all[len(all)-n:]), ""), "\n")
		file := filepath.Join(t.TempDir(), "names")
		must(t, os.WriteFile(file, []byte(text), 0o600))

		begins := []string{"", "0", "1", "13", "zz", "y", "z", " "}
		for i := 0; i < len(all); i += 97 {
			begins = append(begins, all[i][:5], all[i])
		}

		for _, begin := range begins {
			got, _, err := readNames(file, begin)
			if want := matching(strings.Lines(text), begin); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%d names, %.20q: %d, want %d, %v", n, begin, len(got), len(want), err)
			}
		}
	}
}

// BenchmarkCompletion: of 100,000 names that were listed a moment ago. 50 ms is the most that
// people do not notice.
func BenchmarkCompletion(b *testing.B) {
	home := b.TempDir()
	var names bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&names, "drawing-%06d of a usual length.dwg\n", i)
	}

	a := newApp([]string{"HOIST_HOME=" + home}, nil, os.Stdout, os.Stderr)
	s, err := a.setup(config.Settings{})
	if err != nil {
		b.Fatal(err)
	}

	const parent = "aps://Hub/Project/Files/"
	if err := os.MkdirAll(s.home.Listings(), 0o700); err != nil {
		b.Fatal(err)
	}

	if err := os.WriteFile(a.listingFile(s, parent), names.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}

	for b.Loop() {
		got, err := a.namesBelow(b.Context(), parent, "drawing-0999")
		if err != nil || len(got) != 100 {
			b.Fatal(len(got), err)
		}
	}
}

// TestDryRunForecast: what a push would take, and what stays as it is.
func TestDryRunForecast(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a, b := l.file("a.rvt", 1000), l.file("b.rvt", 2000)
	out, _ := l.run(0, "push", "-n", a, b, l.remote)
	if !strings.Contains(out, "would do: 2 created; 2 files to send (2.9 KiB), 0 folders to make, ") {
		t.Errorf("push -n: %s", out)
	}

	out, _ = l.run(0, "push", "-n", "--json", a, b, l.remote)
	if !strings.Contains(out, `"forecast":{"files":2,"bytes":3000,`) {
		t.Errorf("push -n --json: %s", out)
	}

	// at 1 KiB a second neither is done after a second, and both are after an hour
	forecast := []string{"push", "--forecast", a, b, l.remote, "--bwlimit", "1k", "--max-duration"}
	if out, stderr := l.run(7, append(forecast, "100ms")...); !strings.Contains(out, ", too late)") ||
		!strings.Contains(stderr, "2 files of 2 (2.9 KiB) will not be done by ") {
		t.Errorf("too late: %s%s", out, stderr)
	}

	out, _ = l.run(0, append(forecast, "1h", "--json")...)
	if rows := results(t, out); len(rows) != 2 || !strings.Contains(out,
		`"in_time":{"files":2,"bytes":3000},"late":{"files":0`) ||
		!strings.Contains(out, `"expected":"20`) || strings.Contains(out, `"late":true`) {
		t.Errorf("in time: %s", out)
	}

	l.run(0, "push", a, l.remote)
	l.file("a.rvt", 1500, "changed")
	out, _ = l.run(0, "push", "--immutable", a, b, l.remote)
	if !strings.Contains(out, "1 created, 1 unchanged") {
		t.Errorf("push --immutable: %s", out)
	}

	l.run(2, "push", "--immutable", "--force", a, l.remote)
}

// TestWaitForLock: a command that needs the home alone waits for who has it, for as long as it is told.
func TestWaitForLock(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := l.start("daemon")
	l.owned("daemon")
	l.run(1, "state", "repair", "--wait-for-lock", "1s")
	l.run(2, "state", "repair", "--wait-for-lock", "soon")

	waiting := func(args ...string) *process {
		p := l.start(append(args, "--wait-for-lock", "10m")...)
		eventually(t, "it waits", func() bool {
			return strings.Contains(p.errs.String(), "waiting up to 10m0s: ")
		})

		return p
	}

	repair := waiting("state", "repair")
	d.interrupt()
	if code := repair.wait(); code != 0 {
		t.Errorf("repair: %d %s", code, repair.errs.String())
	}

	d = l.start("daemon")
	l.owned("daemon")
	next := waiting("daemon")
	d.interrupt()
	eventually(t, "the other daemon has the home", func() bool {
		s := l.status()
		return s.Owner != nil && s.Owner.PID == next.cmd.Process.Pid
	})
}

// TestMaxTransfer: what comes after the limit waits, in the order that was asked for, and goes on
// with resume or with the same command again.
func TestMaxTransfer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, size := range map[string]int64{"a.rvt": 3000, "b.rvt": 2000, "c.rvt": 1000, "d.rvt": 4000} {
		l.file("plans/"+name, size)
	}

	push := []string{"push", filepath.Join(l.dir, "plans") + "/", l.remote, "--json", "--order-by", "size",
		"--max-transfer", "2K"}
	out, stderr := l.run(0, append(push, "-n")...)
	rows := results(t, out)
	if len(rows) != 2 || !strings.Contains(out, `"files":4,"created":2,`) ||
		!strings.Contains(out, `"forecast":{"files":2,"bytes":3000,`) {
		t.Errorf("only looked at: %s%s", out, stderr)
	}

	out, stderr = l.run(7, push...)
	rows = results(t, out)
	if len(rows) != 2 || rows[filepath.Join(l.dir, "plans", "c.rvt")].Result != "created" ||
		rows[filepath.Join(l.dir, "plans", "b.rvt")].Result != "created" || summaryOf(t, out)["files"] != 4 {
		t.Errorf("the first: %s%s", out, stderr)
	}

	if out, stderr = l.run(7, push...); summaryOf(t, out)["created"] != 1 ||
		!strings.Contains(stderr, "1 file is left") {
		t.Errorf("again: %s%s", out, stderr)
	}

	out, _ = l.run(0, "jobs", "--state", "paused", "--jq", ".path")
	if out != filepath.Join(l.dir, "plans", "d.rvt")+"\n" {
		t.Errorf("paused: %s", out)
	}

	l.run(0, "resume")
	l.published("d.rvt", 1, filepath.Join(l.dir, "plans", "d.rvt"))
	l.run(0, push...)

	out, _ = l.run(7, "pull", l.remote, filepath.Join(l.dir, "here"), "--max-transfer", "1500",
		"--cutoff-mode", "cautious", "--order-by", "size", "--no-mtime", "--json")
	if rows := results(t, out); len(rows) != 1 ||
		rows[filepath.Join(l.dir, "here", "c.rvt")].Result != "downloaded" {
		t.Errorf("pull: %s", out)
	}

	for _, wrong := range [][]string{{"--order-by", "age"}, {"--max-transfer", "much"},
		{"--cutoff-mode", "hard"}} {
		l.run(2, append([]string{"push", l.dir, l.remote}, wrong...)...)
	}
}

// TestPulledTimes: a pulled file has the time of its version, unless somebody wants another.
func TestPulledTimes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "push", l.file("a.rvt", 1000), l.remote, "-q")
	stat, _ := l.run(0, "stat", l.remote+"/a.rvt", "--jq", ".modified")
	made, err := time.Parse(time.RFC3339, strings.TrimSpace(stat))
	if err != nil {
		t.Fatal(err)
	}

	for path, flags := range map[string][]string{"then/a.rvt": nil, "now/a.rvt": {"--no-mtime"}} {
		at := filepath.Join(l.dir, path)
		before := time.Now().Add(-time.Second) // a moment is taken off, so that an edit shows
		l.run(0, append([]string{"pull", l.remote + "/a.rvt", at, "-q"}, flags...)...)
		info, err := os.Stat(at)
		if err != nil {
			t.Fatal(err)
		}

		if now := info.ModTime().After(before); flags == nil &&
			!info.ModTime().Truncate(time.Second).Equal(made) ||
			flags != nil && !now {
			t.Errorf("%s is of %v, its version of %v", path, info.ModTime(), made)
		}

		if out, _ := l.run(0, "pull", l.remote+"/a.rvt", at, "--json"); !strings.Contains(out,
			`"unchanged":1`) {
			t.Errorf("%s again: %s", path, out)
		}
	}

	l.run(2, "copyto", l.file("b.rvt", 10), l.remote+"/c.rvt", "--no-mtime")
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/problem"
)

// summaryOf reads the last line of a command's JSON.
func summaryOf(t *testing.T, out string) map[string]float64 {
	t.Helper()

	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct{ Summary map[string]float64 }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Summary == nil {
		t.Fatalf("no summary at the end, %v: %s", err, out)
	}

	return last.Summary
}

// TestSummary: push, pull and resume end with one, whatever they end with.
func TestSummary(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a.rvt", 1000)

	missing := filepath.Join(l.dir, "zz")
	pushed := []string{"push", "--json", path, l.remote}
	for _, tt := range []struct {
		name string
		args []string
		code int
		want map[string]float64 // beside zeros
	}{
		{"created", pushed, 0, map[string]float64{"files": 1, "created": 1, "bytes": 1000}},
		{"again", pushed, 0, map[string]float64{"files": 1, "unchanged": 1}},
		{"fetched", []string{"pull", "--json", l.remote + "/a.rvt", l.dir + "/out/"}, 0,
			map[string]float64{"files": 1, "downloaded": 1, "bytes": 1000}},
		{"nothing to resume", []string{"resume", "--json"}, 0, nil},
		{"no such flag", []string{"push", "--json", "--nonsense"}, 2, nil},
		{"no arguments", []string{"pull", "--json"}, 2, nil},
		{"no local file", []string{"push", "--json", missing, l.remote}, 5, nil},
		{"no remote file", []string{"pull", "--json", l.remote + "/none", l.dir}, 5, nil},
		{"no daemon", []string{"push", "--json", "--detach", path, l.remote}, 6, nil},
		{"a missing one of a list", []string{"push", "--json", "--files-from", l.list("\n", path, missing),
			l.remote}, 3, map[string]float64{"files": 2, "unchanged": 1, "attention": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _ := l.run(tt.code, tt.args...)
			got := summaryOf(t, out)
			for _, name := range []string{"files", "created", "versioned", "unchanged", "downloaded",
				"attention",
				"bytes"} {
				if n, ok := got[name]; !ok || n != tt.want[name] {
					t.Errorf("%s: got %v, want %v in %s", name, n, tt.want[name], out)
				}
			}

			names := slices.Sorted(maps.Keys(got))
			if !slices.Contains(names, "seconds") || !slices.Contains(names, "calls") {
				t.Errorf("fields %v", names)
			}

			if tt.code == 2 && got["calls"] != 0 {
				t.Errorf("%v calls of a command that was not understood", got["calls"])
			}
		})
	}

	out, _ := l.run(0, "push", "--json", "--force", path, l.remote)
	if calls := summaryOf(t, out)["calls"]; calls < 3 {
		t.Errorf("%v calls for a version", calls)
	}

	out, said := l.run(0, "pull", "--json", l.remote+"/a.rvt", "-")
	if len(out) != 1000 {
		t.Errorf("%d bytes on standard output, want the file alone", len(out))
	}

	if s := summaryOf(t, said); s["downloaded"] != 1 || s["calls"] < 3 {
		t.Errorf("beside the content: %s", said)
	}
}

// TestSummaryBesideAnOwner: the calls that another process makes for a command are those of the command.
func TestSummaryBesideAnOwner(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a.rvt", 1000)
	daemon := l.start("daemon")
	l.owned("daemon")

	out, _ := l.run(0, "push", "--json", path, l.remote)
	if calls := summaryOf(t, out)["calls"]; calls < 3 {
		t.Errorf("%v calls for a file: %s", calls, out)
	}

	for _, args := range [][]string{
		{"push", "--json", path, l.remote},
		{"push", "--json", "--detach", path, l.remote},
		{"pull", "--json", l.remote + "/a.rvt", filepath.Join(l.dir, "b.rvt")},
		{"resume", "--json"},
	} {
		l.cloud.ResetJournal()
		out, _ := l.run(0, args...)
		made := 0
		for _, r := range l.cloud.Requests() {
			if r.Op != "token" && !strings.HasPrefix(r.Op, "s3-") {
				made++
			}
		}

		if calls, ok := summaryOf(t, out)["calls"]; !ok || int(calls) != made {
			t.Errorf("%v: %v calls, want %d: %s", args, calls, made, out)
		}
	}

	if code := daemon.interrupt(); code != 0 {
		t.Errorf("the daemon ended with %d", code)
	}

	// Of several at once the one that does the work may end before the others have asked.
	var all []*process
	for i := range 4 {
		all = append(all, l.start("push", "--json", path, l.file(fmt.Sprint(i, ".rvt"), 100_000), l.remote))
	}

	for _, p := range all {
		if code := p.wait(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.errs.String())
		} else if _, ok := summaryOf(t, p.out.String())["calls"]; !ok {
			t.Errorf("no calls: %s", p.out.String())
		}
	}
}

// TestResumeSumsUp: resume ends with a summary for people too.
func TestResumeSumsUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	if out, _ := l.run(0, "resume"); out != "0 files: nothing\n" {
		t.Errorf("nothing to do: %q", out)
	}

	path := l.file("a.rvt", 1000)
	stall := func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			return emulator.Fault{Kind: emulator.Stall}
		}

		return emulator.Fault{}
	}
	l.cloud.SetFault(stall)
	l.run(7, "push", "--max-duration", "1s", path, l.remote)
	if out, _ := l.run(7, "resume", "--max-duration", "100ms"); out != "1 file: 1 left\n" {
		t.Errorf("the time is up: %q", out)
	}

	l.cloud.SetFault(nil)
	out, _ := l.run(0, "resume", "--json")
	if row := out[:strings.IndexByte(out, '\n')]; summaryOf(t, out)["created"] != 1 ||
		!has(`"id":"`, `"state":"done"`, `a.rvt"`, `"remote":"aps://`, `"result":"created"`, `"bytes":1000`,
			`"version_id":"urn:`)(row) {
		t.Errorf("%s", out)
	}

	id, _ := l.run(0, "jobs", "--jq", ".id")
	if out, _ := l.run(0, "resume", strings.TrimSpace(id)); out != "0 files: nothing\n" {
		t.Errorf("one that is done: %q", out)
	}

	refused := l.file("a$.rvt", 10)
	l.run(3, "push", "-q", refused, l.remote)
	if out, _ := l.run(3, "resume", "--json"); !has(`"state":"attention"`, `"result":"attention"`,
		`"reason":"name-refused"`, `"fix":"hoist push --map-names`)(out) {
		t.Errorf("one that needs somebody: %s", out)
	}

	l.run(0, "cancel", "--all")

	l.run(0, "push", "-q", "--detach=false", "--force", path, l.remote)
	if out, _ := l.run(0, "resume", "-q"); out != "" {
		t.Errorf("quiet: %q", out)
	}

	l.start("daemon")
	l.owned("daemon")
	if out, _ := l.run(0, "resume"); out != "0 files: nothing\n" {
		t.Errorf("nothing to do beside a daemon: %q", out)
	}

	l.cloud.SetFault(stall)
	l.run(0, "push", "-q", "--detach", "--force", path, l.remote)
	l.run(0, "pause", "-q", "--all")
	if out, _ := l.run(0, "resume"); !strings.HasSuffix(out, "\n1 file: 1 queued\n") {
		t.Errorf("beside a daemon: %q", out)
	}
}

// TestScopesOfTransfers: what streams asks for the scopes of every transfer, with one token.
func TestScopesOfTransfers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "push", "-q", l.file("a.rvt", 10), l.remote)
	l.run(0, "mkdir", "oss://streams-here")

	project, oss := sorted(apsclient.TransferScopes), sorted(apsclient.TransferScopesOSS)
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"push", "-", "oss://streams-here/key"}, oss},
		{[]string{"pull", "oss://streams-here/key", "-"}, oss},
		{[]string{"cat", l.remote + "/a.rvt"}, project},
		{[]string{"pull", l.remote + "/a.rvt", filepath.Join(l.dir, "b.rvt")}, project},
	} {
		l.cloud.ResetJournal()
		l.run(0, tt.args...)
		var asked [][]string
		for _, r := range l.cloud.Requests() {
			if r.Op == "token" {
				asked = append(asked, sorted(r.Scopes))
			}
		}

		if len(asked) != 1 || !slices.Equal(asked[0], tt.want) {
			t.Errorf("%v: asked for %v, want %v", tt.args, asked, tt.want)
		}
	}
}

// list writes a list of paths with an end after each, and a comment.
func (l *lab) list(end string, paths ...string) string {
	l.t.Helper()
	name := filepath.Join(l.t.TempDir(), "list")
	text := strings.Join(append(paths, ""), end)
	if end == "\n" {
		text = "# " + paths[0] + ".not\n" + text
	}

	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}

	return name
}

// TestFilesFrom0: paths may hold line ends and begin with a number sign.
func TestFilesFrom0(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("d/#1.dwg", 10)
	list := l.list("\x00", "#1.dwg", "gone.dwg")
	out, _ := l.run(3, "push", "--json", "--files-from0", list, l.dir+"/d/", l.remote)
	r := results(t, out)
	if r[filepath.Join(l.dir, "d", "#1.dwg")].Result != "created" ||
		r[filepath.Join(l.dir, "d", "gone.dwg")].Reason != "vanished" {
		t.Errorf("%s", out)
	}

	l.run(2, "push", "--files-from0", list, "--files-from", list, l.dir, l.remote)
}

// TestShapes: --jq and --template print what they make of each JSON object.
func TestShapes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a.rvt", 5_000_000)
	l.run(0, "push", "-q", path, l.remote)

	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"a text", "a.rvt\n", []string{"ls", l.remote, "--jq", "select(.type == \"item\").name"}},
		{"an object", "{\"n\":5000000}\n", []string{"stat", l.remote + "/a.rvt", "--jq", "{n: .size}"}},
		{"nothing", "", []string{"ls", l.remote, "--jq", "empty"}},
		{"a template", "a.rvt has 5000000\n", []string{"stat", l.remote + "/a.rvt", "--template",
			"{{.name}} has {{.size}}"}},
		{"a template that compares", "large\n", []string{"stat", l.remote + "/a.rvt", "--template",
			"{{if gt .size 4999999}}large{{end}}"}},
		{"an answer of the service", "hubs\n", []string{"api", "list-hubs", "--jq", ".data[0].type"}},
		{"elements", "hubs\nhubs\n", []string{"api", "list-hubs", "--all", "--template", "{{.type}}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := l.run(0, tt.args...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	for _, args := range [][]string{{"--jq", "."}, {"--jq", "}"}, {"--template", "{{"}, {"--jq", ".x.y.z"}} {
		code := 2
		if args[1] == "." {
			args = append(args, "--template", "x")
		} else if args[1] == ".x.y.z" {
			args[1] = ".name.x"
		}

		l.run(code, append([]string{"stat", l.remote + "/a.rvt"}, args...)...)
	}
}

// TestJobsInAPipe: one job a line, with tabs and without a header.
func TestJobsInAPipe(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a b.rvt", 1000)
	l.run(0, "push", "-q", path, l.remote)
	out, _ := l.run(0, "jobs")
	fields := strings.Split(strings.TrimSuffix(out, "\n"), "\t")
	if !slices.Equal(fields[1:],
		[]string{"upload", "done", "done", "1000", path, l.remote + "/a b.rvt", "", ""}) {
		t.Errorf("%q", out)
	}
}

// TestNoHub: whoever cannot see a hub lacks a right, and finds nothing that is missing.
func TestNoHub(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.HideHubs = true })

	file := l.file("a.rvt", 10)
	for _, args := range [][]string{{"ls", "aps://"}, {"tree", "aps://"}, {"ls", l.remote},
		{"push", file, l.remote}, {"pull", l.remote, t.TempDir()},
		{"preflight", filepath.Dir(file), l.remote},
		{"verify", filepath.Dir(file), l.remote}, {"watch", "add", filepath.Dir(file), l.remote},
		{"stat", l.remote}, {"size", l.remote}, {"url", l.remote}, {"mkdir", l.remote + "/x"},
		{"rm", "--yes", l.remote + "/x"}, {"copyto", file, l.remote + "/b.rvt"},
		{"selftest", "--yes", l.remote},
		{"api", "upload-file-in-project-folder", "--body", file, "--param", "project_id=b.p",
			"--param", "folder_id=urn:adsk.wipprod:fs.folder:co.x"}} {
		if _, stderr := l.run(4, args...); !strings.Contains(stderr, "no hub is visible") {
			t.Errorf("%v: %s", args, stderr)
		}
	}
}

// TestInterruptedRead: a signal ends a command that reads standard input, which nobody closes.
func TestInterruptedRead(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for words, args := range map[string][]string{
		"run the whole command again":     {"push", "-", "oss://bucket/key"},
		"what was queued already is kept": {"push", "--files-from", "-", l.remote},
		"run it again when it is wanted":  {"api", "create-bucket", "--body", "-"}} {
		stdin, w := io.Pipe()
		var said output

		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan int, 1)
		go func() { ended <- run(ctx, args, l.environ(), stdin, io.Discard, &said) }()

		if args[1] == "-" { // it reads
			if _, err := w.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}

		cancel(problem.ErrInterrupted)

		select {
		case code := <-ended:
			if code != 130 || !strings.Contains(said.String(), "hint: ") ||
				!strings.Contains(said.String(), words) {
				t.Errorf("%v: exit code %d\n%s", args, code, said.String())
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%v reads on", args)
		}

		_ = w.Close()
	}
}

// TestProgressLines: with --json and --stats the lines between the results say how far it is, of
// files and of a pipe; without --stats there are none.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a.rvt", 1000)
	l.run(0, "mkdir", "oss://progress-lines")

	for name, args := range map[string][]string{
		"files":  {"push", path, l.remote, "--json"},
		"stream": {"push", "-", "oss://progress-lines/k", "--json"},
	} {
		told := make(chan struct{})
		l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" {
				<-told
			}

			return emulator.Fault{}
		})

		p := l.startWith(strings.NewReader("from a pipe"), append(args, "--stats", "1s")...)
		eventually(t, name+" tells of its progress", func() bool {
			return strings.Contains(p.out.String(), `{"progress":{"files":1,`)
		})
		close(told)

		if code := p.wait(); code != 0 {
			t.Fatalf("%s: %d %s", name, code, p.errs.String())
		}

		lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
		if len(results(t, p.out.String())) != 1 || !strings.HasPrefix(lines[len(lines)-1], `{"summary":`) {
			t.Errorf("%s: %s", name, p.out.String())
		}
	}

	held := make(chan struct{})
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			<-held
		}

		return emulator.Fault{}
	})
	p := l.start("push", l.file("b.rvt", 1000), l.remote, "--json")
	eventually(t, "a line of progress for people", func() bool {
		return strings.Contains(p.errs.String(), "hoist: ")
	})
	close(held)

	if code := p.wait(); code != 0 || strings.Contains(p.out.String(), "progress") {
		t.Errorf("%d %s", code, p.out.String())
	}
}

// TestTemplatesCompare: a number is one that a template compares, and is printed as it was written.
func TestTemplatesCompare(t *testing.T) {
	t.Parallel()
	shape, err := newShape("", `{{range .n}}{{.}} {{end}}{{if lt (index .n 1) 1.5}}less{{end}}`)
	if err != nil {
		t.Fatal(err)
	}

	var out strings.Builder
	if err := shape(&out, []byte(`{"n":[53687091200,0.25,1234567.5,1e3,-0]}`)); err != nil {
		t.Fatal(err)
	}

	if got, want := out.String(), "53687091200 0.25 1234567.5 1e3 0 less\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

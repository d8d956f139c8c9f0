package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

func TestPushAndPull(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a, b := l.file("plans/a.dwg", 6<<20), l.file("plans/sub/b.dwg", 1000)
	l.file("plans/a.bak", 10)

	out, _ := l.run(0, "push", "plans", l.remote, "--json")
	got := results(t, out)
	if len(got) != 2 || got[a].Result != "created" || got[a].VersionID == "" || got[a].ItemID == "" ||
		got[a].StorageID == "" || *got[b].Bytes != 1000 {
		t.Errorf("first push: %s", out)
	}

	l.published("plans/a.dwg", 1, a)
	l.published("plans/sub/b.dwg", 1, b)
	if n := l.count("token"); n != 1 {
		t.Errorf("%d token requests, want one", n)
	}

	l.file("plans/sub/b.dwg", 2000, "edited")
	out, _ = l.run(0, "push", "plans/", l.remote+"/plans", "--json")
	if got = results(t, out); got[a].Result != "unchanged" || got[b].Result != "versioned" {
		t.Errorf("second push: %s", out)
	}

	l.published("plans/sub/b.dwg", 2, b)

	before := l.count("s3-put")
	fresh := *l
	fresh.home = filepath.Join(t.TempDir(), "other")
	out, _ = fresh.run(0, "push", "plans", l.remote, "--json")
	if got = results(t, out); got[a].Result != "unchanged" || got[b].Result != "unchanged" ||
		l.count("s3-put") != before {
		t.Errorf("push from a fresh home: %s", out)
	}

	l.run(0, "pull", l.remote+"/plans", "back")
	same(t, a, filepath.Join(l.dir, "back", "a.dwg"))
	same(t, b, filepath.Join(l.dir, "back", "sub", "b.dwg"))
	if err := os.WriteFile(filepath.Join(l.dir, "back", "a.dwg"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}

	out, _ = l.run(3, "pull", l.remote+"/plans", "back", "--json")
	if !strings.Contains(out, `"reason":"local-differs"`) {
		t.Errorf("over a local change: %s", out)
	}

	l.run(0, "pull", l.remote+"/plans", "back", "--overwrite")
	same(t, a, filepath.Join(l.dir, "back", "a.dwg"))
	kept, _ := filepath.Glob(filepath.Join(l.dir, "back", "a~*.dwg"))
	if len(kept) != 1 {
		t.Errorf("the old file was not kept: %v", kept)
	}

	out, _ = l.run(0, "pull", l.remote+"/plans/sub/b.dwg", "-", "--version", "1")
	if len(out) != 1000 {
		t.Errorf("version 1 on standard output: %d bytes", len(out))
	}
}

func same(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}

	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}

	if !slices.Equal(x, y) {
		t.Errorf("%s and %s differ", a, b)
	}
}

func TestWherePushesLand(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("d/one.dwg", 10)
	l.file("d/sub/two.dwg", 20)
	l.file("other/one.dwg", 30)
	l.file("single.rvt", 40)
	if err := os.WriteFile(filepath.Join(l.dir, "list"), []byte("sub/two.dwg\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for i, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"d"}, "d/one.dwg d/sub/two.dwg"},
		{[]string{"d/"}, "one.dwg sub/two.dwg"},
		{[]string{"d/."}, "one.dwg sub/two.dwg"},
		{[]string{"single.rvt"}, "single.rvt"},
		{[]string{"single.rvt", "--as", "model.rvt"}, "model.rvt"},
		{[]string{"single.rvt", "d"}, "d/one.dwg d/sub/two.dwg single.rvt"},
		{[]string{"d", "--exclude", "sub/"}, "d/one.dwg"},
		{[]string{"d", "--include", "two.*"}, "d/sub/two.dwg"},
		{[]string{"d", "--min-size", "15"}, "d/sub/two.dwg"},
		{[]string{"d", "--max-size", "15"}, "d/one.dwg"},
		{[]string{"d", "--min-age", "1h"}, ""},
		{[]string{"d/", "--files-from", "list"}, "sub/two.dwg"},
	} {
		remote := fmt.Sprintf("%s/%d", l.remote, i)

		out, _ := l.run(0, slices.Concat([]string{"push", "-n", "--json"}, tt.args, []string{remote})...)
		var got []string
		for _, r := range results(t, out) {
			if r.Result != "created" {
				t.Errorf("%v: %+v", tt.args, r)
			}

			got = append(got, strings.TrimPrefix(r.Remote, remote+"/"))
		}

		slices.Sort(got)
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%v: got %v, want %s", tt.args, got, tt.want)
		}
	}

	if len(l.cloud.Items()) != 0 {
		t.Error("a dry run sent something")
	}

	l.run(2, "push", "d/", "other/", l.remote)
	l.run(2, "push", "d", "--as", "x", l.remote)
}

func TestObjects(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "mkdir", "oss://hoist-objects")
	a := l.file("a.bin", 3000)
	l.run(0, "push", "a.bin", "oss://hoist-objects/in")
	l.run(0, "pull", "oss://hoist-objects/in/a.bin", "b.bin")
	same(t, a, filepath.Join(l.dir, "b.bin"))

	p := l.start("push", "-", "oss://hoist-objects/deep/c.bin")
	if code := p.wait(); code != 0 {
		t.Fatalf("push of an empty standard input: %d\n%s", code, p.errs.String())
	}

	out, _ := l.run(0, "ls", "oss://hoist-objects/deep", "--json")
	if !strings.Contains(out, "c.bin") {
		t.Errorf("standard input did not land: %s", out)
	}

	left, err := os.ReadDir(filepath.Join(l.home, "streams"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	l.run(2, "push", "-", l.remote)
}

func TestExitCodes(t *testing.T) {
	notRaced(t)
	t.Parallel()
	l := newLab(t)
	l.file("d/one.dwg", 10)

	for range 2 {
		l.cloud.AddHub("Twin", false)
	}

	bad := *l
	bad.home = filepath.Join(t.TempDir(), "bad")
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		code int
		says string
	}{
		{"wrong secret", []string{"APS_CLIENT_SECRET=wrong"}, []string{"push", "d", l.remote}, 4, "401"},
		{"no credentials", []string{"APS_CLIENT_ID=", "APS_CLIENT_SECRET="}, []string{"push", "d", l.remote},
			4, "APS_CLIENT_ID"},
		{"plain http to another host", []string{"APS_BASE_URL=http://example.com"},
			[]string{"push", "d", l.remote}, 2, "http"},
		{"unknown profile", nil, []string{"push", "d", l.remote, "--profile", "nobody"}, 2, "nobody"},
		{"unknown limits", []string{"HOIST_LIMITS=/no/such"}, []string{"push", "d", l.remote}, 2, "limits"},
		{"unknown hub", nil, []string{"push", "d", "aps://Demo Hut/x/y"}, 5, "Demo Hub"},
		{"unknown project", nil, []string{"push", "d", "aps://Demo Hub/Demo Projekt/y"}, 5, "Demo Project"},
		{"a hub's name twice", nil, []string{"push", "d", "aps://Twin/x/y"}, 2, "b."},
		{"unknown local path", nil, []string{"push", "nothing", l.remote}, 5, "nothing"},
		{"unknown flag", nil, []string{"push", "--speed", "d", l.remote}, 2, "--speed"},
		{"unknown command", nil, []string{"pusch"}, 2, "pusch"},
		{"no remote", nil, []string{"push"}, 2, ""},
		{"wrong part size", nil, []string{"push", "d", l.remote, "--part-size", "1M"}, 2, "part-size"},
		{"wrong bandwidth", nil, []string{"push", "d", l.remote, "--bwlimit", "fast"}, 2, "bwlimit"},
		{"wrong time", nil, []string{"push", "d", l.remote, "--until", "noon"}, 2, "until"},
		{"another name for a folder", nil, []string{"push", "d", l.remote, "--as", "e"}, 2, "folder"},
		{"another name that is refused", nil, []string{"push", "d/one.dwg", l.remote, "--as", "a/b"}, 2,
			"'/'"},
		{"version nought", nil, []string{"pull", l.remote + "/none.dwg", "x", "--version", "0"}, 2, "from 1"},
		{"detach without a daemon", nil, []string{"push", "--detach", "d", l.remote}, 6, "daemon"},
		{"follow without a daemon", nil, []string{"status", "--follow"}, 6, "daemon"},
		{"unknown job", nil, []string{"job", "ffff"}, 5, "ffff"},
		{"pause nothing", nil, []string{"pause"}, 2, ""},
		{"wait for nothing", nil, []string{"wait"}, 2, ""},
		{"unknown state", nil, []string{"jobs", "--state", "sleeping"}, 2, "sleeping"},
		{"unknown version", nil, []string{"pull", l.remote + "/none.dwg", "x"}, 5, "none.dwg"},
		{"watch what is not there", nil, []string{"watch", "add", "nothing", l.remote}, 5, "nothing"},
		{"watch to where no files can be", nil, []string{"watch", "add", "d", "aps://Demo Hub/Demo Project"},
			2, "folder"},
		{"status of nothing", nil, []string{"status", "nothing"}, 5, "check the path"},
		{"a list below a file", nil, []string{"push", "--files-from", "d/one.dwg", "d/one.dwg", l.remote}, 2,
			"is a file"},
		{"standard input twice", nil, []string{"api", "upload-binary-to-signed-s3-url", "--param", "url=@-",
			"--body", "-"}, 2, "once"},
		{"standard input for two parameters", nil, []string{"api", "get-project", "--param", "hub_id=@-",
			"--param", "project_id=@-"}, 2, "once"},
		{"no such port", nil, []string{"emulator", "--addr", "127.0.0.1:99999"}, 2, "host:port"},
		{"resume with nothing to do", nil, []string{"resume"}, 0, ""},
		{"status with nothing running", nil, []string{"status"}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := bad
			one.t, one.extra = t, tt.env
			_, stderr := one.run(tt.code, tt.args...)
			if !strings.Contains(stderr, tt.says) {
				t.Errorf("%q is not said:\n%s", tt.says, stderr)
			}

			if n := strings.Count(stderr, "error: "); tt.code != 0 && n != 1 {
				t.Errorf("%d errors:\n%s", n, stderr)
			}
		})
	}
}

func TestUnreadableAndVanished(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 || os.PathSeparator != '/' {
		t.Log("the unreadable file is left out: nothing is unreadable here")
	}

	l := newLab(t)
	good, gone := l.file("d/good.dwg", 100), l.file("d/vanishing.dwg", 100)
	want := map[string]string{good: "created", gone: "attention"}
	if os.Getuid() != 0 && os.PathSeparator == '/' {
		locked := l.file("d/locked.dwg", 100)
		if err := os.Chmod(locked, 0); err != nil {
			t.Fatal(err)
		}

		want[locked] = "attention"
	}

	var once atomic.Bool
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-storage" || r.Op == "get-folder-contents" || r.Op == "list-folder-contents" {
			return emulator.Fault{Do: func() {
				if once.CompareAndSwap(false, true) {
					_ = os.Remove(gone)
				}
			}}
		}

		return emulator.Fault{}
	})

	out, _ := l.run(3, "push", "d/", l.remote, "--json")
	for path, result := range want {
		if got := results(t, out)[path]; got.Result != result ||
			(result == "attention") != (got.Reason != "") {
			t.Errorf("%s: got %+v", path, got)
		}
	}

	l.published("good.dwg", 1, good)
}

func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("big.rvt", 12<<20)
	l.run(7, "push", path, l.remote, "--part-size", "5M", "--bwlimit", "1M", "--max-duration", "3s")
	if _, ok := l.cloud.File("Project Files/big.rvt"); ok {
		t.Error("it was published")
	}

	l.run(0, "resume")
	l.published("big.rvt", 1, path)
}

// TestResumeTriesWhatWouldBeTriedLater: the disk is free again, the file readable; what needs a
// decision goes on needing it.
func TestResumeTriesWhatWouldBeTriedLater(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path, other := l.file("big.rvt", 12<<20), l.file("other.rvt", 12<<20)
	l.run(7, "push", path, other, l.remote, "--part-size", "5M", "--bwlimit", "1M", "--max-duration", "3s")
	s, err := state.Open(filepath.Join(l.home, "state.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}

	jobs, err := s.OpenJobs()
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}

	for _, j := range jobs {
		parked := state.Parked{Reason: transfer.ReasonUnreadable, Error: "x", At: time.Now().Add(time.Hour)}
		if j.Path == other {
			parked = state.Parked{Reason: transfer.ReasonConflict, Error: "x"}
		}

		if _, err := s.Commit(j.ID, parked); err != nil {
			t.Fatal(err)
		}
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	l.run(3, "resume")
	l.published("big.rvt", 1, path)
	if _, ok := l.cloud.File("Project Files/other.rvt"); ok {
		t.Error("what needs a decision was published")
	}
}

func TestInterruptedKeepsState(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("big.rvt", 12<<20)
	release := l.hold()
	p := l.start("push", path, l.remote, "--part-size", "5M")
	l.owned("push")
	eventually(t, "a file moves", func() bool { return len(l.status().Active) > 0 })
	if code := p.interrupt(); code != 130 {
		t.Fatalf("exit code %d, want 130\n%s", code, p.errs.String())
	}

	checkHint(t, 130, p.errs.String())
	release()
	if s := l.status(); s.Owner != nil || s.Jobs.Queued != 1 {
		t.Errorf("afterwards: %+v", s)
	}

	out, _ := l.run(0, "resume", "--json")
	if !strings.Contains(out, `"result":"created"`) {
		t.Errorf("resume: %s", out)
	}

	l.published("big.rvt", 1, path)
}

func TestPausedJobsStay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("big.rvt", 6<<20)
	release := l.hold()
	p := l.start("push", path, l.remote)
	l.open(1)
	p.interrupt()
	release()
	out, _ := l.run(0, "jobs", "--json")
	var j struct{ ID, State, Phase string }
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		t.Fatal(err)
	}

	out, _ = l.run(0, "pause", j.ID, "--json")
	if out != fmt.Sprintf(`{"id":%q,"state":"paused","result":"paused"}`+"\n", j.ID) {
		t.Errorf("pause: %s", out)
	}

	other := l.file("other.dwg", 10)
	l.run(0, "push", other, l.remote)
	if s := l.status(); s.Jobs.Paused != 1 || s.Jobs.Done != 1 {
		t.Errorf("a paused job moved: %+v", s.Jobs)
	}

	out, _ = l.run(0, "cancel", j.ID[:20], "--json")
	if out != fmt.Sprintf(`{"id":%q,"state":"cancelled","result":"cancelled"}`+"\n", j.ID) {
		t.Errorf("cancel: %s", out)
	}

	l.run(0, "retry", j.ID)
	l.run(0, "wait", "--all")
	l.published("big.rvt", 1, path)
}

// TestPushNamesTheCause: a refusal whose cause the service names ends with what helps against it, and
// so do status and job afterwards.
func TestPushNamesTheCause(t *testing.T) {
	l := newLab(t)
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-storage" {
			return emulator.Fault{Kind: emulator.FailBefore, Status: 403,
				Body: []byte(`{"developerMessage":"The client_id specified does not have access to the ` +
					`api product","errorCode":"AUTH-001"}`)}
		}

		return emulator.Fault{}
	})

	_, stderr := l.run(3, "push", l.file("plan.dwg", 10), l.remote)
	if !strings.Contains(stderr, "hint: the API of this call is not enabled") {
		t.Errorf("push says %s", stderr)
	}

	out, _ := l.run(0, "status")
	if !strings.Contains(out, "hint: the API of this call is not enabled") {
		t.Errorf("status says %s", out)
	}
}

// TestReplacedObjects: what replaces an object is versioned, also where no record and no comparison tells
// that one is there, and a dry run says so.
func TestReplacedObjects(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "mkdir", "oss://replaced-here")
	one, many := l.file("one.dwg", 10), filepath.Join(l.dir, "d")+string(filepath.Separator)
	for i := range remote.FewObjects + 1 {
		l.file(fmt.Sprintf("d/%d.dwg", i), 10)
	}

	other := *l
	other.home = filepath.Join(t.TempDir(), "other")
	for _, tt := range []struct {
		name string
		lab  *lab
		args []string
		want string
	}{
		{"nothing there", l, []string{"-n"}, "created"},
		{"now", l, nil, "created"},
		{"on record", l, []string{"-n"}, "unchanged"},
		{"on record, and sent", l, []string{"-n", "--force"}, "versioned"},
		{"no record", &other, []string{"-n"}, "versioned"},
		{"no record, to be sent", &other, []string{"-n", "--force"}, "versioned"},
		{"no record, and sent", &other, []string{"--force"}, "versioned"},
	} {
		for _, path := range []string{one, many} {
			out, _ := tt.lab.run(0, append([]string{"push", path, "oss://replaced-here", "--jq",
				".result // empty"}, tt.args...)...)
			if got := slices.Compact(strings.Fields(out)); len(got) != 1 || got[0] != tt.want {
				t.Errorf("%s: %s is %v, want %s", tt.name, path, got, tt.want)
			}
		}
	}
}

// TestDryRunLooksHere: what a job would find on this machine is told by a dry run too.
func TestDryRunLooksHere(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.ordinary = true
	closed := l.file("d/closed.dwg", 10)
	l.file("d/open.dwg", 20)
	l.file("d/equal.dwg", 30)
	l.run(0, "push", "-q", "d/", l.remote)
	row := `select(.path) | [.path, .result, .reason // empty] | join(" ")`
	told := func(code int, want string, args ...string) {
		t.Helper()
		out, _ := l.run(code, append(args, "-n", "--jq", row)...)
		var got []string
		for line := range strings.Lines(out) {
			got = append(got, filepath.Base(strings.TrimSpace(line)))
		}

		slices.Sort(got)
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%v: got %s, want %s", args, text, want)
		}
	}

	out := filepath.Join(l.dir, "out")
	for path, size := range map[string]int{"out/closed.dwg": 10, "out/open.dwg": 20} {
		l.file(path, int64(size), "other") // of the same size
	}

	data, err := os.ReadFile(filepath.Join(l.dir, "d", "equal.dwg"))
	if err == nil {
		err = os.WriteFile(filepath.Join(out, "equal.dwg"), data, 0o600)
	}

	if err != nil {
		t.Fatal(err)
	}

	told(3, "closed.dwg attention local-differs, equal.dwg unchanged, open.dwg attention local-differs",
		"pull", l.remote, out)
	told(0, "closed.dwg downloaded, equal.dwg unchanged, open.dwg downloaded", "pull", l.remote, out,
		"--overwrite")

	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}

	if f, err := os.Open(closed); err == nil && runtime.GOOS == "windows" {
		f.Close()
		t.Skip("modes close no file here")
	}

	told(3, "closed.dwg attention unreadable, equal.dwg versioned, open.dwg versioned", "push", "d/", l.remote,
		"--force")
}

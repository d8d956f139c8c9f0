package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// cure is one reason on its way from its cause to its end, in a project of its own.
type cure struct {
	*lab
	name    string
	reason  string
	faults  *faults
	project string
	remote  string
	path    string
	pushed  *process // that reports the file; nil: the daemon alone knows
}

// faults are those of each project, and of each bucket, by what the paths of its calls hold.
type faults struct {
	mu sync.Mutex
	by map[string]func(emulator.Request) emulator.Fault
}

func (f *faults) set(key string, hook func(emulator.Request) emulator.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.by[key] = hook
}

func (f *faults) hook(r emulator.Request) emulator.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()

	for key, hook := range f.by {
		if strings.Contains(r.Path, key) && hook != nil {
			return hook(r)
		}
	}

	return emulator.Fault{}
}

// refuse answers an operation of the row's project with a status until mend.
func (c *cure) refuse(op string, status int, body string) {
	c.faults.set(c.project, func(r emulator.Request) emulator.Fault {
		if r.Op != op {
			return emulator.Fault{}
		}

		f := emulator.Fault{Kind: emulator.FailBefore, Status: status}
		if body != "" {
			f.Body, f.Header = []byte(body), http.Header{"Content-Type": {"application/json"}}
		}

		return f
	})
}

// mend ends the faults of the row.
func (c *cure) mend() { c.faults.set(c.project, nil) }

// push pushes the row's file beside the test.
func (c *cure) push() { c.pushed = c.start("push", c.path, c.remote) }

// refused is a push whose first call for bytes is answered with a status.
func refused(status int, body string) func(c *cure) {
	return func(c *cure) {
		c.refuse("create-storage", status, body)
		c.push()
	}
}

// blocked is a push that waits for the service; then is called with it waiting.
func blocked(then func(c *cure, job string)) func(c *cure) {
	return func(c *cure) {
		c.refuse("create-storage", http.StatusServiceUnavailable, "")
		c.push()
		eventually(c.t, c.name+" waits", func() bool {
			j, ok := c.lastJob(c.path)
			return ok && j.Reason == transfer.ReasonServiceTrouble
		})

		j, _ := c.lastJob(c.path)
		then(c, j.ID)
		c.mend()
	}
}

func (l *lab) jobs(args ...string) (out []control.Job) {
	l.t.Helper()
	text, _ := l.run(0, append([]string{"jobs", "--json"}, args...)...)
	for line := range strings.Lines(text) {
		var j control.Job
		if err := json.Unmarshal([]byte(line), &j); err != nil {
			l.t.Fatal(err)
		}

		out = append(out, j)
	}

	return out
}

// lastJob is the newest job of a path.
func (l *lab) lastJob(path string) (found control.Job, ok bool) {
	l.t.Helper()
	for _, j := range l.jobs() {
		if j.Path == path {
			found, ok = j, true
		}
	}

	return found, ok
}

// cureRows make the cause of each reason. With fix the command that is printed is pasted, after the
// cause was mended where a command alone cannot do that; without, the cause is mended and the file
// goes on.
var cureRows = []struct {
	name, reason string
	cause        func(c *cure)
	fix          bool
	end          state.Status // afterwards; done: the file is at the service too
	plain        bool         // it waits: nothing needs a person
}{
	{"permission is given and tried", transfer.ReasonForbidden, refused(403, ""), true, state.StatusDone, false},
	{"permission is given", transfer.ReasonForbidden, refused(403, ""), false, state.StatusDone, false},
	{"the place is gone", transfer.ReasonNotFound, refused(410, ""), true, state.StatusCancelled, false},
	{"the place comes back", transfer.ReasonNotFound, refused(410, ""), false, state.StatusDone, false},
	{"too large", transfer.ReasonTooLarge, refused(413, ""), true, state.StatusCancelled, false},
	{"refused", transfer.ReasonRefused,
		refused(400, `{"jsonapi":{"version":"1.0"},"errors":[{"code":"BAD_INPUT","detail":"no such thing"}]}`),
		true, state.StatusDone, false},
	{"trouble", transfer.ReasonServiceTrouble, refused(503, ""), false, state.StatusDone, true},
	{"it becomes a folder", transfer.ReasonNotAFile, blocked(func(c *cure, _ string) {
		must(c.t, os.Remove(c.path))
		must(c.t, os.Mkdir(c.path, 0o755))
	}), true, state.StatusCancelled, false},
	{"empty", transfer.ReasonEmptyFile, func(c *cure) {
		c.truncate(c.path)
		c.push()
	}, true, state.StatusCancelled, false},
	{"shrank", transfer.ReasonShrankToZero, func(c *cure) {
		c.run(0, "push", c.path, c.remote)
		c.truncate(c.path)
		c.push()
	}, true, state.StatusDone, false},
	{"conflict", transfer.ReasonConflict, func(c *cure) {
		c.run(0, "push", c.path, c.remote)
		other := c.second()
		other.dir = c.t.TempDir()
		other.run(0, "push", other.file(filepath.Base(c.path), 20, "theirs"), c.remote)
		c.file(c.rel(), 30, "ours")
		c.push()
	}, true, state.StatusDone, false},
	{"edited here", transfer.ReasonLocalDiffers, func(c *cure) {
		c.run(0, "push", c.path, c.remote)
		c.file(c.rel(), 40, "edited")
		c.pushed = c.start("pull", c.remote+"/"+filepath.Base(c.path), c.path)
	}, true, state.StatusDone, false},
	{"a name that is refused", transfer.ReasonNameRefused, func(c *cure) {
		c.path = c.file(filepath.Join(c.name, "it's a plan\n2.rvt"), 10)
		c.push()
	}, true, state.StatusDone, false},
	{"names that clash", transfer.ReasonNameClash, func(c *cure) {
		c.file(filepath.Join(c.name, "plan of it.rvt"), 10)
		c.path = c.file(filepath.Join(c.name, "Plan of it.rvt"), 10)
		c.pushed = c.start("push", filepath.Dir(c.path)+"/", c.remote)
	}, true, state.StatusDone, false},
	{"cancelled by a person", transfer.ReasonCancelled, blocked(func(c *cure, job string) {
		c.run(0, "cancel", job)
	}), true, state.StatusDone, false},
	{"the rules are mended", transfer.ReasonRules, func(c *cure) {
		must(c.t, os.Mkdir(filepath.Join(c.dir, c.name, ".hoistignore"), 0o755))
		c.run(0, "watch", "add", filepath.Join(c.dir, c.name), c.remote, "--settle", "100ms")
	}, false, state.StatusDone, true},
	{"no drawing", transfer.ReasonDoubtful, func(c *cure) {
		dir := filepath.Join(c.dir, c.name)
		c.run(0, "watch", "add", dir, c.remote, "--settle", "100ms", "--exclude", "*.rvt")
		c.run(0, "watch", "set", dir, "gate=park", "exclude=")
	}, true, state.StatusDone, false},
}

// rel is the row's file below the folder of the lab.
func (c *cure) rel() string { return filepath.Join(c.name, filepath.Base(c.path)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// curedElsewhere are the reasons whose cause takes a disk, a link or a time that no table has: the
// tests that make them.
var curedElsewhere = map[string]string{
	transfer.ReasonUnreadable:    "owner.TestHealed, TestHealing: who runs as root can read everything",
	transfer.ReasonVanished:      "owner.TestHealing",
	transfer.ReasonFolderAway:    "transfer.TestFolderAway",
	transfer.ReasonChanging:      "transfer.TestPushParksWhatChangesTwice",
	transfer.ReasonTooDeep:       "transfer.TestLimits",
	transfer.ReasonExtension:     "transfer.TestLimits",
	transfer.ReasonFolderFull:    "transfer.TestLimits",
	transfer.ReasonMassChange:    "TestMassChange",
	transfer.ReasonNeverSettles:  "transfer, of settle.go",
	transfer.ReasonNoSpace:       "transfer.TestDownloadWaitsForRoom, TestFullDiskOfTheState",
	transfer.ReasonNoResources:   "transfer.TestClassify",
	transfer.ReasonLocked:        "transfer.TestClassify, owner.TestProbes",
	transfer.ReasonURLRefused:    "transfer.TestDownload",
	transfer.ReasonUnauthorised:  "TestNewCredentials",
	transfer.ReasonAmbiguous:     "plan.TestPull",
	transfer.ReasonNoContent:     "plan.TestPull",
	transfer.ReasonDamaged:       "transfer.TestDownload",
	transfer.ReasonRemoteChanged: "transfer.TestClassify",
	transfer.ReasonSessionShort:  "transfer, of faults_test.go",
	transfer.ReasonSessionLost:   "transfer, of upload_service_test.go",
	transfer.ReasonOffline:       "TestServiceAway",
	transfer.ReasonRateLimited:   "apsclient, of budget_test.go",
	transfer.ReasonSourceChanged: "an end that nobody sees: its successor is shown",
	transfer.ReasonRestored:      "TestRescue",
	transfer.ReasonExcluded:      "script rules.txtar",
	transfer.ReasonUnexpected:    "transfer, of upload_service_test.go",
}

// TestEveryReasonIsMade: each reason is in the table, or somewhere else for a cause.
func TestEveryReasonIsMade(t *testing.T) {
	made := maps.Clone(curedElsewhere)
	for _, row := range cureRows {
		if made[row.reason] != "" && curedElsewhere[row.reason] != "" {
			t.Errorf("%s is in the table and elsewhere", row.reason)
		}

		made[row.reason] = row.name
	}

	for _, r := range transfer.Reasons() {
		if made[r.Code] == "" {
			t.Errorf("nothing makes %s", r.Code)
		}
	}
}

// TestCures: the cause of each reason is made, with one daemon for all; status, jobs, explain, the
// log and the exit code tell the same reason; then the fix is run as it is printed, or the cause removed, and the file
// is where it belongs, or wanted no more.
func TestCures(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	f := &faults{by: map[string]func(emulator.Request) emulator.Fault{}}
	l.cloud.SetFault(f.hook)
	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.RefuseEmptyPart = true })
	l.start("daemon", "--log-format", "json")
	l.owned("daemon")

	all := make([]*cure, len(cureRows))
	for i, row := range cureRows {
		name := fmt.Sprintf("row %d", i)
		project, err := l.cloud.AddProject(l.cloud.Demo().Hub, name, "")
		must(t, err)
		c := &cure{lab: l, name: name, reason: row.reason, faults: f, project: project,
			remote: "aps://Demo Hub/" + name + "/Project Files",
			path:   l.file(filepath.Join(name, "a plan (2) & more.rvt"), 10)}
		all[i] = c
	}

	for i, row := range cureRows {
		row.cause(all[i])
	}

	for i, row := range cureRows {
		c := all[i]
		if c.pushed != nil && !row.plain {
			if code := c.pushed.wait(); code != 3 {
				t.Errorf("%s: exit code %d\n%s", row.name, code, c.pushed.errs.String())
			} else if text := c.pushed.errs.String(); !strings.Contains(text, ": "+c.reason) {
				t.Errorf("%s: push says another reason:\n%s", row.name, text)
			}
		}
	}

	var s control.Status
	var unseen []string
	defer func() {
		if t.Failed() {
			t.Logf("unseen: %q in %+v, %+v", unseen, s.Attention, s.Waiting)
		}
	}()
	eventually(t, "all causes are seen", func() bool {
		s, unseen = l.status(), nil
		for _, c := range all {
			if seenIn(s, c) == "" && c.reason != transfer.ReasonCancelled {
				unseen = append(unseen, c.reason)
			}
		}

		return len(unseen) == 0
	})

	jobs := l.jobs()
	fixes := make([]string, len(all))
	for i, row := range cureRows {
		fixes[i] = all[i].told(s, jobs, row.plain)
	}

	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.RefuseEmptyPart = false })

	for i, row := range cureRows {
		c := all[i]
		if !row.fix {
			c.mend()
			if c.reason == transfer.ReasonRules {
				must(t, os.Remove(filepath.Join(c.dir, c.name, ".hoistignore")))
			}

			continue
		}

		if row.end == state.StatusDone {
			c.mend()
		}

		l.pasted(fixes[i])
	}

	for i, row := range cureRows {
		c := all[i]
		eventually(t, row.name+" ends", func() bool {
			path := c.path
			if c.reason == transfer.ReasonNameClash { // the fix gave it another name
				path = filepath.Join(filepath.Dir(path), "Plan of it-2.rvt")
			}

			j, ok := l.lastJob(path)

			return ok && j.State == row.end && (row.end != state.StatusDone || c.stored() >= max(1, versions[c.reason]))
		})
	}
}

// versions are those that an item of the row has in the end, where the default of one says too little.
var versions = map[string]int{transfer.ReasonShrankToZero: 2, transfer.ReasonConflict: 3}

// stored is how many versions the project of the row holds.
func (c *cure) stored() (n int) {
	for _, f := range c.cloud.Items() {
		if f.Project == c.project {
			n += len(f.Versions)
		}
	}

	return n
}

// seenIn is where the status shows the row's reason: "attention", "waiting", or "" not.
func seenIn(s control.Status, c *cure) string {
	for _, a := range s.Attention {
		if a.Path == c.path && a.Reason == c.reason {
			return "attention"
		}
	}

	for _, w := range s.Watches { // files that no scan has come to
		if c.reason == transfer.ReasonRules && w.Path == filepath.Dir(c.path) && w.Detail != "" {
			return "waiting"
		}
	}

	for _, w := range s.Waiting {
		if w.Reason == c.reason && slices.Contains(w.Paths, c.path) {
			return "waiting"
		}
	}

	return ""
}

// logged reports whether a line of the daemon's log tells the reason of the row's file.
func (c *cure) logged() bool {
	c.t.Helper()
	data, err := os.ReadFile(filepath.Join(c.home, "logs", "hoist.log"))
	must(c.t, err)

	for line := range strings.Lines(string(data)) {
		var l struct{ Path, Reason string }
		if err := json.Unmarshal([]byte(line), &l); err == nil && l.Path == c.path && l.Reason == c.reason {
			return true
		}
	}

	return false
}

// told checks that all who are asked tell the same of the row, and returns the fix.
func (c *cure) told(s control.Status, jobs []control.Job, plain bool) (fix string) {
	c.t.Helper()
	text, _ := c.run(0, "explain", "--json", c.path)
	var e control.Explanation
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		c.t.Fatal(err)
	}

	if e.Reason != c.reason && c.reason != transfer.ReasonRules {
		c.t.Errorf("%s: explain says %q: %s", c.reason, e.Reason, text)
	}

	if want := map[bool]string{true: "waiting", false: "attention"}[plain]; c.reason != transfer.ReasonCancelled &&
		seenIn(s, c) != want {
		c.t.Errorf("%s: status shows it in %q, want %q", c.reason, seenIn(s, c), want)
	}

	for _, a := range s.Attention {
		if a.Path == c.path && a.Fix != e.Fix {
			c.t.Errorf("%s: status has the fix %q, explain %q", c.reason, a.Fix, e.Fix)
		}

		if a.NextAttempt != nil && a.NextAttempt.Before(time.Now().Add(-time.Minute)) {
			c.t.Errorf("%s: the next attempt lies in the past: %v", c.reason, a.NextAttempt)
		}
	}

	for _, j := range jobs {
		if j.Path == c.path && j.State != state.StatusDone && j.Reason != c.reason {
			c.t.Errorf("%s: jobs says %q", c.reason, j.Reason)
		}
	}

	if c.pushed != nil && c.reason != transfer.ReasonCancelled && !c.logged() {
		c.t.Errorf("%s: the log does not say so", c.reason)
	}

	if strings.ContainsAny(e.Fix, "\n\x1b") {
		c.t.Errorf("%s: a fix that cannot be pasted: %q", c.reason, e.Fix)
	}

	return e.Fix
}

// TestLinksAreTold: a link below a watch or a push is never sent, and whoever is asked says so.
func TestLinksAreTold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("links/plan.dwg", 10)
	for link, to := range map[string]string{"a.dwg": "plan.dwg", "b.dwg": "gone.dwg"} {
		if err := os.Symlink(filepath.Join(l.dir, "links", to), filepath.Join(l.dir, "links", link)); err != nil {
			t.Skip(err) // no right to make links here
		}
	}

	if _, text := l.run(0, "push", "links", l.remote); !strings.Contains(text,
		"left out by built-in rules: 2 (2 links and other special files)") {
		t.Errorf("push says nothing of them:\n%s", text)
	}

	l.run(0, "watch", "add", "links", l.remote+"/links")
	link := filepath.Join(l.dir, "links", "a.dwg")
	text, _ := l.run(0, "explain", link, "--json")
	var e control.Explanation
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.State != control.ExplainIgnored ||
		e.Reason != transfer.ReasonNotAFile {
		t.Errorf("explain: %v, %s", err, text)
	}

	if text, _ := l.run(0, "filter", "test", link); !strings.Contains(text,
		"ignored by links and other special files (built-in)") {
		t.Errorf("filter test: %s", text)
	}
}

// TestNewCredentials: credentials that are refused are one line at the top of the status with its
// fix, however many files wait for them, and a daemon takes up new ones.
func TestNewCredentials(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	l.extra = []string{"HOIST_NO_KEYRING=1"}
	l.run(0, "watch", "add", l.dir, l.remote+"/plans", "--settle", "100ms")
	l.start("daemon")
	l.owned("daemon")
	l.cloud.ExpireTokens()
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "token" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: 401, Body: []byte(`{"error":"invalid_client"}`),
			Header: http.Header{"Content-Type": {"application/json"}}}
	})

	const files = 5
	for i := range files {
		l.file(fmt.Sprintf("%d.rvt", i), 10)
	}

	const fix = "hoist login && hoist retry --wait --reason unauthorised"
	eventually(t, "all wait for credentials", func() bool {
		s := l.status()
		return len(s.Trouble) == 1 && s.Trouble[0].Reason == transfer.ReasonUnauthorised &&
			s.Trouble[0].Count == files && s.Trouble[0].Fix == fix && len(s.Attention) == files
	})

	text, _ := l.run(0, "status")
	lines := strings.Split(text, "\n")
	if !strings.HasPrefix(lines[1], "unauthorised: ") || !strings.HasSuffix(lines[1], "; fix: "+fix) ||
		!strings.Contains(lines[1], "(5 files)") || !strings.Contains(text, "needs you: 5 files: unauthorised: ") {
		t.Errorf("status:\n%s", text)
	}

	l.cloud.SetFault(nil)
	l.pasted(fix)
	if s := l.status(); len(s.Trouble)+len(s.Attention) > 0 || s.Jobs.Done != files {
		t.Errorf("after the fix: %+v", s)
	}
}

// TestServiceAway: a service that is away, or whose answers for a token are garbled, is one line at
// the top, with no estimate; a push that it keeps from its plan says so within seconds.
func TestServiceAway(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "watch", "add", l.dir, l.remote+"/plans", "--settle", "100ms")
	l.start("daemon")
	l.owned("daemon")
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "token" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: 200, Body: []byte("<html>Welcome</html>")}
	})
	path := l.file("a.rvt", 10)
	eventually(t, "the garbled token is told", func() bool {
		s := l.status()
		return len(s.Trouble) == 1 && strings.Contains(s.Trouble[0].Detail, "token") && s.ETA == nil &&
			len(s.Waiting) == 1 && slices.Equal(s.Waiting[0].Paths, []string{path})
	})

	addr := l.stopCloud()
	p := l.start("push", path, l.remote, "--stats", "1s")
	eventually(t, "the push says what it waits for", func() bool {
		return strings.Contains(p.errs.String(), " hoist: looking at what is there, ")
	})
	eventually(t, "the service is told to be away", func() bool {
		s := l.status()
		return len(s.Trouble) == 1 && s.Trouble[0].Reason == transfer.ReasonOffline && s.Trouble[0].Since != nil
	})

	l.startCloud(addr)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.errs.String())
	}

	eventually(t, "nothing is wrong any more", func() bool {
		s := l.status()
		return len(s.Trouble) == 0 && s.Jobs.Done > 0 && s.Jobs.Waiting == 0
	})
}

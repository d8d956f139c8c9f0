package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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
	cureRow
	api     *control.Client // of the daemon
	faults  *faults
	key     string // in the paths of the row's calls
	project string
	name    string // of its folder and project
	remote  string
	path    string
	pushed  *process // that reports the file; nil: the daemon alone knows
	rest    func()   // ends the saving of its file
}

// faults are those of each row, by what the paths of its calls hold.
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

// mended ends the faults of the row.
func (c *cure) mended() { c.faults.set(c.key, nil) }

// rel is the row's file below the folder of the lab.
func (c *cure) rel() string { return filepath.Join(c.name, filepath.Base(c.path)) }

func (c *cure) folder() string { return filepath.Join(c.dir, c.name) }

// api asks the owner of the home without a process.
func (l *lab) api() *control.Client {
	l.t.Helper()
	c, err := control.Dial(l.t.Context(), filepath.Join(l.home, "control.sock"),
		filepath.Join(l.home, "control.addr"))
	must(l.t, err)
	l.t.Cleanup(c.Close)

	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// job is the newest one of the row's file.
func (c *cure) job(path ...string) (control.Job, bool) {
	c.t.Helper()
	at := cmp.Or(append(path, c.path)...)
	jobs, err := c.api.Jobs(c.t.Context(), control.JobQuery{Path: at})
	must(c.t, err)
	jobs = slices.DeleteFunc(jobs, func(j control.Job) bool { return j.Path != at })
	if len(jobs) == 0 {
		return control.Job{}, false
	}

	return slices.MaxFunc(jobs, func(a, b control.Job) int { return a.CreatedAt.Compare(b.CreatedAt) }), true
}

// TestCures: the cause of each reason is made, with one daemon for all; status, jobs, explain, the
// log and the exit code tell the same reason; then the fix is run as it is printed, or the cause
// removed, and the file is where it belongs, or wanted no more.
func TestCures(t *testing.T) {
	notRaced(t)
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	l.ordinary = true
	l.extra = []string{"HOIST_LIMITS=server", "HOIST_NO_KEYRING=1"}
	f := &faults{by: map[string]func(emulator.Request) emulator.Fault{}}
	l.cloud.SetFault(f.hook)
	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.RefuseEmptyPart = true })
	l.start("daemon", "--log-format", "json")
	l.owned("daemon")
	api := l.api()
	l.run(0, "api", "create-bucket", "--body",
		l.json("bucket.json", `{"bucketKey":"cures","policyKey":"transient"}`))

	all := make([]*cure, len(cureRows))
	for i, row := range cureRows {
		name := fmt.Sprintf("row %d", i)
		project, err := l.cloud.AddProject(l.cloud.Demo().Hub, name, "")
		must(t, err)
		all[i] = &cure{lab: l, cureRow: row, api: api, name: name, faults: f, project: project, key: project,
			remote: "aps://Demo Hub/" + name + "/Project Files",
			path:   l.file(filepath.Join(name, "a plan (2) & more.rvt"), 10)}
	}

	for _, c := range all {
		c.cause(c)
	}

	for _, c := range all {
		if c.pushed != nil && (c.seen == "" || c.seen == seenNowhere) {
			if code := c.pushed.wait(); code != 3 {
				t.Errorf("%s: exit code %d\n%s", c.cureRow.name, code, c.pushed.errs.String())
			} else if text := c.pushed.errs.String(); !strings.Contains(text, ": "+c.reason) {
				t.Errorf("%s: push says another reason:\n%s", c.cureRow.name, text)
			}
		}
	}

	var s control.Status
	var jobs []control.Job
	var unseen []string
	defer func() {
		if t.Failed() {
			t.Logf("unseen: %q in %+v, %+v", unseen, s.Attention, s.Waiting)
		}
	}()
	eventually(t, "all causes are seen", func() bool {
		var errs [2]error
		s, errs[0] = api.Status(t.Context())
		jobs, errs[1] = api.Jobs(t.Context(), control.JobQuery{})
		must(t, errors.Join(errs[:]...))
		unseen = nil
		for _, c := range all {
			if !c.isSeen(s, jobs) {
				unseen = append(unseen, c.cureRow.name)
			}
		}

		return len(unseen) == 0
	})

	fixes := make([]string, len(all))
	untold := map[string]bool{} // while a file is tried again it does not wait: each is told at some look
	for i, c := range all {
		fixes[i] = c.told(s)
		if c.seen != seenNowhere && c.reason != transfer.ReasonRules {
			untold[c.reason] = true
		}
	}

	eventually(t, "status has a word of each cause", func() bool {
		status, _ := l.run(0, "status")
		maps.DeleteFunc(untold, func(reason string, _ bool) bool {
			return strings.Contains(status, reason+": ")
		})

		return len(untold) == 0
	})

	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.RefuseEmptyPart = false })

	for i, c := range all {
		if !c.fix || c.end == state.StatusDone {
			c.mended()
			if c.mend != nil {
				c.mend(c)
			}
		}

		if c.fix {
			l.pasted(fixes[i])
		}
	}

	for _, c := range all {
		eventually(t, c.cureRow.name+" ends", func() bool {
			path := c.path
			if c.reason == transfer.ReasonNameClash { // the fix gave it another name
				path = filepath.Join(filepath.Dir(path), "Plan of it-2.rvt")
			}

			j, ok := c.job(path)

			return ok && j.State == c.end && (c.end != state.StatusDone || c.there() >= max(1, c.copies))
		})
	}
}

// there is how many versions of the row's file are at the service.
func (c *cure) there() (n int) {
	if key, ok := strings.CutPrefix(c.remote, "oss://cures/"); ok {
		if c.cloud.SHA1("urn:adsk.objects:os.object:cures/"+key+"/"+filepath.Base(c.path)) != "" {
			n++
		}
	}

	for _, f := range c.cloud.Items() {
		if f.Project == c.project {
			n += len(f.Versions)
		}
	}

	return n
}

// isSeen reports whether the reason is where the row says.
func (c *cure) isSeen(s control.Status, jobs []control.Job) bool {
	parked := slices.ContainsFunc(s.Attention, func(a control.Attention) bool {
		return a.Path == c.path && a.Reason == c.reason
	})
	switch c.seen {
	case "":
		return parked
	case seenNowhere:
		return slices.ContainsFunc(jobs, func(j control.Job) bool {
			return j.Path == c.path && j.Reason == c.reason
		})
	}

	return parked && c.seen == seenEither || slices.ContainsFunc(s.Waiting, func(w control.Waiting) bool {
		return w.Reason == c.reason && slices.Contains(w.Paths, c.path)
	}) || c.reason == transfer.ReasonRules && slices.ContainsFunc(s.Watches, func(w control.Watch) bool {
		return w.Path == c.folder() && w.Detail != "" // files that no scan has come to
	})
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
func (c *cure) told(s control.Status) (fix string) {
	c.t.Helper()
	e, err := c.api.Explain(c.t.Context(), c.path)
	must(c.t, err)

	if e.Reason != c.reason && c.seen != seenNowhere {
		c.t.Errorf("%s: explain says %q: %+v", c.cureRow.name, e.Reason, e)
	}

	for _, a := range s.Attention {
		if twice := stutters(a.Detail); a.Path == c.path && twice != "" {
			c.t.Errorf("%s is told twice: %s\n%s", c.cureRow.name, twice, a.Detail)
		}

		if a.Path == c.path && a.Fix != e.Fix {
			c.t.Errorf("%s: status has the fix %q, explain %q", c.cureRow.name, a.Fix, e.Fix)
		}

		if a.NextAttempt != nil && a.NextAttempt.Before(time.Now().Add(-time.Minute)) {
			c.t.Errorf("%s: the next attempt lies in the past: %v", c.cureRow.name, a.NextAttempt)
		}
	}

	if j, ok := c.job(); ok && j.Reason != c.reason && c.seen != seenNowhere {
		c.t.Errorf("%s: jobs says %q", c.cureRow.name, j.Reason)
	}

	saidBefore := []string{transfer.ReasonRules, transfer.ReasonRestored} // by a scan, and by the repair
	if !slices.Contains(saidBefore, c.reason) && !c.logged() {
		c.t.Errorf("%s: the log does not say so", c.cureRow.name)
	}

	if e.Job != nil && e.Reason == c.reason {
		c.ends(e.Job.ID)
	}

	if strings.ContainsAny(e.Fix, "\n\x1b") {
		c.t.Errorf("%s: a fix that cannot be pasted: %q", c.cureRow.name, e.Fix)
	}

	return e.Fix
}

// ends checks how a command ends that waits for the row's job: a file that needs a person is told with
// its reason and exit code 3, one that goes on by itself lasts as long as the command is given.
func (c *cure) ends(job string) {
	c.t.Helper()
	var errs strings.Builder
	timeout, mayLast := "1m", c.seen == seenWaiting || c.seen == seenEither
	if mayLast {
		timeout = "100ms"
	}

	code := run(c.t.Context(), []string{"wait", job, "--timeout", timeout}, c.environ(),
		strings.NewReader(""), io.Discard, &errs)
	text := errs.String()
	checkHint(c.t, code, text)

	told := code == 3 && strings.Contains(text, ": "+c.reason)
	if !told && !(code == 7 && mayLast) {
		c.t.Errorf("%s: a command that waits for it ends with %d\n%s", c.cureRow.name, code, text)
	}
}

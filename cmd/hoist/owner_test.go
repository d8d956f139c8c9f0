package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// hold lets no part arrive until release is called, so that what a test waits for cannot be over
// before it looks.
func (l *lab) hold() (release func()) {
	held := make(chan struct{})
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			return emulator.Fault{Do: func() { <-held }}
		}

		return emulator.Fault{}
	})
	release = sync.OnceFunc(func() { l.cloud.SetFault(nil); close(held) })
	l.t.Cleanup(release) // before the cloud closes

	return release
}

// open waits until this many jobs are open.
func (l *lab) open(n int) {
	l.t.Helper()
	eventually(l.t, "the jobs are open", func() bool { j := l.status().Jobs; return j.Queued+j.Active == n })
}

func TestTwoPushesAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a, b := l.file("a.rvt", 3<<20), l.file("b.rvt", 3<<20)
	release := l.hold()
	p, q := l.start("push", a, l.remote), l.start("push", b, l.remote)
	l.open(2)
	release()
	if x, y := p.wait(), q.wait(); x != 0 || y != 0 {
		t.Fatalf("exit codes %d and %d\n%s%s", x, y, p.errs.String(), q.errs.String())
	}

	l.published("a.rvt", 1, a)
	l.published("b.rvt", 1, b)
	if n := l.count("token"); n != 1 {
		t.Errorf("%d token requests, want one", n)
	}
}

func TestTheSameFileTwiceAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.file("a.rvt", 2<<20)
	release := l.hold()
	p, q := l.start("push", a, l.remote), l.start("push", a, l.remote)
	l.open(1)
	release()
	if x, y := p.wait(), q.wait(); x != 0 || y != 0 {
		t.Fatalf("exit codes %d and %d\n%s%s", x, y, p.errs.String(), q.errs.String())
	}

	l.published("a.rvt", 1, a)
}

func TestTheOwnerIsKilledWhileAnotherWaits(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a, b := l.file("a.rvt", 12<<20), l.file("b.rvt", 6<<20)
	release := l.hold()
	p := l.start("push", a, l.remote, "--part-size", "5M", "--json")
	l.open(1)
	q := l.start("push", b, l.remote, "--json")
	l.open(2)
	p.kill()
	<-p.ended
	release()
	if code := q.wait(); code != 0 {
		t.Fatalf("the one that waited: exit code %d\n%s", code, q.errs.String())
	}

	if got := results(t, q.out.String()); got[b].Result != "created" {
		t.Errorf("its result: %s", q.out.String())
	}

	l.published("b.rvt", 1, b)
	l.run(0, "resume")
	l.published("a.rvt", 1, a)
}

func TestPushWhileTheDaemonRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.file("a.rvt", 6<<20)
	d := l.start("daemon")
	l.owned("daemon")
	out, _ := l.run(0, "push", a, l.remote, "--json")
	if results(t, out)[a].Result != "created" {
		t.Errorf("push: %s", out)
	}

	b := l.file("b.rvt", 1<<20)
	out, _ = l.run(0, "push", "--detach", b, l.remote, "--json")
	if results(t, out)[b].Result != "queued" {
		t.Errorf("push --detach: %s", out)
	}

	l.run(0, "wait", "--all")
	l.published("b.rvt", 1, b)
	if n := l.count("token"); n != 1 {
		t.Errorf("%d token requests, want one", n)
	}

	for range 2 {
		l.run(0, "ls", l.remote) // asks for less: a token of its own, by the daemon
	}

	if n := l.count("token"); n != 2 {
		t.Errorf("%d token requests with ls, want two", n)
	}

	_, stderr := l.run(1, "daemon")
	if !strings.Contains(stderr, "daemon") || !strings.Contains(stderr, "held by process") {
		t.Errorf("a second daemon: %s", stderr)
	}

	other := *l
	other.extra = []string{"APS_CLIENT_SECRET=another"}
	other.run(2, "push", b, l.remote)
	if code := d.interrupt(); code != 0 {
		t.Errorf("daemon: exit code %d\n%s", code, d.errs.String())
	}

	for _, name := range []string{"control.sock", "owner.json", "control.addr"} {
		if _, err := os.Stat(filepath.Join(l.home, name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}

func TestTheCloudComesBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.file("a.rvt", 12<<20)
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" && r.Part == 2 {
			return emulator.Fault{Kind: emulator.Stall, After: 1 << 20} // until the cloud ends
		}

		return emulator.Fault{}
	})
	p := l.start("push", a, l.remote, "--part-size", "5M", "--parts", "2")
	eventually(t, "a part is there", func() bool { return l.count("s3-put") > 0 })
	addr := l.stopCloud()
	eventually(t, "the job waits", func() bool { s := l.status(); return s.Jobs.Waiting == 1 })
	l.startCloud(addr)
	if code := p.wait(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.errs.String())
	}

	l.published("a.rvt", 1, a)
}

func TestUnreachableWhileResolving(t *testing.T) {
	if os.Getenv("HOIST_LONG") == "" {
		t.Skip("waits a minute; HOIST_LONG=1 runs it")
	}

	t.Parallel()
	l := newLab(t)
	a := l.file("a.rvt", 100)
	l.stopCloud()
	began := time.Now()
	_, stderr := l.run(1, "push", a, l.remote)
	if took := time.Since(began); took < time.Minute || !strings.Contains(stderr, "unreachable") {
		t.Errorf("after %v: %s", took, stderr)
	}
}

// TestDocumentedLimits pushes more new files than two minutes' worth of the smallest budget, in
// real time: none is refused, and status says what they wait for.
func TestDocumentedLimits(t *testing.T) {
	if os.Getenv("HOIST_LONG") == "" {
		t.Skip("takes two minutes; HOIST_LONG=1 runs it")
	}

	t.Parallel()
	const files = 120
	l := newLab(t)
	addr := l.stopCloud()
	l.limits = true
	l.startCloud(addr)

	for i := range files {
		l.file(fmt.Sprintf("set/%03d.dwg", i), 1000)
	}

	p := l.start("push", "set/", l.remote)
	eventually(t, "post-items decides", func() bool {
		e := l.status().ETA
		return e != nil && e.DecidedBy == "post-items"
	})

	select {
	case <-p.ended:
	case <-time.After(5 * time.Minute):
	}

	if code := p.wait(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.errs.String())
	}

	for _, r := range l.cloud.Requests() {
		if r.Status == http.StatusTooManyRequests {
			t.Errorf("refused: %s %s", r.Op, r.Path)
		}
	}

	if made := l.count("create-item"); made != files {
		t.Errorf("%d items, want %d", made, files)
	}
}

func TestWatchedFolder(t *testing.T) {
	t.Parallel()
	const files = 200
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	dir := filepath.Join(l.dir, "drawings")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	out, _ := l.run(0, "watch", "add", dir, l.remote+"/watched", "--settle", "2s", "--json")
	var added struct{ ID, Path, Remote string }
	if err := json.Unmarshal([]byte(out), &added); err != nil || added.ID == "" || added.Path == "" ||
		added.Remote != l.remote+"/watched" {
		t.Errorf("watch add: %s", out)
	}

	l.run(2, "watch", "add", dir, l.remote)
	l.run(2, "watch", "add", l.dir, l.remote)
	d := l.start("daemon")
	l.owned("daemon")

	name := func(i int) string {
		return filepath.ToSlash(filepath.Join("drawings",
			strings.Repeat("x", i%3)+string(rune('a'+i%26))+strings.Repeat("y", i/26)+".dwg"))
	}
	for i := range files {
		l.file(name(i), int64(1000+i))
		if i%2 == 1 {
			l.file(name(i-1), int64(2000+i), "again") // well within the settle time
		}
	}

	eventually(t, "all files are synced", func() bool {
		s := l.status()
		return len(s.Watches) == 1 && s.Watches[0].Synced != nil && *s.Watches[0].Synced == files
	})
	if n := len(l.cloud.Items()); n != files {
		t.Errorf("%d items, want %d", n, files)
	}

	for i := range files {
		l.published("watched/"+filepath.Base(name(i)), 1, filepath.Join(l.dir, filepath.FromSlash(name(i))))
	}

	s := l.status()
	if w := s.Watches[0]; *w.Files != files || *w.Pending != 0 || *w.Attention != 0 || w.State == "" ||
		w.LastScan == nil {
		t.Errorf("watch: %+v", w)
	}

	l.run(0, "watch", "pause", dir)
	late := l.file("drawings/late.dwg", 10)
	l.run(0, "watch", "resume", added.ID)
	eventually(t, "the late file is synced", func() bool {
		_, ok := l.cloud.File("Project Files/watched/late.dwg")
		return ok
	})
	l.published("watched/late.dwg", 1, late)

	second := filepath.Join(l.dir, "second")
	if err := os.Mkdir(second, 0o755); err != nil {
		t.Fatal(err)
	}

	l.file("second/here.dwg", 10)
	l.run(0, "watch", "add", second, l.remote+"/second", "--settle", "1s")
	eventually(t, "a running daemon takes up a new watch", func() bool {
		_, ok := l.cloud.File("Project Files/second/here.dwg")
		return ok
	})
	l.run(0, "watch", "remove", second)
	l.run(5, "watch", "remove", second)
	if code := d.interrupt(); code != 0 {
		t.Errorf("daemon: exit code %d\n%s", code, d.errs.String())
	}

	l.run(0, "watch", "pause", dir)
	if out, _ := l.run(0, "watch", "resume", dir); !strings.HasSuffix(out, ": resumed\n") {
		t.Errorf("resumed while no daemon runs: %q", out)
	}

	out, _ = l.run(0, "watch", "list", "--json")
	if strings.Count(out, "\n") != 1 {
		t.Errorf("watch list: %s", out)
	}
}

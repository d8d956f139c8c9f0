package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// olderProgram is a commit whose state has the schema before this one's.
const olderProgram = "d4aa60b"

// TestUpgradeInPlace: a daemon of the version before is stopped in mid-file, and this one goes on
// without sending a part again; the older one then refuses the state, and says why.
func TestUpgradeInPlace(t *testing.T) {
	if os.Getenv("HOIST_LONG") == "" {
		t.Skip("builds an older hoist: HOIST_LONG=1")
	}

	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be asked to end there")
	}

	dir := t.TempDir()
	old := filepath.Join(dir, "hoist")
	build := exec.CommandContext(t.Context(), "sh", "-c",
		`git archive "$1" | tar x -C "$2" && cd "$2" && go build -o "$3" ./cmd/hoist`, "sh",
		olderProgram, dir, old)
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("no older hoist here: %v: %s", err, out)
	}

	l := newLab(t)
	run := func(args ...string) *process {
		t.Helper()
		p := &process{t: t, ended: make(chan struct{})}
		p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), old, args...)
		p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = l.environ(), l.dir, &p.out, &p.errs
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}

		go func() { p.err = p.cmd.Wait(); close(p.ended) }()
		t.Cleanup(func() { p.kill(); <-p.ended })

		return p
	}

	const parts = 8
	path := l.file("model.rvt", parts*5<<20)
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			return emulator.Fault{Delay: 300 * time.Millisecond}
		}

		return emulator.Fault{}
	})

	d := run("daemon", "--part-size", "5M", "--parts", "1")
	l.owned("daemon")
	if code := run("push", "--detach", path, l.remote).wait(); code != 0 {
		t.Fatalf("push: exit code %d", code)
	}

	eventually(t, "some parts are there", func() bool { return l.count("s3-put") >= 3 })
	if code := d.interrupt(); code != 0 {
		t.Errorf("the older daemon: exit code %d", code)
	}

	before := l.count("s3-put")
	if before >= parts {
		t.Fatalf("all %d parts were sent before the stop", before)
	}

	l.cloud.SetFault(nil)
	next := l.start("daemon", "--part-size", "5M", "--parts", "1")
	l.owned("daemon")
	l.run(0, "wait", "--all")
	if sent := l.count("s3-put"); sent > parts+1 { // the one on its way may go again
		t.Errorf("%d parts were sent of %d, %d before the stop", sent, parts, before)
	}

	l.published("model.rvt", 1, path)
	if code := next.interrupt(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	p := run("status")
	if code := p.wait(); code != 1 ||
		!strings.Contains(p.errs.String(), "hint: this state was written by a newer hoist") {
		t.Errorf("the older one after that: exit code %d\n%s", code, p.errs.String())
	}
}

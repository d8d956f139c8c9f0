package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// effects are the system calls by which a process changes a disk or says something to the network.
const effects = "mkdirat,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,link,linkat,rename,renameat," +
	"renameat2,unlink,unlinkat,connect,copy_file_range"

// killedAt runs a command that SIGKILL ends before the nth effect of one of its threads. It reports
// whether it ended by itself before that.
func (l *lab) killedAt(n int, args ...string) (ended bool) {
	l.t.Helper()
	return l.killedBefore(effects, n, nil, args...)
}

// killedBefore is killedAt for the nth of these system calls, of a command that reads stdin.
func (l *lab) killedBefore(calls string, n int, stdin io.Reader, args ...string) (ended bool) {
	l.t.Helper()
	if raced {
		l.t.Skip("a process that is traced and raced takes minutes, and nothing else is in it")
	}

	strace, err := exec.LookPath("strace")
	if err != nil {
		l.t.Skip("there is no strace")
	}

	cmd := exec.CommandContext(l.t.Context(), strace, append([]string{"-f", "-qq", "-o", os.DevNull,
		"-e", "trace=" + calls, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", calls, n), "hoist"},
		args...)...)
	cmd.Env, cmd.Dir, cmd.Stdin = l.environ(), l.dir, stdin
	out, err := cmd.CombinedOutput()
	exit, _ := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return true
	case exit == nil || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL:
		l.t.Skipf("nothing can be traced here: %v: %s", err, out)
	}

	return false
}

// eachEffect calls kill for each effect in turn until the command ends by itself; in short runs for
// some of them, ever further apart.
func eachEffect(t *testing.T, kill func(n int) (ended bool)) {
	t.Helper()

	killed := 0
	for n := 1; !kill(n) && !t.Failed(); killed++ {
		n++
		if os.Getenv("HOIST_NIGHTLY") == "" {
			n += n / 2
		}
	}

	t.Logf("killed at %d effects", killed)
	if killed < 5 {
		t.Errorf("killed at %d effects only", killed)
	}
}

// tenFiles are of some sizes, one of two parts.
func (l *lab) tenFiles(dir, edition string) (paths []string) {
	l.t.Helper()
	for i := range 10 {
		size := int64(100 + 3000*i)
		if i == 9 {
			size = 6 << 20
		}

		paths = append(paths, l.file(filepath.Join(dir, fmt.Sprintf("%d.rvt", i)), size, edition))
	}

	return paths
}

// TestPushKilledAtEachEffect ends a push of ten files before each change of the disk or the network
// in turn: pushed again, each has one version with its content, and a proof of it, and no copy is
// left in the spool.
func TestPushKilledAtEachEffect(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	shared := l.home
	eachEffect(t, func(n int) bool {
		l.home = fmt.Sprintf("%s%d", shared, n)
		folder := fmt.Sprintf("up%d", n)
		paths := l.tenFiles(folder, folder)
		args := []string{"push", "--part-size", "5M", filepath.Join(l.dir, folder), l.remote}
		ended := l.killedAt(n, args...)
		l.run(0, args...)

		for _, p := range paths {
			l.published(folder+"/"+filepath.Base(p), 1, p)
		}

		if out, _ := l.run(0, "verify", filepath.Join(l.dir, folder)); !strings.Contains(out, "10 files ok") {
			t.Errorf("effect %d: %s", n, out)
		}

		if left, err := os.ReadDir(filepath.Join(l.home, "spool")); err == nil && len(left) > 0 {
			t.Errorf("effect %d: in the spool is left %v", n, left)
		}

		return ended
	})
}

// TestPullKilledAtEachEffect ends a pull of ten files likewise: pulled again, each is there whole
// under its name, and nothing else is.
func TestPullKilledAtEachEffect(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	paths := l.tenFiles("down", "")
	l.run(0, "push", filepath.Join(l.dir, "down"), l.remote)

	shared := l.home
	eachEffect(t, func(n int) bool {
		l.home = fmt.Sprintf("%s%d", shared, n)
		to := filepath.Join(l.dir, fmt.Sprintf("to%d", n))
		args := []string{"pull", l.remote + "/down", to}
		ended := l.killedAt(n, args...)
		l.run(0, args...)

		got, err := os.ReadDir(to)
		if err != nil || len(got) != len(paths) {
			t.Errorf("effect %d: %d names, %v: %v", n, len(got), got, err)
		}

		for _, p := range paths {
			want, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}

			if data, err := os.ReadFile(filepath.Join(to, filepath.Base(p))); err != nil ||
				!bytes.Equal(data, want) {
				t.Errorf("effect %d: %s is not as it was pushed: %v", n, filepath.Base(p), err)
			}
		}

		return ended
	})
}

// TestWhatAKilledStreamLeaves: a stream that is killed before the file of its part has lost its name
// leaves that file; doctor removes it, and so does the next command that sends.
func TestWhatAKilledStreamLeaves(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "mkdir", "oss://killed-stream")
	spool := filepath.Join(l.home, "streams")
	leave := func() {
		t.Helper()
		for n := 1; ; n++ {
			in := io.LimitReader(zeros{}, 21<<20)
			if l.killedBefore("unlink,unlinkat", n, in, "push", "-", "oss://killed-stream/k",
				"--part-size", "20M", "-q") {
				t.Fatal("no file is left at any moment")
			}

			left, err := filepath.Glob(filepath.Join(spool, "*"))
			must(t, err)
			if len(left) > 0 {
				long := time.Now().Add(-time.Hour) // a young one may be somebody's
				must(t, os.Chtimes(left[0], long, long))

				return
			}
		}
	}
	swept := func(by string) {
		t.Helper()
		if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %v, %v", by, left, err)
		}
	}

	leave()
	if found := l.doctor(0)["leftovers"]; len(found) != 1 ||
		!strings.HasPrefix(found[0].Detail, "1 part of") {
		t.Errorf("doctor: %+v", found)
	}

	swept("doctor")
	leave()
	l.run(0, "push", l.file("next.rvt", 10), "oss://killed-stream")
	swept("push")
}

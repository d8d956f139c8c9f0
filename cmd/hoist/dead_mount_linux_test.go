package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"hoist/apsclient/emulator"
	"hoist/watcher"
)

// A mount whose server is a process that can be stopped: then it does not answer, as a share whose
// server is gone, and when it goes on all that waits has its answer.

func init() { testCommands["serve-share"] = serveShare }

// shared is a file or folder of a share. It is not told when a file is closed: the system would
// wait for that, also at the end of a process.
type shared struct{ fs.LoopbackNode }

func (*shared) Flush(context.Context, fs.FileHandle) syscall.Errno { return syscall.ENOSYS }

// serveShare shows a folder at another place until it is ended.
func serveShare() {
	root := &fs.LoopbackRoot{Path: os.Args[1]}
	//nolint:staticcheck // what replaces it wraps a node that answers a flush
	root.NewNode = func(root *fs.LoopbackRoot, _ *fs.Inode, _ string, _ *syscall.Stat_t) fs.InodeEmbedder {
		return &shared{fs.LoopbackNode{RootData: root}}
	}
	root.RootNode = root.NewNode(root, nil, "", nil) //nolint:staticcheck // see above

	_, err := fs.Mount(os.Args[2], root.RootNode, &fs.Options{MountOptions: fuse.MountOptions{
		DirectMountStrict: true, Name: "share"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	fmt.Println("ready")
	select {}
}

// share is such a mount.
type share struct {
	behind string // the folder that it shows
	server *os.Process
}

func newShare(t *testing.T, at string) *share {
	t.Helper()

	s := &share{behind: t.TempDir()}
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command("serve-share", s.behind, at)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	s.server = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = syscall.Unmount(at, syscall.MNT_DETACH)
	})

	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Skipf("no file system of our own can be mounted here: %v", err)
	}

	return s
}

func (s *share) stop(t *testing.T) { s.signal(t, syscall.SIGSTOP) }
func (s *share) goOn(t *testing.T) { s.signal(t, syscall.SIGCONT) }

func (s *share) signal(t *testing.T, what syscall.Signal) {
	t.Helper()
	if err := s.server.Signal(what); err != nil {
		t.Fatal(err)
	}
}

// put saves a file behind the mount.
func (s *share) put(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.behind, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sent waits until a file is in the cloud.
func (l *lab) sent(path string) {
	l.t.Helper()
	eventually(l.t, path+" is sent", func() bool {
		_, there := l.cloud.File("Project Files/" + path)
		return there
	})
}

// TestDeadMountBelowTheRoot: a share that lies in a watched folder and does not answer holds up
// nothing else, hides nothing, is named in the status, and what was saved in it meanwhile is sent
// when it is back. No command waits for it, and neither does the end of the daemon.
func TestDeadMountBelowTheRoot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	l.file("plans/a.rvt", 1000)
	root := filepath.Join(l.dir, "plans")
	at := filepath.Join(root, "share")
	s := newShare(t, at)
	s.put(t, "b.rvt", "behind the mount")
	l.run(0, "watch", "add", root, l.remote+"/plans", "--settle", "100ms")
	d := l.start("daemon")
	l.sent("plans/a.rvt")
	l.sent("plans/share/b.rvt")

	s.stop(t)
	s.put(t, "d.rvt", "saved while it did not answer")
	l.file("plans/c.rvt", 1000)
	l.run(0, "watch", "scan")
	l.sent("plans/c.rvt")
	eventually(t, "the reason is shown", func() bool {
		w := l.status().Watches
		return len(w) == 1 && strings.Contains(w[0].Detail, "the disk does not answer")
	})

	for _, args := range [][]string{
		{"watch", "list"}, {"status", filepath.Join(at, "b.rvt")}, {"explain", filepath.Join(at, "b.rvt")},
		{"push", at, l.remote + "/pushed"}, {"push", filepath.Join(at, "b.rvt"), l.remote + "/pushed"},
		{"doctor"}, {"verify", root},
	} {
		l.start(args...).wait() // whatever it says
	}

	if w := l.status().Watches[0]; w.Files == nil || *w.Files != 3 {
		t.Errorf("%+v: the file of the share is not among 3", w)
	}

	s.goOn(t)
	l.sent("plans/share/d.rvt")

	s.stop(t)
	l.run(0, "watch", "scan")
	if code := d.interrupt(); code != 0 {
		t.Errorf("exit code %d: %s", code, d.errs.String())
	}
}

// TestDeadMountAsRoot: a daemon that starts while a watched share does not answer serves its other
// watch, says of the share that it is not available, and takes it up when it is back.
func TestDeadMountAsRoot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	at, other := filepath.Join(l.dir, "share"), filepath.Join(l.dir, "other")
	s := newShare(t, at)
	l.file("other/a.rvt", 1000)
	l.run(0, "watch", "add", at, l.remote+"/share", "--settle", "100ms")
	l.run(0, "watch", "add", other, l.remote+"/other", "--settle", "100ms")

	s.stop(t)
	s.put(t, "b.rvt", "behind the mount")
	d := l.start("daemon")
	l.sent("other/a.rvt")
	eventually(t, "the share is not available", func() bool {
		for _, w := range l.status().Watches {
			if w.Path == at && w.State == watcher.StateUnavailable &&
				strings.Contains(w.Detail, "the disk does not answer") {
				return true
			}
		}

		return false
	})

	s.goOn(t)
	l.sent("share/b.rvt")
	if code := d.interrupt(); code != 0 {
		t.Errorf("exit code %d: %s", code, d.errs.String())
	}
}

// TestDeadMountWhileAFileIsRead: a file whose disk ceases to answer in the middle of its upload
// gives its slot to others, and is sent when the disk is back.
func TestDeadMountWhileAFileIsRead(t *testing.T) {
	if os.Getenv("HOIST_LONG") == "" {
		t.Skip("waits a minute; HOIST_LONG=1 runs it")
	}

	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	at := filepath.Join(l.dir, "share")
	s := newShare(t, at)
	s.put(t, "b.rvt", strings.Repeat("behind the mount", 4<<20)) // 64 MiB
	far, near := filepath.Join(at, "b.rvt"), l.file("a.rvt", 3<<20)

	var once sync.Once
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			once.Do(func() { s.stop(t) })
		}

		return emulator.Fault{}
	})

	l.start("daemon", "--transfers", "1", "--part-size", "5M")
	l.owned("daemon")
	p := l.start("push", far, l.remote+"/plans")
	eventually(t, "the disk has ceased to answer", func() bool { return l.count("s3-put") > 0 })
	q := l.start("push", near, l.remote+"/plans")
	if code := q.wait(); code != 0 {
		t.Fatalf("exit code %d: %s", code, q.errs.String())
	}

	s.goOn(t)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.errs.String())
	}

	l.published("plans/b.rvt", 1, filepath.Join(s.behind, "b.rvt"))
}

// TestDeadMountWhileAFileIsWritten: a download onto a disk that ceases to answer gives its slot to
// others and says what it waits for, and ends well when the disk is back.
func TestDeadMountWhileAFileIsWritten(t *testing.T) {
	if os.Getenv("HOIST_LONG") == "" {
		t.Skip("waits a minute; HOIST_LONG=1 runs it")
	}

	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	from, near := l.file("in/b.rvt", 64<<20), l.file("a.rvt", 3<<20)
	l.run(0, "push", from, l.remote+"/in")
	at := filepath.Join(l.dir, "share")
	s := newShare(t, at)

	var stopped atomic.Bool
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-get" && stopped.CompareAndSwap(false, true) {
			s.stop(t)
		}

		return emulator.Fault{}
	})

	l.start("daemon", "--transfers", "1")
	l.owned("daemon")
	p := l.start("pull", l.remote+"/in/b.rvt", at)
	eventually(t, "the disk has ceased to answer", stopped.Load)
	q := l.start("push", near, l.remote+"/plans")
	if code := q.wait(); code != 0 {
		t.Fatalf("exit code %d: %s", code, q.errs.String())
	}

	if out, _ := l.run(0, "jobs", "--json"); !strings.Contains(out, "unreadable") {
		t.Errorf("what it waits for is not told:\n%s", out)
	}

	s.goOn(t)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.errs.String())
	}

	got, err := os.ReadFile(filepath.Join(s.behind, "b.rvt"))
	want, wantErr := os.ReadFile(from)
	if err != nil || wantErr != nil || !bytes.Equal(got, want) {
		t.Errorf("what was pulled is not what was pushed: %v, %v", err, wantErr)
	}
}

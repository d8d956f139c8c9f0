package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/watcher"
)

// inMounts says to the process of the test that it has mounts of its own.
const inMounts = "TEST_HAS_MOUNTS"

// TestMountHistories lets daemons live through random histories of real mounts, in a name space of
// their own: the watched folder is unmounted, replaced, or mounted only after the start, something
// is mounted below it, a folder in it cannot be read, the disk of the home is full, there is no room
// for notices, and the daemon is killed in each. Nothing in the cloud is hidden, the reason is
// shown, and all heals without a command: the index is the disk, and the cloud has it, each state
// once.
func TestMountHistories(t *testing.T) {
	if os.Getenv(inMounts) == "" {
		t.Parallel()
		inNameSpace(t)

		return
	}

	n := uint64(10)
	if os.Getenv("HOIST_NIGHTLY") != "" {
		n = 300
	}

	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := newMounted(t, seed)
			for range 8 {
				h.step()
			}

			h.rest()
		})
	}
}

// inNameSpace runs the test again in a process with users and mounts of its own.
func inNameSpace(t *testing.T) {
	if testing.Short() || raced {
		t.Skip("runs whole processes for minutes")
	}

	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("there is no setpriv")
	}

	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMountHistories$", "-test.v",
		"-test.timeout=5h")
	cmd.Env = append(os.Environ(), inMounts+"=1")
	ids := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: ids(os.Getuid()), GidMappings: ids(os.Getgid())}
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Skip("no name space of our own can be had here:", err)
	}

	said, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}

	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// roomForNotices is how many folders all processes of the name space may watch.
const roomForNotices = "/proc/sys/user/max_inotify_watches"

// mounted is a history under way.
type mounted struct {
	*lab
	rnd    *rand.Rand
	root   string
	daemon *process
	disk   string // what is mounted as root, "" nothing
	below  bool   // something is mounted below the root
	log    []string
	serial int
}

func newMounted(t *testing.T, seed uint64) *mounted {
	h := &mounted{lab: newLab(t), rnd: rand.New(rand.NewPCG(seed, 0x30a7))}
	h.extra = []string{"HOIST_LIMITS=server"}
	// root that may not read what its owner may not
	h.under = []string{"setpriv", "--bounding-set=-all", "--inh-caps=-all"}
	h.root = filepath.Join(h.dir, "root")
	for _, d := range []string{h.root, h.behind("one/a"), h.behind("two"), h.behind("small"), h.home} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	h.mount("tmpfs", h.home, "tmpfs", 0, "size=16m,mode=700")
	h.mountRoot("one")
	h.save()
	h.run(0, "watch", "add", h.root, h.remote+"/root", "--settle", "100ms")
	h.revive()
	first := h.onDisk()
	eventually(t, "the first file is known", func() bool { return h.behindhand(first) == "" })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d: %s\n%s", seed, strings.Join(h.log, "\n"), tail(h.daemon.errs.String()))
		}
	})

	return h
}

func (h *mounted) behind(name string) string { return filepath.Join(h.dir, "disks", name) }

func (h *mounted) mount(what, at, kind string, flags uintptr, data string) {
	h.t.Helper()
	if err := syscall.Mount(what, at, kind, flags, data); err != nil {
		h.t.Skipf("%s cannot be mounted here: %v", kind, err)
	}

	h.t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
}

func (h *mounted) mountRoot(disk string) {
	h.mount(h.behind(disk), h.root, "", syscall.MS_BIND, "")
	h.disk = disk
}

// unmount takes along what is mounted below.
func (h *mounted) unmount(at string) {
	h.t.Helper()
	if at == h.root {
		h.below = false
	}

	if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
		h.t.Fatal(err)
	}
}

// save makes a new state of a file of the disk, and of one below when something is mounted.
func (h *mounted) save() {
	h.serial++
	name := []string{"plan.txt", "a/plan.txt", "b/c/list.txt", "a/notes.txt"}[h.rnd.IntN(4)]
	if h.below && h.rnd.IntN(2) == 0 {
		name = "below/small.txt"
	}

	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}

	if err := os.WriteFile(path, fmt.Appendf(nil, "state %d of %s", h.serial, name), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *mounted) revive() {
	h.daemon = h.start("daemon")
	h.owned("daemon")
}

// step does one thing, in the midst of which the daemon may be killed.
func (h *mounted) step() {
	h.t.Helper()
	doing := []string{"save", "save", "root", "replace", "late", "below", "lock", "full",
		"notices"}[h.rnd.IntN(9)]
	kills := h.rnd.IntN(3) == 0
	h.log = append(h.log, fmt.Sprintf("%s, kills: %v", doing, kills))
	between := func(shown string) { // what lasts is under way
		if kills {
			h.daemon.kill()
			<-h.daemon.ended
			h.revive()
		}

		if shown == "" {
			time.Sleep(time.Duration(h.rnd.IntN(1000)) * time.Millisecond) // the pace of the history
			return
		}

		var w []control.Watch
		defer func() {
			if h.t.Failed() {
				h.t.Logf("%+v", w)
			}
		}()

		eventually(h.t, doing+" is shown", func() bool {
			w = h.status().Watches
			return len(w) == 1 &&
				(w[0].State == watcher.StateUnavailable || strings.Contains(w[0].Detail, shown))
		})
	}

	switch doing {
	case "save":
		h.save()
		between("")
	case "root":
		h.unmount(h.root)
		between("marker")
		h.mountRoot(h.disk)
	case "replace":
		was := h.disk
		h.unmount(h.root)
		h.mountRoot(map[string]string{"one": "two", "two": "one"}[was])
		h.save()
		between("")
	case "late":
		h.daemon.kill()
		<-h.daemon.ended
		h.unmount(h.root)
		h.revive()
		between("marker")
		h.mountRoot(h.disk)
	case "below":
		at := filepath.Join(h.root, "below")
		if h.below {
			h.unmount(at)
		} else if err := os.MkdirAll(at, 0o755); err != nil {
			h.t.Fatal(err)
		} else {
			h.mount(h.behind("small"), at, "", syscall.MS_BIND, "")
		}

		h.below = !h.below
		h.save()
		between("")
	case "lock":
		h.lock(0)
		h.save()
		between("")
		h.lock(0o755)
	case "full":
		filler := fill(h.t, h.home)
		h.save()
		if kills = false; h.rnd.IntN(2) == 0 {
			between("")
		}

		if err := os.Remove(filler); err != nil {
			h.t.Fatal(err)
		}
	case "notices":
		h.room("1")
		between("")
		h.save()
		h.room("100000")
	}
}

// room sets how many folders may be watched; it is one for all histories that run.
func (h *mounted) room(n string) {
	if err := os.WriteFile(roomForNotices, []byte(n), 0); err != nil {
		h.log = append(h.log, err.Error())
	}
}

// lock sets the rights of a folder.
func (h *mounted) lock(mode fs.FileMode) {
	if at := filepath.Join(h.root, "a"); os.MkdirAll(at, 0o755) == nil {
		if err := os.Chmod(at, mode); err != nil {
			h.t.Error(err)
		}
	}
}

// onDisk are the files at the root by their slash paths.
func (h *mounted) onDisk() map[string][]byte {
	out := map[string][]byte{}
	err := filepath.WalkDir(h.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".hoist") {
			return err
		}

		rel, _ := filepath.Rel(h.root, p)
		out[filepath.ToSlash(rel)], err = os.ReadFile(p)

		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}

	return out
}

// rest waits until the index is the disk and the cloud has it, and judges what the cloud has.
func (h *mounted) rest() {
	h.t.Helper()
	h.room("100000")

	want, why := h.onDisk(), ""
	for until := time.Now().Add(4 * time.Minute); ; time.Sleep(250 * time.Millisecond) {
		if why = h.behindhand(want); why == "" {
			break
		}

		if time.Now().After(until) {
			h.t.Errorf("it does not heal: %s; status %+v", why, h.status())
			return
		}
	}

	for _, f := range h.cloud.Items() {
		if f.Hidden {
			h.t.Errorf("%s is hidden in the cloud", f.Path)
		}

		var last []byte
		for _, v := range f.Versions {
			data := h.version(v.ID)
			if bytes.Equal(data, last) {
				h.t.Errorf("%s has %q twice", f.Path, data)
			}

			last = data
		}
	}
}

// behindhand is what the cloud or the index does not have of the disk; "" nothing.
func (h *mounted) behindhand(want map[string][]byte) string {
	tips := map[string][]byte{}
	for _, f := range h.cloud.Items() {
		if n := len(f.Versions); n > 0 {
			tips[strings.TrimPrefix(f.Path, "Project Files/root/")] = h.version(f.Versions[n-1].ID)
		}
	}

	for name, data := range want {
		if !bytes.Equal(tips[name], data) {
			return fmt.Sprintf("%s is %q in the cloud, not %q", name, tips[name], data)
		}
	}

	s := h.status()
	if w := s.Watches; len(w) != 1 || w[0].State == watcher.StateUnavailable || w[0].Files == nil ||
		*w[0].Files != len(want) || *w[0].Pending != 0 || *w[0].Attention != 0 {
		return fmt.Sprintf("the watch is not at rest with %d files", len(want))
	}

	if j := s.Jobs; j.Queued+j.Active+j.Waiting+j.Attention != 0 {
		return "there are jobs"
	}

	return ""
}

func (h *mounted) version(id string) []byte {
	r, err := h.cloud.ReadVersion(id)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Close()

	data, err := io.ReadAll(r)
	if err != nil {
		h.t.Fatal(err)
	}

	return data
}

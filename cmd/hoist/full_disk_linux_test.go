package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// TestStartOnAFullDisk: a daemon that starts while the disk of its home is full says so, and goes
// on by itself when there is room.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	smallDisk(t, l.home)
	a := l.file("plans/a.rvt", 1000)
	for i := range 300 { // more than what is free in the state can hold
		l.file(fmt.Sprintf("plans/%d.rvt", i), 10)
	}

	l.run(0, "watch", "add", filepath.Join(l.dir, "plans"), l.remote+"/plans", "--settle", "100ms")
	// As after a kill: this note of a good end would make room where it is taken away.
	if err := os.Remove(filepath.Join(l.home, "state.db.closed")); err != nil {
		t.Fatal(err)
	}

	filler := fill(t, l.home)

	d := l.start("daemon")
	l.owned("daemon")
	eventually(t, "the reason is shown", func() bool {
		s := l.status()
		return len(s.Watches) == 1 && strings.Contains(s.Watches[0].Detail, "no space left") &&
			len(s.Trouble) == 1 && s.Trouble[0].Reason == transfer.ReasonNoSpace && s.ETA == nil &&
			slices.ContainsFunc(s.Attention, func(a control.Attention) bool {
				return a.Path == l.home && a.Reason == transfer.ReasonNoSpace
			})
	})
	text, _ := l.run(0, "status")
	if line := strings.Split(text, "\n")[1]; !strings.HasPrefix(line, "no-space: ") ||
		!strings.Contains(line, "make room there: all goes on by itself") {
		t.Errorf("status does not begin with it:\n%s", text)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}

	eventually(t, "the file is sent, and owner.json says who does it", func() bool {
		_, there := l.cloud.File("Project Files/plans/a.rvt")
		_, err := os.Stat(filepath.Join(l.home, "owner.json"))

		return there && err == nil
	})
	l.published("plans/a.rvt", 1, a)
	if code := d.interrupt(); code != 0 {
		t.Errorf("exit code %d: %s", code, d.errs.String())
	}
}

// TestDiskOfAPull: a disk that cannot hold what is fetched is told by all who are asked, and the fix
// works once there is room.
func TestDiskOfAPull(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "push", l.file("big.rvt", 3<<20), l.remote)
	smallDisk(t, filepath.Join(l.dir, "small"))
	filler := fill(t, filepath.Join(l.dir, "small"))
	l.start("daemon", "--log-format", "json")
	l.owned("daemon")

	c := &cure{lab: l, cureRow: cureRow{name: "no room", reason: transfer.ReasonNoSpace}, api: l.api(),
		path: filepath.Join(l.dir, "small", "big.rvt")}
	if _, text := l.run(3, "pull", l.remote+"/big.rvt", c.path); !strings.Contains(text, ": no-space: ") {
		t.Errorf("pull says another reason:\n%s", text)
	}

	s := l.status()
	if !c.isSeen(s, nil) {
		t.Errorf("not seen: %+v", s.Attention)
	}

	fix := c.told(s)
	must(t, os.Remove(filler))
	l.pasted(fix)
	if info, err := os.Stat(c.path); err != nil || info.Size() != 3<<20 {
		t.Errorf("%v, %v", info, err)
	}
}

// smallDisk makes a folder a disk of four megabytes.
func smallDisk(t *testing.T, dir string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		t.Skip("a small disk cannot be had here:", err)
	}

	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
}

// fill takes all the room of a disk with one file.
func fill(t *testing.T, dir string) (filler string) {
	t.Helper()

	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}

	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}

	return f.Name()
}

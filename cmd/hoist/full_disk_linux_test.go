package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestStartOnAFullDisk: a daemon that starts while the disk of its home is full says so, and goes
// on by itself when there is room.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	if err := os.MkdirAll(l.home, 0o700); err != nil {
		t.Fatal(err)
	}

	if err := syscall.Mount("tmpfs", l.home, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		t.Skip("a small disk cannot be had here:", err)
	}

	t.Cleanup(func() {
		if err := syscall.Unmount(l.home, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})

	a := l.file("plans/a.rvt", 1000)
	for i := range 300 { // more than what is free in the state can hold
		l.file(fmt.Sprintf("plans/%d.rvt", i), 10)
	}

	l.run(0, "watch", "add", filepath.Join(l.dir, "plans"), l.remote+"/plans", "--settle", "100ms")
	filler := fill(t, l.home)

	d := l.start("daemon")
	l.owned("daemon")
	eventually(t, "the reason is shown", func() bool {
		w := l.status().Watches
		return len(w) == 1 && strings.Contains(w[0].Detail, "no space left")
	})

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

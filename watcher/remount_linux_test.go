package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"hoist/watcher/disk"
)

// mounted mounts a small disk; it is skipped where that is not allowed.
func mounted(t *testing.T, folder string) {
	t.Helper()
	if err := unix.Mount("none", folder, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting takes root: %v", err)
	}

	t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
}

// TestNoticesEndWithTheDisk: the list of mounts shows no difference when a disk is unmounted and mounted
// again at once, but the notices of it are gone.
func TestNoticesEndWithTheDisk(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "disk"), 0o755))
	must(t, os.MkdirAll(filepath.Join(root, "other"), 0o755))
	mounted(t, filepath.Join(root, "disk"))
	must(t, os.Mkdir(filepath.Join(root, "disk", "sub"), 0o755))

	n, err := newOSNotifier(root)
	must(t, err)
	go n.run(t.Context())
	folders := []string{"", "disk", "disk/sub", "other"}
	for _, f := range folders {
		must(t, n.add(f))
	}

	folders = append(folders, "never added")
	ended := n.(ender).ended
	if got := ended(folders); len(got) > 0 {
		t.Fatalf("%q are without notices at first", got)
	}

	before := disk.MountChanges()
	must(t, unix.Unmount(filepath.Join(root, "disk"), 0))
	mounted(t, filepath.Join(root, "disk"))
	if disk.MountChanges() == before {
		t.Error("the change of mounts was not seen")
	}

	for !slices.Equal(ended(folders), []string{"disk", "disk/sub"}) { // fsnotify reads it by and by
		if t.Context().Err() != nil {
			t.Fatal(ended(folders))
		}

		time.Sleep(time.Millisecond)
	}
}

// TestRemountedAtOnce: what changes on a disk that was away between two looks is told.
func TestRemountedAtOnce(t *testing.T) {
	for _, where := range []string{"", "disk"} {
		t.Run(where, func(t *testing.T) {
			elsewhere := t.TempDir() // any mount makes the watcher ask
			synctest.Test(t, func(t *testing.T) {
				f := newTree(t)
				f.write("disk/a.dwg", "a")
				f.old("disk/a.dwg")
				mounted(t, f.path("disk"))
				f.write("disk/a.dwg", "a")
				f.old("disk/a.dwg")
				x := newFixture(t, f, func(*Config) {})
				x.start(t)
				synctest.Wait()
				x.want(t, "disk/a.dwg")

				f.write("disk/b.dwg", "b")
				f.old("disk/b.dwg")
				mounted(t, elsewhere)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				x.want(t) // another disk took no notices along

				x.hand.mu.Lock()
				x.hand.gone = []string{where}
				x.hand.mu.Unlock()
				must(t, unix.Unmount(elsewhere, 0))
				time.Sleep(10 * time.Second)
				synctest.Wait()
				x.want(t, "disk/b.dwg")
			})
		})
	}
}

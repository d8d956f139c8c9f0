package owner

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
)

// TestHideOfAMountThatIsAway: what lay on a disk below the folder is not hidden while the disk is away,
// however long that is, and over a start.
func TestHideOfAMountThatIsAway(t *testing.T) {
	scene(t, func(w *config.Watch) { w.Delete = config.DeleteHide }, func(t *testing.T, l *life) {
		disk := l.path("disk")
		if err := os.Mkdir(disk, 0o700); err != nil {
			t.Fatal(err)
		}

		if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
			t.Skip("nothing can be mounted here:", err)
		}

		away := func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }
		defer away()

		time.Sleep(time.Minute)
		for _, name := range []string{"a.dwg", "disk/b.dwg", "disk/c.dwg"} {
			if err := os.WriteFile(l.path(name), dwg("AC1027", name), 0o600); err != nil {
				t.Fatal(err)
			}

			l.stamp(l.path(name), time.Time{})
		}

		l.quiet()
		time.Sleep(time.Hour)
		away()
		time.Sleep(time.Hour)
		l.close()
		l.open()
		time.Sleep(time.Hour)

		if jobs := l.hides(); len(jobs) > 0 {
			t.Errorf("%+v", jobs)
		}

		l.remove("a.dwg")
		time.Sleep(time.Hour)

		if jobs := l.hides(); len(jobs) != 1 || filepath.Base(jobs[0].Rel) != "a.dwg" {
			t.Errorf("%+v", jobs)
		}
	})
}

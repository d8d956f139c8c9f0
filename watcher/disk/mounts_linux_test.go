package disk

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMountTable: what is kept of the table is what is mounted now.
func TestMountTable(t *testing.T) {
	folder := t.TempDir()
	has := func() bool {
		t.Helper()
		text, err := MountTable()
		if err != nil {
			t.Fatal(err)
		}

		return strings.Contains(text, folder)
	}

	for range 5 {
		if has() {
			t.Fatal("it is listed before it is mounted, or after")
		}

		if err := unix.Mount("none", folder, "tmpfs", 0, "size=4k"); err != nil {
			t.Skipf("mounting takes root: %v", err)
		}

		mounted := has()
		if err := unix.Unmount(folder, 0); err != nil {
			t.Fatal(err)
		}

		if !mounted {
			t.Fatal("it is not listed while it is mounted")
		}
	}
}

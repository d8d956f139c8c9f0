//go:build !windows

package state

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestTrimKeepsTheOwner: an administrator who works on the home of somebody else does not lock them out.
func TestTrimKeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs to be able to give files to others")
	}

	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chown(path, 12345, 12346))
	must(s.PutIntent("as much as a queue", make([]byte, 4<<20)))
	must(s.DeleteIntent("as much as a queue"))

	before, err := os.Stat(path)
	must(err)
	s.Close()

	for _, p := range []string{path, path + BackupSuffix} {
		after, err := os.Stat(p)
		must(err)

		st, ok := after.Sys().(*syscall.Stat_t)
		if !ok || st.Uid != 12345 || st.Gid != 12346 || os.SameFile(before, after) {
			t.Errorf("%s is of %d, group %d; another file: %v", p, st.Uid, st.Gid,
				!os.SameFile(before, after))
		}
	}
}

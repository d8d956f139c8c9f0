package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func sceneRepair(path string) error {
	_, err := Repair(path)
	return err
}

// effects are the system calls by which a process changes a disk.
const effects = "openat,mkdirat,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,link,linkat,rename," +
	"renameat,renameat2,unlink,unlinkat"

// TestRepairKilledAtEachEffect ends a repair by SIGKILL before each change of the disk in turn:
// what is there then is refused or whole, the next repair ends it, and the damaged file is kept.
func TestRepairKilledAtEachEffect(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace")
	}

	from := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, from)
	open, done := fixture(t, s)
	s.Close()
	damaged, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}

	clear(damaged[:2*os.Getpagesize()]) // both meta pages: all comes from the copy
	snapshot, err := os.ReadFile(from + BackupSuffix)
	if err != nil {
		t.Fatal(err)
	}

	stride, killed := 6, 0
	if os.Getenv("HOIST_LONG") != "" {
		stride = 1
	}

	for n, ended := 1, false; !ended; n += stride {
		path := filepath.Join(t.TempDir(), "state.db")
		for name, b := range map[string][]byte{path: damaged, path + BackupSuffix: snapshot} {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}

		cmd := inChild(t, "repair", path)
		cmd.Args = []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + effects,
			"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", effects, n), cmd.Path}
		cmd.Path = strace
		out, err := cmd.CombinedOutput()
		exit, _ := errors.AsType[*exec.ExitError](err)
		switch {
		case err == nil:
			ended = true
		case exit != nil && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
			killed++
		default:
			t.Skipf("nothing can be traced here: %v: %s", err, out)
		}

		if s, err := Open(path, Options{}); err == nil { // in place already: it is the whole one
			if _, err := s.Job(done); err != nil {
				t.Errorf("effect %d: opened without what was published: %v", n, err)
			}

			s.Close()
		} else if _, is := errors.AsType[*DamagedError](err); !is {
			t.Errorf("effect %d: %v", n, err)
		}

		if _, err := Repair(path); err != nil {
			t.Fatalf("effect %d: the next repair: %v", n, err)
		}

		s := openTest(t, path)
		if j, err := s.Job(open); err != nil || !j.Doubt || !j.Attention {
			t.Errorf("effect %d: %+v, %v", n, j, err)
		}

		enqueue(t, s, uploadJob(1), Same)
		s.Close()
		kept, err := filepath.Glob(path + ".damaged-*")
		if err != nil || len(kept) == 0 {
			t.Errorf("effect %d: the damaged file is not kept: %v", n, err)
		}

		for _, name := range kept {
			if b, err := os.ReadFile(name); err != nil || !bytes.Equal(b, damaged) {
				t.Errorf("effect %d: %s is not the damaged file: %v", n, name, err)
			}
		}
	}

	t.Logf("killed at %d effects", killed)
	if killed < 5 {
		t.Errorf("killed at %d effects only", killed)
	}
}

package state

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inChild runs one of the scenes below in a process of its own.
func inChild(t *testing.T, scene, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "STATE_TEST_SCENE="+scene, "STATE_TEST_PATH="+path)

	return cmd
}

func init() {
	scenes := map[string]func(path string) error{"commit": sceneCommit, "full": sceneFull, "cut": sceneCut,
		"repair": sceneRepair}
	if scene := scenes[os.Getenv("STATE_TEST_SCENE")]; scene != nil {
		if err := scene(os.Getenv("STATE_TEST_PATH")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}

		os.Exit(0)
	}
}

// sceneCommit stores parts for ever, from several goroutines, and says so of each after it is
// durable.
func sceneCommit(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}

	j := uploadJob(1)
	j.Snapshot.Size = 10_000
	if j, _, err = s.Enqueue(j); err != nil {
		return err
	}

	if j.Phase == PhaseUploading { // of the round before: begin anew
		if j, err = s.Commit(j.ID, SessionLost{}); err != nil {
			return err
		}
	}

	if j.Phase == PhaseQueued {
		if j, err = s.Commit(j.ID, Reserved{Object: "o"}); err != nil {
			return err
		}
	}

	if j, err = s.Commit(j.ID, Opened{UploadKey: "k", PartSize: 1, Parts: 10_000}); err != nil {
		return err
	}

	fmt.Println("job", j.ID)

	failed := make(chan error)
	for g := range 4 {
		go func() {
			for n := g + 1; n <= 10_000; n += 4 {
				if _, err := s.Commit(j.ID, PartStored{Part: n, Size: 1,
					ETag: fmt.Sprint("e", n)}); err != nil {
					failed <- err
					return
				}

				fmt.Println("part", n)
			}
		}()
	}

	return <-failed
}

// TestKilled: what Commit said is durable is there after SIGKILL.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	for round := range 5 {
		cmd := inChild(t, "commit", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}

		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}

		var id JobID

		told := map[int]bool{}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var n int
			if _, err := fmt.Sscanf(lines.Text(), "part %d", &n); err == nil {
				told[n] = true
			} else if _, err := fmt.Sscanf(lines.Text(), "job %s", &id); err != nil {
				t.Fatalf("child: %s", lines.Text())
			}

			if len(told) == 50+37*round {
				cmd.Process.Kill() // and read what it said before it died
			}
		}

		cmd.Wait()
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}

		parts, err := s.Parts(id)
		if err != nil {
			t.Fatal(err)
		}

		have := map[int]bool{}
		for _, p := range parts {
			have[p.Number] = p.ETag == fmt.Sprint("e", p.Number)
		}

		for n := range told {
			if !have[n] {
				t.Errorf("round %d: part %d was committed and is lost", round, n)
			}
		}

		if j, err := s.Job(id); err != nil || j.PartsDone != len(parts) {
			t.Errorf("round %d: %d parts counted, %d there, %v", round, j.PartsDone, len(parts), err)
		}

		abandon(s)
		if r, err := Check(path); err != nil || !r.Sound() {
			t.Errorf("round %d: %v, %v", round, r.Problems, err)
		}
	}
}

// sceneFull fills the disk, as a limit on file sizes does, and makes room again.
func sceneFull(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}

	free := limit.Cur
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}

	limit.Cur = uint64(fi.Size()) + 4096
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}

	n := 0
	for ; n < 20; n++ {
		jobs := make([]Job, 500)
		for i := range jobs {
			jobs[i] = uploadJob(n*500 + i)
		}

		if _, _, err = s.EnqueueAll(jobs); err != nil {
			break
		}
	}

	if _, ok := errors.AsType[*WriteError](err); !ok || !IsFull(err) ||
		!strings.Contains(err.Error(), "no space left") {
		return fmt.Errorf("%d jobs, then: %w", n*500, err)
	}

	if s.Full() == nil {
		return errors.New("the store does not say that the disk is full")
	}

	if jobs, err := s.OpenJobs(); err != nil || len(jobs) != n*500 {
		return fmt.Errorf("reading while the disk is full: %d jobs, %w", len(jobs), err)
	}

	limit.Cur = free
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}

	if _, _, err := s.Enqueue(uploadJob(-1)); err != nil {
		return fmt.Errorf("there is room again: %w", err)
	}

	if err := s.Full(); err != nil {
		return fmt.Errorf("there is room again, and the store says: %w", err)
	}

	if jobs, err := s.OpenJobs(); err != nil || len(jobs) != n*500+1 {
		return fmt.Errorf("after the disk was full: %d jobs, %w", len(jobs), err)
	}

	if err := s.Close(); err != nil {
		return err
	}

	r, err := Check(path)
	if err != nil || !r.Sound() || r.OpenJobs != n*500+1 {
		return fmt.Errorf("check: %+v, %w", r, err)
	}

	return nil
}

func TestDiskFull(t *testing.T) {
	cmd := inChild(t, "full", filepath.Join(t.TempDir(), "state.db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// sceneCut cuts the file short under an open store: its pages cannot be read any more, which is a
// fault and not an error.
func sceneCut(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}

	jobs := make([]Job, 2000)
	for i := range jobs {
		jobs[i] = uploadJob(i)
	}

	if _, _, err := s.EnqueueAll(jobs); err != nil {
		return err
	}

	if err := os.Truncate(path, 8192); err != nil {
		return err
	}

	if _, err := s.Jobs(Filter{}); !isDamaged(err) {
		return fmt.Errorf("read: %w", err)
	}

	if _, _, err := s.Enqueue(uploadJob(-1)); !isDamaged(err) {
		return fmt.Errorf("write: %w", err)
	}

	s.Close()
	if _, err := Open(path, Options{}); !isDamaged(err) {
		return fmt.Errorf("open: %w", err)
	}

	return nil
}

func isDamaged(err error) bool {
	_, ok := errors.AsType[*DamagedError](err)
	return ok
}

func TestCutShortWhileOpen(t *testing.T) {
	cmd := inChild(t, "cut", filepath.Join(t.TempDir(), "state.db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestHolderIsNamed: the process that has the lock is named also where it is no hoist, whatever
// owner.json says of an earlier one.
func TestHolderIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if err := WriteOwner(filepath.Join(filepath.Dir(path), "owner.json"),
		Owner{PID: 1, Command: "daemon"}); err != nil {
		t.Fatal(err)
	}

	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if ok, err := tryLock(f); !ok || err != nil {
		t.Fatal(ok, err)
	}

	_, err = Open(path, Options{LockWait: time.Millisecond})
	if locked, ok := errors.AsType[*LockedError](err); !ok || locked.PID != os.Getpid() ||
		locked.Command != "state.test" {
		t.Errorf("held by process %d: %v", os.Getpid(), err)
	}
}

package state

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// copied is the copy beside a state, nil when there is none.
func copied(t *testing.T, path string) *salvage {
	t.Helper()
	sv, err := readCopy(path + BackupSuffix)
	if os.IsNotExist(err) {
		return nil
	}

	if err != nil {
		t.Fatal(err)
	}

	return sv
}

func TestCopyAfterTenMinutes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, path)
		j := enqueue(t, s, uploadJob(1), Queued)
		time.Sleep(backupAge - time.Second)
		commit(t, s, j.ID, Pause{})
		synctest.Wait()
		if copied(t, path) != nil {
			t.Error("a copy was made before it was due")
		}

		time.Sleep(2 * time.Second)
		commit(t, s, j.ID, Resume{})

		for range 100 { // the copy waits for the disk, which the bubble's clock does not see
			if synctest.Wait(); copied(t, path) != nil {
				break
			}

			time.Sleep(time.Millisecond)
		}

		if sv := copied(t, path); sv == nil || len(sv.data["jobs"]) != 1 {
			t.Errorf("no copy after ten minutes: %v", sv)
		}
	})
}

func TestCopyAtClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openTest(t, path)
	fixture(t, s)
	says := dump(t, s)
	s.Close()
	sv := copied(t, path)
	if sv == nil || len(sv.problems) != 0 {
		t.Fatalf("%+v", sv)
	}

	n := 0
	for bucket, keys := range sv.data {
		for k, v := range keys {
			n++
			if says[bucket+"/"+k] != string(sealed([]byte(bucket), []byte(k), v)) {
				t.Errorf("%s %q differs", bucket, k)
			}
		}
	}

	if n != len(says) {
		t.Errorf("%d keys of %d", n, len(says))
	}

	before, err := os.Stat(path + BackupSuffix)
	if err != nil {
		t.Fatal(err)
	}

	openTest(t, path).Close()
	if after, err := os.Stat(path + BackupSuffix); err != nil || !os.SameFile(before, after) {
		t.Errorf("nothing changed and the copy was made anew: %v", err)
	}
}

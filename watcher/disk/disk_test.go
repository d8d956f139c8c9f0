package disk

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestAsk: a question that is not answered ends in time, is not put again while it waits, and not
// many on one mount; after its answer all is as before.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		var asked atomic.Int32
		hang := func(path string) (time.Duration, error) {
			began := time.Now()
			_, err := Ask(path, Patience, func() (int, error) { asked.Add(1); <-answer; return 1, nil })

			return time.Since(began), err
		}
		want := func(path string, took time.Duration, times int32) {
			t.Helper()
			if d, err := hang(path); d != took || asked.Load() != times || !errors.Is(err, ErrSilent) {
				t.Errorf("%s: %v after %v, asked %d times; want %v and %d", path, err, d,
					asked.Load(), took, times)
			}
		}

		want("/dead/1", Patience, 1)
		want("/dead/1", 0, 1)

		for n := int32(2); n <= most; n++ {
			want(fmt.Sprintf("/dead/%d", n), Patience, n)
		}

		want("/dead/more", 0, most)
		close(answer)
		synctest.Wait()

		if d, err := hang("/dead/more"); d != 0 || err != nil || asked.Load() != most+1 {
			t.Errorf("after the answer: %v, %v, asked %d times", d, err, asked.Load())
		}
	})
}

// TestBeat: what goes on is not taken for silent, however long it takes.
func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := func(calls int, each time.Duration) error {
			_, err := AskOn("/slow", Patience, func(beat func()) (int, error) {
				for range calls {
					time.Sleep(each)
					beat()
				}

				return calls, nil
			})
			synctest.Wait()

			return err
		}
		if err := long(20, Patience-time.Second); err != nil {
			t.Error(err)
		}

		if err := long(1, 3*Patience); !errors.Is(err, ErrSilent) {
			t.Errorf("got %v", err)
		}

		time.Sleep(3 * Patience)
	})
}

func TestMountOf(t *testing.T) {
	dir := t.TempDir()
	mount := mountOf(filepath.Join(dir, "not there", "file"))
	if mount == "" || !strings.HasPrefix(dir, mount) {
		t.Errorf("mount %q of %q", mount, dir)
	}

	if runtime.GOOS == "linux" && mountOf("/proc/self") != "/proc" {
		t.Errorf("mount %q", mountOf("/proc/self"))
	}
}

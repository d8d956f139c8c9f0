package owner

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestHistories lets an owner with its watch, engine and state live through random histories in
// virtual time, against a service that is odd in a way of its own for each seed. What each promise
// comes to is judged by the history of the disk and the cloud alone. A failure is shortened and
// printed as a script; scripts of the past are in testdata/histories.
//
// HOIST_HISTORY_SEED tries one seed with all its log, HOIST_HISTORIES=20 so many from it on or from
// the first; HOIST_NIGHTLY=1 tries 20,000.
func TestHistories(t *testing.T) {
	t.Parallel()
	first, n := uint64(1), uint64(300)
	if os.Getenv("HOIST_NIGHTLY") != "" {
		n = 20_000
	}

	if s, err := strconv.ParseUint(os.Getenv("HOIST_HISTORY_SEED"), 10, 64); err == nil {
		first, n = s, 1
	}

	if few, err := strconv.ParseUint(os.Getenv("HOIST_HISTORIES"), 10, 64); err == nil {
		n = few
	}

	failed := 0
	for seed := first; seed < first+n && failed < 5; seed++ {
		steps := drawHistory(seed)
		if wrong := liveThrough(t, seed, steps); len(wrong) > 0 {
			failed++
			steps, wrong = shorten(t, seed, steps, wrong)
			t.Errorf("%s\nas a script:\n%s", strings.Join(wrong, "\n"), writeHistory(seed, steps))
		}
	}
}

// TestPastHistories lives through what once went wrong.
func TestPastHistories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}

	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}

		seed, steps, err := readHistory(string(text))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}

		if wrong := liveThrough(t, seed, steps); len(wrong) > 0 {
			t.Errorf("%s: %s", f, strings.Join(wrong, "\n"))
		}
	}
}

// shorten looks for a part of a script that goes wrong too.
func shorten(t *testing.T, seed uint64, steps []historyStep, wrong []string) ([]historyStep, []string) {
	for tries := 0; ; {
		smaller := false
		for _, s := range shorter(steps) {
			if tries++; tries > 150 {
				return steps, wrong
			}

			if w := liveThrough(t, seed, s); len(w) > 0 {
				steps, wrong, smaller = s, w, true
				break
			}
		}

		if !smaller {
			return steps, wrong
		}
	}
}

func liveThrough(t *testing.T, seed uint64, steps []historyStep) (wrong []string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is watched cannot be renamed there, as these histories do")
	}

	where := "/dev/shm" // hundreds of lives sync what they commit
	if _, err := os.Stat(where); err != nil || runtime.GOOS != "linux" {
		where = t.TempDir()
	}

	dir, err := os.MkdirTemp(where, "life") //nolint:usetesting // in memory
	if err != nil {
		t.Fatal(err)
	}

	defer os.RemoveAll(dir)

	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, dir, seed)
		steps = l.beforeAll(steps)
		l.open()

		for _, s := range steps {
			l.step(s)
			time.Sleep(lasts(s.wait))
		}

		l.lasting.Wait()
		l.cloud.SetFault(nil)
		l.rest()
		l.judge()
		before, hidden := l.versions()
		l.close()
		l.open()
		l.rest()

		if after, gone := l.versions(); before != after || hidden != gone {
			l.say("a start when all is quiet makes %d versions of %d, and %d hidden items of %d", after,
				before, gone, hidden)
		}

		l.close()
		if err := l.cloud.Close(); err != nil {
			t.Error(err)
		}

		wrong = l.wrong
	})

	return wrong
}

package transfer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"hoist/state"
)

// spoolDisk is the spool on a disk that stores what is synced, and of the rest what it likes.
type spoolDisk struct {
	dir string

	mu     sync.Mutex
	synced bool // the copy that is being made, or was made last
}

func (d *spoolDisk) effect(name string, after bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case name == "copy to the spool":
		d.synced = false
	case name == "sync the copy" && after:
		d.synced = true
	}
}

// cut takes the power away: of what was not synced some pages are on the disk, and whether the new
// name is there is open too.
func (d *spoolDisk) cut(t *testing.T, rng *rand.Rand) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, err := os.ReadDir(d.dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}

	for _, entry := range entries {
		path := filepath.Join(d.dir, entry.Name())
		if !d.synced {
			tear(t, path, rng)
		}

		if !strings.HasSuffix(path, ".part") && rng.IntN(2) == 0 {
			if err := os.Rename(path, path+".part"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// tear leaves some pages of a file, the others are zeros; its length is stored or it is not.
func tear(t *testing.T, path string, rng *rand.Rand) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	const page = 4096
	stays := rng.Float64()
	for at := 0; at < len(data); at += page {
		if rng.Float64() > stays {
			clear(data[at:min(at+page, len(data))])
		}
	}

	if rng.IntN(4) == 0 {
		data = data[:rng.IntN(len(data)+1)]
	}

	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSpoolAfterAPowerCut cuts the power around each change of the spool and each commit of an
// upload from it. What is published then is a state that was saved, and the last one is.
func TestSpoolAfterAPowerCut(t *testing.T) {
	if raced {
		t.Skip("TestCrashTable runs the same code raced")
	}

	scenario := crashScenarios[slices.IndexFunc(crashScenarios, func(s crashScenario) bool {
		return s.name == "a file that is saved all the time"
	})]
	points := crashPoints(t, scenario, map[string]bool{})
	cuts := 0
	for i, p := range points {
		if p.op != "" || !tried(i) || !slices.Contains(scenario.only, p.commit+p.effect) {
			continue
		}

		for _, mode := range p.modes() {
			for turn := range uint64(2) {
				cuts++
				t.Run(fmt.Sprintf("%v %s %d", p, mode, turn), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { powerCut(t, scenario, p, mode, turn) })
				})
			}
		}
	}

	if cuts == 0 {
		t.Error("the power was never cut")
	}
}

func powerCut(t *testing.T, s crashScenario, p crashPoint, mode string, turn uint64) {
	w := newWorld(t, s.options...)
	r := s.start(w)
	d := &spoolDisk{dir: w.cfg.Spool}
	var mu sync.Mutex
	seen := 0
	dies := func(name string, after bool) error {
		mu.Lock()
		defer mu.Unlock()
		if w.isDead() {
			return errDead
		}

		if name != p.commit+p.effect || after != (mode == "killed after") {
			return nil
		}

		if seen++; seen == p.nth {
			w.kill()
			return errDead
		}

		return nil
	}
	e := w.engine()
	e.onCommit = func(_ state.JobID, after bool, ev []state.Event) error {
		return dies(eventName(ev[0]), after)
	}
	e.onEffect = func(name string, after bool) error {
		d.effect(name, after)
		return dies(name, after)
	}
	w.srv.SetFault(r.fault)
	runMortal(t, w, e)
	if !w.isDead() {
		t.Fatalf("the run never came to %v", p)
	}

	synctest.Wait()
	d.cut(t, rand.New(rand.NewPCG(turn, uint64(p.nth))))
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}

	w.revive()
	w.open()
	w.runUntil(w.engine(), w.quiet)

	now, err := os.ReadFile(w.path("plan.rvt"))
	if err != nil {
		t.Fatal(err)
	}

	got := w.versions("plan.rvt")
	if len(got) == 0 || len(got) > 2 || !bytes.Equal(got[len(got)-1], now) {
		t.Fatalf("%d versions, of which the last should be what is on disk", len(got))
	}

	if first := contentOf(6*mib, 1); len(got) == 2 && !bytes.Equal(got[0], first) {
		t.Error("the first version is no state that was saved")
	}
}

package owner

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
)

func TestJudgeGone(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) time.Time { return now.Add(-d) }
	hid := func(d time.Duration, n int) goneRecord {
		return goneRecord{Hidden: []hiddenFiles{{before(d), n}}}
	}
	held := func(n, recent int) goneRecord {
		return goneRecord{Held: &heldFiles{At: before(time.Hour), Files: n, Of: 60, Recent: recent}}
	}

	for _, c := range []struct {
		name string
		look goneLook
		hide bool
		held int // files
	}{
		{"none are gone", goneLook{whole: true, files: 60}, false, 0},
		{"a tenth", goneLook{whole: true, files: 60, gone: 6}, true, 0},
		{"more than a tenth", goneLook{whole: true, files: 60, gone: 7}, false, 7},
		{"fifty", goneLook{whole: true, files: 5000, gone: 50}, true, 0},
		{"more than fifty", goneLook{whole: true, files: 5000, gone: 51}, false, 51},
		{"one of a few", goneLook{whole: true, files: 3, gone: 1}, true, 0},
		{"all of a few", goneLook{whole: true, files: 3, gone: 3}, false, 3},
		{"the scan was not complete, or the root is in doubt", goneLook{files: 60, gone: 1}, false, 0},
		{"the root came back just now",
			goneLook{whole: true, since: before(9 * time.Minute), files: 60, gone: 1},
			false, 0},
		{"the root is there for long",
			goneLook{whole: true, since: before(10 * time.Minute), files: 60, gone: 1},
			true, 0},
		{"max-delete allows more", goneLook{whole: true, files: 60, gone: 30, most: new(30)}, true, 0},
		{"max-delete allows less", goneLook{whole: true, files: 60, gone: 3, most: new(2)}, false, 3},
		{"max-delete allows none", goneLook{whole: true, files: 60, gone: 1, most: new(0)}, false, 1},
		{"with those hidden right before too many",
			goneLook{whole: true, files: 56, gone: 3, record: hid(9*time.Minute, 4)}, false, 3},
		{"those were hidden a while ago",
			goneLook{whole: true, files: 56, gone: 5, record: hid(10*time.Minute, 4)}, true, 0},
		{"time does not make it fewer", goneLook{whole: true, files: 56, gone: 3, record: held(3, 4)}, false,
			3},
		{"all are there again", goneLook{whole: true, files: 60, record: held(30, 0)}, false, 0},
		{"most are there again", goneLook{whole: true, files: 60, gone: 2, record: held(30, 0)}, true, 0},
		{"in doubt a decision stands", goneLook{files: 60, record: held(30, 0)}, false, 30},
		{"somebody let them pass", goneLook{whole: true, files: 60, gone: 30, record: goneRecord{Passed: 30}},
			true, 0},
		{"more than somebody let pass",
			goneLook{whole: true, files: 60, gone: 31, record: goneRecord{Passed: 30}},
			false, 31},
	} {
		c.look.now = now
		hide, rec := c.look.judge()
		files := 0
		if rec.Held != nil {
			files = rec.Held.Files
		}

		if hide != c.hide || files != c.held {
			t.Errorf("%s: hide %v, held %d, want %v, %d", c.name, hide, files, c.hide, c.held)
		}

		if hide && rec.Passed > 0 {
			t.Errorf("%s: %d are let pass twice", c.name, rec.Passed)
		}
	}
}

func TestRemoved(t *testing.T) {
	if !(missing{}).removed() {
		t.Error("what nothing speaks for is kept")
	}

	for name, m := range map[string]missing{
		"there": {there: true}, "excluded": {excluded: true}, "unproven": {unproven: true},
		"not to be hidden": {unhidden: true}, "moved or sent by a job": {underWay: true},
	} {
		if m.removed() {
			t.Errorf("%s: it is hidden", name)
		}
	}
}

// TestMountsAway: what was mounted once and is not now is away.
func TestMountsAway(t *testing.T) {
	all, away := mountsAway([]string{"a", "b/c"}, []string{"d", "a"})
	if !slices.Equal(all, []string{"a", "b/c", "d"}) || !slices.Equal(away, []string{"b/c"}) {
		t.Errorf("%v, %v", all, away)
	}

	for rel, want := range map[string]bool{"b/c/x.dwg": true, "b/c": false, "b/cd/x": false, "a/x": false} {
		if belowAny(away, rel) != want {
			t.Errorf("%s lies there: %v", rel, !want)
		}
	}
}

// TestSharedItem: what another watch sends to the same item is not hidden while that has its file, or its
// folder is away.
func TestSharedItem(t *testing.T) {
	options, cloud := newOptions(t)
	if err := options.Home.Ensure(); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	deep := cloud.DemoRemote() + "/deep"
	one := config.Watch{ID: "one", Path: filepath.Join(dir, "one"), Remote: deep, Mode: "push"}
	two := config.Watch{ID: "two", Path: filepath.Join(dir, "two"), Remote: cloud.DemoRemote(), Mode: "push"}
	for _, w := range []config.Watch{one, two} {
		if err := config.AppendWatch(options.Home, w); err != nil {
			t.Fatal(err)
		}
	}

	file := write(t, filepath.Join(two.Path, "deep", "50% plan.dwg"), nil)
	write(t, filepath.Join(two.Path, "other.dwg"), nil)
	o := open(t, Working, options)
	rec := state.PublishedRecord{Root: "one", Rel: "50% plan.dwg", Remote: deep + "/50%25 plan.dwg", Item: "i"}
	its := rec
	its.Root, its.Rel = "two", "deep/50% plan.dwg"
	shared := func(when string, want bool) {
		t.Helper()
		if got := o.watches.shared(one, rec); got != want {
			t.Errorf("%s: %v", when, got)
		}

		list, _, err := o.watches.removed(t.Context(), one)
		if err != nil || len(list) == 1 == want {
			t.Errorf("%s: %d are to be hidden, %v", when, len(list), err)
		}
	}
	if err := errors.Join(os.Mkdir(one.Path, 0o755), o.store.PutPublished(rec)); err != nil {
		t.Fatal(err)
	}

	shared("not published by the other", false)
	if err := o.store.PutPublished(its); err != nil {
		t.Fatal(err)
	}

	shared("in both", true)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}

	shared("in none", false)
	if err := os.Rename(two.Path, two.Path+".away"); err != nil {
		t.Fatal(err)
	}

	shared("the other folder is away", true)
	its.Item = "another"
	if err := o.store.PutPublished(its); err != nil {
		t.Fatal(err)
	}

	shared("another item", false)
}

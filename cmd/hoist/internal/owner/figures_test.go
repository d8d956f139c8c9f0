package owner

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
)

// sized is one of two sizes of a folder's life: small, or the one that was promised.
func sized(long bool, small, large int) int {
	if long {
		return large
	}

	return small
}

// rested plays with a daemon that looks at its folder once a minute.
func rested(t *testing.T, play func(t *testing.T, l *life)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, dir, 1)
		l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
		l.options.poll = time.Minute
		l.limits = apsclient.DocumentedLimits()
		play(t, l)
		l.close()
		if err := l.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
}

// asked counts the requests since the journal was emptied by what they are, and the most of one kind in
// a minute.
func (l *life) asked() (ops, most map[string]int, all int) {
	l.t.Helper()
	ops, most = map[string]int{}, map[string]int{}
	at := map[string][]time.Time{}
	for _, r := range l.cloud.Requests() {
		all++
		ops[r.Op]++
		recent := append(at[r.Op], r.Time)
		for r.Time.Sub(recent[0]) >= time.Minute {
			recent = recent[1:]
		}

		at[r.Op], most[r.Op] = recent, max(most[r.Op], len(recent))
	}

	l.t.Logf("%d calls: %v, in a minute at most %v", all, ops, most)

	return ops, most, all
}

// sendsBytes reports whether something was reserved or sent.
func sendsBytes(ops map[string]int) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(ops)), func(op string) bool {
		return strings.HasPrefix(op, "s3-") || strings.Contains(op, "storage") ||
			strings.Contains(op, "signed")
	})
}

// TestFolderLife: what renames cost, that a new release stops nothing, and that noise does.
func TestFolderLife(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is read cannot be renamed there, as this one is")
	}

	long := os.Getenv("HOIST_LONG") != ""
	files, renamed, noise := sized(long, 40, 5000), sized(long, 20, 500), sized(long, 30, 1000)
	name := func(folder string) string { return folder + "/set %d.dwg" }
	drawn := func(release string) func(i int) []byte {
		return func(i int) []byte { return dwg(release, fmt.Sprint("drawing ", i)) }
	}

	rested(t, func(t *testing.T, l *life) {
		if err := os.Mkdir(l.path("Draft"), 0o700); err != nil {
			t.Fatal(err)
		}

		l.many(0, files, name("Draft"), drawn("AC1027"))
		l.open()
		l.quiet()
		if n := l.sent(); n != files {
			t.Fatalf("%d versions of %d files", n, files)
		}

		l.cloud.ResetJournal()
		l.moveRoot(l.path("Draft"), l.path("Issued"))
		time.Sleep(5 * time.Minute)
		l.quiet()
		ops, _, _ := l.asked()
		if ops["update-folder"] != 1 || sendsBytes(ops) || l.sent() != files {
			t.Errorf("a folder of %d has another name: %v", files, ops)
		}

		l.cloud.ResetJournal()
		for i := range renamed {
			l.moveRoot(l.path(fmt.Sprintf(name("Issued"), i)), l.path(fmt.Sprintf(name("Issued"), files+i)))
		}

		l.stamp(l.path("Issued"), time.Time{}) // see many
		time.Sleep(5 * time.Minute)
		l.quiet()
		ops, most, all := l.asked()
		if ops["create-version"] != renamed || sendsBytes(ops) || most["create-version"] > 300 ||
			all > renamed+files/100+20 || l.sent() != files+renamed ||
			len(l.cloud.Items()) != files {
			t.Errorf("%d files have other names: %v", renamed, ops)
		}

		l.many(renamed, files+renamed, name("Issued"), drawn("AC1032"))
		before := l.sent()
		if s := l.quiet(); l.sent() != before+files {
			t.Errorf("%d of %d of a newer release were sent: %+v", l.sent()-before, files, s.Watches)
		}

		time.Sleep(brakeWindow)
		l.cloud.ResetJournal()
		l.many(renamed, renamed+noise, name("Issued"), l.noise)
		before = l.sent()
		if s := l.quiet(); l.sent()-before > 20 || s.Watches[0].State != control.WatchPaused {
			t.Errorf("%d of %d that were overwritten were sent: %+v", l.sent()-before, noise, s.Watches)
		}
		l.asked()
		t.Logf("%d of %d that were overwritten with noise were sent", l.sent()-before, noise)
	})
}

// TestAdoptionFigures: what lies on both sides costs a call for 200 files, two a folder, and is proved in
// the end within the budget of the service.
func TestAdoptionFigures(t *testing.T) {
	long := os.Getenv("HOIST_LONG") != ""
	folders, each := sized(long, 4, 10), sized(long, 50, 800) // what it costs grows with their number alone
	if os.Getenv("HOIST_NIGHTLY") != "" {
		folders, each = 50, 800
	}

	data := func(i int) []byte { return dwg("AC1032", fmt.Sprint(100_000+i)) }

	rested(t, func(t *testing.T, l *life) {
		for f := range folders {
			dir := fmt.Sprintf("part %d", f)
			if err := os.Mkdir(l.path(dir), 0o700); err != nil {
				t.Fatal(err)
			}

			for i := range each {
				l.there(filepath.ToSlash(filepath.Join(dir, fmt.Sprintf("set %d.dwg", i))), data(i))
			}

			l.many(0, each, dir+"/set %d.dwg", data)
		}

		files, before := folders*each, l.sent()
		l.cloud.ResetJournal()
		l.open()
		l.adopting(files)
		ops, _, all := l.asked()
		if all > 1000*files/40_000+2*folders+10 || sendsBytes(ops) {
			t.Errorf("%d calls until %d files in %d folders are adopted: %v", all, files, folders, ops)
		}

		began := time.Now()
		for range 30 * 24 * 12 {
			time.Sleep(5 * time.Minute)
			if n, err := l.owner.store.CountUnproven(l.config().ID); err != nil || n == 0 {
				break
			}
		}

		unproven := l.adopting(files)
		ops, most, _ := l.asked()
		if unproven > 0 || l.sent() != before {
			t.Errorf("%d of %d are unproven, %d versions were made: %v", unproven, files,
				l.sent()-before, ops)
		}

		if n := most["get-object-details"]; n > 1000 {
			t.Errorf("%d calls of OSS in a minute", n)
		}

		t.Logf("%d files in %d folders are proved after %s", files, folders, time.Since(began))
	})
}

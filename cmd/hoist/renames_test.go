package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
)

// TestWatchFollowsRenames: what is renamed in a watched folder keeps its item, and no byte goes again,
// also when it was renamed while nobody watched.
func TestWatchFollowsRenames(t *testing.T) {
	t.Parallel()
	const files = 300
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	for i := range files {
		l.file(fmt.Sprintf("w/Draft/x%d/%d.dwg", i%3, i), int64(1000+i))
	}

	for _, name := range []string{"one.dwg", "two.dwg", "moved.dwg", "swap-a.dwg", "swap-b.dwg", "down.dwg"} {
		l.file("w/"+name, 500, name)
	}

	dir := filepath.Join(l.dir, "w")
	l.run(0, "watch", "add", dir, l.remote, "--settle", "1s")
	d := l.start("daemon")
	l.owned("daemon")
	synced := func(what string, done func() bool) {
		t.Helper()
		eventually(t, what, func() bool {
			s := l.status()
			return done() && len(s.Watches) == 1 && s.Watches[0].Synced != nil &&
				*s.Watches[0].Synced == files+6 && *s.Watches[0].Pending == 0
		})
	}
	file := func(rel string) (emulator.FileInfo, bool) { return l.cloud.File("Project Files/" + rel) }
	has := func(rel string) func() bool {
		return func() bool { _, ok := file(rel); return ok }
	}
	synced("all is published", has("one.dwg"))

	before := map[string]emulator.FileInfo{}
	for _, f := range l.cloud.Items() {
		before[strings.TrimPrefix(f.Path, "Project Files/")] = f
	}

	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(from, to string, versions int) {
		t.Helper()
		f, ok := file(to)
		if !ok || f.ItemID != before[from].ItemID || len(f.Versions) != versions {
			t.Errorf("%s that was %s: %+v %v, want item %s with %d versions", to, from, f, ok,
				before[from].ItemID, versions)
		}

		if _, ok := file(from); ok {
			t.Errorf("%s is there as well", from)
		}
	}
	bytes := func() int { return l.count("s3-put") + l.count("create-storage") }

	sent := bytes()
	rename("Draft", "Issued")
	synced("the folder is renamed", has("Issued/x0/0.dwg"))
	for i := range files {
		name := fmt.Sprintf("x%d/%d.dwg", i%3, i)
		kept("Draft/"+name, "Issued/"+name, 1)
	}

	if n := l.count("update-folder"); n != 1 {
		t.Errorf("%d changes of folders, want 1", n)
	}

	versions := l.count("create-version")
	rename("one.dwg", "1.dwg")
	rename("two.dwg", "TWO.dwg")
	synced("files are renamed", func() bool { return has("1.dwg")() && has("TWO.dwg")() })
	kept("one.dwg", "1.dwg", 2)
	kept("two.dwg", "TWO.dwg", 2)
	if n := l.count("create-version") - versions; n != 2 {
		t.Errorf("%d versions for two renames", n)
	}

	rename("moved.dwg", "Issued/moved.dwg")
	synced("a file is moved", has("Issued/moved.dwg"))
	if f, ok := file("moved.dwg"); !ok || f.ItemID != before["moved.dwg"].ItemID {
		t.Errorf("what it was moved from is hidden, though nobody asked for that: %+v %v", f, ok)
	}

	if n := bytes() - sent; n != 0 {
		t.Errorf("%d calls brought bytes that were there", n)
	}

	if code := d.interrupt(); code != 0 {
		t.Errorf("daemon: exit code %d\n%s", code, d.errs.String())
	}

	rename("down.dwg", "up.dwg")
	rename("swap-a.dwg", "t.dwg")
	rename("swap-b.dwg", "swap-a.dwg")
	rename("t.dwg", "swap-b.dwg")
	l.start("daemon")
	l.owned("daemon")
	swapped := func() bool {
		a, _ := file("swap-a.dwg")
		b, _ := file("swap-b.dwg")

		return len(a.Versions) == 2 && len(b.Versions) == 2
	}
	synced("what was renamed meanwhile", func() bool { return has("up.dwg")() && swapped() })
	kept("down.dwg", "up.dwg", 2)
	l.published("swap-a.dwg", 2, filepath.Join(dir, "swap-a.dwg"))
	l.published("swap-b.dwg", 2, filepath.Join(dir, "swap-b.dwg"))

	out, _ := l.run(0, "jobs", "--json", "--kind", "rename")
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, `"result":"renamed"`) {
		t.Errorf("jobs --kind rename: %s", out)
	}

	out, _ = l.run(0, "explain", filepath.Join(dir, "1.dwg"))
	if !strings.Contains(out, "one.dwg") {
		t.Errorf("explain does not tell of the old name: %s", out)
	}

	out, _ = l.run(3, "verify", dir, "--json") // moved.dwg has a copy that is nowhere here
	for line := range strings.Lines(out) {
		if strings.Contains(line, `Issued`) && !slices.ContainsFunc([]string{"equal", "ok", "summary"},
			func(s string) bool { return strings.Contains(line, s) }) {
			t.Errorf("verify: %s", line)
		}
	}
}

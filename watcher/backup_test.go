package watcher

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// walked is what Walk finds, and how many names the built-in rules left out.
func walked(t testing.TB, b *Book) (found []string, leftOut map[string]int) {
	t.Helper()
	leftOut, err := Walk(b, func(rel string, _ Snapshot) error {
		found = append(found, rel)
		return nil
	}, func(rel string, err error) { t.Errorf("%s: %v", rel, err) })
	must(t, err)

	return found, leftOut
}

// TestBackups: what looks like a backup is one only beside what it backs up, and stays one.
func TestBackups(t *testing.T) {
	const numbered = "*.[0-9][0-9][0-9][0-9].rvt"

	tests := []struct {
		name    string
		files   []string
		want    []string
		leftOut map[string]int
	}{
		{"models that people number", []string{"Tower.2025.rvt", "Door.0900.rfa", "2024_backup/site.dwg"},
			[]string{"2024_backup/site.dwg", "Door.0900.rfa", "Tower.2025.rvt"}, nil},
		{"backups beside their model", []string{"Tower.rvt", "Tower.0001.rvt", "Tower.0002.rvt",
			"Tower_backup/x.dat"}, []string{"Tower.rvt"}, map[string]int{numbered: 2, "*_backup/": 1}},
		{"in other letters", []string{"TOWER.RVT", "tower.0001.rvt"}, []string{"TOWER.RVT"},
			map[string]int{numbered: 1}},
		{"another model beside", []string{"House.rvt", "Tower.0001.rvt"},
			[]string{"House.rvt", "Tower.0001.rvt"}, nil},
		{"a model in another folder", []string{"a/Tower.rvt", "Tower.0001.rvt"},
			[]string{"Tower.0001.rvt", "a/Tower.rvt"}, nil},
		{"a family is no backup of a model", []string{"Door.rvt", "Door.0001.rfa"},
			[]string{"Door.0001.rfa", "Door.rvt"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newTree(t)
			for _, p := range tt.files {
				f.write(p, "x")
			}

			found, leftOut := walked(t, rested(t, f.root, &Rules{}))
			if !slices.Equal(found, tt.want) || !maps.Equal(leftOut, tt.leftOut) {
				t.Errorf("found %q, left out %v", found, leftOut)
			}
		})
	}
}

func TestBackupsStayBackups(t *testing.T) {
	f, keeper := newTree(t), &memKeeper{}
	open := func() *Book {
		b, err := NewBook(f.root, &Rules{}, 0, keeper)
		must(t, err)

		return b
	}
	want := func(b *Book, want ...string) {
		t.Helper()
		if found, _ := walked(t, b); !slices.Equal(found, want) {
			t.Errorf("found %q, want %q", found, want)
		}
	}

	f.write("Tower.rvt", "x")
	f.write("Tower.0001.rvt", "x")
	b := open()
	want(b, "Tower.rvt")

	f.remove("Tower.rvt")
	want(b)
	f.write("Tower.0002.rvt", "x")
	want(b)
	must(t, b.Store())
	want(open())

	if runtime.GOOS == "windows" {
		t.Skip("a listing tells no file ids on Windows: a backup that is renamed there is judged again")
	}

	must(t, os.Mkdir(f.path("old"), 0o755))
	f.rename("Tower.0001.rvt", "old/House.0001.rvt") // by its file id
	f.write("old/House.0002.rvt", "x")
	want(open(), "old/House.0002.rvt")

	keeper.published = "old/House.rvt"
	want(open())

	taken, err := ParseRules(RuleOptions{Patterns: []string{"!Tower.0002.rvt"}})
	must(t, err)
	b = open()
	b.SetRules(taken, 0)
	want(b, "Tower.0002.rvt")
}

// TestBackupOverAKnownFile: a file that was handed over and is replaced by a backup is forgotten, not
// waited for.
func TestBackupOverAKnownFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a listing tells no file ids on Windows: a backup that is renamed there is judged again")
	}

	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), func(c *Config) { c.Poll, c.PollInterval = true, 3*time.Second })
		for _, p := range []string{"a/Tower.rvt", "a/Tower.0001.rvt", "b/House.0001.rvt"} {
			x.write(p, p)
			x.old(p)
		}

		x.start(t)
		synctest.Wait()
		x.want(t, "a/Tower.rvt", "b/House.0001.rvt")

		x.rename("a/Tower.0001.rvt", "b/House.0001.rvt")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		x.want(t)
		if s := x.w.Status(); s.Pending != 0 || s.Files != 1 {
			t.Errorf("status %+v, want one file and nothing pending", s)
		}
	})
}

package watcher

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFindAgreesWithTheWalk: of every path of a tree of oddities Find tells the same as the walk of
// a push, which lists as a scan does.
func TestFindAgreesWithTheWalk(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"plan.dwg", "plan.bak", "other.bak", "~$a.docx", "big.rvt", "young.dwg",
		"out/a.dwg", "out/keep/b.dwg", "deep/er/c.dwg", "deep/er/c.dat", "cache/CACHEDIR.TAG", "cache/x.dwg",
		"marked/.nosync", "marked/y.dwg", "held/z.dwg", ".git/config", "target/real.dwg"} {
		at := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}

		data := []byte("x")
		switch name {
		case "big.rvt":
			data = make([]byte, 2000)
		case "cache/CACHEDIR.TAG":
			data = []byte(cacheSign)
		}

		if err := os.WriteFile(at, data, 0o644); err != nil {
			t.Fatal(err)
		}

		if old := time.Now().Add(-time.Hour); name != "young.dwg" {
			if err := os.Chtimes(at, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}

	old := time.Now().Add(-time.Hour)
	rules := filepath.Join(root, "deep", IgnoreFile)
	if err := os.WriteFile(rules, []byte("*.dat\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	if err := os.Chtimes(rules, old, old); err != nil {
		t.Fatal(err)
	}

	if err := os.Mkdir(filepath.Join(root, "held", IgnoreFile), 0o755); err != nil {
		t.Fatal(err)
	}

	for link, to := range map[string]string{"link.dwg": "plan.dwg", "dirlink": "target",
		"dead.dwg": "nothing"} {
		if err := os.Symlink(filepath.Join(root, to), filepath.Join(root, link)); err != nil {
			t.Skip(err) // no right to make links here
		}
	}

	if info, err := os.Lstat(filepath.Join(root, "link.dwg")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Skip("links are not seen as such here")
	}

	given, err := ParseRules(RuleOptions{Patterns: []string{"out/"}, MaxSize: 1000, MinAge: time.Minute,
		IfPresent: []string{".nosync"}, Caches: true})
	if err != nil {
		t.Fatal(err)
	}

	book, err := NewBook(root, given, 0, nil)
	if err != nil {
		t.Fatal(err)
	}

	taken := map[string]bool{}
	_, err = Walk(book, func(rel string, _ Snapshot) error { taken[rel] = true; return nil },
		func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}

	if !taken["plan.dwg"] || !taken["target/real.dwg"] || taken["link.dwg"] || len(taken) < 3 {
		t.Fatalf("taken %v", taken)
	}

	looked := 0
	look := func(rel string) {
		looked++
		f := book.Find(rel, false)
		if found := f.Rule == "" && f.Held == nil && f.Wait == 0 && f.Err == nil; found != taken[rel] {
			t.Errorf("%s: found %+v, taken %v", rel, f, taken[rel])
		}
	}
	err = filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			look(filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))))
		}

		return err
	})
	if err != nil || looked < 15 {
		t.Errorf("%d looks, %v", looked, err)
	}

	look("dirlink/real.dwg")
	for rel, rule := range map[string]string{"link.dwg": specialFiles, "dirlink/real.dwg": specialFiles,
		"deep/er/c.dat": "deep/.hoistignore: *.dat", "out/a.dwg": "out/", "gone.dwg": "",
		"gone.tmp": "*.tmp"} {
		if f := book.Find(rel, false); f.Rule != rule || f.Special != (rule == specialFiles) {
			t.Errorf("%s: %+v, want the rule %q", rel, f, rule)
		}
	}
}

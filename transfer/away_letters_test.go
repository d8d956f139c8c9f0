package transfer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/state"
)

// renamesLetters skips a test where a file system keeps the letters of a name that is renamed in their case
// alone, as Wine does.
func renamesLetters(t *testing.T) {
	t.Helper()
	if keepsLetters(t) {
		t.Skip("the file system keeps the old letters")
	}
}

// keepsLetters reports whether a rename in letter case alone leaves a name as it is.
func keepsLetters(t *testing.T) bool {
	t.Helper()

	dir := t.TempDir()
	for _, err := range []error{os.WriteFile(filepath.Join(dir, "a"), nil, 0o600),
		os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "A"))} {
		if err != nil {
			t.Fatal(err)
		}
	}

	names, err := namesOf(dir)

	return err != nil || !slices.Equal(names, []string{"A"})
}

// TestHasLeft: what is at the old path of a renamed file is another one, or itself where letter case does
// not count.
func TestHasLeft(t *testing.T) {
	for _, c := range []struct {
		name, from, rel string
		play            func(from, to string) error
		want            bool
	}{
		{"renamed", "a.dwg", "b.dwg", os.Rename, true},
		{"another file is there", "a.dwg", "b.dwg", func(_, to string) error {
			return os.WriteFile(to, nil, 0o600)
		}, false},
		{"a hard link", "a.dwg", "b.dwg", os.Link, false},
		{"letter case alone", "a.dwg", "A.dwg", os.Rename, true},
		{"a folder in letter case alone", "d/a.dwg", "D/a.dwg", func(from, to string) error {
			return os.Rename(filepath.Dir(from), filepath.Dir(to))
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.name, "letter") {
				renamesLetters(t)
			}

			root := t.TempDir()
			at := func(rel string) string { return filepath.Join(root, filepath.FromSlash(rel)) }
			for _, err := range []error{os.MkdirAll(filepath.Dir(at(c.from)), 0o700),
				os.WriteFile(at(c.from), []byte("x"), 0o600), c.play(at(c.from), at(c.rel))} {
				if err != nil {
					t.Fatal(err)
				}
			}

			job := state.Job{Path: at(c.rel), Rel: c.rel, From: c.from}
			if got := hasLeft(job); got != c.want {
				t.Errorf("has left: %v", got)
			}

			if !isSpelt(root, c.rel) || c.want && isSpelt(root, c.from) {
				t.Errorf("%s is spelt so: %v, %s: %v", c.rel, isSpelt(root, c.rel), c.from,
					isSpelt(root, c.from))
			}
		})
	}
}

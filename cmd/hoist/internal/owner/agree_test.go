package owner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// oddities are paths of each kind that rules and scans tell apart, with what is in them; a path that
// ends in a slash is a folder, "-> " a link to what lies beside it or in the folder away.
var oddities = map[string]string{
	"plan.dwg": "AC1027 a plan", "Plan.DWG2": "a kind of its own", ".hidden.txt": "hidden",
	"plan.bak": "backup", "plan.dwl": "lock", "~$notes.docx": "lock", "notes.docx": "notes",
	"x.tmp": "temporary", ".hoist-note": "ours", "noise.log": "a rule of the watch",
	"NOISE.LOG": "in another case", "tower.rvt": "a model", "tower.0001.rvt": "its backup",
	"lonely.0001.rvt": "no backup", "gone.rvt": "goes later", "gone.0001.rvt": "stays a backup",
	"big.rvt": strings.Repeat("x", 6000), "out/a.dwg": "AC1027 out", "marked/.nosync": "",
	"marked/y.dwg": "AC1027 y", "a.dat": "a rule file", "nested/b.dat": "taken back",
	"nested/deep/c.txt": "a rule of a nested folder", "nested/c.txt": "taken",
	"held/.hoistignore/": "", "held/z.dwg": "AC1027 z", "empty.txt": "", ".git/config": "of git",
	".hoistignore": "*.dat\nrules.txt\n", "nested/.hoistignore": "!*.dat\ndeep/*.txt\n",
	"rules.txt": "left out", "link.dwg": "-> plan.dwg", "dead.dwg": "-> nothing.dwg",
	"outside.dwg": "-> ../away/real.dwg", "dirlink": "-> ../away", "inner": "-> nested",
}

// behind are paths that a link to a folder makes.
var behind = []string{"dirlink/real.dwg", "inner/c.txt"}

// oddTree makes the oddities in a folder, and returns the paths below it that are no folders.
func oddTree(t *testing.T, root string) (paths []string) {
	t.Helper()
	links := true
	for name, text := range oddities {
		at := filepath.Join(root, filepath.FromSlash(name))
		dir := filepath.Dir(at)
		if strings.HasSuffix(name, "/") {
			dir, text = at, ""
		}

		if _, err := os.Lstat(at); err == nil && dir != at {
			continue // by another case of its name
		}

		err := os.MkdirAll(dir, 0o700)
		to, link := strings.CutPrefix(text, "-> ")
		switch {
		case err != nil || dir == at:
		case link:
			links = symlink(filepath.FromSlash(to), at) && links
			continue
		default:
			paths = append(paths, name)
			err = os.WriteFile(at, []byte(text), 0o600)
		}

		if err != nil {
			t.Fatal(err)
		}
	}

	if makePipe(filepath.Join(root, "pipe.dwg")) == nil {
		paths = append(paths, "pipe.dwg")
	}

	for name, text := range oddities {
		if strings.HasPrefix(text, "-> ") && links {
			paths = append(paths, name)
		}
	}

	if links {
		paths = append(paths, behind...)
	}

	return slices.Sorted(slices.Values(paths))
}

// symlink makes a link and reports whether it is seen as one, which Wine does not do.
func symlink(to, at string) bool {
	if os.Symlink(to, at) != nil {
		return false
	}

	info, err := os.Lstat(at)

	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// takes reports whether an explanation, which filter test prints, says that nothing keeps a path.
func takes(e control.Explanation) bool { return e.Rule == "" && e.Holds == "" }

// TestExplainAgreesWithTheWatch: of each kind of path it is told before it is sent whether it will be,
// and afterwards that it was.
func TestExplainAgreesWithTheWatch(t *testing.T) {
	scene(t, func(w *config.Watch) {
		w.Exclude, w.ExcludeIfPresent, w.MaxSize = []string{"out/", "*.log"}, []string{".nosync"}, "5K"
	}, func(t *testing.T, l *life) {
		if err := os.WriteFile(filepath.Join(l.away, "real.dwg"), []byte("AC1027 real"), 0o600); err != nil {
			t.Fatal(err)
		}

		paths := oddTree(t, l.root)
		explain := func(name string) control.Explanation {
			e, err := l.owner.Explain(t.Context(), l.path(name))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}

			return e
		}

		before := map[string]bool{}
		for _, name := range paths {
			e := explain(name)
			before[name] = takes(e)
			left := e.State == control.ExplainIgnored
			if before[name] && left || !before[name] && !left && e.Reason != transfer.ReasonRules {
				t.Errorf("%s is said to be taken %v, and to be %q: %s", name, before[name], e.State, e.Detail)
			}
		}

		time.Sleep(2 * time.Minute)
		if err := os.Remove(l.path("gone.rvt")); err != nil { // its backup stays one
			t.Fatal(err)
		}

		time.Sleep(2 * time.Minute)
		sent := 0
		for _, name := range paths {
			items := len(l.published(name))
			e := explain(name)
			if there := items == 1; there != takes(e) || there != before[name] ||
				there && name != "gone.rvt" != (e.State == control.ExplainSynced) {
				t.Errorf("%s: sent %v, said before %v, after %v: %+v", name, there, before[name], takes(e), e)
			}

			sent += items
		}

		if sent < 8 || sent > len(paths)-8 {
			t.Errorf("%d of %d were sent", sent, len(paths))
		}
	})
}

// TestExplainAgreesWithAPush: outside of watches it is told what a push of the folder takes, and what
// one takes that names the path.
func TestExplainAgreesWithAPush(t *testing.T) {
	scene(t, nil, func(t *testing.T, l *life) {
		if err := os.WriteFile(filepath.Join(l.away, "real.dwg"), []byte("AC1027 real"), 0o600); err != nil {
			t.Fatal(err)
		}

		root := filepath.Join(filepath.Dir(l.root), "pushed")
		paths := oddTree(t, root)
		whole, err := findSources(control.PushRequest{Paths: []string{root + string(filepath.Separator)}},
			t.TempDir(), bookAtOnce)
		if err != nil {
			t.Fatal(err)
		}

		taken := map[string]bool{}
		for f := range whole.files.All() {
			taken[f.Rel] = true
		}

		for _, name := range paths {
			if slices.Contains(behind, name) {
				continue // what is behind a link lies elsewhere, and whoever asks resolves it
			}

			path := filepath.Join(root, filepath.FromSlash(name))
			e, err := l.owner.Explain(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}

			if takes(e) != taken[name] {
				t.Errorf("%s: a push takes it %v: %+v", name, taken[name], e)
			}

			s, err := findSources(control.PushRequest{Paths: []string{path}}, t.TempDir(), bookAtOnce)
			if err != nil && !errors.Is(err, fs.ErrNotExist) && name != "dead.dwg" {
				t.Fatal(err)
			}

			named := s.files.Len() > 0
			if says := takes(e) || strings.Contains(e.Detail, " that names it "); says != named {
				t.Errorf("%s: a push that names it takes it %v: %+v", name, named, e)
			}

			if e.State == control.ExplainIgnored && e.Rule == "" && e.Reason != transfer.ReasonNotAFile {
				t.Errorf("%s is ignored for nothing: %+v", name, e)
			}
		}
	})
}

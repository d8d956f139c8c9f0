package owner

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
	"hoist/watcher"
)

// bookAtOnce is a book whose rule files need not rest, of a folder in no watch.
func bookAtOnce(folder string, rules *watcher.Rules) (*watcher.Book, error) {
	return local.PushedBook(folder, "", config.Home{}, rules, 0)
}

// TestRulesAboveAPush: a folder that is pushed is taken because it was named; what lies in it is left
// out by the rule files above it as by its own, and patterns of the push are anchored in it.
func TestRulesAboveAPush(t *testing.T) {
	top := t.TempDir()
	for name, text := range map[string]string{
		".hoistignore":       "sub/secret*\nprivate/\n*.key\n/sub/deep/*\n!/sub/deep/keep.dwg\n",
		"sub/.hoistignore":   "!good.key\n",
		"sub/secret.dwg":     "",
		"sub/plan.dwg":       "",
		"sub/a.key":          "",
		"sub/good.key":       "",
		"sub/deep/drop.dwg":  "",
		"sub/deep/keep.dwg":  "",
		"sub/old/x.dwg":      "",
		"sub/deep/old/y.dwg": "",
		"private/a.dwg":      "",
		"private/b.key":      "",
		"private/private/c":  "",
		"private/old/z.dwg":  "",
	} {
		path := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	sep := string(filepath.Separator)
	for _, tt := range []struct {
		name, push, watched string
		exclude             []string
		want                []string
	}{
		{"a folder below", "sub" + sep, "", nil,
			[]string{"deep/keep.dwg", "good.key", "old/x.dwg", "plan.dwg"}},
		{"under its name", "sub", "", nil,
			[]string{"sub/deep/keep.dwg", "sub/good.key", "sub/old/x.dwg", "sub/plan.dwg"}},
		{"its own patterns are anchored in it", "sub" + sep, "", []string{"/old"},
			[]string{"deep/keep.dwg", "good.key", "plan.dwg"}},
		{"a folder that is left out itself", "private" + sep, "", nil, []string{"a.dwg", "old/z.dwg"}},
		{"the watched folder ends it", "sub" + sep, "sub", nil,
			[]string{"a.key", "deep/drop.dwg", "deep/keep.dwg", "deep/old/y.dwg", "good.key", "old/x.dwg",
				"plan.dwg", "secret.dwg"}},
		{"all", "", "", nil, []string{"sub/deep/keep.dwg", "sub/good.key", "sub/old/x.dwg", "sub/plan.dwg"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			book := func(folder string, rules *watcher.Rules) (*watcher.Book, error) {
				watched := tt.watched
				if watched != "" {
					watched = filepath.Join(top, watched)
				}

				return local.PushedBook(folder, watched, config.Home{}, rules, 0)
			}

			s, err := findSources(control.PushRequest{Paths: []string{filepath.Join(top, tt.push) + sep},
				Filter: control.Filter{Exclude: tt.exclude}}, t.TempDir(), book)
			if tt.push == "sub" {
				s, err = findSources(control.PushRequest{Paths: []string{filepath.Join(top, "sub")}},
					t.TempDir(), book)
			}

			if err != nil {
				t.Fatal(err)
			}

			var got []string
			for f := range s.files.All() {
				got = append(got, f.Rel)
				b, err := bookAtOnce(f.Walked, mustRules(t))
				if err != nil {
					t.Fatal(err)
				}

				rel, err := filepath.Rel(b.Root(), f.Path)
				if err != nil {
					t.Fatal(err)
				}

				rule, _, err := local.Verdict(b, filepath.ToSlash(rel), 0)
				if tt.watched == "" && (rule != "" || err != nil) {
					t.Errorf("%s is taken, and left out at hand-over by %q, %v", f.Rel, rule, err)
				}
			}

			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("takes %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRulesAboveALinkedPush: a folder that is reached by a link is left to the rule files above the
// folder, at the walk and at hand-over.
func TestRulesAboveALinkedPush(t *testing.T) {
	top := t.TempDir()
	write(t, filepath.Join(top, ".hoistignore"), []byte("secret*\n"))
	sub := filepath.Join(top, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}

	write(t, filepath.Join(sub, "secret.dwg"), nil)
	write(t, filepath.Join(sub, "plan.dwg"), nil)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(top, ".hoistignore"), old, old); err != nil {
		t.Fatal(err)
	}

	link := filepath.Join(t.TempDir(), "link")
	err := os.Symlink(sub, link)
	if _, lookErr := os.Stat(link); err != nil || lookErr != nil { // Wine makes what leads nowhere
		t.Skip("no links here:", err, lookErr)
	}

	options, _ := newOptions(t)
	o := open(t, Full, options)
	book, err := o.rules.pushed(link, mustRules(t))
	if err == nil {
		book, err = book.Rested()
	}

	if err != nil {
		t.Fatal(err)
	}

	var got []string
	if _, err := watcher.Walk(book, func(rel string, _ watcher.Snapshot) error {
		got = append(got, rel)
		return nil
	}, func(rel string, err error) { t.Error(rel, err) }); err != nil ||
		!slices.Equal(got, []string{"plan.dwg"}) {
		t.Errorf("takes %q, %v", got, err)
	}

	at, rel, err := o.rules.judge(state.Job{Walked: link, Path: filepath.Join(link, "secret.dwg")})
	if err != nil || rel != "sub/secret.dwg" || at.Root() != book.Root() {
		t.Errorf("judged as %q below %s, %v", rel, at.Root(), err)
	}
}

func mustRules(t *testing.T) *watcher.Rules {
	t.Helper()

	rules, err := watcher.ParseRules(watcher.RuleOptions{NoLitter: true, MinAge: time.Duration(0)})
	if err != nil {
		t.Fatal(err)
	}

	return rules
}

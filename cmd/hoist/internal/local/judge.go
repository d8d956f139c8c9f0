package local

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/watcher"
	"hoist/watcher/disk"
)

// Finding is what becomes of one path, as a scan of its watch or a push of its folder finds it.
type Finding struct {
	watcher.Finding
	// what leaves it out also when a push names it; outside of watches alone
	Named string
}

// Holds says for people what keeps a path that no rule leaves out from being taken; "": nothing
// does, except perhaps a rule file that has to rest for a moment.
func (f Finding) Holds(rules *watcher.Rules) string {
	switch {
	case f.Rule != "":
		return ""
	case f.Err != nil:
		return f.Err.Error()
	case f.Held != nil && f.Held.Err != nil:
		return f.Held.Error()
	case f.Wait > 0:
		return "min-age " + rules.MinAge().String()
	}

	return ""
}

// FindOutside judges a path that lies in no watch as a push would of the outermost folder above it
// that has a rule file, or of its own folder; a rule file counts as it is now. It need not be there;
// then dir says what it would be.
func FindOutside(path string, home config.Settings, dir bool) (f Finding, rules *watcher.Rules, err error) {
	if rules, err = WatchRules(config.Selection{}, home); err != nil {
		return f, nil, err
	}

	root := outermost(filepath.Dir(path))
	book, err := watcher.NewBook(root, rules, 0, nil)
	if err != nil {
		return f, nil, err
	}

	rel, err := filepath.Rel(root, path)
	if err != nil {
		return f, nil, err
	}

	f.Finding = book.Find(filepath.ToSlash(rel), dir)
	f.Named, err = namedOut(path, home)

	return f, rules, err
}

// namedOut is the rule by which a push leaves out a file that it names; "": none.
func namedOut(path string, home config.Settings) (rule string, err error) {
	filter, err := config.Settings{Selection: home.Selection, ExcludeFrom: home.ExcludeFrom}.Filter("")
	if err != nil {
		return "", err
	}

	rules, err := RulesOf(FilterOf(filter), true)
	if err != nil {
		return "", err
	}

	if ignored, rule := rules.Match(filepath.Base(path), false); ignored {
		return rule, nil
	}

	if info, err := Look(path); err == nil && info.Mode().IsRegular() {
		_, rule = rules.MatchSize(info.Size())
	}

	return rule, nil
}

// PushedBook is the book of a folder that a push, or verify, was given: the rule files of the folders
// above it hold for what lies in it, up to the folder above them that is watched, or else to the
// outermost that has one. What the home of hoist says of itself holds for nobody else.
func PushedBook(folder, watched string, home config.Home, rules *watcher.Rules,
	settle time.Duration) (*watcher.Book, error) {
	root := watched
	if root == "" {
		root = outermost(folder, home.Config, home.State)
	}

	rel, err := filepath.Rel(root, folder)
	if err != nil {
		return nil, err
	}

	if rel != "." {
		rules = rules.Below(filepath.ToSlash(rel))
	}

	return watcher.NewBook(root, rules, settle, nil)
}

// outermost is the outermost folder at or above dir, but those given, that has a rule file; dir when
// none has.
func outermost(dir string, but ...string) string {
	found := dir
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := disk.Ask(at, disk.Patience, func() (fs.FileInfo, error) {
			return os.Lstat(filepath.Join(at, watcher.IgnoreFile))
		}); err == nil && !slices.Contains(but, at) {
			found = at
		}

		if at == filepath.Dir(at) {
			return found
		}
	}
}

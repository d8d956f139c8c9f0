package local

import (
	"path"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/watcher"
)

// WatchRules are the rules of a watch: its own over those of the home.
func WatchRules(own config.Selection, home config.Settings) (*watcher.Rules, error) {
	filter, err := WatchFilter(own, home)
	if err != nil {
		return nil, err
	}

	return RulesOf(FilterOf(filter), false)
}

// WatchFilter is what a watch chooses: its own over what the home does. It is asked for again and again, so
// that no pipe is waited for.
func WatchFilter(own config.Selection, home config.Settings) (config.Filter, error) {
	settings := config.Settings{Selection: own}.Over(
		config.Settings{Selection: home.Selection, ExcludeFrom: home.ExcludeFrom})

	return settings.Filter("config.toml")
}

// LeftOut reports whether rules leave out a file by its slash path or its size; a size below 0 is
// unknown.
func LeftOut(r *watcher.Rules, rel string, size int64) bool {
	ignored, _ := r.Match(rel, false)
	if !ignored && size >= 0 {
		ignored, _ = r.MatchSize(size)
	}

	return ignored
}

// TooYoung reports whether a file was changed less than minAge seconds ago.
func TooYoung(changed time.Time, minAge float64) bool {
	return minAge > 0 && time.Since(changed).Seconds() < minAge
}

// RulesOf makes the watcher's rules of a filter; a file that was named is not litter.
func RulesOf(f control.Filter, named bool) (*watcher.Rules, error) {
	rules, err := watcher.ParseRules(watcher.RuleOptions{
		Patterns: f.Exclude, Includes: f.Include, NoLitter: named, MinSize: f.MinSize, MaxSize: f.MaxSize,
		MinAge: time.Duration(f.MinAge * float64(time.Second)), IfPresent: f.IfPresent, Caches: f.Caches,
		OneFileSystem: f.OneFileSystem,
	})
	if err != nil {
		return nil, problem.With(problem.Usage, err,
			problem.Fix{Step: problem.Patterns})
	}

	return rules, nil
}

// FilterOf is a checked filter as the control API has it.
func FilterOf(f config.Filter) control.Filter {
	return control.Filter{Exclude: f.Exclude, Include: f.Include, MinSize: f.MinSize, MaxSize: f.MaxSize,
		MinAge: f.MinAge.Seconds(), IfPresent: f.IfPresent, Caches: f.Caches, OneFileSystem: f.OneFileSystem}
}

// FolderOf is the slash path of the folder that a file lies in, "" at the top.
func FolderOf(rel string) string {
	if dir := path.Dir(rel); dir != "." {
		return dir
	}

	return ""
}

// Judge returns a function that names the rule by which a file is left out, by its slash path; ""
// none, or it cannot be told now. It asks about each folder once, and is for one pass over many
// files.
func Judge(book *watcher.Book) func(rel string) string {
	folders := map[string]*watcher.Rules{}

	return func(rel string) string {
		folder := FolderOf(rel)
		rules := folders[folder]
		if rules == nil {
			rules = book.At(folder)
			folders[folder] = rules
		}

		if rules.Held() != nil {
			return ""
		}

		_, rule := rules.Match(rel, false)

		return rule
	}
}

// Verdict is what the rules say about a file by its slash path and size now: which one leaves it
// out, or why they cannot tell, and after which time they can (0: when somebody mended it).
func Verdict(book *watcher.Book, rel string, size int64) (rule string, wait time.Duration, err error) {
	return VerdictOf(book.At(FolderOf(rel)), rel, size)
}

// VerdictOf is Verdict by the rules of the file's folder.
func VerdictOf(rules *watcher.Rules, rel string, size int64) (rule string, wait time.Duration, err error) {
	if held := rules.Held(); held != nil {
		if !held.Until.IsZero() {
			wait = max(time.Until(held.Until), time.Millisecond)
		}

		return "", wait, held
	}

	if ignored, rule := rules.Match(rel, false); ignored {
		return rule, 0, nil
	}

	_, rule = rules.MatchSize(size)

	return rule, 0, nil
}

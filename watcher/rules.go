package watcher

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"time"

	"hoist/watcher/gitignore"
)

// Rules decide what is not looked at. The strongest first: the patterns given, the .hoistignore
// files of the tree (the deepest first), the litter that is known. Patterns mean what git means by
// them; letter case counts when the file system tells names apart by it. What lies in an ignored
// folder is ignored and cannot be taken back, as with git. Rules are immutable and safe for
// concurrent use.
type Rules struct {
	opts     RuleOptions
	letter   gitignore.Case
	own      *gitignore.Rules // in the order given: the last that matches decides; nil: none
	includes gitignore.Stack
	tree     gitignore.Stack // from .hoistignore files, outermost first
	held     *HeldError      // see Held
	out      string          // the folder that these rules are of leaves itself out, by this rule
	named    string          // the folder that somebody named: see Below
	// whether a folder holds, or held, one of the originals of what looks like a backup; nil: none
	// does
	backs func(folder string, originals []string) bool
}

// RuleOptions are what people may say about what is not sent.
type RuleOptions struct {
	// Patterns in the syntax of gitignore, "!" takes back, the last that matches decides.
	Patterns []string
	// Includes, when there are any: a file that none of them matches is ignored. The same syntax,
	// without "!".
	Includes []string
	// IfPresent leaves out each folder below the root that holds a file of one of these names, and
	// Caches each that says by its CACHEDIR.TAG that it is a cache.
	IfPresent []string
	Caches    bool
	// OneFileSystem leaves out what is mounted below the root.
	OneFileSystem bool
	// NoLitter lets pass the backups, autosaves and locks that are ignored by default. Our own
	// files stay ignored.
	NoLitter bool
	MinSize  int64         // bytes; smaller files are ignored; 0 no limit
	MaxSize  int64         // bytes; larger files are ignored; 0 no limit
	MinAge   time.Duration // files changed more recently wait; 0 none
}

// usualCase is how the file systems of this operating system mostly compare letters.
func usualCase() gitignore.Case {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return gitignore.Unicode
	}

	return gitignore.Exact
}

// ParseRules checks the options. All patterns that are wrong are named in the error.
func ParseRules(o RuleOptions) (*Rules, error) {
	r := (&Rules{opts: o}).in(usualCase())
	var errs []error
	if r.own != nil {
		errs = wrong("ignore", r.own.All())
	}

	for _, s := range r.includes {
		errs = append(errs, wrong("include", s.All())...)
		for _, rule := range s.All() {
			if rule.Negated {
				errs = append(errs, fmt.Errorf("include pattern %q: \"!\" is for ignore patterns", rule.Text))
			}
		}
	}

	switch {
	case o.MinSize < 0 || o.MaxSize < 0 || o.MinAge < 0:
		errs = append(errs, errors.New("sizes and ages of rules: below zero"))
	case o.MaxSize > 0 && o.MinSize > o.MaxSize:
		errs = append(errs, fmt.Errorf("smallest size %d: above the largest, %d", o.MinSize, o.MaxSize))
	}

	if err := errors.Join(errs...); err != nil {
		return nil, err
	}

	return r, nil
}

// wrong names the rules that can match nothing.
func wrong(kind string, rules []gitignore.Rule) (errs []error) {
	for _, rule := range rules {
		if rule.Never != "" {
			errs = append(errs, fmt.Errorf("%s pattern %q: %s", kind, rule.Text, rule.Never))
		}
	}

	return errs
}

// in returns the rules that were given, comparing letters in that way, without those of a tree.
func (r *Rules) in(letter gitignore.Case) *Rules {
	out := &Rules{opts: r.opts, letter: letter, backs: r.backs, named: r.named}
	if len(r.opts.Patterns) > 0 {
		out.own = gitignore.Parse(r.named, []byte(strings.Join(r.opts.Patterns, "\n")), letter)
	}

	included := gitignore.Parse(r.named, []byte(strings.Join(r.opts.Includes, "\n")), letter)
	if len(included.All()) > 0 {
		out.includes = gitignore.Stack{included}
	}

	return out
}

// Below returns the rules that were given for what lies in one folder below the root, a slash path,
// which somebody named: it is taken whatever it and the folders above it are called, and patterns are
// anchored there. The rule files above it hold for what lies in it.
func (r *Rules) Below(folder string) *Rules {
	out := *r
	out.named = folder

	return out.in(r.letter)
}

// Patterns lists the rules for people, the weakest first.
func (r *Rules) Patterns() []string {
	var out []string
	if !r.opts.NoLitter {
		out = append(out, litterPatterns...)
		out = append(out, backupPatterns...)
	}

	for _, file := range r.tree {
		for _, rule := range file.All() {
			out = append(out, ruleText(&rule, join2(rule.Folder, IgnoreFile)))
		}
	}

	if r.own != nil {
		for _, rule := range r.own.All() {
			out = append(out, rule.Text)
		}
	}

	return out
}

func ruleText(rule *gitignore.Rule, from string) string { return from + ": " + rule.Text }

// Match reports whether a slash path below the root is ignored by its name or that of a folder
// above it, and by which rule.
func (r *Rules) Match(p string, dir bool) (ignored bool, rule string) {
	if p == "" || p == "." {
		return false, ""
	}

	if r.out != "" {
		return true, r.out
	}

	for i := range len(p) {
		if p[i] != '/' || below(p[:i], r.named) {
			continue
		}

		if ignored, rule := r.matchLast(p[:i], true); ignored {
			return true, rule
		}
	}

	return r.matchLast(p, dir)
}

// matchLast judges the last step alone; the folders above are not ignored.
func (r *Rules) matchLast(p string, dir bool) (ignored bool, by string) {
	folder, name := split(p)
	m := nameMatcher{rules: r, folder: folder}
	got := m.match(name, strings.ToLower(name), dir)

	return got.ignored, got.by
}

// match is what the rules say about one name.
type match struct {
	ignored bool
	by      string // the rule
	builtIn bool   // nobody asked for the rule
	backup  bool   // it is a backup of a file of the same folder
}

// nameMatcher matches the names of one folder that is not ignored itself.
type nameMatcher struct {
	rules  *Rules
	folder string
	has    func(lower string) bool // whether the folder holds a name, in lower case; nil: not known
}

// match judges a name, given in lower case too.
func (m *nameMatcher) match(name, lower string, dir bool) match {
	r := m.rules
	if strings.HasPrefix(lower, ".hoist") {
		return match{ignored: true, by: ".hoist*"} // never taken back: sending these would send our own work
	}

	if r.out != "" {
		return match{ignored: true, by: r.out}
	}

	if r.own != nil || len(r.tree) > 0 {
		if rule, from := r.spoken(join2(m.folder, name), dir); rule != nil && !rule.Negated {
			return match{ignored: true, by: from}
		} else if rule != nil {
			return m.included(name, dir)
		}
	}

	if !r.opts.NoLitter {
		if ok, text := litter.match(name, lower, dir); ok {
			return match{ignored: true, by: text, builtIn: true}
		}

		if originals, text := originalsOf(name, dir); originals != nil && m.backs(originals) {
			return match{ignored: true, by: text, builtIn: true, backup: true}
		}
	}

	return m.included(name, dir)
}

func (m *nameMatcher) backs(originals []string) bool {
	if m.rules.backs == nil {
		return false
	}

	if m.has != nil {
		for _, o := range originals {
			if m.has(strings.ToLower(o)) {
				return true
			}
		}
	}

	return m.rules.backs(m.folder, originals)
}

func (m *nameMatcher) included(name string, dir bool) match {
	if dir || len(m.rules.includes) == 0 {
		return match{}
	}

	if included, _ := m.rules.includes.Judge(join2(m.folder, name), false); included {
		return match{}
	}

	return match{ignored: true, by: "not included"}
}

// spoken is the strongest rule of people that speaks of a path, and how it is told.
func (r *Rules) spoken(p string, dir bool) (*gitignore.Rule, string) {
	if r.own != nil {
		if rule := r.own.Match(p, dir); rule != nil {
			return rule, rule.Text
		}
	}

	if rule := r.tree.Last(p, dir); rule != nil {
		return rule, ruleText(rule, join2(rule.Folder, IgnoreFile))
	}

	return nil, ""
}

// MatchSize reports whether a file of that many bytes is ignored, and by which rule.
func (r *Rules) MatchSize(size int64) (ignored bool, rule string) {
	switch {
	case r.opts.MinSize > 0 && size < r.opts.MinSize:
		return true, fmt.Sprintf("min-size %d", r.opts.MinSize)
	case r.opts.MaxSize > 0 && size > r.opts.MaxSize:
		return true, fmt.Sprintf("max-size %d", r.opts.MaxSize)
	}

	return false, ""
}

// MinAge is how long ago a file must have been changed to be looked at; 0 none.
func (r *Rules) MinAge() time.Duration { return r.opts.MinAge }

// Held is why nothing below the folder that these rules are of may be handed over now, nil when it
// may.
func (r *Rules) Held() *HeldError { return r.held }

// HeldError says why nothing below a rule file is sent: it changed a moment ago, or it cannot be
// understood and never could.
type HeldError struct {
	File  string    // slash path of the rule file below the root
	Until time.Time // when it has rested; zero: until somebody mends it
	Err   error     // why it is not understood; nil while it rests
}

func (e *HeldError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s is not understood, nothing below it is sent: %v%s", e.File, e.Err,
			remedy(e.Err))
	}

	return fmt.Sprintf("%s was changed a moment ago: it holds once it has rested", e.File)
}

func (e *HeldError) Unwrap() error { return e.Err }

// strongerHold is the hold that lasts longer.
func strongerHold(a, b *HeldError) *HeldError {
	switch {
	case a == nil:
		return b
	case b == nil || a.Until.IsZero():
		return a
	case b.Until.IsZero() || b.Until.After(a.Until):
		return b
	}

	return a
}

// upTo yields the root, each folder on the way, and the folder.
func upTo(folder string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield("") || folder == "" {
			return
		}

		for i := range len(folder) {
			if folder[i] == '/' && !yield(folder[:i]) {
				return
			}
		}

		yield(folder)
	}
}

package watcher

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// IgnoreFile is the name of the files in the tree that hold ignore patterns for their folder and
// what is below it.
const IgnoreFile = ".hoistignore"

// maxIgnoreFile bounds how much of one is read, in bytes.
const maxIgnoreFile = 1 << 20

// Rules decide what is not looked at. The strongest first: the patterns given, the .hoistignore
// files of the tree (the deepest first), the litter that is known. Letter case does not count,
// since the same drawings are kept on systems where it does not. What lies in an ignored folder is
// ignored and cannot be taken back, as with git. Rules are immutable and safe for concurrent use.
type Rules struct {
	own      []rule // in the order given: the last that matches decides
	tree     []rule // from .hoistignore files, outermost first
	includes []rule
	noLitter bool
	minSize  int64
	maxSize  int64
	minAge   time.Duration
}

// RuleOptions are what people may say about what is not sent.
type RuleOptions struct {
	// Patterns in the syntax of gitignore, "!" takes back, the last that matches decides.
	Patterns []string
	// Includes, where there are any: a file that none of them matches is ignored. The same syntax,
	// without "!".
	Includes []string
	// NoLitter lets pass the backups, autosaves and locks that are ignored by default. Our own
	// files stay ignored.
	NoLitter bool
	MinSize  int64         // bytes; smaller files are ignored; 0 no limit
	MaxSize  int64         // bytes; larger files are ignored; 0 no limit
	MinAge   time.Duration // files changed more recently wait; 0 none
}

type rule struct {
	pattern gitignore.Pattern
	text    string // as written
	from    string // "" given, else path of the .hoistignore file below the root
	depth   int    // folders of its domain
	leaf    bool   // no slash inside: it is for the last name of a path alone
}

func (r rule) String() string {
	if r.from == "" {
		return r.text
	}

	return r.from + ": " + r.text
}

// match takes the path in lower case, split.
func (r rule) match(steps []string, dir bool) gitignore.MatchResult {
	if r.leaf && len(steps) > r.depth+1 {
		// The library tries such a pattern on every step; the folders above were asked already.
		short := append(slices.Clone(steps[:r.depth]), steps[len(steps)-1])
		return r.pattern.Match(short, dir)
	}

	return r.pattern.Match(steps, dir)
}

// ParseRules checks the options. All patterns that are wrong are named in the error.
func ParseRules(o RuleOptions) (*Rules, error) {
	r := &Rules{noLitter: o.NoLitter, minSize: o.MinSize, maxSize: o.MaxSize, minAge: o.MinAge}
	var errs []error
	r.own, errs = parsePatterns(o.Patterns, "", nil)
	var more []error

	r.includes, more = parsePatterns(o.Includes, "", nil)
	errs = append(errs, more...)
	for _, p := range o.Includes {
		if strings.HasPrefix(p, "!") {
			errs = append(errs, fmt.Errorf("include pattern %q: \"!\" is for ignore patterns", p))
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

// parsePatterns skips blank lines and comments, and returns what is right beside what is wrong.
func parsePatterns(lines []string, from string, domain []string) (rules []rule, errs []error) {
	for _, line := range lines {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}

		lower := strings.ToLower(line)
		body := strings.TrimRight(strings.TrimPrefix(lower, "!"), " ")
		if err := checkPattern(body); err != nil {
			errs = append(errs, fmt.Errorf("ignore pattern %q: %w", line, err))
			continue
		}

		rules = append(rules, rule{
			pattern: gitignore.ParsePattern(lower, domain),
			text:    line, from: from, depth: len(domain),
			leaf: !strings.Contains(strings.TrimSuffix(body, "/"), "/"),
		})
	}

	return rules, errs
}

func checkPattern(body string) error {
	if strings.Trim(body, "/") == "" {
		return errors.New("it names nothing")
	}

	for step := range strings.SplitSeq(body, "/") {
		if _, err := filepath.Match(step, "x"); err != nil {
			return err
		}
	}

	return nil
}

// Patterns lists the rules for people, the weakest first.
func (r *Rules) Patterns() []string {
	var out []string
	if !r.noLitter {
		out = append(out, litterPatterns...)
	}

	for _, l := range [][]rule{r.tree, r.own} {
		for _, p := range l {
			out = append(out, p.String())
		}
	}

	return out
}

// Match tells whether a slash path below the root is ignored by its name or that of a folder above
// it, and by which rule.
func (r *Rules) Match(p string, dir bool) (ignored bool, rule string) {
	if p == "" || p == "." {
		return false, ""
	}

	steps := strings.Split(strings.ToLower(p), "/")
	for i := range steps {
		last := i == len(steps)-1
		if ignored, rule := r.matchLast(steps[:i+1], dir || !last); ignored {
			return true, rule
		}
	}

	return false, ""
}

// matchLast judges the last step alone. The steps are in lower case; the folders above are not
// ignored.
func (r *Rules) matchLast(steps []string, dir bool) (ignored bool, by string) {
	name := steps[len(steps)-1]
	if strings.HasPrefix(name, ".hoist") {
		return true, ".hoist*" // never taken back: sending these would send our own work
	}

	for _, list := range [][]rule{r.own, r.tree} {
		for _, p := range slices.Backward(list) {
			switch p.match(steps, dir) {
			case gitignore.Exclude:
				return true, p.String()
			case gitignore.Include:
				return r.notIncluded(steps, dir)
			case gitignore.NoMatch:
			}
		}
	}

	if !r.noLitter {
		if ok, text := litter.match(name, dir); ok {
			return true, text
		}
	}

	return r.notIncluded(steps, dir)
}

func (r *Rules) notIncluded(steps []string, dir bool) (bool, string) {
	if dir || len(r.includes) == 0 {
		return false, ""
	}

	for _, p := range r.includes {
		if p.pattern.Match(steps, false) == gitignore.Exclude {
			return false, ""
		}
	}

	return true, "not included"
}

// MatchSize tells whether a file of that many bytes is ignored, and by which rule.
func (r *Rules) MatchSize(size int64) (ignored bool, rule string) {
	switch {
	case r.minSize > 0 && size < r.minSize:
		return true, fmt.Sprintf("min-size %d", r.minSize)
	case r.maxSize > 0 && size > r.maxSize:
		return true, fmt.Sprintf("max-size %d", r.maxSize)
	}

	return false, ""
}

// MinAge is how long ago a file must have been changed to be looked at; 0 none.
func (r *Rules) MinAge() time.Duration { return r.minAge }

// At returns the rules that hold in a folder below root, with the .hoistignore files on the way to
// it. Lines that are wrong are left out and named in the error, which comes beside usable rules.
func (r *Rules) At(root, folder string) (*Rules, error) {
	at := r
	var errs []error
	for dir := range upTo(folder) {
		var err error
		if at, err = at.enter(root, dir); err != nil {
			errs = append(errs, err)
		}
	}

	return at, errors.Join(errs...)
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

// enter adds the .hoistignore file of one folder, if it has one.
func (r *Rules) enter(root, folder string) (*Rules, error) {
	from := path.Join(folder, IgnoreFile)
	f, err := openShared(filepath.Join(root, filepath.FromSlash(from)))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	} else if err != nil {
		return r, fmt.Errorf("read %s: %w", from, err)
	}

	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile))
	if err != nil {
		return r, fmt.Errorf("read %s: %w", from, err)
	}

	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.IndexByte(data, 0) >= 0 {
		return r, fmt.Errorf("read %s: it is UTF-16 or no text; save it as UTF-8", from)
	}

	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // what editors on Windows begin it with
	var domain []string
	if folder != "" {
		domain = strings.Split(strings.ToLower(folder), "/")
	}

	rules, errs := parsePatterns(strings.Split(string(data), "\n"), from, domain)
	deeper := *r
	deeper.tree = slices.Concat(r.tree, rules)
	if len(errs) > 0 {
		return &deeper, fmt.Errorf("read %s: %w", from, errors.Join(errs...))
	}

	return &deeper, nil
}

// openShared opens a file so that the programs that save it are not stopped: on Windows os.Root
// lets others rename and delete.
func openShared(name string) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer root.Close()

	return root.Open(filepath.Base(name))
}

package gitignore

import (
	"bytes"
	"slices"
	"strings"
)

// Rules are the rules of one ignore file. The zero value matches nothing.
type Rules struct {
	folder string // in canonical form, without a slash at the end; "" is the root
	letter Case
	rules  []Rule
}

// Rule is one line of an ignore file.
type Rule struct {
	Folder  string // what the file was parsed for, as given
	Line    int    // from 1
	Text    string // as git shows it: without line end and trailing blanks
	Negated bool   // it takes back
	DirOnly bool   // it ends in a slash: for folders alone
	Never   string // why it can match nothing, else ""

	pattern pattern
}

// Parse reads the lines of an ignore file that lies in a folder below the root, with slashes; "" is
// the root. It cannot fail: git too takes any bytes, and a rule that is wrong matches nothing (see
// Rule.Never). The data is UTF-8, with or without a byte order mark, and is not kept.
func Parse(folder string, data []byte, letter Case) *Rules {
	r := &Rules{folder: canonical(strings.Trim(folder, "/"), letter), letter: letter}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))

	// git adds a line end to the last line, so that a CR at the very end is cut off as well.
	line := 0
	for text := range bytes.SplitSeq(data, []byte("\n")) {
		line++
		if len(text) == 0 || text[0] == '#' {
			continue
		}

		if rule, ok := parseLine(string(text), letter); ok {
			rule.Folder, rule.Line = folder, line
			r.rules = append(r.rules, rule)
		}
	}

	return r
}

// parseLine takes a line without its LF. It reports false when nothing is left of it.
func parseLine(line string, letter Case) (Rule, bool) {
	line = strings.TrimSuffix(line, "\r") // one alone: of two the first is part of the name
	line, _, _ = strings.Cut(line, "\x00")
	line = trimBlanks(line)
	if line == "" {
		return Rule{}, false
	}

	r := Rule{Text: line}
	body := canonical(line, letter)
	body, r.Negated = strings.CutPrefix(body, "!")
	body, r.DirOnly = strings.CutSuffix(body, "/")
	r.pattern, r.Never = parsePattern(body, letter != Exact)

	return r, true
}

// trimBlanks cuts off the blanks at the end, but for one that a backslash protects. Tabs stay.
func trimBlanks(line string) string {
	end := 0 // behind the last byte that stays
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}

		end = i + 1
	}

	return line[:min(end, len(line))]
}

// All lists the rules in the order of the file. The caller does not change them.
func (r *Rules) All() []Rule { return r.rules }

// Match returns the last rule that matches a path below the root, with slashes, by this path alone
// and not by the folders above it; nil if none does. Paths outside the folder of the rules match
// nothing.
func (r *Rules) Match(path string, dir bool) *Rule {
	return r.match(canonical(path, r.letter), dir)
}

func (r *Rules) match(path string, dir bool) *Rule {
	fold := r.letter.table()
	rel := path
	if r.folder != "" {
		n := len(r.folder)
		if len(path) <= n || path[n] != '/' || !equal(r.folder, path[:n], fold) {
			return nil
		}

		rel = path[n+1:]
	}

	if rel == "" {
		return nil
	}

	name := rel[strings.LastIndexByte(rel, '/')+1:]

	for i := len(r.rules) - 1; i >= 0; i-- {
		rule := &r.rules[i]
		if rule.DirOnly && !dir {
			continue
		}

		if rule.pattern.match(rel, name, fold) {
			return rule
		}
	}

	return nil
}

// Stack holds the rules in force at a place, the weakest first: the root's, then those of each
// folder on the way down. All are parsed with the same Case. The zero value ignores nothing.
type Stack []*Rules

// Push returns a stack with stronger rules on top. The stack itself stays as it is.
func (s Stack) Push(r *Rules) Stack {
	return append(slices.Clip(s), r)
}

// Last returns the rule that decides on a path by the path alone, nil if none does. It is for
// walks, which do not descend into ignored folders: there it equals Judge and saves asking about
// the folders above.
func (s Stack) Last(path string, dir bool) *Rule {
	if len(s) == 0 {
		return nil
	}

	return s.last(canonical(path, s[0].letter), dir)
}

func (s Stack) last(path string, dir bool) *Rule {
	for _, r := range slices.Backward(s) {
		if rule := r.match(path, dir); rule != nil {
			return rule
		}
	}

	return nil
}

// Judge reports whether a path is ignored, by itself or by a folder above it, and by which rule.
// The rule is also given when it takes the path back; it is nil when no rule speaks of the path.
func (s Stack) Judge(path string, dir bool) (ignored bool, by *Rule) {
	if len(s) == 0 {
		return false, nil
	}

	path = canonical(path, s[0].letter)
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}

		if by := s.last(path[:i], true); by != nil && !by.Negated {
			return true, by
		}
	}

	by = s.last(path, dir)

	return by != nil && !by.Negated, by
}

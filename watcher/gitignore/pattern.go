package gitignore

import "strings"

// pattern is what a rule matches with, sorted by the cheapest way to find out.
type pattern struct {
	kind  kind
	fixed string // name, suffix or path; of a pathGlob what all its matches begin with
	glob  glob
}

type kind uint8

const (
	never    kind = iota
	name          // the last name of the path is fixed
	suffix        // the last name of the path ends in fixed
	nameGlob      // the last name of the path matches glob
	path          // the path is fixed
	pathGlob      // the path begins with fixed, and the rest matches glob
)

// parsePattern takes a rule without "!" in front and slash at its end. why says why the pattern
// never matches.
func parsePattern(body string, fold bool) (p pattern, why string) {
	special := strings.IndexAny(body, `*?[\`)
	switch slash := strings.IndexByte(body, '/'); {
	case strings.Trim(body, "/") == "":
		return pattern{}, "it names nothing"

	case slash < 0 && special < 0:
		return pattern{kind: name, fixed: body}, ""

	case slash < 0 && body[0] == '*' && !strings.ContainsAny(body[1:], `*?[\`):
		return pattern{kind: suffix, fixed: body[1:]}, ""

	case slash < 0:
		p.kind = nameGlob
		p.glob, why = compile(body, fold)

	case special < 0:
		body = strings.TrimPrefix(body, "/")
		if strings.HasSuffix(body, "/") || strings.HasPrefix(body, "/") || strings.Contains(body, "//") {
			return pattern{}, "it has two slashes in a row"
		}

		return pattern{kind: path, fixed: body}, ""

	default:
		// Like git we compile only what follows the fixed part, which makes two stars behind it the
		// beginning of a pattern.
		p.kind, p.fixed = pathGlob, strings.TrimPrefix(body[:special], "/")
		p.glob, why = compile(body[special:], fold)
	}

	if why != "" {
		return pattern{}, why
	}

	return p, ""
}

// match takes the path below the folder of the rules, and its last name.
func (p *pattern) match(rel, last string, fold *[256]byte) bool {
	switch p.kind {
	case name:
		return len(last) == len(p.fixed) && equal(p.fixed, last, fold)
	case suffix:
		return len(last) >= len(p.fixed) && equal(p.fixed, last[len(last)-len(p.fixed):], fold)
	case nameGlob:
		return p.glob.match(last, fold)
	case path:
		return len(rel) == len(p.fixed) && equal(p.fixed, rel, fold)
	case pathGlob:
		n := len(p.fixed)
		return len(rel) >= n && equal(p.fixed, rel[:n], fold) && p.glob.match(rel[n:], fold)
	case never:
	}

	return false
}

// equal compares strings of one length.
func equal(a, b string, fold *[256]byte) bool {
	if fold == nil {
		return a == b
	}

	for i := range len(a) {
		if fold[a[i]] != fold[b[i]] {
			return false
		}
	}

	return true
}

package gitignore

import "strings"

// parseSet takes what follows a "[" and returns the bytes that it accepts and how much of p it
// takes, "]" included.
func parseSet(p string, fold bool) (s *set, n int, why string) {
	const open = "its [ has no end"
	i, negated := 0, false
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		i, negated = 1, true
	}

	var in set
	before := byte(0) // what a range would begin with; 0 after a range or a named class
	for first := true; ; first = false {
		if i >= len(p) {
			return nil, 0, open
		}

		switch c := p[i]; {
		case c == ']' && !first:
			return accepts(in, negated, fold), i + 1, ""

		case c == '\\':
			if i++; i == len(p) {
				return nil, 0, open
			}

			in.add(p[i])
			before = p[i]
			i++

		case c == '-' && before != 0 && i+1 < len(p) && p[i+1] != ']':
			i++
			if p[i] == '\\' {
				if i++; i == len(p) {
					return nil, 0, open
				}
			}

			addRange(&in, before, p[i], fold)
			before = 0
			i++

		case c == '[' && i+1 < len(p) && p[i+1] == ':':
			end := strings.IndexByte(p[i+2:], ']')
			if end < 0 {
				return nil, 0, open
			}

			class := p[i+2 : i+2+end]
			if !strings.HasSuffix(class, ":") {
				// No class after all: the bracket is one of the bytes, and the colon comes next.
				in.add(c)
				before = c
				i++

				continue
			}

			is, ok := classes[strings.TrimSuffix(class, ":")]
			if !ok {
				return nil, 0, "it has a class of an unknown name, [:" + class + "]"
			}

			for b := range 256 {
				if is(byte(b)) || fold && class == "upper:" && isLower(byte(b)) {
					in.add(byte(b))
				}
			}

			before = 0
			i += 2 + end + 1

		default:
			in.add(c)
			before = c
			i++
		}
	}
}

// addRange adds from first to last. With fold a lower case letter is also in when its capital is.
func addRange(s *set, first, last byte, fold bool) {
	for b := range 256 {
		c := byte(b)
		if first <= c && c <= last || fold && isLower(c) && first <= c-32 && c-32 <= last {
			s.add(c)
		}
	}
}

// accepts turns the bytes listed into those that match in a name, which with fold are asked for in
// lower case.
func accepts(in set, negated, fold bool) *set {
	var out set
	for b := range 256 {
		c := byte(b)
		if fold {
			c = lower(c)
		}

		if b != '/' && in.has(c) != negated {
			out.add(byte(b))
		}
	}

	return &out
}

// classes know ASCII alone, and no vertical tab or form feed among the spaces: as git has it, in
// any locale.
var classes = map[string]func(byte) bool{
	"alnum":  func(b byte) bool { return isUpper(b) || isLower(b) || isDigit(b) },
	"alpha":  func(b byte) bool { return isUpper(b) || isLower(b) },
	"blank":  func(b byte) bool { return b == ' ' || b == '\t' },
	"cntrl":  func(b byte) bool { return b < ' ' || b == 0x7f },
	"digit":  isDigit,
	"graph":  func(b byte) bool { return ' ' < b && b < 0x7f },
	"lower":  isLower,
	"print":  func(b byte) bool { return ' ' <= b && b < 0x7f },
	"punct":  func(b byte) bool { return ' ' < b && b < 0x7f && !isUpper(b) && !isLower(b) && !isDigit(b) },
	"space":  func(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' },
	"upper":  isUpper,
	"xdigit": func(b byte) bool { return isDigit(b) || 'a' <= lower(b) && lower(b) <= 'f' },
}

func isUpper(b byte) bool { return 'A' <= b && b <= 'Z' }
func isLower(b byte) bool { return 'a' <= b && b <= 'z' }
func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func lower(b byte) byte {
	if isUpper(b) {
		b += 'a' - 'A'
	}

	return b
}

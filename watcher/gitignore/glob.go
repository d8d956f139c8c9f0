package gitignore

import "strings"

// glob is a compiled pattern with wildcards. It works on bytes, as git does: "?" is no letter of
// several bytes.
type glob []op

type op struct {
	kind opKind
	lit  byte
	set  *set
}

type opKind uint8

const (
	opLit     opKind = iota // this byte
	opAny                   // "?": any byte but a slash
	opSet                   // "[…]": a byte of a set, never a slash
	opStar                  // "*": anything without a slash
	opDeep                  // "**" at the end: anything
	opFolders               // "**/": nothing, or anything that ends in a slash
)

// set holds the bytes that a bracket accepts.
type set [4]uint64

func (s *set) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *set) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

// compile translates a pattern. With fold, letters without a backslash and outside brackets compare
// in lower case. The oddities of git are kept: with fold a name is made lower case before it is
// compared, so that neither "\A" nor "[A]" matches anything. why tells why the pattern matches
// nothing.
func compile(p string, fold bool) (g glob, why string) {
	for i := 0; i < len(p); {
		switch c := p[i]; c {
		case '*':
			end := i + 1
			for end < len(p) && p[end] == '*' {
				end++
			}

			// Two stars cross slashes only if they are all there is between two of them; else they
			// are as one.
			o, rest := op{kind: opStar}, p[end:]
			if end-i > 1 && (i == 0 || p[i-1] == '/') {
				switch {
				case rest == "" || strings.HasPrefix(rest, `\/`):
					o.kind = opDeep
				case rest[0] == '/':
					o.kind = opFolders
					end++
				}
			}

			g = append(g, o)
			i = end

		case '?':
			g = append(g, op{kind: opAny})
			i++

		case '[':
			s, n, why := parseSet(p[i+1:], fold)
			if why != "" {
				return nil, why
			}

			g = append(g, op{kind: opSet, set: s})
			i += 1 + n

		case '\\':
			if i+1 == len(p) {
				return nil, "it ends in a backslash"
			}

			if c := p[i+1]; fold && isUpper(c) {
				return nil, "a backslash before a capital letter matches nothing when case does not count"
			}

			g = append(g, op{kind: opLit, lit: p[i+1]})
			i += 2

		default:
			if fold {
				c = lower(c)
			}

			g = append(g, op{kind: opLit, lit: c})
			i++
		}
	}

	return g, ""
}

// match goes through the name once and remembers only the newest star and the newest "**": whatever
// an older one could still take, the newer one can take too. That bounds the work without any
// memory.
func (g glob) match(name string, fold *[256]byte) bool {
	star, starAt := -1, 0 // the op, and how far into the name it reaches
	deep, deepAt := -1, 0
	for i, o := 0, 0; ; {
		if o == len(g) {
			if i == len(name) {
				return true
			}
		} else {
			step := false
			switch g[o].kind {
			case opStar:
				star, starAt = o, i
				o++
				continue
			case opDeep, opFolders:
				deep, deepAt, star = o, i, -1
				o++
				continue
			case opLit:
				step = i < len(name) && g[o].lit == byteOf(name[i], fold)
			case opAny:
				step = i < len(name) && name[i] != '/'
			case opSet:
				step = i < len(name) && g[o].set.has(name[i])
			}

			if step {
				i++
				o++
				continue
			}
		}

		// A dead end: the newest star takes one byte more, or else the newest "**" does.
		switch {
		case star >= 0 && starAt < len(name) && name[starAt] != '/':
			starAt++
			i, o = starAt, star+1

		case deep >= 0 && g[deep].kind == opFolders:
			next := strings.IndexByte(name[deepAt:], '/')
			if next < 0 {
				return false
			}

			deepAt += next + 1
			i, o, star = deepAt, deep+1, -1

		case deep >= 0 && deepAt < len(name):
			deepAt++
			i, o, star = deepAt, deep+1, -1

		default:
			return false
		}
	}
}

func byteOf(b byte, fold *[256]byte) byte {
	if fold == nil {
		return b
	}

	return fold[b]
}

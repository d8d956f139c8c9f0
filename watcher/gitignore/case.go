package gitignore

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Case says how letters compare.
type Case uint8

const (
	// Exact tells "a" from "A": git with core.ignorecase=false.
	Exact Case = iota
	// ASCII takes "a" for "A", and nothing else: git with core.ignorecase=true.
	ASCII
	// Unicode takes "ä" for "Ä" as well, as NTFS and APFS do and git does not. On names and
	// patterns in ASCII it equals ASCII.
	Unicode
)

var lowerTable = func() (t [256]byte) {
	for b := range t {
		t[b] = lower(byte(b))
	}

	return t
}()

// table is nil when bytes are compared as they are.
func (c Case) table() *[256]byte {
	if c == Exact {
		return nil
	}

	return &lowerTable
}

// canonical is the form that names and patterns are compared in. Capitals in ASCII stay: git does
// not treat all of them alike.
func canonical(s string, c Case) string {
	if isASCII(s) {
		return s
	}

	s = nfc(s)
	if c == Unicode {
		s = nfc(foldLetters(s))
	}

	return s
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}

	return true
}

func nfc(s string) string {
	if norm.NFC.IsNormalString(s) {
		return s
	}

	const joiner = "\u034f"
	n := norm.NFC.String(s)
	if strings.Count(n, joiner) > strings.Count(s, joiner) {
		// The library parts long runs of marks with this character. No name is in NFC by that, so
		// leave it as it was.
		return s
	}

	return n
}

// foldLetters maps letters beyond ASCII to one case. A letter that has its other case in ASCII,
// such as the long s, stays.
func foldLetters(s string) string {
	var b strings.Builder
	b.Grow(len(s))

	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		folded := unicode.ToLower(unicode.ToUpper(r))
		if r < utf8.RuneSelf || r == utf8.RuneError || folded < utf8.RuneSelf {
			b.WriteString(s[i : i+n]) // also a byte that is no UTF-8
		} else {
			b.WriteRune(folded)
		}

		i += n
	}

	return b.String()
}

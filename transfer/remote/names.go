package remote

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The service's rules for names of files and folders (Data Management documentation): 1 to 255
// characters, none of these. Of the quote characters the two published lists name one each; both
// are refused.
const (
	maxRemoteName = 255
	// MaxDepth is how many levels of folders the service takes below a top folder.
	MaxDepth = 25
	// MaxFiles is how many files the service takes in one folder.
	MaxFiles       = 10_000
	reservedRemote = "<>:\"/\\|?*\n\r\t\x00\f¢™$®'`"
)

// blockedExtensions are those that the official bulk sample skips because ACC blocks them. The list
// may be dated, so it only warns.
var blockedExtensions = strings.Fields(`
ade adp app asp bas bat cer chm class cmd com command cpl crt csh exe fxp hex hlp hqx hta htm html
inf ini ins isp its jar job js jse ksh lnk lzh mad maf mag mam maq mar mas mau mav maw mda mde mdt
mdw mdz msc msi msp mst ocx ops pcd pkg pif prf prg ps1 pst reg scf scr sct sea sh shb shs svg tmp
url vb vbe vbs vsmacros vss vst vsw webloc ws wsc wsf wsh zlo zoo`)

// RefusedName says why the service would refuse a name; "" when it would not.
func RefusedName(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case name == "." || name == "..":
		return fmt.Sprintf("%q is no name", name)
	case !utf8.ValidString(name):
		return fmt.Sprintf("the name %q is not valid UTF-8", name)
	case utf8.RuneCountInString(name) > maxRemoteName:
		return fmt.Sprintf("the name has %d characters, the service takes %d", utf8.RuneCountInString(name),
			maxRemoteName)
	}

	if i := strings.IndexAny(name, reservedRemote); i >= 0 {
		c, _ := utf8.DecodeRuneInString(name[i:])
		return fmt.Sprintf("the service does not take %q in a name", c)
	}

	return ""
}

// Fold is a name as a service or file system sees it that has no regard for letter case and Unicode
// form: names with one Fold may be one name there.
func Fold(name string) string {
	ascii := true
	for i := range len(name) {
		ascii = ascii && name[i] < utf8.RuneSelf
	}

	if ascii {
		return strings.ToLower(name)
	}

	return norm.NFC.String(strings.Map(func(c rune) rune {
		for next := unicode.SimpleFold(c); ; next = unicode.SimpleFold(c) {
			if next <= c { // the first of the letters that differ in case alone
				return unicode.ToLower(next)
			}

			c = next
		}
	}, norm.NFD.String(name)))
}

// LikelyBlocked warns of an extension that ACC is said to block; "" when there is nothing to say.
func LikelyBlocked(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || !slices.Contains(blockedExtensions, strings.ToLower(name[i+1:])) {
		return ""
	}

	return fmt.Sprintf("the service may block files with the extension %q", name[i:])
}

// MapName makes a local name acceptable to the service by writing each reserved character as
// %XX of its UTF-8 bytes. It is reversible: a "%" that could be taken for such a code is written
// %25. Too long stays too long.
func MapName(name string) string {
	return escapeName(name, func(_ int, c rune) bool {
		return strings.ContainsRune(reservedRemote, c)
	}, remoteCode)
}

// remoteCode reports whether %XX at a place in a name is one of our codes: any byte of a reserved
// character, or of "%".
func remoteCode(_ string, _ int, c byte) bool {
	if c == '%' {
		return true
	}

	for _, r := range reservedRemote {
		if strings.IndexByte(string(r), c) >= 0 {
			return true
		}
	}

	return false
}

const upperHex = "0123456789ABCDEF"

// escapeName writes the runes that must go as %XX of their bytes, and a "%" that begins one of our
// codes too, so that unescapeName with the same rule gives the name back.
func escapeName(name string, must func(i int, c rune) bool,
	ours func(name string, i int, c byte) bool) string {
	var b strings.Builder
	for i, c := range name {
		n := utf8.RuneLen(c)
		if c == utf8.RuneError {
			_, n = utf8.DecodeRuneInString(name[i:])
		}

		escape := must(i, c)
		if c == '%' && !escape {
			code, ok := hexCode(name, i)
			escape = ok && ours(name, i, code)
		}

		if !escape {
			b.WriteString(name[i : i+n])
			continue
		}

		for _, o := range []byte(name[i : i+n]) {
			b.WriteByte('%')
			b.WriteByte(upperHex[o>>4])
			b.WriteByte(upperHex[o&15])
		}
	}

	return b.String()
}

func unescapeName(name string, ours func(name string, i int, c byte) bool) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '%' {
			if c, ok := hexCode(name, i); ok && ours(name, i, c) {
				b.WriteByte(c)
				i += 2
				continue
			}
		}

		b.WriteByte(name[i])
	}

	return b.String()
}

// hexCode reads %XX in upper case, as escapeName writes it, at name[i].
func hexCode(name string, i int) (byte, bool) {
	if i+2 >= len(name) {
		return 0, false
	}

	hi, lo := strings.IndexByte(upperHex, name[i+1]), strings.IndexByte(upperHex, name[i+2])

	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

// LocalRules are what a file system takes as a name.
type LocalRules struct {
	windows bool // reserved characters, devices, trailing dots and spaces
	Folds   bool // names that differ in case alone are one
}

// LocalRulesFor returns the rules of a GOOS.
func LocalRulesFor(goos string) LocalRules {
	return LocalRules{windows: goos == "windows", Folds: goos == "windows" || goos == "darwin"}
}

// LocalName returns the name under which a remote name is kept on disk: itself when the system can
// hold it, else with the offending bytes written as %XX, so that unescapeName can undo it. The
// result never leaves its folder, whatever the remote name. problem is set when no rule helps.
func (l LocalRules) LocalName(name string) (local, problem string) {
	local = escapeName(name, func(i int, c rune) bool { return l.offends(name, i, c) }, l.ours)
	switch {
	case local == "":
		return "", "the name is empty"
	case !utf8.ValidString(local):
		return "", fmt.Sprintf("the name %q is not valid UTF-8", name)
	case !l.windows && len(local) > 255, l.windows && len(utf16.Encode([]rune(local))) > 255:
		return "", "the name is too long for the local system"
	}

	return local, ""
}

// offends reports whether the rune at name[i] cannot stand on disk.
func (l LocalRules) offends(name string, i int, c rune) bool {
	if c == '/' || c == 0 || name == "." || name == ".." {
		return true
	}

	if !l.windows {
		return i == 0 && OwnName(name)
	}

	if c < 0x20 || strings.ContainsRune(`<>:"\|?*`, c) {
		return true
	}

	if (c == '.' || c == ' ') && strings.Trim(name[i:], ". ") == "" {
		return true
	}

	return i == 0 && (isDevice(name) || OwnName(name))
}

// ours reports whether %XX at name[i] may be one of offends' codes. It may say yes too often, which
// costs a name a longer spelling, never too seldom.
func (l LocalRules) ours(name string, i int, c byte) bool {
	switch {
	case c == '/' || c == 0 || c == '%' ||
		c == '.' && (i == 0 || strings.Trim(unescapeAll(name[i:]), ". ") == ""):
		return true
	case !l.windows:
		return false
	case c < 0x20 || strings.IndexByte(`<>:"\|?*`, c) >= 0:
		return true
	case c == ' ':
		return strings.Trim(unescapeAll(name[i:]), ". ") == ""
	}

	return i == 0 && isDevice(unescapeAll(name))
}

func unescapeAll(name string) string {
	return unescapeName(name, func(string, int, byte) bool { return true })
}

// isDevice reports whether Windows takes the name for a device, with or without an extension.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}

	if len(base) < 4 || base[:3] != "COM" && base[:3] != "LPT" {
		return false
	}

	switch base[3:] {
	case "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}

	return false
}

// TempPrefix and TempSuffix mark files of ours beside a target; the watcher ignores them by these.
const (
	TempPrefix = ".hoist-"
	TempSuffix = ".part"
)

// OwnName reports whether a remote name looks like a temporary file of ours, which a download must
// not be able to name.
func OwnName(name string) bool {
	return strings.HasPrefix(name, TempPrefix) && strings.HasSuffix(name, TempSuffix)
}

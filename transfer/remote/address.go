package remote

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Schemes of a remote address.
const (
	SchemeAPS = "aps" // aps://HUB/PROJECT/FOLDER/...[/FILE]
	SchemeOSS = "oss" // oss://BUCKET/KEY
)

// Address names a place in the cloud. For aps the steps are hub, project, folders and perhaps a
// file, each a display name or an id; for oss the first step is the bucket and the rest, joined
// with "/", is the object key, so that a key with empty parts ("a//b", "a/") survives a round trip.
// The zero value names nothing.
type Address struct {
	Scheme string
	Steps  []string // decoded names or ids, as the service spells them
}

// AddressError says why a text is no remote address.
type AddressError struct {
	Text   string
	Reason string
}

func (e *AddressError) Error() string { return fmt.Sprintf("remote address %q: %s", e.Text, e.Reason) }

// ParseAddress reads aps://… or oss://…. In a step %XX stands for one byte; only "/" and "%" need
// it. The error is an *AddressError.
func ParseAddress(text string) (Address, error) {
	fail := func(reason string) error { return &AddressError{Text: text, Reason: reason} }
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != SchemeAPS && scheme != SchemeOSS {
		return Address{}, fail("it begins neither with aps:// nor with oss://")
	}

	a := Address{Scheme: scheme}
	if rest == "" {
		return a, nil
	}

	for raw := range strings.SplitSeq(rest, "/") {
		step, err := decodeStep(raw)
		if err != nil {
			return Address{}, fail(err.Error())
		}

		a.Steps = append(a.Steps, step)
	}

	last := len(a.Steps) - 1
	switch scheme {
	case SchemeOSS:
		if a.Steps[0] == "" {
			return Address{}, fail("the bucket is missing")
		}

		if !bucketForm().MatchString(a.Steps[0]) {
			return Address{}, fail("the name of a bucket is 3 to 128 of the characters a-z 0-9 - _ .")
		}

		if last == 1 && a.Steps[1] == "" {
			a.Steps = a.Steps[:1]
		}
	case SchemeAPS:
		if last > 0 && a.Steps[last] == "" {
			a.Steps = a.Steps[:last]
		}

		if slices.Contains(a.Steps, "") {
			return Address{}, fail("a step is empty")
		}
	}

	return a, nil
}

var bucketForm = lazily(`^[-_.a-z0-9]{3,128}$`)

// lazily compiles a pattern when it is first asked for: most runs ask for few.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// decodeStep undoes %XX. A lone % is an error: guessing would make one text name two things.
func decodeStep(raw string) (string, error) {
	if strings.IndexByte(raw, 0) >= 0 {
		return "", fmt.Errorf("step %q holds a NUL byte", raw)
	}

	if !strings.Contains(raw, "%") {
		return raw, nil
	}

	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			b.WriteByte(raw[i])
			continue
		}

		if i+2 >= len(raw) {
			return "", fmt.Errorf("step %q: %% must be written %%25", raw)
		}

		hi, lo := unhex(raw[i+1]), unhex(raw[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("step %q: %% must be written %%25", raw)
		}

		c := byte(hi<<4 | lo)
		if c == 0 {
			return "", fmt.Errorf("step %q holds a NUL byte", raw)
		}

		b.WriteByte(c)
		i += 2
	}

	return b.String(), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}

	return -1
}

// encodeStep writes a step so that ParseAddress reads it back, and so that a hostile name cannot
// paint a terminal: "/", "%" and control characters are percent-encoded, everything else stands as
// it is.
func encodeStep(name string) string {
	plain := true
	for i := range len(name) {
		if c := name[i]; c == '/' || c == '%' || c < 0x20 || c == 0x7f {
			plain = false
			break
		}
	}

	if plain {
		return name
	}

	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c == '/' || c == '%' || c < 0x20 || c == 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}

	return b.String()
}

// String is the canonical text of the address; ParseAddress reads it back to an equal one.
func (a Address) String() string {
	steps := make([]string, len(a.Steps))
	for i, s := range a.Steps {
		steps[i] = encodeStep(s)
	}

	return a.Scheme + "://" + strings.Join(steps, "/")
}

// Join is the address of names below this one. A key prefix that ends in "/" is joined with one
// "/".
func (a Address) Join(names ...string) Address {
	steps := slices.Clone(a.Steps)
	if a.OSS() && len(steps) > 1 && steps[len(steps)-1] == "" {
		steps = steps[:len(steps)-1]
	}

	for _, n := range names {
		if a.OSS() {
			steps = append(steps, strings.Split(n, "/")...)
		} else {
			steps = append(steps, n)
		}
	}

	return Address{Scheme: a.Scheme, Steps: steps}
}

// Parent is the address one step up.
func (a Address) Parent() Address {
	if len(a.Steps) == 0 {
		return a
	}

	return Address{Scheme: a.Scheme, Steps: slices.Clone(a.Steps[:len(a.Steps)-1])}
}

// Base is the last step, "" when there is none.
func (a Address) Base() string {
	if len(a.Steps) == 0 {
		return ""
	}

	return a.Steps[len(a.Steps)-1]
}

// OSS reports whether the address is one of buckets and keys, and not of projects and folders.
func (a Address) OSS() bool { return a.Scheme == SchemeOSS }

// IsOSS reports whether a text is an address of buckets and keys; a local path is none.
func IsOSS(text string) bool {
	a, err := ParseAddress(text)
	return err == nil && a.OSS()
}

// Bucket is the bucket of an oss address, "" for oss:// itself and for aps.
func (a Address) Bucket() string {
	if !a.OSS() || len(a.Steps) == 0 {
		return ""
	}

	return a.Steps[0]
}

// Key is the object key (or key prefix) of an oss address, "" for the bucket itself and for aps.
func (a Address) Key() string {
	if !a.OSS() || len(a.Steps) < 2 {
		return ""
	}

	return strings.Join(a.Steps[1:], "/")
}

const uuidForm = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`

// The exact forms of ids (APS identifiers: "b." and a UUID in ACC, BIM 360 and Forma; "a." and
// base64 in Fusion and personal hubs; URNs below a project).
var (
	hubIDForm     = lazily(`^(b\.` + uuidForm + `|a\.[A-Za-z0-9+=_-]{12,})$`)
	folderIDForm  = lazily(`^urn:[A-Za-z0-9.-]+:fs\.folder:[^/?]+$`)
	lineageIDForm = lazily(`^urn:[A-Za-z0-9.-]+:dm\.lineage:[^/?]+$`)
	versionIDForm = lazily(`^urn:[A-Za-z0-9.-]+:fs\.file:[^/?]+\?version=[0-9]+$`)
)

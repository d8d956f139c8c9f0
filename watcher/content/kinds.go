package content

import (
	"bytes"
	"regexp"
	"sync"
)

// kind is a format.
type kind struct {
	name string
	// how a file begins: the release, when the head tells it, and whether it fits; nil: that is not
	// documented
	head func(head []byte) (release string, fits bool)
}

// kinds are by extension.
var kinds = map[string]kind{}

func init() {
	for _, k := range []struct {
		kind
		extensions []string
	}{
		{kind{"dwg", dwg}, []string{"dwg", "dwt", "dws"}},
		{kind{"dxf", dxf}, []string{"dxf"}},
		{kind{"revit", begins(compoundMagic)}, []string{"rvt", "rfa", "rte", "rft"}},
		{kind{"inventor", begins(compoundMagic)}, []string{"ipt", "iam", "idw", "ipn"}},
		{kind{"step", step}, []string{"ifc", "stp", "step"}},
		{kind{"pdf", pdf}, []string{"pdf"}},
		{kind{"zip", begins("PK\x03\x04", "PK\x05\x06", "PK\x07\x08")},
			[]string{"zip", "ifczip", "dwfx", "bcf", "bcfzip", "docx", "docm", "xlsx", "xlsm",
				"pptx", "pptm", "vsdx", "3mf", "kmz", "f3d", "f3z"}},
		{kind{"dwf", begins("(DWF V", "PK\x03\x04")}, []string{"dwf"}},
		{kind{"jpeg", begins("\xff\xd8\xff")}, []string{"jpg", "jpeg"}},
		{kind{"png", begins("\x89PNG\r\n\x1a\n")}, []string{"png"}},
		{kind{"tiff", begins("II*\x00", "MM\x00*", "II+\x00", "MM\x00+")}, []string{"tif", "tiff"}},
		{kind{"gif", begins("GIF87a", "GIF89a")}, []string{"gif"}},
		{kind{"sketchup", sketchup}, []string{"skp"}},
		{kind{"rhino", rhino}, []string{"3dm"}},
		{kind{"e57", begins("ASTM-E57")}, []string{"e57"}},
		{kind{"las", begins("LASF")}, []string{"las", "laz"}},
		{kind{name: "navisworks"}, []string{"nwd", "nwc", "nwf"}},
		{kind{name: "recap"}, []string{"rcp", "rcs"}},
		{kind{name: "dgn"}, []string{"dgn"}},
	} {
		for _, e := range k.extensions {
			kinds[e] = k.kind
		}
	}
}

const compoundMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

func begins(with ...string) func([]byte) (string, bool) {
	return func(head []byte) (string, bool) {
		for _, w := range with {
			if bytes.HasPrefix(head, []byte(w)) {
				return "", true
			}
		}

		return "", false
	}
}

var (
	dwgRelease = lazily(`^AC(\d{4}|\d\.\d{1,2})`)
	acadVer    = lazily(`\$ACADVER\s+1\s+(AC\d{4})`)
	acadVerBin = lazily(`\$ACADVER\x00\x01\x00?(AC\d{4})`)
)

// dwg: the name of a release, of which those before R13 ("AC1.2", "AC2.10", "AC1009") say less.
func dwg(head []byte) (string, bool) {
	release := dwgRelease().Find(head)
	return string(release), release != nil
}

// dxf is text, which begins with a group code and may begin with comments, or has a binary form.
func dxf(head []byte) (string, bool) {
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	release := ""
	for _, at := range []*regexp.Regexp{acadVer(), acadVerBin()} {
		if m := at.FindSubmatch(text); m != nil {
			release = string(m[1])
		}
	}

	if bytes.HasPrefix(text, []byte("AutoCAD Binary DXF\r\n\x1a\x00")) {
		return release, true
	}

	code, _, _ := bytes.Cut(bytes.TrimLeft(text, " \t\r\n"), []byte("\n"))
	code = bytes.TrimSpace(code)

	return release, string(code) == "0" || string(code) == "999"
}

func step(head []byte) (string, bool) {
	return "", bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"), []byte("ISO-10303-21;"))
}

// lazily compiles a pattern when it is first asked for: most runs ask for few.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// pdf: readers take a header anywhere in the first kilobyte.
func pdf(head []byte) (string, bool) {
	return "", bytes.Contains(head[:min(len(head), 1<<10)], []byte("%PDF-"))
}

var sketchupRelease = lazily(`\{(\d+)\.`)

// sketchup is a text of two bytes a character, "SketchUp Model", and one with the release.
func sketchup(head []byte) (string, bool) {
	if !bytes.HasPrefix(head, []byte("\xff\xfe\xff")) {
		return "", false
	}

	plain := bytes.ReplaceAll(head[:min(len(head), 256)], []byte{0}, nil)
	if !bytes.Contains(bytes.ToLower(plain), []byte("sketchup model")) {
		return "", false
	}

	if m := sketchupRelease().FindSubmatch(plain); m != nil {
		return string(m[1]), true
	}

	return "", true
}

// rhino: a title of 24 characters and the release in eight.
func rhino(head []byte) (string, bool) {
	const title, length = "3D Geometry File Format ", 32
	if len(head) < length || !bytes.HasPrefix(head, []byte(title)) {
		return "", false
	}

	return string(bytes.TrimSpace(head[len(title):length])), true
}

package content

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"hoist/watcher/whole"
)

// Sign is what makes a file doubtful.
type Sign string

// The signs.
const (
	OtherKind    Sign = "other-kind"
	Zeros        Sign = "zeros"
	CutOff       Sign = "cut-off"
	LocalCopy    Sign = "local-copy"
	NewerRelease Sign = "newer-release"
)

var sentences = map[Sign]string{
	OtherKind:    "it does not begin as a file of its extension does",
	Zeros:        "it begins with nothing but zeros",
	CutOff:       "its format says that its end is missing",
	LocalCopy:    "it says of itself that it is a local copy of a central model",
	NewerRelease: "it was saved by a newer release than the version before",
}

// Sentence says of a file, for people, what its sign is; "" of no sign.
func (s Sign) Sentence() string { return sentences[s] }

// Report is what the bytes of a file tell.
type Report struct {
	Kind    string // that it begins as; "" none that is known
	Release string // "" not told
	Sign    Sign   // "" none; never NewerRelease, which two reports make
}

// Broken reports whether a file has lost the beginning of its kind.
func (r Report) Broken() bool { return r.Sign == OtherKind || r.Sign == Zeros }

// HalfWritten reports whether waiting may help.
func (r Report) HalfWritten() bool { return r.Sign == CutOff || r.Sign == Zeros }

// unfit is the mark of what was judged and begins as no kind that is known.
const unfit = "-"

// Mark is the kind and release as a text.
func (r Report) Mark() string {
	if r.Kind == "" {
		return unfit
	}

	return strings.TrimSpace(r.Kind + " " + r.Release)
}

// Fitted reports whether a mark is of content that began as its kind, or of which nothing is known.
func Fitted(mark string) bool { return mark != unfit }

// NewerThan reports whether a file was saved by a newer release than content with a mark.
func (r Report) NewerThan(mark string) bool {
	kind, release, _ := strings.Cut(mark, " ")
	if kind != r.Kind || release == "" || r.Release == "" {
		return false
	}

	a, errA := strconv.Atoi(release)
	b, errB := strconv.Atoi(r.Release)
	if errA == nil && errB == nil {
		return b > a
	}

	return r.Release > release
}

// Most is how many bytes of a file are read at most.
const Most = 64 << 10

const headSize = 4 << 10

// errEnough ends a look that would read more than that.
var errEnough = errors.New("enough was read")

// reader reads no more than it may, and the head once.
type reader struct {
	r    io.ReaderAt
	head []byte
	left int
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if end := off + int64(len(p)); off >= 0 && end <= int64(len(r.head)) {
		return copy(p, r.head[off:end]), nil
	}

	if r.left -= len(p); r.left < 0 {
		return 0, errEnough
	}

	return r.r.ReadAt(p, off)
}

// Judged reports whether a name promises a kind whose beginning is documented.
func Judged(name string) bool {
	k, known := kindOf(name)
	return known && k.head != nil
}

func kindOf(name string) (kind, bool) {
	k, known := kinds[strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))]
	return k, known
}

// Judge reads what tells whether a file of size bytes is what its name, or path, says. The error is
// that of a read.
func Judge(name string, size int64, r io.ReaderAt) (Report, error) {
	k, known := kindOf(name)
	if !known || size <= 0 {
		return Report{}, nil
	}

	in := &reader{r: r, left: Most - headSize}
	head := make([]byte, min(size, headSize))
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Report{}, err
	}

	in.head = head[:n]

	var out Report
	switch {
	case n < len(head):
		return Report{Sign: CutOff}, nil // it became shorter
	case len(bytes.Trim(head, "\x00")) == 0:
		return Report{Sign: Zeros}, nil
	case k.head != nil:
		release, fits := k.head(head)
		if !fits {
			return Report{Sign: OtherKind}, nil
		}

		out.Kind, out.Release = k.name, release
	}

	if k.name == "revit" {
		info := basicFileInfo(in, head, size)
		out.Release = info.release
		if info.local {
			out.Sign = LocalCopy
		}
	}

	verdict, err := whole.Judge(name, size, in)
	if errors.Is(err, errEnough) {
		return out, nil
	}

	if verdict == whole.Torn {
		out.Sign = CutOff
	}

	return out, err
}

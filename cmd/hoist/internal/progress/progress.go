package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// State is how far something is; the zero value of a field means unknown.
type State struct {
	Files, FilesDone int
	Bytes, BytesDone int64
	Rate             int64 // bytes a second
	ETA              time.Duration
	DecidedBy        string // what the ETA depends on
	Waiting          string // why nothing moves
}

// lineEvery is the time between two lines when there is no terminal.
const lineEvery = 5 * time.Second

// Reporter shows progress. It is used by one goroutine at a time. The zero value shows nothing.
type Reporter struct {
	out  io.Writer // nil: silent
	bar  *progressbar.ProgressBar
	tty  bool
	last time.Time // of the last line
	said string
}

// New returns a reporter to out, which shows nothing when quiet.
func New(out io.Writer, quiet bool) *Reporter {
	if quiet {
		return &Reporter{}
	}

	f, ok := out.(*os.File)

	return &Reporter{out: out, tty: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

// Show brings the display up to date.
func (r *Reporter) Show(s State) {
	switch {
	case r.out == nil:
	case r.tty:
		r.showBar(s)
	case time.Since(r.last) >= lineEvery:
		r.last = time.Now()
		r.line(Line(s))
	}
}

// Say prints a line between the progress, once for each text in a row.
func (r *Reporter) Say(text string) {
	if r.out == nil || text == r.said {
		return
	}

	r.said = text
	r.Clear()
	r.line(text)
}

func (r *Reporter) line(text string) { fmt.Fprintln(r.out, "hoist: "+text) }

// Clear takes a bar off the terminal, so that something else can be printed.
func (r *Reporter) Clear() {
	if r.bar != nil {
		_ = r.bar.Clear() // a terminal that has gone shows nothing anyway
		r.bar = nil
	}
}

func (r *Reporter) showBar(s State) {
	if r.bar == nil {
		r.bar = progressbar.NewOptions64(max(s.Bytes, 1), progressbar.OptionSetWriter(r.out),
			progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true), progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24), progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false))
	}

	r.bar.Describe(fmt.Sprintf("%d/%d files, %s of %s%s", s.FilesDone, s.Files, size(s.BytesDone),
		size(s.Bytes), tail(s)))
	r.bar.ChangeMax64(max(s.Bytes, 1))
	_ = r.bar.Set64(min(s.BytesDone, max(s.Bytes, 1)))
}

func tail(s State) string {
	if s.Waiting != "" {
		return ", " + s.Waiting
	}

	if s.ETA > 0 {
		return ", " + Remaining(s.ETA, s.DecidedBy)
	}

	return ""
}

// Line says in one line how far it is.
func Line(s State) string {
	parts := []string{
		fmt.Sprintf("%d of %d files", s.FilesDone, s.Files),
		fmt.Sprintf("%s of %s", size(s.BytesDone), size(s.Bytes)),
	}
	if s.Rate > 0 {
		parts = append(parts, humanize.IBytes(uint64(s.Rate))+"/s")
	}

	if s.ETA > 0 {
		parts = append(parts, Remaining(s.ETA, s.DecidedBy))
	}

	if s.Waiting != "" {
		parts = append(parts, s.Waiting)
	}

	return strings.Join(parts, ", ")
}

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// Remaining is a time ahead and what decides it, for people.
func Remaining(d time.Duration, by string) string {
	d = d.Round(time.Second)
	if d > time.Hour {
		d = d.Round(time.Minute)
	}

	text := d.String()
	text += " left"
	if by != "" {
		text += " (" + by + " decides)"
	}

	return text
}

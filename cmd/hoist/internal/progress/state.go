package progress

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// State is how far something is; the zero value of a field means unknown. Times are shown in their
// own zone.
type State struct {
	Looking          bool   // nothing is planned yet: what is there is looked at
	Doing            string // what a command does that counts nothing; "": it counts
	Files, FilesDone int
	Attention        int   // of the files that are done with, those that need a person
	Bytes, BytesDone int64 // those that are stored count, whatever becomes of their file
	Rate             int64 // bytes a second
	Calls            int64 // of the service
	ETA              time.Duration
	DecidedBy        string // what the ETA depends on
	// a limit that lets no call through now: how many it does a minute, and when the next one is
	PerMinute int
	Next      time.Time
	Wait      Wait
	Slowest   []File
}

// Wait is what the files that do not move wait for.
type Wait struct {
	Why   string // "": nothing waits
	Files int
	Since time.Time
	Next  time.Time // attempt
}

// File is one of those that take the longest. Names have no control characters.
type File struct {
	Path             string
	Phase            string
	Bytes, BytesDone int64
	Rate             int64
	ETA              time.Duration
	Tries            int    // that failed since something went well
	Why              string // what it waits for after that
	Next             time.Time
}

// fileWeight is what a file counts beside its bytes, for its calls take time whatever its size.
const fileWeight = 1 << 20

// percent is the share of the work that is done; all of it only when every file is.
func (s State) percent() int {
	done := s.BytesDone + int64(s.FilesDone)*fileWeight
	total := s.Bytes + int64(s.Files)*fileWeight
	if total <= 0 {
		return 0
	}

	most := 100
	if s.FilesDone < s.Files {
		most = 99
	}

	return min(max(int(float64(done)/float64(total)*100), 0), most)
}

// counted are the numbers of the first line.
func (s State) counted(elapsed time.Duration) []string {
	if s.Looking {
		return []string{"looking at what is there", elapsed.Round(time.Second).String()}
	}

	if s.Doing != "" {
		return []string{s.Doing, elapsed.Round(time.Second).String()}
	}

	return []string{
		fmt.Sprintf("%d/%s", s.FilesDone, plural(int64(s.Files), "file")),
		size(s.BytesDone) + "/" + size(s.Bytes), plural(s.Calls, "call"), elapsed.Round(time.Second).String(),
	}
}

// ahead is what is still to come.
func (s State) ahead() []string {
	var out []string
	if s.Attention > 0 {
		verb := "need"
		if s.Attention == 1 {
			verb = "needs"
		}

		out = append(out, fmt.Sprintf("%d %s attention", s.Attention, verb))
	}

	if s.Rate > 0 {
		out = append(out, size(s.Rate)+"/s")
	}

	if s.ETA > 0 {
		out = append(out, Remaining(s.ETA, s.DecidedBy))
	}

	return out
}

// limit says which limit lets no call through, and until when.
func (s State) limit() string {
	if s.PerMinute == 0 {
		return ""
	}

	text := fmt.Sprintf("%s allows %d calls a minute", s.DecidedBy, s.PerMinute)
	if s.Next.IsZero() {
		return text + ", the next after an answer"
	}

	return text + ", the next at " + s.Next.Format(time.TimeOnly)
}

// text says what is waited for in so many cells (0: as many as it takes). In a narrow window the
// time of the next attempt stays longest.
func (w Wait) text(cells int) string {
	if w.Why == "" {
		return ""
	}

	files, since, next := "", "", ""
	if w.Files > 0 {
		files = " (" + plural(int64(w.Files), "file") + ")"
	}

	if !w.Since.IsZero() {
		since = ", since " + w.Since.Format(time.TimeOnly)
	}

	if !w.Next.IsZero() {
		next = ", next attempt at " + w.Next.Format(time.TimeOnly)
	}

	short, _, _ := strings.Cut(w.Why, ";")
	for _, text := range []string{w.Why + files + since + next, short + files + since + next,
		short + files + next} {
		if cells == 0 || cellsOf(text) <= cells {
			return text
		}
	}

	return fit(short, max(cells-cellsOf(next), cells/3)) + next
}

// line says all but the single files in one line.
func (s State) line(elapsed time.Duration) string {
	parts := append(s.counted(elapsed), s.ahead()...)
	for _, p := range []string{s.limit(), s.Wait.text(0)} {
		if p != "" {
			parts = append(parts, p)
		}
	}

	return strings.Join(parts, ", ")
}

// phases are the words for what a job does, by the last durable fact.
var phases = map[string]string{
	"queued": "starting", "reserved": "starting", "uploading": "uploading", "uploaded": "completing",
	"completed": "publishing", "publishing": "publishing", "published": "publishing",
	"resolved": "starting", "fetching": "downloading", "verified": "placing", "placed": "placing",
}

// doing says what is done with a file, and if there is room why it is done again.
func (f File) doing(why bool) string {
	what := cmp.Or(phases[f.Phase], f.Phase)
	if f.Tries > 0 {
		text := what + " again"
		if !f.Next.IsZero() {
			text += " at " + f.Next.Format(time.TimeOnly)
		}

		switch {
		case f.Bytes <= 0:
		case f.BytesDone >= f.Bytes:
			text += ", all " + size(f.Bytes) + " stored"
		default:
			text += ", " + size(f.BytesDone) + " of " + size(f.Bytes) + " stored"
		}

		if why && f.Why != "" {
			text += ": " + f.Why
		}

		return text
	}

	if f.Bytes <= 0 || f.BytesDone >= f.Bytes || f.Phase != "uploading" && f.Phase != "fetching" {
		return what
	}

	parts := []string{fmt.Sprintf("%s %d%% of %s", what, f.BytesDone*100/f.Bytes, size(f.Bytes))}
	if f.Rate > 0 {
		parts = append(parts, size(f.Rate)+"/s")
	}

	if f.ETA > 0 {
		parts = append(parts, Remaining(f.ETA, ""))
	}

	return strings.Join(parts, ", ")
}

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}

	return fmt.Sprintf("%d %ss", n, what)
}

// unitAbove is what a duration ends with whose last unit is none, once that is cut off.
var unitAbove = map[string]string{"0s": "m", "0m": "h"}

// Remaining is a time ahead and what decides it, for people.
func Remaining(d time.Duration, by string) string { return span(d) + " left" + decided(by) }

// Estimated is how long something will take and what decides it, for people.
func Estimated(d time.Duration, by string) string { return "about " + span(d) + decided(by) }

func decided(by string) string {
	if by == "" {
		return ""
	}

	return " (" + by + " decides)"
}

// span is a duration in units that matter.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	if d > time.Hour {
		d = d.Round(time.Minute)
	}

	text := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if before, ok := strings.CutSuffix(text, zero); ok && strings.HasSuffix(before, unitAbove[zero]) {
			text = before
		}
	}

	return text
}

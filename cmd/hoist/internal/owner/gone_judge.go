package owner

import (
	"slices"
	"time"
)

const (
	goneWithin = 10 * time.Minute // what is hidden within this time is bounded
	rootRests  = 10 * time.Minute // how long a root must be there until what is missing in it is removed
	goneMost   = 50               // files hidden at once, and
	gonePart   = 10               // at most one of so many
)

// goneRecord is what a watch remembers of the files that it hid because they were removed.
type goneRecord struct {
	Hidden []hiddenFiles // within goneWithin
	Held   *heldFiles    // those that are not hidden until somebody says so; nil: none
	Passed int           // so many somebody let pass, once
}

type hiddenFiles struct {
	At    time.Time
	Files int
}

// heldFiles is a decision that somebody has to make.
type heldFiles struct {
	At        time.Time
	Files, Of int
	Recent    int // hidden right before
}

// goneLook is what a look at the files of a watch found.
type goneLook struct {
	now    time.Time
	whole  bool      // the last scan read everything, and the root is there and in no doubt
	since  time.Time // the root is there; zero: always
	files  int       // published
	gone   int       // of those
	most   *int      // that may be hidden at once; nil: by default
	record goneRecord
}

// judge decides whether the files that are gone are hidden, all or none. While the root is in doubt the
// record stays as it is.
func (l goneLook) judge() (hide bool, rec goneRecord) {
	rec = l.record
	if !l.whole || !l.since.IsZero() && l.now.Sub(l.since) < rootRests {
		return false, rec
	}

	rec.Hidden = slices.DeleteFunc(slices.Clone(rec.Hidden), func(h hiddenFiles) bool {
		return l.now.Sub(h.At) >= goneWithin
	})
	recent := 0
	for _, h := range rec.Hidden {
		recent += h.Files
	}

	held, passed := rec.Held, rec.Passed
	if held != nil {
		recent = held.Recent // time alone does not heal it
	}

	bound := max(min((l.files+recent)/gonePart, goneMost), 1)
	if l.most != nil {
		bound = *l.most
	}

	rec.Held, rec.Passed = nil, 0
	switch {
	case l.gone == 0:
		return false, rec
	case l.gone <= passed: // it counts for nothing that happens by itself
		return true, rec
	case recent+l.gone <= bound:
		rec.Hidden = append(rec.Hidden, hiddenFiles{l.now.UTC(), l.gone})
		return true, rec
	}

	rec.Held = &heldFiles{At: l.now.UTC(), Files: l.gone, Of: l.files, Recent: recent}
	if held != nil {
		rec.Held.At = held.At
	}

	return false, rec
}

// missing is what speaks for and against it that a published file was removed.
type missing struct {
	there    bool // it is there, or nobody can say
	excluded bool // the rules leave it out, or cannot tell
	unproven bool // it was adopted, and nothing has proved that the cloud has what was here
	unhidden bool // it was to be hidden, and something or somebody spoke against it
	underWay bool // a job is about to move or send it
	shared   bool // another watch that sends to the same folder has the file, or nobody can say
}

// removed reports whether its item is to be hidden.
func (m missing) removed() bool { return m == missing{} }

package owner

import (
	"time"
)

// A brake stops a watch whose files turn into something else in numbers: a script or an encryptor
// rewrites them. It counts rewrites of published files alone; new ones, as of a first sync, are
// none.
const (
	brakeWindow = 10 * time.Minute
	brakeFiles  = 10 // broken ones that are let pass
	brakePart   = 5  // that part of those rewritten may be broken: 20 %
	// rewritten files of kinds that cannot be judged that are let pass in a day, though the watch
	// never saw as many
	brakeDay = 500
)

// rewrite is a state that has settled of a file that was published before.
type rewrite struct {
	rel    string
	broken bool // it has lost the beginning of its kind
	blind  bool // nothing is known of its kind
	before int  // number of the version before, 0 unknown
}

// rewrites are those of one watch. The zero value is ready.
type rewrites struct {
	recent map[string]recentRewrite
	day    string          // of the two that follow
	today  map[string]bool // files; true: blind ones
	most   int             // files that were rewritten in a day, as far as known
}

type recentRewrite struct {
	at     time.Time
	broken bool
	since  time.Time // it is broken since then
	whole  int       // number of the version before that
}

// trip is why a brake stops a watch.
type trip struct {
	files   []string // slash paths
	whole   []int    // of each, the number of the last version that was not broken, 0 unknown
	changed int      // files that were rewritten in the time, these included
	since   time.Time
	blind   bool // files is all that was rewritten in a day of kinds that cannot be judged
}

// judge takes note of what has settled now; not nil: it is not to be sent.
func (w *rewrites) judge(now time.Time, batch []rewrite) *trip {
	if day := now.UTC().Format(time.DateOnly); day != w.day {
		w.most = max(w.most, len(w.today))
		w.day, w.today = day, map[string]bool{}
	}

	if w.recent == nil {
		w.recent = map[string]recentRewrite{}
	}

	for _, c := range batch {
		one := recentRewrite{at: now, broken: c.broken, since: now, whole: c.before}
		if was := w.recent[c.rel]; was.broken {
			one.since, one.whole = was.since, was.whole
		}

		w.recent[c.rel] = one
		w.today[c.rel] = c.blind
	}

	broken := trip{since: now}
	for rel, c := range w.recent {
		switch {
		case now.Sub(c.at) > brakeWindow:
			delete(w.recent, rel)
		case c.broken:
			broken.files, broken.whole = append(broken.files, rel), append(broken.whole, c.whole)
			if c.since.Before(broken.since) {
				broken.since = c.since
			}
		}
	}

	broken.changed = len(w.recent)
	if n := len(broken.files); n > brakeFiles && n*brakePart > broken.changed {
		return &broken
	}

	blind := trip{blind: true, changed: len(w.today), since: now.UTC().Truncate(24 * time.Hour)}
	for rel, b := range w.today {
		if b {
			blind.files = append(blind.files, rel)
		}
	}

	if len(blind.files) > max(brakeDay, w.most) {
		return &blind
	}

	return nil
}

package owner

import (
	"maps"
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
	// files of the day that are known by name after a start; of more, each process counts its own
	keptToday = 2 * brakeDay
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
	day    string          // of today and before
	today  map[string]bool // files; true: blind ones
	most   int             // files that were rewritten in a day, as far as known

	// of processes before: files of the same day beside those in today, and those that were not broken, by
	// minute
	before dayCount
	fine   map[int64]int
}

type dayCount struct{ files, blind int }

// keptRewrites is what of rewrites outlives a process: a start in the middle of a mass change is none of
// its beginning.
type keptRewrites struct {
	Most         int
	Day          string
	Today        map[string]bool        `json:",omitempty"` // files of the day; true: blind ones
	Files, Blind int                    // of the day, beside those
	Broken       map[string]keptRewrite `json:",omitempty"`
	Fine         map[int64]int          `json:",omitempty"` // others of the window, by minute
}

type keptRewrite struct {
	At, Since time.Time
	Whole     int
}

// restore takes up what a process before has kept.
func (w *rewrites) restore(k keptRewrites) {
	*w = rewrites{recent: map[string]recentRewrite{}, day: k.Day, today: map[string]bool{}, most: k.Most,
		before: dayCount{k.Files, k.Blind}, fine: k.Fine}
	maps.Copy(w.today, k.Today)
	for rel, c := range k.Broken {
		w.recent[rel] = recentRewrite{at: c.At, broken: true, since: c.Since, whole: c.Whole}
	}
}

// keep is what has to outlive the process; worth: it says more than nothing.
func (w *rewrites) keep() (k keptRewrites, worth bool) {
	count := w.count()
	k = keptRewrites{Most: w.most, Day: w.day, Today: map[string]bool{}, Files: w.before.files,
		Blind: w.before.blind, Broken: map[string]keptRewrite{}, Fine: maps.Clone(w.fine)}
	if k.Fine == nil {
		k.Fine = map[int64]int{}
	}

	for rel, blind := range w.today {
		switch {
		case len(k.Today) < keptToday:
			k.Today[rel] = blind
		case blind:
			k.Blind++
			fallthrough
		default:
			k.Files++
		}
	}

	for rel, c := range w.recent {
		if c.broken {
			k.Broken[rel] = keptRewrite{c.at.UTC(), c.since.UTC(), c.whole}
		} else {
			k.Fine[c.at.Unix()/60]++
		}
	}

	return k, len(k.Broken) > 0 || count.files > w.most || count.blind > brakeDay/10
}

// passed is what remains when somebody let go on what there was.
func (k keptRewrites) passed() keptRewrites {
	return keptRewrites{Most: k.Most, Day: k.Day, Files: k.Files + len(k.Today)}
}

// count is of the files of the day.
func (w *rewrites) count() dayCount {
	n := dayCount{w.before.files + len(w.today), w.before.blind}
	for _, blind := range w.today {
		if blind {
			n.blind++
		}
	}

	return n
}

type recentRewrite struct {
	at     time.Time
	broken bool
	since  time.Time // it is broken since then
	whole  int       // number of the version before that
}

// trip is why a brake stops a watch.
type trip struct {
	files   []string // slash paths, as far as known
	count   int      // of them
	whole   []int    // of each, the number of the last version that was not broken, 0 unknown
	changed int      // files that were rewritten in the time, these included
	since   time.Time
	blind   bool // files is all that was rewritten in a day of kinds that cannot be judged
}

// judge takes note of what has settled now; not nil: it is not to be sent.
func (w *rewrites) judge(now time.Time, batch []rewrite) *trip {
	if day := now.UTC().Format(time.DateOnly); day != w.day {
		w.most = max(w.most, w.count().files)
		w.day, w.today, w.before = day, map[string]bool{}, dayCount{}
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
	for minute, n := range w.fine {
		if now.Sub(time.Unix(60*minute, 0)) > brakeWindow {
			delete(w.fine, minute)
		} else {
			broken.changed += n
		}
	}

	broken.count = len(broken.files)
	if n := broken.count; n > brakeFiles && n*brakePart > broken.changed {
		return &broken
	}

	count := w.count()
	blind := trip{blind: true, count: count.blind, changed: count.files,
		since: now.UTC().Truncate(24 * time.Hour)}
	for rel, b := range w.today {
		if b {
			blind.files = append(blind.files, rel)
		}
	}

	if count.blind > max(brakeDay, w.most) {
		return &blind
	}

	return nil
}

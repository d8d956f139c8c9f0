package watcher

import (
	"slices"
	"strings"
	"time"
)

// What a pending path waits for.
const (
	WaitSettling = "settling"      // it changed a moment ago
	WaitLock     = "lock-beside"   // a lock file beside it says that somebody has it open
	WaitBusy     = "never-settles" // it has not rested since SettleCap
	WaitAge      = "min-age"       // it is younger than the rules ask for
	WaitWriter   = "being-written" // a program has it open for writing
	WaitTorn     = "unfinished"    // its format says that its last bytes are missing
	WaitRules    = "rules-unclear" // a rule file above it rests, or is not understood
)

// Wait is what some of the pending paths wait for.
type Wait struct {
	Why   string    // one of the causes above
	Lock  string    // slash path of the lock, of WaitLock
	Count int       // paths
	Since time.Time // first observed change of the one that waits longest
	Until time.Time // the next look at one of them
	Paths []string  // slash paths; of WaitSettling a few, else those that were looked at
}

// Bounds of what a status tells of many pending paths.
const (
	waitsLooked = 1000 // paths that are looked at; the others count as those that settle
	waitsLocks  = 20   // locks that are told apart
	waitsPaths  = 5    // paths that are named of those that settle
)

// waits groups the pending paths by what they wait for.
func (s *settler) waits(now time.Time) []Wait {
	groups := map[[2]string]*Wait{}
	looked := 0
	for path, p := range s.pending {
		if looked++; looked > waitsLooked {
			break
		}

		why := s.why(p, now)
		id := [2]string{why, p.lock}
		if why != WaitLock || len(groups) > waitsLocks {
			id[1] = ""
		}

		w := groups[id]
		if w == nil {
			w = &Wait{Why: why, Lock: id[1], Since: p.first, Until: p.next}
			groups[id] = w
		}

		w.Count++
		w.Since, w.Until = earlierOf(w.Since, p.first), earlierOf(w.Until, p.next)
		if why != WaitSettling || len(w.Paths) < waitsPaths {
			w.Paths = append(w.Paths, path)
		}
	}

	if rest := len(s.pending) - waitsLooked; rest > 0 && groups[[2]string{WaitSettling}] != nil {
		groups[[2]string{WaitSettling}].Count += rest
	}

	out := make([]Wait, 0, len(groups))
	for _, w := range groups {
		slices.Sort(w.Paths)
		out = append(out, *w)
	}

	slices.SortFunc(out, func(a, b Wait) int { return strings.Compare(a.Why+a.Lock, b.Why+b.Lock) })

	return out
}

func (s *settler) why(p *pending, now time.Time) string {
	switch {
	case p.busy:
		return WaitBusy
	case p.held:
		return WaitRules
	case p.unfinished != "":
		return p.unfinished
	case p.lock != "":
		return WaitLock
	case !p.gone && s.minAge > 0 && now.Sub(p.last) >= p.pace.quiet:
		return WaitAge
	}

	return WaitSettling
}

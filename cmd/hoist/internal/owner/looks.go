package owner

import (
	"sync"
	"time"

	"hoist/watcher"
)

// freshLook is how old a look at the configuration or at the rule files of a folder may be that a
// step goes by. The call of the step takes longer, so a file saved so late could not have held it
// anyway; and the small files of a folder, some hundred a second, share a look.
const freshLook = 20 * time.Millisecond

// mostLooks is how many looks at folders are kept.
const mostLooks = 256

// looks are what was looked at a moment ago. The zero value is ready; safe for concurrent use.
type looks struct {
	mu      sync.Mutex
	turn    int // grows with each forget; guarded by mu
	rested  time.Time
	folders map[lookedAt]foundRules
}

type lookedAt struct {
	book   *watcher.Book
	folder string
}

type foundRules struct {
	rules *watcher.Rules
	began time.Time
}

// fresh reports whether a look that began then may still be gone by. Neither may one of the future,
// after the clock was set back.
func fresh(began, now time.Time) bool {
	age := now.Sub(began)
	return age >= 0 && age < freshLook
}

// forget makes every look to come a new one, those under way among them.
func (l *looks) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn++
	l.rested = time.Time{}
	clear(l.folders)
}

// configuration calls look, which returns how long the configuration has to rest yet, unless one found
// it at rest a moment ago.
func (l *looks) configuration(now time.Time, look func() time.Duration) time.Duration {
	l.mu.Lock()
	turn, is := l.turn, fresh(l.rested, now)
	l.mu.Unlock()
	if is {
		return 0
	}

	wait := look()
	l.mu.Lock()
	defer l.mu.Unlock()

	if wait == 0 && turn == l.turn {
		l.rested = now
	}

	return wait
}

// at is the book's At, unless somebody asked for the same a moment ago.
func (l *looks) at(book *watcher.Book, folder string, now time.Time) *watcher.Rules {
	key := lookedAt{book, folder}
	l.mu.Lock()
	turn, found := l.turn, l.folders[key]
	l.mu.Unlock()
	if found.rules != nil && fresh(found.began, now) {
		return found.rules
	}

	rules := book.At(folder)
	l.mu.Lock()
	defer l.mu.Unlock()

	switch {
	case turn != l.turn:
		return rules
	case l.folders == nil:
		l.folders = map[lookedAt]foundRules{}
	case len(l.folders) >= mostLooks:
		clear(l.folders)
	}

	l.folders[key] = foundRules{rules, now}

	return rules
}

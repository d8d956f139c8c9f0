package watcher

import (
	"context"
	"sync"
)

// notifier is a source of notices. There are two: the operating system, and a test's own.
type notifier interface {
	// add makes sure that notices about the names of a folder arrive. *noticesError when there will
	// be none.
	add(folder string) error
	// drop stops the notices of a folder, which is gone or has another path now, and of all below
	// it.
	drop(folder string)
	// ready receives a value when take has something.
	ready() <-chan struct{}
	// take returns the paths since the last call. Doubt: some were lost.
	take() (paths map[string]notice, doubt bool)
	// run pumps notices until ctx ends and releases what the notifier holds.
	run(ctx context.Context)
}

// ender is a notifier whose notices the system may end by itself, as inotify does with the disk that
// a folder is on.
type ender interface {
	// ended returns which of these folders were added and are without notices now.
	ended(folders []string) []string
}

// notice is what is known of a path beside the fact that something happened.
type notice struct {
	touched bool // not merely its attributes
	created bool // it appeared
	left    bool // it went away, though something may have taken its place
}

// noticesError says why the system gives no notices.
type noticesError struct {
	err    error
	advice string // what a person can do; "" nothing
}

func (e *noticesError) Error() string {
	if e.advice == "" {
		return e.err.Error()
	}

	return e.err.Error() + ": " + e.advice
}

func (e *noticesError) Unwrap() error { return e.err }

// noticesMax bounds the paths that wait to be taken; beyond it a scan is cheaper.
const noticesMax = 100_000

// collector gathers notices until they are taken.
type collector struct {
	wake  chan struct{} // capacity 1
	mu    sync.Mutex
	paths map[string]notice // guarded by mu
	doubt bool              // guarded by mu
}

func newCollector() collector {
	return collector{wake: make(chan struct{}, 1), paths: map[string]notice{}}
}

func (c *collector) ready() <-chan struct{} { return c.wake }

func (c *collector) take() (map[string]notice, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	paths, doubt := c.paths, c.doubt
	c.paths, c.doubt = map[string]notice{}, false

	return paths, doubt
}

// note adds what happened to a slash path.
func (c *collector) note(p string, n notice) {
	c.mu.Lock()
	if len(c.paths) >= noticesMax {
		c.doubt = true
	} else {
		old := c.paths[p]
		c.paths[p] = notice{old.touched || n.touched, old.created || n.created, old.left || n.left}
	}

	c.mu.Unlock()
	c.signal()
}

// lose notes that something was lost.
func (c *collector) lose() {
	c.mu.Lock()
	c.doubt = true
	c.mu.Unlock()
	c.signal()
}

func (c *collector) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

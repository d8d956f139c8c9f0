package watcher

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// notifier is a source of notices. There are two: the operating system, and a test's own.
type notifier interface {
	// add makes sure that notices about the names of a folder arrive. *limitError when the system has no room for more.
	add(folder string) error
	// drop stops the notices of a folder, which is gone or has another path now, and of all below it.
	drop(folder string)
	// ready receives a value when take has something.
	ready() <-chan struct{}
	// take returns the paths since the last call. Doubt: some were lost.
	take() (paths map[string]notice, doubt bool)
	// run pumps notices until ctx ends and releases what the notifier holds.
	run(ctx context.Context)
}

// notice is what is known of a path beside the fact that something happened.
type notice struct {
	touched bool // not merely its attributes
	created bool // it appeared
	left    bool // it went away, though something may have taken its place
}

// limitError says that the system's room for watched folders is used up.
type limitError struct{ err error }

func (e *limitError) Error() string {
	return "no room for more watched folders (" + e.err.Error() + "): " + limitAdvice
}

func (e *limitError) Unwrap() error { return e.err }

// noticesMax bounds the paths that wait to be taken; beyond it a scan is cheaper.
const noticesMax = 100_000

// osNotifier gets its notices from fsnotify, which is not recursive: each folder is added by itself.
type osNotifier struct {
	root string
	w    *fsnotify.Watcher
	wake chan struct{} // capacity 1

	mu      sync.Mutex
	paths   map[string]notice // guarded by mu
	doubt   bool              // guarded by mu
	folders map[string]bool   // added; guarded by mu
}

func newOSNotifier(root string) (notifier, error) {
	w, err := fsnotify.NewBufferedWatcher(4096)
	if err != nil {
		if isLimit(err) {
			return nil, &limitError{err}
		}
		return nil, err
	}
	return &osNotifier{root: root, w: w, wake: make(chan struct{}, 1), paths: map[string]notice{}, folders: map[string]bool{}}, nil
}

func (n *osNotifier) add(folder string) error {
	err := n.w.Add(join(n.root, folder))
	if err != nil && isLimit(err) {
		return &limitError{err}
	}
	if err == nil {
		n.mu.Lock()
		n.folders[folder] = true
		n.mu.Unlock()
	}
	return err
}

func isLimit(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func (n *osNotifier) drop(folder string) {
	n.mu.Lock()
	var gone []string
	if n.folders[folder] {
		for f := range n.folders {
			if below(folder, f) {
				gone = append(gone, f)
				delete(n.folders, f)
			}
		}
	}
	n.mu.Unlock()
	for _, f := range gone {
		_ = n.w.Remove(join(n.root, f)) // the system may have removed it with its folder
	}
}

func (n *osNotifier) ready() <-chan struct{} { return n.wake }

func (n *osNotifier) take() (map[string]notice, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	paths, doubt := n.paths, n.doubt
	n.paths, n.doubt = map[string]notice{}, false
	return paths, doubt
}

func (n *osNotifier) run(ctx context.Context) {
	defer n.w.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-n.w.Events:
			if !ok {
				return
			}
			n.note(ev)
		case err, ok := <-n.w.Errors:
			if !ok {
				return
			}
			// fs.ErrNotExist: a folder went while its events were read. Everything else, an overflow first of all, is doubt.
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, os.ErrClosed) {
				n.mu.Lock()
				n.doubt = true
				n.mu.Unlock()
				n.signal()
			}
		}
	}
}

func (n *osNotifier) note(ev fsnotify.Event) {
	rel, err := filepath.Rel(n.root, ev.Name)
	if err != nil {
		return
	}
	p := filepath.ToSlash(rel)
	if p == "." {
		p = ""
	}
	n.mu.Lock()
	if len(n.paths) >= noticesMax {
		n.doubt = true
	} else {
		old := n.paths[p]
		n.paths[p] = notice{
			touched: old.touched || ev.Op&^fsnotify.Chmod != 0,
			created: old.created || ev.Has(fsnotify.Create),
			left:    old.left || ev.Has(fsnotify.Remove) || ev.Has(fsnotify.Rename),
		}
	}
	n.mu.Unlock()
	n.signal()
}

func (n *osNotifier) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

//go:build !windows

package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/fsnotify/fsnotify"

	"hoist/watcher/disk"
)

// osNotifier gets its notices from fsnotify, which is not recursive: each folder is added by
// itself.
type osNotifier struct {
	collector
	root    string
	w       *fsnotify.Watcher
	folders map[string]bool // added; guarded by mu
}

func newOSNotifier(root string) (notifier, error) {
	w, err := fsnotify.NewBufferedWatcher(4096)
	if err != nil {
		return nil, limited(err)
	}

	return &osNotifier{collector: newCollector(), root: root, w: w, folders: map[string]bool{}}, nil
}

func (n *osNotifier) add(folder string) error {
	name := join(n.root, folder)

	// fsnotify keeps its lock while the system adds a folder: one that does not answer is found by a
	// look before.
	err := disk.Do(name, disk.Patience, func() error {
		if _, err := os.Lstat(name); err != nil {
			return err
		}

		return n.w.Add(name)
	})
	if err != nil {
		return limited(err)
	}

	n.mu.Lock()
	defer n.mu.Unlock()
	n.folders[folder] = true

	return nil
}

// limited translates what the system says when its room for watched folders is used up.
func limited(err error) error {
	for _, e := range []error{syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, e) {
			return &noticesError{fmt.Errorf("no room for more watched folders (%w)", err), limitAdvice}
		}
	}

	return err
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

	_ = disk.Do(join(n.root, folder), disk.Patience, func() error {
		for _, f := range gone {
			_ = n.w.Remove(join(n.root, f)) // the system may have removed it with its folder
		}

		return nil
	})
}

// ended asks for the list of fsnotify, which tells nobody that a disk went with what was watched on it.
func (n *osNotifier) ended(folders []string) []string {
	list, err := disk.Ask(n.root, disk.Patience, func() ([]string, error) { return n.w.WatchList(), nil })
	if err != nil {
		return nil // the look at the root says so
	}

	has := make(map[string]bool, len(list))
	for _, name := range list {
		has[name] = true
	}

	n.mu.Lock()
	defer n.mu.Unlock()

	return slices.DeleteFunc(slices.Clone(folders), func(f string) bool {
		return !n.folders[f] || has[join(n.root, f)]
	})
}

func (n *osNotifier) run(ctx context.Context) {
	defer func() { _ = disk.Do(n.root, disk.Patience, n.w.Close) }()

	for {
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-n.w.Events:
			if !ok {
				return
			}

			n.event(ev)
		case err, ok := <-n.w.Errors:
			if !ok {
				return
			}

			// fs.ErrNotExist: a folder went while its events were read. Everything else, an
			// overflow first of all, is doubt.
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, os.ErrClosed) {
				n.lose()
			}
		}
	}
}

func (n *osNotifier) event(ev fsnotify.Event) {
	rel, err := filepath.Rel(n.root, ev.Name)
	if err != nil {
		return
	}

	p := filepath.ToSlash(rel)
	if p == "." {
		p = ""
	}

	n.note(p, notice{
		touched: ev.Op&^fsnotify.Chmod != 0,
		created: ev.Has(fsnotify.Create),
		left:    ev.Has(fsnotify.Remove) || ev.Has(fsnotify.Rename),
	})
}

package watcher

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"hoist/watcher/disk"
)

// rootEvery is how often the root is looked at: whether it is there, and still the same folder.
const rootEvery = 3 * time.Second

// rootLook is what one look at the root found.
type rootLook struct {
	err    error             // why it cannot be watched; nil: it is there and can be read
	id     fileID            // of the folder that the path leads to
	bare   bool              // it holds nothing, not even the marker
	mounts map[string]string // what is mounted below it, by slash path: ids of the mounts
	moves  int               // of mounts anywhere, so far
}

// fileID names a folder for as long as it exists: device and inode, or volume and file id.
type fileID struct{ dev, ino uint64 }

var (
	errNoFolder = errors.New("it is not a folder")
	errBare     = errors.New("it is empty, without the marker that hoist left there: is its disk mounted?")
)

// lookAtRoot looks at a root. It returns after disk.Patience at the latest.
func lookAtRoot(root, marker string) rootLook {
	l, err := disk.Ask(root, disk.Patience, func() (rootLook, error) {
		id, err := idNow(root)
		if err != nil {
			return rootLook{}, err
		}

		l := rootLook{id: id, mounts: mountsBelow(root), moves: disk.MountChanges()}
		l.bare, err = isBare(root, marker)

		return l, err
	})
	l.err = err

	return l
}

// idOf identifies the folder that a path leads to.
func idOf(path string) (fileID, error) {
	return disk.Ask(path, disk.Patience, func() (fileID, error) { return idNow(path) })
}

// isBare reports whether a folder holds neither the marker that was left in it nor anything else
// but what a file system is made with.
func isBare(root, marker string) (bool, error) {
	dir, err := os.Open(root)
	if err != nil {
		return false, err
	}
	defer dir.Close()

	if info, err := dir.Stat(); err != nil || !info.IsDir() {
		return false, errors.Join(err, errNoFolder)
	}

	if marker == "" {
		return false, nil
	}

	if _, err := os.Lstat(join(root, marker)); err == nil {
		return false, nil
	}

	names, err := dir.Readdirnames(2)
	if errors.Is(err, io.EOF) {
		err = nil
	}

	names = slices.DeleteFunc(names, func(name string) bool { return name == "lost+found" })

	return len(names) == 0, err
}

// guard looks at the root from time to time and sends what it sees. It says itself that the root
// cannot be watched: the loop may be waiting for the same disk.
func (r *run) guard(ctx context.Context) {
	tick := time.NewTicker(rootEvery)
	defer tick.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}

		now := lookAtRoot(r.root, r.cfg.Marker)
		if now.err != nil {
			r.setStatus(func(s *Status) { s.State, s.Detail = StateUnavailable, now.err.Error() })
		}

		select {
		case r.roots <- now:
		case <-ctx.Done():
			return
		}
	}
}

// sound looks whether the root is there and the one that is watched: only then what is missing in
// it is gone.
func (r *run) sound(ctx context.Context) bool {
	r.rootSeen(ctx, lookAtRoot(r.root, r.cfg.Marker))
	return !r.down
}

// rootSeen takes a look at the root. One that went takes its notices along; one that is another
// folder than before, or is back, is scanned from the start, with notices of its own.
func (r *run) rootSeen(ctx context.Context, now rootLook) {
	if now.err == nil && now.bare && r.tracked > 0 {
		now.err = errBare
	}

	was := r.seenRoot
	r.seenRoot = now
	r.setStatus(func(s *Status) { s.Mounts = slices.Sorted(maps.Keys(now.mounts)) })
	ended := r.notesEnded(now, was)
	switch {
	case now.err != nil:
		if !r.down {
			r.log.Warn("folder not available", "error", now.err)
		}

		r.down = true
		r.setStatus(func(s *Status) { s.State, s.scanDetail = StateUnavailable, now.err.Error() })
	case r.down || now.id != was.id || slices.Contains(ended, ""):
		r.log.Info("folder is scanned from the start: it is back, or another one than before")
		r.down = false
		r.there()
		r.setStatus(func(s *Status) { s.scanDetail = "" })
		r.dropNotes()
		r.startNotes(ctx)
		r.wantScan("", true)
	case len(ended) > 0 || !maps.Equal(now.mounts, was.mounts):
		r.there()
		for _, folder := range ended {
			r.wantScan(folder, false)
		}

		for folder, id := range now.mounts {
			if was.mounts[folder] != id {
				r.wantScan(folder, false)
			}
		}

		for folder := range was.mounts {
			if _, ok := now.mounts[folder]; !ok {
				r.wantScan(folder, false)
			}
		}
	}
}

// notesEnded returns the root, as "", and the mounts below it whose notices the system has ended. A disk that
// is unmounted and mounted again between two looks has the ids that it had, and takes its notices along. They
// are asked for when something was mounted or unmounted, and once more, as the notifier may be late.
func (r *run) notesEnded(now, was rootLook) []string {
	if now.moves != was.moves {
		r.askNotes = 2
	}

	e, ok := r.notes.(ender)
	if now.err != nil || r.askNotes == 0 || !ok {
		return nil
	}

	r.askNotes--

	return e.ended(append(slices.Sorted(maps.Keys(now.mounts)), ""))
}

// there notes that the root, or a part of it, is there only now.
func (r *run) there() {
	r.setStatus(func(s *Status) { s.Since, s.Whole = time.Now(), false })
}

// dropNotes ends the notices that there are.
func (r *run) dropNotes() {
	if r.notes != nil {
		r.stopNotes()
		r.notes = nil
	}
}

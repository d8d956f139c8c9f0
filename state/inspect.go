package state

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hoist/state/boltfile"
)

// inspect looks at the whole structure of an existing file before bbolt maps it, some 0.1 s for 100
// MB, unless it is as it was when it was closed well. What bbolt could not survive is a *DamagedError
// here. It holds the lock meanwhile, as the file of a living owner is always in motion.
func inspect(path, owner string, wait time.Duration) error {
	f, err := lockFile(path, owner, wait)
	if errors.Is(err, os.ErrNotExist) {
		return lost(path, "missing")
	}

	if err != nil {
		return err
	}

	defer func() {
		_ = unlock(f) // Windows takes its time when the file is only closed
		_ = f.Close()
	}()
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open state %s: %w", path, err)
	}

	if fi.Size() == 0 {
		return lost(path, "empty") // nil: bbolt makes a new one
	}

	if closedWell(path, f) {
		return nil
	}

	metas, problems := boltfile.ReadMetas(f)
	var found []string
	if len(metas) == 0 {
		found = problems
	} else {
		// One torn meta page is what a power cut may leave: the other one says where
		// the state before that commit is.
		found = structure(boltfile.NewTree(f, fi.Size(), metas[0]))
	}

	switch {
	case len(found) == 0:
		return nil
	case boltfile.NeverUsed(f, fi.Size(), metas) && len(traces(path)) == 0:
		return f.Truncate(0)
	}

	return &DamagedError{Path: path, Detail: found[0]}
}

// structure returns what is wrong with the tree, sorted by bucket.
func structure(t *boltfile.Tree) []string {
	sv := salvage{problems: t.Buckets(func(string) boltfile.Visit { return nil })}

	return append(sv.problemList(), t.Free()...)
}

// notAFile says of a path at which something other than a file is: what bbolt would wait for, write
// to or read without end.
func notAFile(path string) error {
	what := ""
	switch fi, err := os.Stat(path); {
	case err == nil && fi.Mode().IsRegular(), errors.Is(err, os.ErrPermission):
		return nil // the open tells
	case err == nil && fi.IsDir():
		what = "a folder"
	case err == nil:
		what = "a device or pipe"
	case isLink(path):
		what = "a link that leads to no file"
	default:
		return nil
	}

	return &DamagedError{Path: path, Detail: "it is " + what}
}

func isLink(path string) bool {
	fi, err := os.Lstat(path)
	return err == nil && fi.Mode()&os.ModeSymlink != 0
}

// lockFile opens the file for reading and writing with bbolt's lock, or says after the time given
// who holds it. What is no file is a *DamagedError.
func lockFile(path, owner string, wait time.Duration) (*os.File, error) {
	if err := notAFile(path); err != nil {
		return nil, err
	}

	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, err
		}

		return nil, fmt.Errorf("open state: %w", err)
	}

	for end := time.Now().Add(wait); ; time.Sleep(25 * time.Millisecond) {
		ok, err := tryLock(f)
		switch {
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("lock state %s: %w", path, err)
		case ok:
			if !nameless(f) {
				return f, nil
			}

			f.Close()

			return lockFile(path, owner, wait)
		case time.Now().After(end):
			f.Close()
			return nil, lockedError(path, owner)
		}
	}
}

// traces lists what a state leaves beside itself, newest first: its copy, what a repair or a
// rebuild put away or did not finish, exported receipts. Beside them no state starts empty without
// a word.
func traces(path string) []string {
	type trace struct {
		path string
		at   time.Time
	}
	var found []trace
	add := func(dir string, ours func(name string) bool) {
		entries, _ := os.ReadDir(dir) // what cannot be read is no trace
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && ours(e.Name()) {
				found = append(found, trace{filepath.Join(dir, e.Name()), info.ModTime()})
			}
		}
	}
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	add(dir, func(n string) bool { return strings.HasPrefix(n, name+".") && n != name+closedSuffix })
	add(filepath.Join(dir, "receipts"), func(n string) bool { return strings.HasSuffix(n, ".jsonl") })
	last := func(t trace) int { // of two of one time, what a repair wrote is the newer one
		if t.path == path+repairedSuffix {
			return 0
		}

		return 1
	}
	slices.SortFunc(found, func(a, b trace) int {
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(last(a), last(b)))
	})

	out := make([]string, len(found))
	for i, t := range found {
		out[i] = t.path
	}

	return out
}

// lost is a *DamagedError if a state that is not there, or empty, was there before.
func lost(path, how string) error {
	left := traces(path)
	if len(left) == 0 {
		return nil
	}

	return &DamagedError{Path: path,
		Detail: fmt.Sprintf("it is %s, and %s is there from before", how, filepath.Base(left[0]))}
}

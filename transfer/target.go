package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hoist/state"
	"hoist/transfer/remote"
)

// target is the local end of a download: a file below the folder that was asked for. Its own folder
// was reached through os.Root, so that neither a remote name nor a link in the way leads out of that.
type target struct {
	root *os.Root // the file's own folder
	dir  string   // its absolute path
	name string
	temp string // name of the temporary file, in the same folder

	// where what lies under the name is moved to for a moment, on file systems that cannot exchange
	// two names
	aside string
	plain bool // tests: such a file system, which has no rename that refuses and no leases either
}

// openTarget opens the folder of a download, making what is missing.
func openTarget(job state.Job) (*target, error) {
	t := &target{dir: filepath.Dir(job.Path), name: filepath.Base(job.Path),
		temp:  remote.TempPrefix + string(job.ID) + remote.TempSuffix,
		aside: remote.TempPrefix + string(job.ID) + ".old" + remote.TempSuffix}
	base := t.dir
	for range job.Target.Dirs {
		base = filepath.Dir(base)
	}

	sub, err := filepath.Rel(base, t.dir)
	if err != nil || !filepath.IsLocal(sub) {
		return nil, needsPerson(ReasonNameRefused, "%q does not lie below %q", job.Path, base)
	}

	if t.root, err = openFolder(base, os.MkdirAll, os.OpenRoot); err != nil || sub == "." {
		return t, err
	}

	asked := t.root
	defer asked.Close()

	t.root, err = openFolder(sub, asked.MkdirAll, asked.OpenRoot)

	return t, err
}

// barredError tells of what stands where a folder of a download is to be: a file, or a link, which is
// not followed below the folder that was asked for. Nil: nothing does.
func barredError(job state.Job) error {
	for n := range job.Target.Dirs {
		dir := filepath.Dir(job.Path)
		for range len(job.Target.Dirs) - 1 - n {
			dir = filepath.Dir(dir)
		}

		info, err := lookAt(dir)
		if err != nil {
			return nil //nolint:nilerr // nothing stands there that can be named
		}

		if !info.IsDir() {
			what := "file"
			if !info.Mode().IsRegular() {
				what = describeMode(info.Mode())
			}

			return needsPerson(ReasonNotAFile, "fetch %q: %q is a %s, where a folder is needed", job.Path,
				dir, what)
		}
	}

	return nil
}

// moved reports whether the folder has its path no more: somebody renamed it, or put another in its
// place.
func (t *target) moved() bool {
	there, err := os.Stat(t.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}

	ours, ourErr := t.root.Stat(".")

	return err == nil && ourErr == nil && !os.SameFile(there, ours)
}

// openFolder opens a folder, and makes it when that fails: mostly an earlier file has made it.
func openFolder(path string, makeAll func(string, os.FileMode) error,
	open func(string) (*os.Root, error)) (*os.Root, error) {
	if root, err := open(path); err == nil {
		return root, nil
	}

	if err := makeAll(path, 0o777); err != nil {
		return nil, err
	}

	return open(path)
}

func (t *target) Close() error { return t.root.Close() }

func (t *target) tempPath() string { return filepath.Join(t.dir, t.temp) }

// createTemp makes a new temporary file with room for size bytes, so that a full disk shows
// before anything is fetched. It is for the caller to remove it after an error.
func (t *target) createTemp(size int64) (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := t.root.OpenFile(t.temp, flags, 0o666)
	if errors.Is(err, fs.ErrExist) {
		_ = t.root.Remove(t.temp)
		f, err = t.root.OpenFile(t.temp, flags, 0o666)
	}

	if err != nil {
		return nil, err
	}

	if err := preallocate(f, size); err != nil {
		f.Close()
		return nil, fmt.Errorf("make room for %d bytes in %q: %w", size, t.dir, err)
	}

	return f, nil
}

// openTemp opens the temporary file of an earlier run; errTempLost when it is not there as it was
// left.
func (t *target) openTemp(size int64) (*os.File, error) {
	f, err := t.root.OpenFile(t.temp, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errTempLost
	}

	if err != nil {
		return nil, err
	}

	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != size {
		f.Close()
		return nil, errTempLost
	}

	return f, nil
}

// look opens what has a name in the target's folder, and says what it is: the error is
// fs.ErrNotExist when there is nothing, and one with ReasonNotAFile when it is no regular file. A
// link is not followed.
func (t *target) look(name string) (*os.File, state.Snapshot, error) {
	info, err := t.root.Lstat(name)
	if err != nil {
		return nil, state.Snapshot{}, err
	}

	path := filepath.Join(t.dir, name)
	if !info.Mode().IsRegular() {
		return nil, state.Snapshot{}, needsPerson(ReasonNotAFile, "%q is a %s", path,
			describeMode(info.Mode()))
	}

	f, err := t.root.OpenFile(name, os.O_RDONLY|openNoBlock, 0)
	if err != nil {
		return nil, state.Snapshot{}, err
	}

	snap, err := state.SnapshotFile(f)
	if err != nil {
		f.Close()
		return nil, state.Snapshot{}, err
	}

	return f, snap, nil
}

// nameNew gives what has the name from the name to, both in the target's folder; fs.ErrExist when
// that is taken. When the file system has neither a rename that refuses nor links, a look has to
// do.
func (t *target) nameNew(from, to string) error {
	err := errors.ErrUnsupported
	if !t.plain {
		err = renameNoReplace(t.root, from, to)
	}

	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}

	if err = t.root.Link(from, to); err == nil {
		return t.root.Remove(from)
	}

	if errors.Is(err, fs.ErrExist) {
		return err
	}

	switch _, err := t.root.Lstat(to); {
	case err == nil:
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}

	return t.root.Rename(from, to)
}

// exchange swaps two names; errors.ErrUnsupported when the file system cannot.
func (t *target) exchange(a, b string) error {
	if t.plain {
		return errors.ErrUnsupported
	}

	return exchange(t.root, a, b)
}

// hold is holdWrites.
func (t *target) hold(f *os.File) (h writeHold, written bool) {
	if t.plain {
		return writeHold{}, false
	}

	return holdWrites(f)
}

// named is the state of the file f, which has its name now.
func (t *target) named(f *os.File) (state.Snapshot, error) {
	if replaceableWhileOpen {
		return state.SnapshotFile(f)
	}

	at, snap, err := t.look(t.name)
	if err != nil { // its user has renamed, deleted or replaced it already
		return state.Snapshot{}, nil //nolint:nilerr // that is no state of ours
	}

	return snap, at.Close()
}

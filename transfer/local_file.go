package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/watcher/disk"
)

// LocalFile reads a file that other programs go on using: they may write, rename, replace and
// delete it at any time, and the reader has to notice that they did. On systems where no file can
// be moved over an open one (Windows), it is open only while a read lasts, and the reads are of
// what has its path. Safe for concurrent use.
//
// Nothing here waits for a dead disk, except a read from a disk of this machine: see onDisk.
type LocalFile struct {
	path string
	id   string   // the file's id, "" unknown
	held *os.File // nil: opened for each read
	far  bool     // held lies on a network, or behind a program
}

// readPatience is how long one read of a file may take.
const readPatience = 30 * time.Second

// OpenLocal opens a file for reading. The file is of no use after Close, which may be called once.
func OpenLocal(path string) (*LocalFile, error) { return openLocal(path, replaceableWhileOpen) }

func openLocal(path string, hold bool) (*LocalFile, error) {
	return disk.Ask(path, disk.Patience, func() (*LocalFile, error) { return openNow(path, hold) })
}

// openNow may wait for a dead disk.
func openNow(path string, hold bool) (*LocalFile, error) {
	f, err := openShared(path)
	if err != nil {
		return nil, err
	}

	if hold {
		return &LocalFile{path: path, held: f, far: isFar(f)}, nil
	}

	s, err := state.SnapshotFile(f)

	return &LocalFile{path: path, id: s.FileID}, errors.Join(err, f.Close())
}

// Close ends the use of the file.
func (l *LocalFile) Close() error {
	switch {
	case l.held == nil:
		return nil
	case l.far: // it waits for the reads that were given up
		go l.held.Close()
		return nil
	}

	return l.held.Close()
}

// Snapshot is what the file looks like now.
func (l *LocalFile) Snapshot() (state.Snapshot, error) {
	if l.held != nil && !l.far { // the system has it in memory
		return state.SnapshotFile(l.held)
	}

	return disk.Ask(l.path, disk.Patience, func() (state.Snapshot, error) {
		if l.held == nil {
			return state.SnapshotPath(l.path)
		}

		return state.SnapshotFile(l.held)
	})
}

// snapshotPath is [state.SnapshotPath] that waits for no dead disk.
func snapshotPath(path string) (state.Snapshot, error) {
	return disk.Ask(path, disk.Patience, func() (state.Snapshot, error) { return state.SnapshotPath(path) })
}

// grain is the step of the times of a file: two changes within it may leave the same time.
func grain(s state.Snapshot) time.Duration {
	at := s.ChangeTime
	if at.IsZero() {
		at = s.ModTime
	}

	if at.Nanosecond() == 0 {
		return 2 * time.Second // whole seconds, on FAT even ones
	}

	return 20 * time.Millisecond // a tick of the kernel's clock, and a spare one
}

// ripens is how long it takes until every further change moves the times of a state. A time in the
// future says nothing, so that only a rest from now on counts.
func ripens(s state.Snapshot, now time.Time) time.Duration {
	last := s.ChangeTime // nobody can set it
	if last.IsZero() {
		last = s.ModTime
	}

	age := max(now.Sub(last), 0)

	return max(grain(s)-age, 0)
}

// mappedFor is how long after a change pages of a file may be written through memory without
// another time: the system cleans them, and sees the next store, after about half a minute.
const mappedFor = 2 * time.Minute

// ripe looks at the file, and waits until what it looks like is old enough to tell any further
// change, also one through memory. The error is one to wait upon when it does not rest that long.
func (l *LocalFile) ripe(ctx context.Context) (state.Snapshot, error) {
	snap, err := l.Snapshot()
	if err != nil {
		return snap, err
	}

	if l.held != nil && time.Since(snap.ModTime) < mappedFor {
		err := disk.Do(l.path, readPatience, func() error { cleanPages(l.held); return nil })
		if err != nil {
			return snap, err
		}

		if snap, err = l.Snapshot(); err != nil {
			return snap, err
		}
	}

	wait := ripens(snap, time.Now())
	if wait == 0 {
		return snap, nil
	}

	if err := apsclient.Sleep(ctx, wait); err != nil {
		return snap, err
	}

	now, err := l.Snapshot()
	if err == nil && !now.Same(snap) {
		err = &waitError{Code: ReasonChanging, After: 2 * time.Second,
			Err: fmt.Errorf("read %q: it was written a moment ago", l.path)}
	}

	return now, err
}

// ReadAt reads as [io.ReaderAt] does. It is an error when another file has the path by now.
func (l *LocalFile) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case l.far:
		return l.readFar(p, off)
	case l.held != nil:
		return l.held.ReadAt(p, off)
	}

	f, err := openShared(l.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()

	switch now, err := state.SnapshotFile(f); {
	case err != nil:
		return 0, err
	case !sameFile(now, state.Snapshot{FileID: l.id}):
		return 0, fmt.Errorf("read %q: another file has its name by now", l.path)
	}

	return f.ReadAt(p, off)
}

// readFar reads into a buffer of its own: a read that is given up may still be answered.
func (l *LocalFile) readFar(p []byte, off int64) (read int, err error) {
	for read < len(p) && err == nil {
		buf := copyBuffers.Get().(*[]byte)
		size, at := min(len(p)-read, copyBuffer), off+int64(read)
		var n int
		n, err = disk.Ask(l.path, readPatience, func() (int, error) {
			return l.held.ReadAt((*buf)[:size], at)
		})
		if errors.Is(err, disk.ErrSilent) {
			break
		}

		read += copy(p[read:], (*buf)[:n])
		copyBuffers.Put(buf)
	}

	return read, err
}

// aheadReader reads up to end by the copy buffer, for a reader with a small buffer and a file that
// is opened for each read.
type aheadReader struct {
	r   io.ReaderAt
	end int64

	mu  sync.Mutex // a connection that is given up may still read while the next one begins
	buf []byte
	at  int64 // where buf begins
}

func (a *aheadReader) ReadAt(p []byte, off int64) (n int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()

	for n < len(p) {
		at := off + int64(n)
		if at < a.at || at >= a.at+int64(len(a.buf)) {
			if err := a.fill(at); err != nil {
				return n, err
			}
		}

		n += copy(p[n:], a.buf[at-a.at:])
	}

	return n, nil
}

func (a *aheadReader) fill(at int64) error {
	size := min(copyBuffer, a.end-at)
	if size <= 0 {
		return io.EOF
	}

	if a.buf == nil {
		a.buf = make([]byte, copyBuffer)
	}

	n, err := a.r.ReadAt(a.buf[:size], at)
	a.buf, a.at = a.buf[:n], at
	if n > 0 {
		return nil
	}

	return err
}

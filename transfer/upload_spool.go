package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// quietForSpool is how long a pushed file must not have been written before a snapshot of it is
// taken.
const quietForSpool = time.Second

// errNoClone says that the file system has no copy-on-write copies.
var errNoClone = errors.New("the file system cannot clone")

// errSpoolFull says that a copy would take more room than SpoolMax leaves.
var errSpoolFull = errors.New("the spool has no room")

// spoolPath is where the snapshot of a job lies. Its name tells the state of the file too: a job
// that has not begun to send takes up newer ones.
func (e *Engine) spoolPath(job state.Job) string {
	s := job.Snapshot
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %d %s", s.Size, s.ModTime.UnixNano(),
		s.ChangeTime.UnixNano(),
		s.FileID))

	return filepath.Join(e.cfg.Spool, fmt.Sprintf("%s-%x.snapshot", job.ID, sum[:8]))
}

// spoolOwner is the job that a file in the spool belongs to.
func spoolOwner(name string) state.JobID {
	id, _, _ := strings.Cut(name, "-")
	return state.JobID(id)
}

// spool takes a snapshot of a file whose last try was given up because it changed, once it has
// settled: a clone when the file system has them, else a copy bounded by SpoolMax. The snapshot
// has its name only when it is whole, stored and of the job's snapshot, so its existence is all that
// a resumed job asks for.
func (e *Engine) spool(ctx context.Context, job state.Job) error {
	if job.Changes == 0 && job.Unrest.IsZero() {
		return nil
	}

	if _, err := os.Stat(e.spoolPath(job)); err == nil && e.cfg.Spool != "" {
		return nil
	}

	src, err := e.openSource(ctx, job)
	if err != nil {
		return err
	}
	defer src.Close()

	short, err := e.settled(job, src, time.Now())
	if err != nil || e.cfg.Spool == "" || job.Changes == 0 {
		return err
	}

	quiet := time.Since(job.Snapshot.ModTime)
	if !job.Watched() && quiet >= 0 && quiet < quietForSpool {
		return &waitError{Code: ReasonChanging, After: 2 * (quietForSpool - quiet),
			Err: fmt.Errorf("read %q: it was written a moment ago", job.Path)}
	}

	e.unspooled.Store(false)
	if err := os.MkdirAll(e.cfg.Spool, 0o700); err != nil {
		return fmt.Errorf("spool: %w", err)
	}

	return e.keepCopy(ctx, job, src, short)
}

// keepCopy copies the source into the spool, and keeps what it was at one moment. No room means that
// the file is read in place, but for one whose rest was short.
func (e *Engine) keepCopy(ctx context.Context, job state.Job, src *source, short bool) error {
	before, err := src.f.Snapshot()
	if err != nil {
		return sourceError(job, err)
	}

	path := e.spoolPath(job) + ".part"
	defer func() { _ = e.effect("remove the copy", func() error { return os.Remove(path) }) }()
	err = e.copyState(ctx, path, src)
	switch noRoom := errors.Is(err, errSpoolFull) || errors.Is(err, syscall.ENOSPC) || isDiskFull(err); {
	case noRoom && short:
		return e.neverSettles(job)
	case errors.Is(err, errSpoolFull):
		e.log.Debug("a copy would be too large for the spool; reading the file in place", "job",
			string(job.ID), "path", job.Path)
		return nil
	case noRoom:
		e.log.Warn("no room for a copy in the spool; reading the file in place", "job", string(job.ID),
			"path", job.Path)
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("spool: %w", err)
	}

	if err == nil && job.Watched() {
		err = apsclient.Sleep(ctx, min(e.settleTime(job), shortRest))
	}

	if err := errors.Join(src.check(), err); err != nil {
		return err
	}

	// Its change time alone may have moved: by a link, or by a write whose time was set back.
	if after, err := src.f.Snapshot(); err != nil || !after.Same(before) {
		return &waitError{Code: ReasonChanging, After: 2 * quietForSpool,
			Err: fmt.Errorf("copy %q: it changed meanwhile", job.Path)}
	}

	info, err := os.Stat(path)
	if err != nil || info.Size() != job.Snapshot.Size {
		return fmt.Errorf("spool: the snapshot has not the size of the file: %w",
			errors.Join(err, io.ErrUnexpectedEOF))
	}

	if err := e.effect("name the copy", func() error {
		return os.Rename(path, e.spoolPath(job))
	}); err != nil {
		return fmt.Errorf("spool: %w", err)
	}

	return nil
}

// copyState copies what src holds to path, durably: else a power cut could leave half of it under the name
// that it gets next.
func (e *Engine) copyState(ctx context.Context, path string, src *source) error {
	err := e.effect("copy to the spool", func() error {
		err := cloneFile(path, src.f.held)
		if errors.Is(err, errNoClone) {
			err = e.copyToSpool(ctx, path, src)
		}

		return err
	})
	if err != nil {
		return err
	}

	return e.effect("sync the copy", func() error { return syncFile(path) })
}

// syncFile stores what was written to a file.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}

	return errors.Join(f.Sync(), f.Close())
}

// copyToSpool writes the content of src into a new file.
func (e *Engine) copyToSpool(ctx context.Context, path string, src *source) (err error) {
	size := src.job.Snapshot.Size
	f, err := e.reserveSpool(path, size)
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, f.Close()) }()

	return copyContext(ctx, f, io.NewSectionReader(src, 0, size), size)
}

// reserveSpool makes the file of a copy in its size, unless all that lies in the spool would be
// more than SpoolMax bytes then.
func (e *Engine) reserveSpool(path string, size int64) (*os.File, error) {
	e.spooling.Lock()
	defer e.spooling.Unlock()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}

	entries, err := os.ReadDir(e.cfg.Spool)
	used := size
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil { // else it was removed meanwhile
			used += info.Size()
		}
	}

	if err == nil && used > e.cfg.SpoolMax {
		err = errSpoolFull
	}

	if err == nil {
		err = f.Truncate(size)
	}

	if err != nil {
		return nil, errors.Join(err, f.Close())
	}

	return f, nil
}

// openSpooled opens the snapshot of a job, nil when there is none.
func (e *Engine) openSpooled(job state.Job) *LocalFile {
	if e.cfg.Spool == "" || e.unspooled.Load() {
		return nil
	}

	f, err := openShared(e.spoolPath(job)) // so that it can be removed while it is open
	if err != nil {
		return nil
	}

	if info, err := f.Stat(); err != nil || info.Size() != job.Snapshot.Size {
		f.Close()
		return nil
	}

	return &LocalFile{held: f}
}

// dropSpooled removes the snapshots of a job that ended: of its last state, and of older ones that
// it had before it began to send.
func (e *Engine) dropSpooled(job state.Job) {
	if e.cfg.Spool == "" || e.unspooled.Load() {
		return
	}

	entries, err := os.ReadDir(e.cfg.Spool)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.log.Warn("the spool cannot be read", "error", err)
	}

	for _, entry := range entries {
		if spoolOwner(entry.Name()) != job.ID {
			continue
		}

		if err := e.effect("remove the snapshot", func() error {
			return os.Remove(filepath.Join(e.cfg.Spool, entry.Name()))
		}); err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.log.Warn("a snapshot in the spool could not be removed", "job", string(job.ID), "error", err)
		}
	}
}

// cleanSpool removes snapshots whose job has ended, left behind by a death.
func (e *Engine) cleanSpool() {
	if e.cfg.Spool == "" {
		return
	}

	entries, err := os.ReadDir(e.cfg.Spool)
	e.unspooled.Store(len(entries) == 0 && (err == nil || errors.Is(err, fs.ErrNotExist)))
	if err != nil {
		return
	}

	for _, entry := range entries {
		name := entry.Name()
		if filepath.Ext(name) == ".part" {
			os.Remove(filepath.Join(e.cfg.Spool, name))
			continue
		}

		if job, err := e.store.Job(spoolOwner(name)); errors.Is(err, state.ErrNotFound) ||
			err == nil && !job.Open() {
			os.Remove(filepath.Join(e.cfg.Spool, name))
		}
	}
}

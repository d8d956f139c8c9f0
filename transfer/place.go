package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hoist/state"
)

// effect makes one change of the local disk. Tests stop the process around it, or do what another
// program could do just then.
func (e *Engine) effect(name string, do func() error) error {
	if e.onEffect != nil {
		if err := e.onEffect(name, false); err != nil {
			return err
		}
	}

	err := do()
	if err == nil && e.onEffect != nil {
		err = e.onEffect(name, true)
	}

	return err
}

// place gives the whole and verified file its name, in place of the very state that was judged:
// whatever was moved away for it is looked at again, and goes back when it is another. What is
// recorded is the state of the file that was fetched; an edit that follows differs from it. After a
// death in between it finds what was done already.
func (e *Engine) place(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	t := r.at
	if t == nil {
		var err error
		if t, err = openTarget(job); err != nil {
			return nil, err
		}
	}

	r.at = nil
	defer t.Close()

	t.plain = e.cfg.plainNames
	whole, err := e.tidy(ctx, t, job)
	if err != nil {
		return nil, err
	}
	defer whole.Close()

	var hold writeHold
	defer func() { hold.release() }()
	verdict, was, err := e.judgeLocal(ctx, job, true)
	switch {
	case err != nil:
		return nil, err
	case verdict == localSame: // named before a death, or by somebody else
		if whole != nil {
			whole.Close()
			err = e.removeTemp(t)
		}
	case whole != nil && verdict == localDiffers && !job.Overwrite:
		return nil, localDiffersError(job)
	case whole != nil:
		hold, _ = t.hold(whole)
		err = e.effect("take the place", func() (err error) {
			was, err = e.giveName(t, whole, job, verdict, was)
			return err
		})
	case verdict != localFree && was.FileID != "" && was.FileID == job.Snapshot.FileID:
		was = job.Snapshot // named before a death, and edited since
	default:
		return []state.Event{state.SessionLost{}}, nil
	}

	if err != nil {
		return nil, err
	}

	if t.moved() { // what was placed went with its folder, and the path is still owed
		return []state.Event{state.SessionLost{}}, nil
	}

	if err := e.folderSyncs.do(t.dir, e.company(), func() error {
		return e.effect("sync the folder", func() error { return syncDir(t.root) })
	}); err != nil {
		return nil, fmt.Errorf("sync folder %q: %w", t.dir, err)
	}

	hold.until(was.ChangeTime)

	return then(job, state.Placed{Snapshot: was}, e.finishDownload)
}

// company is how long the sync of a folder waits for other files that come into it: none while this is the
// only one that moves, else a tick of most kernels' clocks, for which [writeHold.until] would wait after it.
func (e *Engine) company() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.running) <= 1 {
		return 0
	}

	return 4 * time.Millisecond
}

// tidy ends what an earlier run of place has begun, and opens the temporary file if it is the one
// that was verified; nil: it is not there. A file that such a run has moved away gets its name back;
// when that is taken it is removed when its content is known, and kept beside else.
func (e *Engine) tidy(ctx context.Context, t *target, job state.Job) (whole *os.File, err error) {
	f, _, err := t.look(t.aside)
	if err == nil {
		f.Close()
		if err = e.undo(t, t.aside); errors.Is(err, fs.ErrExist) {
			err = e.settle(ctx, t, job, t.aside)
		}
	}

	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	f, snap, err := t.look(t.temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}

	if err != nil {
		return nil, err
	}

	if !sameFile(snap, job.Snapshot) { // it was exchanged for the one that was verified
		f.Close()
		return nil, e.settle(ctx, t, job, t.temp)
	}

	if named, err := t.root.Lstat(t.name); err == nil {
		if info, err := f.Stat(); err == nil && os.SameFile(info, named) { // it has both names
			f.Close()
			return nil, e.removeTemp(t)
		}
	}

	if snap.Size != job.Size {
		return nil, f.Close()
	}

	return f, nil
}

// settle decides about a file that was moved away from the target's name: its content is that of
// the cloud or was synced with it, or somebody's work, which is kept beside.
func (e *Engine) settle(ctx context.Context, t *target, job state.Job, name string) error {
	path := filepath.Join(t.dir, name)
	sum, _, err := readState(ctx, path)
	if err != nil {
		return err
	}

	rec, _, err := e.store.Published(job.Root, job.Rel)
	if err != nil {
		return err
	}

	if strings.EqualFold(sum, job.SHA1) || strings.EqualFold(sum, rec.SHA1) {
		return e.effect("remove the old file", func() error { return t.root.Remove(name) })
	}

	return e.keep(t, job, name)
}

// keep gives a file that was moved away the name under which it is kept: NAME~YYYYMMDD-HHMMSS.EXT,
// or with a number behind when that is taken.
func (e *Engine) keep(t *target, job state.Job, name string) error {
	now := time.Now()
	for n := range 100 {
		kept := keptName(t.name, now, n)
		err := e.effect("keep the old file", func() error { return t.nameNew(name, kept) })
		if errors.Is(err, fs.ErrExist) {
			continue
		}

		if err != nil {
			return fmt.Errorf("keep the old %q: %w", job.Path, err)
		}

		e.log.Info("kept the file that was there", "job", string(job.ID), "path", job.Path, "kept", kept)

		return nil
	}

	return fmt.Errorf("keep the old %q: a hundred older files lie beside it", job.Path)
}

// keptName is the name under which an overwritten file is kept.
func keptName(name string, now time.Time, n int) string {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if stem == "" {
		stem, ext = name, ""
	}

	stamp := "~" + now.Format("20060102-150405")
	if n > 0 {
		stamp += fmt.Sprintf("-%d", n)
	}

	return stem + stamp + ext
}

// giveName gives the temporary file, f, its name and returns what is to be recorded of it: the state
// it has under the name, or when that is an edit already, the one before.
func (e *Engine) giveName(t *target, f *os.File, job state.Job, verdict localVerdict,
	was state.Snapshot) (state.Snapshot, error) {
	before, err := state.SnapshotFile(f)
	if err != nil {
		return was, err
	}

	if !replaceableWhileOpen { // a name that is taken away from an open file goes when that is closed
		f.Close()
	}

	if verdict == localFree {
		err = e.nameFree(t)
	} else {
		err = e.replace(t, job, verdict, was)
	}

	if err != nil {
		return was, err
	}

	after, err := t.named(f)
	if err != nil {
		return was, err
	}

	if !after.SameContentLikely(before) || !sameFile(after, before) {
		return before, nil
	}

	return after, nil
}

// nameFree gives the temporary file a name that nobody had a moment ago.
func (e *Engine) nameFree(t *target) error {
	err := e.effect("name", func() error { return t.nameNew(t.temp, t.name) })
	if errors.Is(err, fs.ErrExist) {
		return &waitError{Code: ReasonLocalDiffers, After: time.Second, Err: err}
	}

	return err
}

// replace puts the temporary file in the place of what was judged. It is an error to wait upon when
// that is not what was moved away; then everything is as it was before.
func (e *Engine) replace(t *target, job state.Job, verdict localVerdict, was state.Snapshot) error {
	judgeAgain := &waitError{Code: ReasonChanging, After: 2 * time.Second,
		Err: fmt.Errorf("replace %q: it changed while it was judged", job.Path)}
	old, _, err := t.look(t.name)
	if errors.Is(err, fs.ErrNotExist) {
		return judgeAgain
	}

	if err != nil {
		return err
	}

	defer old.Close()

	hold, written := t.hold(old)
	defer hold.release()

	kept := verdict == localDiffers || job.Overwrite && written // its writer goes on in the kept one
	if written && !kept {
		return writtenError(job)
	}

	now, err := state.SnapshotFile(old)
	if err != nil {
		return err
	}

	if !kept && !now.Same(was) {
		return judgeAgain
	}

	if !replaceableWhileOpen {
		old.Close()
	}

	away := t.temp
	err = e.effect("exchange", func() error { return t.exchange(t.temp, t.name) })
	if errors.Is(err, errors.ErrUnsupported) {
		away = t.aside
		err = e.effect("move the old file away",
			func() error { return t.root.Rename(t.name, t.aside) })
	}

	if errors.Is(err, fs.ErrNotExist) {
		return judgeAgain
	}

	if err != nil {
		return fmt.Errorf("replace %q: %w", job.Path, err)
	}

	moved, there, err := t.look(away)
	if err == nil {
		moved.Close()
	}

	if err == nil && !kept && !(there.SameContentLikely(was) && sameFile(there, was) && hold.intact()) {
		err = judgeAgain
	}

	if err != nil {
		return errors.Join(err, e.undo(t, away))
	}

	if away == t.aside {
		if err := e.nameFree(t); err != nil {
			return err // the next run settles what was moved away
		}
	}

	if kept {
		return e.keep(t, job, away)
	}

	return e.effect("remove the old file", func() error { return t.root.Remove(away) })
}

// undo gives what was moved away its name back. If that is taken by then, the next run decides
// about it.
func (e *Engine) undo(t *target, away string) error {
	return e.effect("put the old file back", func() error {
		if away == t.temp {
			if err := t.exchange(away, t.name); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}

		return t.nameNew(away, t.name)
	})
}

// writtenError is about a local file that is as it was synced and that another program may be about
// to change.
func writtenError(job state.Job) error {
	if job.Failures(ReasonChanging) >= maxUnforeseen {
		return needsPerson(ReasonLocalDiffers, "%q is open for writing in another program", job.Path)
	}

	return &waitError{Code: ReasonChanging, After: backoff(job.Streak, backoffCap),
		Err: fmt.Errorf("replace %q: another program has it open for writing", job.Path)}
}

// finishDownload remembers what was synced, so that a later push or pull of the same file finds it
// unchanged.
func (e *Engine) finishDownload(job state.Job) ([]state.Event, error) {
	return []state.Event{state.Finished{Result: state.ResultDownloaded,
		Record: recordOf(job, job.Object, job.SHA1)}}, nil
}

// Discard removes what a download that was cancelled has left beside its target. A running one does
// that itself.
func (e *Engine) Discard(job state.Job) error {
	if job.Kind != state.Download {
		return nil
	}

	if _, err := os.Lstat(filepath.Dir(job.Path)); errors.Is(err, fs.ErrNotExist) {
		return nil // openTarget would make it
	}

	t, err := openTarget(job)
	if err != nil {
		return err
	}
	defer t.Close()

	if job.Phase == state.PhaseVerified { // what lies there may be a file that was moved away
		whole, err := e.tidy(context.Background(), t, job)
		if err != nil || whole == nil {
			return err
		}

		whole.Close()
	}

	return e.removeTemp(t)
}

// discardCancelled is Discard by a run that finds its job cancelled when it is done.
func (e *Engine) discardCancelled(id state.JobID) {
	job, err := e.store.Job(id)
	if err == nil && job.End == state.EndCancelled {
		err = e.Discard(job)
	}

	if err != nil {
		e.log.Warn("what a cancelled download left is still there", "job", string(id), "error", err)
	}
}

// removeTemp removes the temporary file; that it is gone already is no error.
func (e *Engine) removeTemp(t *target) error {
	err := e.effect("remove the temporary file", func() error { return t.root.Remove(t.temp) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	return err
}

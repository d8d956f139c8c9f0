package transfer

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hoist/state"
	"hoist/transfer/remote"
)

// target is the local end of a download: a file below the folder that was asked for, reached
// through os.Root, so that neither a remote name nor a link in the way leads out of it.
type target struct {
	root *os.Root // the folder that was asked for
	dir  string   // absolute path of the file's own folder
	sub  string   // the same below root, "." for root itself
	name string
	temp string // name of the temporary file, in the same folder
}

// openTarget opens the folder of a download, making what is missing.
func openTarget(job state.Job) (*target, error) {
	t := &target{dir: filepath.Dir(job.Path), name: filepath.Base(job.Path),
		temp: remote.TempPrefix + string(job.ID) + remote.TempSuffix}
	base := t.dir
	for range job.Target.Dirs {
		base = filepath.Dir(base)
	}

	var err error
	if t.sub, err = filepath.Rel(base, t.dir); err != nil || !filepath.IsLocal(t.sub) {
		return nil, needsPerson(ReasonNameRefused, "%q does not lie below %q", job.Path, base)
	}

	if err := os.MkdirAll(base, 0o777); err != nil {
		return nil, err
	}

	if t.root, err = os.OpenRoot(base); err != nil {
		return nil, err
	}

	if t.sub != "." {
		if err := t.root.MkdirAll(t.sub, 0o777); err != nil {
			t.root.Close()
			return nil, err
		}
	}

	return t, nil
}

func (t *target) Close() error { return t.root.Close() }

func (t *target) path(name string) string { return filepath.Join(t.sub, name) }

func (t *target) tempPath() string { return filepath.Join(t.dir, t.temp) }

// createTemp makes the temporary file anew with room for size bytes, so that a full disk shows
// before anything is fetched.
func (t *target) createTemp(size int64) (*os.File, error) {
	t.removeTemp()
	f, err := t.root.OpenFile(t.path(t.temp), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}

	if err := preallocate(f, size); err != nil {
		f.Close()
		t.removeTemp()
		return nil, fmt.Errorf("make room for %d bytes in %q: %w", size, t.dir, err)
	}

	return f, nil
}

// openTemp opens the temporary file of an earlier run; errTempLost when it is not there as it was
// left.
func (t *target) openTemp(size int64) (*os.File, error) {
	f, err := t.root.OpenFile(t.path(t.temp), os.O_RDWR, 0)
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

// Discard removes what a download that was cancelled has left beside its target. A running one does
// that itself.
func (e *Engine) Discard(job state.Job) error {
	if job.Kind != state.Download || job.Phase == state.PhaseQueued {
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
	if err := t.root.Remove(t.path(t.temp)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	return nil
}

func (t *target) removeTemp() { _ = t.root.Remove(t.path(t.temp)) }

// localVerdict is what a local file is to a download that would replace it.
type localVerdict int

const (
	localFree    localVerdict = iota // nothing there
	localSame                        // the content that would be fetched
	localSynced                      // what was last synced: may be replaced
	localUnknown                     // of the right size; only the SHA-1 can tell
	localDiffers                     // something else: a person's work
)

// judgeLocal looks at what is under the name of a download. job.Size and job.SHA1 are those of the
// remote content, -1 and "" where unknown. decided means that no more will be known: localUnknown
// becomes localDiffers.
func (e *Engine) judgeLocal(ctx context.Context, job state.Job, decided bool) (localVerdict, error) {
	info, err := os.Lstat(job.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return localFree, nil
	}

	if err != nil {
		return localDiffers, err
	}

	if !info.Mode().IsRegular() {
		return localDiffers, needsPerson(ReasonNotAFile, "%q is a %s", job.Path, describeMode(info.Mode()))
	}

	snap, err := state.SnapshotPath(job.Path)
	if err != nil {
		return localDiffers, err
	}

	rec, known, err := e.store.Published(job.Root, job.Rel)
	if err != nil {
		return localDiffers, err
	}

	if known && rec.Snapshot.Same(snap) {
		if rec.Version != "" && rec.Version == job.Version ||
			rec.SHA1 != "" && strings.EqualFold(rec.SHA1, job.SHA1) {
			return localSame, nil
		}

		return localSynced, nil
	}

	sizeFits := job.Size < 0 || snap.Size == job.Size
	maybeSynced := known && rec.SHA1 != "" && rec.Snapshot.Size == snap.Size
	if job.SHA1 == "" && !decided && (sizeFits || maybeSynced) {
		return localUnknown, nil
	}

	if !(sizeFits && job.SHA1 != "") && !maybeSynced {
		return localDiffers, nil
	}

	sum, err := pathSHA1(ctx, job.Path)
	switch {
	case err != nil:
		return localDiffers, err
	case job.SHA1 != "" && strings.EqualFold(sum, job.SHA1):
		return localSame, nil
	case maybeSynced && strings.EqualFold(sum, rec.SHA1):
		return localSynced, nil
	}

	return localDiffers, nil
}

func pathSHA1(ctx context.Context, path string) (string, error) {
	f, err := OpenLocal(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	now, err := f.Snapshot()
	if err != nil {
		return "", err
	}

	h := sha1.New()
	if err := copyContext(ctx, h, io.NewSectionReader(f, 0, now.Size), now.Size); err != nil &&
		!errors.Is(err, io.ErrUnexpectedEOF) {
		return "", fmt.Errorf("read %q: %w", path, err)
	}

	return hex.EncodeToString(h.Sum(nil)), nil
}

// place gives the whole and verified file its name. After a crash in between it finds the name
// given already.
func (e *Engine) place(ctx context.Context, job state.Job) ([]state.Event, error) {
	t, err := openTarget(job)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	temp, err := t.root.Lstat(t.path(t.temp))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	verdict, judgeErr := e.judgeLocal(ctx, job, true)
	switch {
	case judgeErr != nil:
		return nil, judgeErr
	case verdict == localSame: // named before a crash, or by somebody else
		t.removeTemp()
		return t.placed(job)
	case temp == nil || temp.Size() != job.Size:
		return []state.Event{state.SessionLost{}}, nil
	case verdict == localFree:
		// A link refuses to take a name that appeared this moment; where there are no links, a
		// rename has to do.
		if err := t.root.Link(t.path(t.temp), t.path(t.name)); err == nil {
			t.removeTemp()
			return t.placed(job)
		} else if errors.Is(err, fs.ErrExist) {
			return nil, &waitError{Code: ReasonLocalDiffers, After: time.Second, Err: err}
		}
	case verdict == localDiffers && !job.Overwrite:
		return nil, localDiffersError(job)
	case verdict == localDiffers:
		kept, err := t.keepOld(time.Now())
		if err != nil {
			return nil, fmt.Errorf("keep the old %q: %w", job.Path, err)
		}

		e.log.Info("kept the file that was there", "job", string(job.ID), "path", job.Path, "kept", kept)
	}

	if err := t.root.Rename(t.path(t.temp), t.path(t.name)); err != nil {
		return nil, fmt.Errorf("place %q: %w", job.Path, err)
	}

	return t.placed(job)
}

// keepOld renames the file under the target's name to NAME~YYYYMMDD-HHMMSS.EXT, or with a number
// behind where that is taken.
func (t *target) keepOld(now time.Time) (string, error) {
	for n := range 100 {
		kept := keptName(t.name, now, n)
		if _, err := t.root.Lstat(t.path(kept)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}

		return kept, t.root.Rename(t.path(t.name), t.path(kept))
	}

	return "", errors.New("a hundred older files lie beside it")
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

// placed makes the new name durable and says what lies under it.
func (t *target) placed(job state.Job) ([]state.Event, error) {
	if err := syncDir(t.root, t.sub); err != nil {
		return nil, fmt.Errorf("sync folder %q: %w", t.dir, err)
	}

	snap, err := state.SnapshotPath(job.Path)
	if err != nil {
		return nil, err
	}

	return []state.Event{state.Placed{Snapshot: snap}}, nil
}

// finishDownload remembers what was synced, so that a later push or pull of the same file finds it
// unchanged.
func (e *Engine) finishDownload(job state.Job) ([]state.Event, error) {
	return []state.Event{state.Finished{Result: state.ResultDownloaded,
		Record: recordOf(job, job.Object, job.SHA1)}}, nil
}

// downloadRecord is the record of a local file that holds the remote content already.
func (e *Engine) downloadRecord(job state.Job) (*state.PublishedRecord, error) {
	snap, err := state.SnapshotPath(job.Path)
	if err != nil {
		return nil, err
	}

	job.Snapshot = snap

	return recordOf(job, job.Object, job.SHA1), nil
}

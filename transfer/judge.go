package transfer

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"hoist/state"
	"hoist/state/compare"
)

// localVerdict is what a local file is to a download that would replace it.
type localVerdict int

const (
	localFree    localVerdict = iota // nothing there
	localSame                        // the content that would be fetched
	localSynced                      // what was last synced: may be replaced
	localUnknown                     // more about the cloud's content, and reading this one, can tell
	localDiffers                     // something else: a user's work
)

// judgeLocal looks at what is under the name of a download, and says which state it judged.
// job.Size and job.SHA1 are those of the remote content, -1 and "" when unknown. decided means
// that no more will be known: localUnknown becomes localDiffers.
func (e *Engine) judgeLocal(ctx context.Context, job state.Job, decided bool) (localVerdict, state.Snapshot,
	error) {
	info, err := lookAt(job.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return localFree, state.Snapshot{}, nil
	}

	if err != nil {
		return localDiffers, state.Snapshot{}, err
	}

	if !info.Mode().IsRegular() {
		return localDiffers, state.Snapshot{}, needsPerson(ReasonNotAFile, "%q is a %s", job.Path,
			describeMode(info.Mode()))
	}

	snap, err := snapshotPath(job.Path)
	if err != nil {
		return localDiffers, snap, err
	}

	rec, known, err := e.store.Published(job.Root, job.Rel)
	if err != nil {
		return localDiffers, snap, err
	}

	local, base := compare.Here(snap), compare.Base{}
	if known {
		base = rec.Base(rec.Remote)
	}

	tip := compare.Tip{Presence: compare.Present, Size: job.Size, SHA1: job.SHA1, Version: job.Version}
	is := compare.Judge(local, base, tip)
	if is.Cause == compare.LocalUnread && (job.SHA1 != "" || decided) {
		sum, read, err := readState(ctx, job.Path)
		if err != nil {
			return localDiffers, read, err
		}

		local, snap = compare.Here(read), read // it may be another state by now
		local.SHA1 = sum
		is = compare.Judge(local, base, tip)
	}

	switch {
	case is.Verdict == compare.Equal:
		return localSame, snap, nil
	case is.Here == compare.SideSame:
		return localSynced, snap, nil
	case !decided && (is.Cause == compare.LocalUnread || is.Cause == compare.TipUnproven):
		return localUnknown, snap, nil
	}

	return localDiffers, snap, nil
}

// readState returns the SHA-1 of a file and the state that has it: looked at before and after, and
// old enough that any change would show. The error is one to wait upon when it changed meanwhile.
func readState(ctx context.Context, path string) (string, state.Snapshot, error) {
	f, err := OpenLocal(path)
	if err != nil {
		return "", state.Snapshot{}, err
	}
	defer f.Close()

	before, err := f.ripe(ctx)
	if err != nil {
		return "", before, err
	}

	h := sha1.New()
	err = copyContext(ctx, h, io.NewSectionReader(f, 0, before.Size), before.Size)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", before, fmt.Errorf("read %q: %w", path, err)
	}

	after, err := f.Snapshot()
	if err != nil {
		return "", before, err
	}

	there, err := snapshotPath(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", before, err
	}

	if !after.Same(before) || !there.Same(before) {
		return "", before, &waitError{Code: ReasonChanging, After: 2 * time.Second,
			Err: fmt.Errorf("read %q: it changed while it was compared", path)}
	}

	return hex.EncodeToString(h.Sum(nil)), before, nil
}

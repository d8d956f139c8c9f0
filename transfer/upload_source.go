package transfer

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"hoist/state"
	"hoist/watcher/disk"
)

// source is the file a job reads: the path of the job, or a snapshot of it in the spool. Safe for
// concurrent use.
type source struct {
	job  state.Job
	f    *LocalFile
	mine bool // a spool snapshot: nobody else writes it
	was  bool // the job's snapshot when it was opened

	mu sync.Mutex
	// the change time, other than the job's, at which the path was found to name this file still
	moved time.Time
}

// openSource opens the content of a job. The error is a *changedError when the file is not the
// job's snapshot any more, and carries a reason when it is no file that can be sent. From its
// return on, any change of the file shows: it waits for times that are too young to tell.
func (e *Engine) openSource(ctx context.Context, job state.Job) (*source, error) {
	if f := e.openSpooled(job); f != nil {
		return &source{job: job, f: f, mine: true}, nil
	}

	f, err := openFor(job, e.holdOpen)
	if err != nil {
		return nil, err
	}

	s := &source{job: job, f: f}
	err = s.check() // what is another file by now is not waited for
	if err == nil {
		_, err = f.ripe(ctx)
	}

	if err == nil {
		err = s.check()
	}

	if err != nil {
		f.Close()
		return nil, err
	}

	s.was = true

	return s, nil
}

func (s *source) Close() error { return s.f.Close() }

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.f.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		if changed := s.check(); changed != nil { // it may be why
			return n, changed
		}
	}

	return n, err
}

// part is the reader of one part, in its small buffers.
func (s *source) part(offset, length int64) io.ReaderAt {
	if s.f.held != nil {
		return s
	}

	return &aheadReader{r: s, end: offset + length}
}

// check compares what the open handle shows with the job's snapshot. When the change time alone
// moved, the file may have been replaced under its name, which ends the reading; else the change
// passes here, and checkPath decides by content before anything is assembled or published.
func (s *source) check() error {
	if s.mine {
		return nil
	}

	now, err := s.f.Snapshot()
	if err != nil {
		return sourceError(s.job, err)
	}

	if now.Same(s.job.Snapshot) {
		return nil
	}

	if !now.SameContentLikely(s.job.Snapshot) || !sameFile(now, s.job.Snapshot) {
		return &changedError{Path: s.job.Path, Now: now, Read: s.was}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if now.ChangeTime.Equal(s.moved) {
		return nil
	}

	there, err := snapshotPath(s.job.Path)
	if err != nil {
		return sourceError(s.job, err)
	}

	if !there.SameContentLikely(s.job.Snapshot) || !sameFile(there, s.job.Snapshot) {
		return &changedError{Path: s.job.Path, Now: there, Read: s.was}
	}

	s.moved = now.ChangeTime

	return nil
}

// openFor opens the file of an upload.
func openFor(job state.Job, hold bool) (*LocalFile, error) {
	f, mode, err := openRegular(job.Path, hold)
	if err != nil {
		return nil, sourceError(job, err)
	}

	if f == nil {
		return nil, needsPerson(ReasonNotAFile, "open %q: it is a %s", job.Path, describeMode(mode))
	}

	return f, nil
}

// openRegular opens a file for reading; what is no regular file is not opened, but told by its mode.
func openRegular(path string, hold bool) (*LocalFile, fs.FileMode, error) {
	type opened struct {
		f    *LocalFile
		mode fs.FileMode
	}

	o, err := disk.Ask(path, disk.Patience, func() (opened, error) {
		info, err := lookNow(path)
		if err != nil {
			return opened{}, err
		}

		if !info.Mode().IsRegular() {
			return opened{mode: info.Mode()}, nil
		}

		f, err := openNow(path, hold)

		return opened{f: f}, err
	})

	return o.f, o.mode, err
}

// lookAt is lookNow that waits for no dead disk.
func lookAt(path string) (fs.FileInfo, error) {
	return disk.Ask(path, disk.Patience, func() (fs.FileInfo, error) { return lookNow(path) })
}

// lookNow describes what a path names, not following a link. Files that a cloud drive or
// deduplication keeps elsewhere count as what they show.
func lookNow(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeIrregular != 0 {
		return os.Stat(path)
	}

	return info, err
}

// checkPath looks at the path again: is it still the file that was read. content is asked when only
// the change time moved; it reports whether the bytes on disk are still those that were sent.
func checkPath(job state.Job, content func() (bool, error)) error {
	now, err := disk.Ask(job.Path, disk.Patience, func() (*state.Snapshot, error) {
		info, err := lookNow(job.Path)
		if err != nil || !info.Mode().IsRegular() {
			return nil, err
		}

		s, err := state.SnapshotPath(job.Path)

		return &s, err
	})
	if err != nil {
		return sourceError(job, err)
	}

	if now == nil {
		return &changedError{Path: job.Path, Gone: true}
	}

	if now.Same(job.Snapshot) {
		return nil
	}

	if now.SameContentLikely(job.Snapshot) && sameFile(*now, job.Snapshot) {
		same, err := content()
		if err != nil || same {
			return err
		}
	}

	return &changedError{Path: job.Path, Now: *now, Read: true}
}

func sameFile(a, b state.Snapshot) bool {
	return a.FileID == "" || b.FileID == "" || a.FileID == b.FileID
}

// sourceError gives a failure of the local file its reason.
func sourceError(job state.Job, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &changedError{Path: job.Path, Gone: true}
	case errors.Is(err, fs.ErrPermission):
		return needsPerson(ReasonUnreadable, "%w", err)
	case errors.Is(err, disk.ErrSilent):
		return &waitError{Code: ReasonUnreadable, After: backoff(job.Streak, backoffCap), Err: err}
	case isSharingViolation(err) && job.Failures(ReasonUnreadable) >= maxUnforeseen:
		return needsPerson(ReasonUnreadable, "%w", err)
	case isSharingViolation(err):
		return &waitError{Code: ReasonUnreadable, After: backoff(job.Streak, backoffCap), Err: err}
	}

	return err
}

func describeMode(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}

	return "device or other special file"
}

// fileSHA1 reads the whole file of a job; ctx ends it early.
func (s *source) fileSHA1(ctx context.Context) (string, error) {
	h := sha1.New()
	if err := copyContext(ctx, h, io.NewSectionReader(s, 0, s.job.Snapshot.Size),
		s.job.Snapshot.Size); err != nil {
		return "", err
	}

	if err := s.check(); err != nil {
		return "", err
	}

	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyContext copies exactly size bytes and looks at ctx every MiB.
func copyContext(ctx context.Context, w io.Writer, r io.Reader, size int64) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)

	for done := int64(0); done < size; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}

		n, err := io.CopyBuffer(struct{ io.Writer }{w},
			struct{ io.Reader }{io.LimitReader(r, min(mib, size-done))}, *buf)
		done += n
		if err != nil {
			return err
		}

		if n == 0 {
			return fmt.Errorf("read: %d of %d bytes: %w", done, size, io.ErrUnexpectedEOF)
		}
	}

	return nil
}

// matchesParts reports whether the bytes on disk are those of the stored parts, by MD5 or by an
// ETag that is one. Where a part has neither it reports false: what cannot be compared counts as
// changed.
func (s *source) matchesParts(ctx context.Context, parts []state.Part, partSize int64) (bool, error) {
	for _, p := range parts {
		want := p.MD5
		if want == "" && isMD5(p.ETag) {
			want = p.ETag
		}

		if want == "" {
			return false, nil
		}

		offset, length := partRange(s.job.Snapshot.Size, partSize, p.Number)
		h := md5.New()
		err := copyContext(ctx, h, io.NewSectionReader(s, offset, length), length)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}

		if err != nil {
			return false, err
		}

		if !strings.EqualFold(hex.EncodeToString(h.Sum(nil)), want) {
			return false, nil
		}
	}

	return true, nil
}

// isMD5 reports whether an ETag has the form of an MD5; under KMS encryption S3 answers others.
func isMD5(etag string) bool {
	if len(etag) != 2*md5.Size {
		return false
	}

	_, err := hex.DecodeString(etag)

	return err == nil
}

package transfer

import (
	"context"
	"sync/atomic"

	"hoist/state"
)

// uploading is what a run knows of its upload beyond the job. None of it is stored: a run that
// takes the job up again begins with nothing, and asks the service what a field here would have spared.
// The step owns it, but for the two that parts in flight set together.
type uploading struct {
	src      *source  // open while the run lasts
	urls     *urlRuns // signed URLs at hand
	onlyETag string   // of a part that is the whole file, as freshParts; "": ask the store
	sha1     string   // of the whole content as it was sent, hex; "" not computed

	looked      bool // the content at the service was compared
	existed     bool // something was there before
	freshParts  bool // the last part was stored by this run and the completion was not asked for yet
	freshIntent bool // the intent was committed by this run and nothing was asked yet
	badAssembly int  // completions that named parts
	warned      bool // told that the session is too short

	digests atomic.Bool // the ETag of a part was its MD5
	opaque  atomic.Bool // ETags that look like an MD5 are none
}

// source opens the content of the job once a run, and again when the job took up a newer state of
// the file meanwhile.
func (u *uploading) source(ctx context.Context, e *Engine, job state.Job) (*source, error) {
	if u.src != nil && !u.src.job.Snapshot.Same(job.Snapshot) {
		u.closeSource()
	}

	if u.src == nil {
		src, err := e.openSource(ctx, job)
		if err != nil {
			return nil, err
		}

		u.src = src

		return src, nil // it was looked at a moment ago
	}

	return u.src, u.src.check()
}

func (u *uploading) closeSource() {
	if u.src != nil {
		u.src.Close()
		u.src = nil
	}
}

package transfer

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"hoist/state"
)

// along sums a file from its beginning while its ranges come in: what is next in order from the
// buffer it was received into, anything else by reading back what was written just now.
type along struct {
	f      *os.File
	job    state.Job
	stored chan int // numbers of the ranges that became safe; never blocks

	mu   sync.Mutex // held while bytes are summed
	h    hash.Hash
	next int64 // bytes summed so far; -1: given up
}

func newAlong(f *os.File, job state.Job) *along {
	return &along{f: f, job: job, stored: make(chan int, job.PartsTotal), h: sha1.New()}
}

// wantsSum reports whether somebody will compare the SHA-1 of the whole: with the one that the
// service names, or may name once the object is assembled, or, if the link is so slow that nobody
// notices, a later push with the file as it is then.
func (w *fetching) wantsSum() bool {
	w.d.mu.Lock()
	named := cmp.Or(w.job.SHA1, w.d.sha1) != "" || !w.d.whole
	w.d.mu.Unlock()

	return named || w.e.wantsMD5()
}

// took sums bytes that were written at a place, if it is their turn.
func (a *along) took(b []byte, at int64) {
	if !a.mu.TryLock() {
		return
	}
	defer a.mu.Unlock()
	if at == a.next {
		a.h.Write(b)
		a.next += int64(len(b))
	}
}

// follow sums the ranges that came out of turn, until all are summed or the sum is not wanted any
// more. there tells which are stored already, by number.
func (a *along) follow(ctx context.Context, there []bool, wanted func() bool) error {
	for n := 1; n <= a.job.PartsTotal; n++ {
		for !there[n] {
			select {
			case m := <-a.stored:
				there[m] = true
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}

		if !wanted() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.next = -1

			return nil
		}

		offset, length := partRange(a.job.Size, a.job.PartSize, n)
		if err := a.upTo(ctx, offset+length); err != nil {
			return err
		}
	}

	return nil
}

// upTo sums what is missing up to end from the file.
func (a *along) upTo(ctx context.Context, end int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	missing := end - a.next
	if missing <= 0 {
		return nil
	}

	if err := copyContext(ctx, a.h, io.NewSectionReader(a.f, a.next, missing), missing); err != nil {
		return fmt.Errorf("read back %s: %w", a.job.Path, err)
	}

	a.next = end

	return nil
}

// sum is the SHA-1 of the whole in hex once all ranges are there, "" when nobody needs it and it
// was not computed.
func (w *fetching) sum(ctx context.Context, needed bool) (string, error) {
	a := w.along
	if a == nil || a.next < 0 {
		if !needed {
			return "", nil
		}

		a = newAlong(w.f, w.job) // the service names its own only now
	}

	err := a.upTo(ctx, w.job.Size)

	return hex.EncodeToString(a.h.Sum(nil)), err
}

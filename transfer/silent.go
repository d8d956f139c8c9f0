package transfer

import (
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"hoist/state"
	"hoist/watcher/disk"
)

// onDisk makes a call on a disk for a run, which holds a slot of the gate g (nil: none). Such a call
// cannot be ended: when the disk has ceased to answer, it lasts until the disk is back. After
// readPatience the run's place among the transfers and its slot are others' until then, and its job
// says what it waits for.
func (e *Engine) onDisk(r *run, g *gate, path string, call func() error) error {
	var mu sync.Mutex
	ended, lent := false, false
	timer := time.AfterFunc(readPatience, func() {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return
		}

		lent = true
		e.lend(r, g, 1)
		e.tellSilent(r, path)
	})
	err := call()
	if timer.Stop() {
		return err
	}

	mu.Lock()
	defer mu.Unlock()
	ended = true
	if lent {
		e.lend(r, g, -1)
	}

	return err
}

// lend gives what a run holds to others, or with -1 takes it back, even if there are more than may
// be for a while.
func (e *Engine) lend(r *run, g *gate, n int) {
	if g != nil {
		g.lend(n)
	}

	e.mu.Lock()
	r.silent += n
	e.mu.Unlock()

	select {
	case e.freed <- struct{}{}:
	default:
	}
}

// tellSilent puts into the job of a run why it does not go on.
func (e *Engine) tellSilent(r *run, path string) {
	err := &fs.PathError{Op: "wait for", Path: path,
		Err: fmt.Errorf("%w within %v", disk.ErrSilent, readPatience)}
	e.log.Warn("a transfer waits for a disk; others go on", "job", string(r.job), "error", err)
	if _, err := e.store.Commit(r.job, state.Retry{At: time.Now().Add(backoffCap),
		Reason: ReasonUnreadable, Error: err.Error()}); err != nil { // it has ended, or the disk is full
		e.log.Debug("the job does not say so", "job", string(r.job), "error", err)
	}
}

// onDiskReader reads what a run sends.
type onDiskReader struct {
	e    *Engine
	r    *run
	g    *gate
	path string
	from io.ReaderAt
}

func (d *onDiskReader) ReadAt(p []byte, off int64) (n int, err error) {
	err = d.e.onDisk(d.r, d.g, d.path, func() error {
		n, err = d.from.ReadAt(p, off)
		return err
	})

	return n, err
}

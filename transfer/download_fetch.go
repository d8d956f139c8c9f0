package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"hoist/apsclient"
	"hoist/state"
)

const (
	rangeTries = 4 // attempts of one range without a byte before the job waits
	copyBuffer = 256 << 10
)

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// fetch brings the missing ranges to disk, several at a time within the bound of all files, and
// checks the whole.
//
// A range is committed after its bytes were synced, so neither a kill nor a power cut makes a
// committed range a lie; ranges that end together share one sync. What is fetched again after any
// death is at most the ranges in flight. A small file is one range, and what happens to it up to its
// verification is one commit.
func (e *Engine) fetch(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	c, err := e.clientFor(job)
	if err != nil {
		return nil, err
	}

	at, err := e.targetOf(r, job)
	if err != nil {
		return nil, err
	}

	var f *os.File
	if job.Phase == state.PhaseFetching {
		if f, err = at.openTemp(job.Size); errors.Is(err, errTempLost) {
			e.log.Warn("the temporary file of a download is gone; it is fetched from the start", "job",
				string(job.ID), "path", job.Path)
			r.down = nil

			return []state.Event{state.SessionLost{}}, nil
		}

		if err != nil {
			return nil, err
		}

		defer f.Close()
	}

	if r.down == nil {
		r.down = e.newDownload(c, job)
		if err := r.down.ask(ctx, e.meter.rate(time.Now())); err != nil {
			return nil, err
		}

		d := r.down
		// not the object that was resolved
		if d.size >= 0 && d.size != job.Size || job.SHA1 != "" && !strings.EqualFold(d.sha1, job.SHA1) {
			d.etag = ""
			resolved := state.Resolved{Item: job.Item, Version: job.Version, Number: job.VersionNumber,
				Object: job.Object, Size: d.size, SHA1: d.sha1}
			if job.Phase == state.PhaseFetching {
				return []state.Event{state.SessionLost{}, resolved}, nil
			}

			return []state.Event{resolved}, nil
		}
	}

	w := &fetching{e: e, r: r, d: r.down, f: f, job: job, gate: e.parts}
	if job.Size >= 0 {
		w.gate = e.gateOf(job.Size)
	}

	var parts []state.Part
	if job.Phase == state.PhaseResolved {
		if err := w.begin(ctx, at); err != nil {
			return w.failed(ctx, at, err)
		}

		defer w.f.Close()
	} else if parts, err = e.store.Parts(job.ID); err != nil {
		return nil, err
	}

	var events []state.Event
	if err = w.ranges(ctx, parts); err == nil {
		events, err = w.verify(ctx, at)
	} else {
		events, err = w.failed(ctx, at, err)
	}

	return append(w.due, events...), err
}

// targetOf is [openTarget] for a run, which has it until the file is placed, or the run ends.
func (e *Engine) targetOf(r *run, job state.Job) (*target, error) {
	r.closeTarget()
	err := e.onDisk(r, nil, job.Path, func() error {
		at, err := openTarget(job)
		if err == nil {
			r.at = at
		}

		return err
	})

	return r.at, err
}

func (r *run) closeTarget() {
	if r.at != nil {
		r.at.Close()
		r.at = nil
	}
}

// fetching is one run of fetch.
type fetching struct {
	e   *Engine
	r   *run
	d   *download
	f   *os.File
	job state.Job // as last committed by begin

	gate *gate // that its ranges pass

	first    io.ReadCloser // the answer that begin took the ETag from; holds a slot of the gate
	firstEnd int64
	due      []state.Event // of a small file: what happened since begin, committed with what follows

	along *along // sums what comes in; nil: nobody asks for the sum

	syncs shared // ranges that end together share a sync
}

// begin makes the temporary file with room for everything, gets the first answer, and commits its
// ETag. After an error there is no temporary file: no record tells of it yet.
func (w *fetching) begin(ctx context.Context, at *target) (err error) {
	if err := w.gate.acquireFirst(ctx); err != nil {
		return err
	}

	held := true
	defer func() {
		if held {
			w.gate.release()
		}
	}()
	if w.d.size < 0 { // the service did not say: the first byte's answer does
		body, _, err := w.d.open(ctx, 0, 0)
		if err != nil {
			return err
		}

		body.Close()
		if w.d.size < 0 {
			return fmt.Errorf("fetch %s: the service does not tell its size", w.job.Target.Address)
		}
	}

	size := w.d.size

	var f *os.File
	defer func() {
		if err != nil {
			f.Close()
			_ = w.e.removeTemp(at) // the failure before it is what counts
		}
	}()
	if err = w.onDisk(func() error {
		if err := w.e.roomFor(at.dir, size); err != nil {
			return err
		}

		return w.e.effect("make the temporary file", func() (err error) {
			f, err = at.createTemp(size)
			return err
		})
	}); err != nil {
		return err
	}

	started := state.FetchStarted{Temp: at.tempPath(), Size: size}
	if size > 0 {
		if err = w.openFirst(ctx, &started); err != nil {
			return err
		}
	} else {
		started.PartSize = minPartSize
	}

	var job state.Job
	if size <= smallFile && started.Parts <= 1 {
		w.due = []state.Event{started}
		job, err = w.job.Next(started)
	} else {
		job, err = w.e.commit(ctx, w.job.ID, started)
	}

	if err != nil {
		if w.first != nil {
			w.first.Close()
		}

		return err
	}

	w.f, w.job = f, job
	w.r.set(job)
	held = w.first == nil // else the first range keeps the slot

	return nil
}

// openFirst plans the parts and opens the first range, whose answer says whether the service gives ranges
// at all: if it does not, the file is one part, else all before each range would come again for it.
func (w *fetching) openFirst(ctx context.Context, started *state.FetchStarted) error {
	started.PartSize, started.Parts = planParts(started.Size, w.e.cfg.PartSize)
	for tries := 0; ; {
		_, length := partRange(started.Size, started.PartSize, 1)
		first, end, err := w.d.open(ctx, 0, length-1)
		if err != nil {
			if err = w.again(ctx, err, &tries); err != nil {
				return err
			}

			continue
		}

		if started.Parts > 1 && w.d.streams() {
			first.Close()
			started.PartSize, started.Parts = started.Size, 1

			continue
		}

		w.first, w.firstEnd, started.ETag = first, end, w.d.etag

		return nil
	}
}

// ranges fetches what is missing.
func (w *fetching) ranges(ctx context.Context, parts []state.Part) error {
	have := make([]bool, w.job.PartsTotal+1)
	for _, p := range parts {
		if p.Number < len(have) {
			have[p.Number] = true
		}
	}

	g, gctx := errgroup.WithContext(ctx)
	if w.wantsSum() {
		w.along = newAlong(w.f, w.job)
		if w.job.PartsTotal > 1 { // a single range comes in order
			there := slices.Clone(have)
			g.Go(func() error { return w.along.follow(gctx, there, w.wantsSum) })
		}
	}

	for n := 1; n <= w.job.PartsTotal; n++ {
		if have[n] {
			continue
		}

		var body io.ReadCloser
		var end int64
		// only part 1 of a new download has it
		if body, end, w.first = w.first, w.firstEnd, nil; body == nil {
			if err := w.gate.acquire(gctx); err != nil {
				break
			}
		}

		g.Go(func() error {
			release := sync.OnceFunc(w.gate.release)
			defer release()

			return w.part(gctx, n, body, end, release)
		})
	}

	if err := g.Wait(); err != nil {
		return err
	}

	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	return nil
}

// part fetches one range, going on where an attempt broke off, and commits it when it is safe on
// disk. A small file gives up its slot, which is one of the line, before that.
func (w *fetching) part(ctx context.Context, number int, body io.ReadCloser, end int64,
	release func()) error {
	offset, length := partRange(w.job.Size, w.job.PartSize, number)
	done := int64(0)
	defer func() { w.e.moved(w.r, -done) }() // what was not committed goes again

	for tries := 0; done < length; {
		var err error
		if body == nil {
			body, end, err = w.d.open(ctx, offset+done, offset+length-1)
		}

		if err == nil {
			var n int64
			n, err = w.copy(ctx, body, offset+done, end)
			body.Close()
			done += n
			if n > 0 {
				tries = 0
			}
		}

		body = nil
		if err == nil {
			continue
		}

		if err := w.again(ctx, err, &tries); err != nil {
			return err
		}
	}

	w.gate.succeeded(time.Now(), length)
	held := w.gate
	if len(w.due) > 0 {
		release()
		held = nil
	}

	if err := w.e.onDisk(w.r, held, w.job.Path, w.sync); err != nil {
		return err
	}

	stored := state.PartStored{Part: number, Size: length, ETag: w.d.known()}
	var job state.Job
	var err error
	if len(w.due) > 0 {
		w.due = append(w.due, stored)
		job, err = w.job.Next(stored)
	} else {
		job, err = w.e.commit(ctx, w.job.ID, stored)
	}

	if err != nil {
		return err
	}

	done = 0
	w.r.setPart(job, length)
	if w.along != nil {
		w.along.stored <- number
	}

	return nil
}

// again waits before the next attempt of a range, or returns the error that ends it.
func (w *fetching) again(ctx context.Context, err error, tries *int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	after, ok := apsclient.Retryable(err)
	if !ok {
		return err
	}

	w.gate.failed(time.Now())
	if *tries++; *tries >= rangeTries || after > partWait {
		return err
	}

	return apsclient.Sleep(ctx, max(after, backoff(*tries-1, backoffCap)))
}

// known is the ETag of the object, "" when it has none that holds for all ranges.
func (d *download) known() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.etag
}

// streams reports whether the server ignores ranges.
func (d *download) streams() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stream
}

// copy writes an answer to its place; it must hold all bytes up to end, inclusive.
func (w *fetching) copy(ctx context.Context, body io.Reader, from, end int64) (int64, error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)

	at := from
	for at <= end {
		if ctx.Err() != nil {
			return at - from, context.Cause(ctx)
		}

		n, err := w.read(body, (*buf)[:min(copyBuffer, end-at+1)])
		if n > 0 {
			if err := w.onDisk(func() error {
				_, err := w.f.WriteAt((*buf)[:n], at)
				return err
			}); err != nil {
				w.e.moved(w.r, -int64(n))
				return at - from, err
			}

			if w.along != nil {
				w.along.took((*buf)[:n], at)
			}

			at += int64(n)
		}

		switch {
		case errors.Is(err, io.EOF) && at <= end:
			return at - from, &apsclient.NetError{Op: "get range", Err: io.ErrUnexpectedEOF}
		case errors.Is(err, io.EOF):
			return at - from, nil
		case err != nil && ctx.Err() == nil && !isTyped(err):
			return at - from, &apsclient.NetError{Op: "get range", Err: err}
		case err != nil:
			return at - from, err
		}
	}

	return at - from, nil
}

// read fills a buffer, as far as the answer goes: a record of TLS is 16 KiB, and a file system does
// better with much at once.
func (w *fetching) read(body io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var some int
		some, err = body.Read(b[n:])
		n += some
		w.e.moved(w.r, int64(some))
	}

	return n, err
}

func isTyped(err error) bool {
	_, net := errors.AsType[*apsclient.NetError](err)
	_, answer := errors.AsType[*apsclient.Error](err)
	return net || answer
}

// onDisk makes a call on the disk of the target while a slot of the gate is held.
func (w *fetching) onDisk(call func() error) error { return w.e.onDisk(w.r, w.gate, w.job.Path, call) }

// sync makes the ranges written so far survive a power cut.
func (w *fetching) sync() error {
	return w.syncs.do(0, func() error {
		if err := w.e.effect("sync the temporary file", w.f.Sync); err != nil {
			return fmt.Errorf("sync %s: %w", w.f.Name(), err)
		}

		return nil
	})
}

// failed says what a failure of begin or of a range means for the job.
func (w *fetching) failed(ctx context.Context, at *target, err error) ([]state.Event, error) {
	if ctx.Err() != nil {
		if now, storeErr := w.e.store.Job(w.job.ID); storeErr == nil && now.End == state.EndCancelled {
			_ = w.e.removeTemp(at) // the failure before it is what counts
		}

		return nil, err
	}

	if _, changed := errors.AsType[*objectChangedError](err); changed {
		w.r.down = nil
		v := verdict{Class: classRetry, Reason: ReasonRemoteChanged,
			After: backoff(w.job.Attempts, backoffCap)}
		if w.job.Attempts >= maxUnforeseen {
			v.Class = classPerson
		}

		events := []state.Event{v.event(err, time.Now(), 1)}
		if w.job.Phase == state.PhaseFetching {
			_ = w.e.removeTemp(at) // the failure before it is what counts
			events = append([]state.Event{state.SessionLost{}}, events...)
		}

		return events, nil
	}

	return nil, w.explain(at, err)
}

// explain gives a full disk its amount; one may be out of inodes, or beyond a quota.
func (w *fetching) explain(at *target, err error) error {
	if !errors.Is(err, syscall.ENOSPC) && !isDiskFull(err) {
		return err
	}

	free, freeErr := w.e.freeSpace(at.dir)
	if freeErr != nil {
		free = 0
	}

	missing := w.d.size - w.job.BytesDone - free
	if missing <= 0 {
		return needsPerson(ReasonNoSpace,
			"fetch %s: the disk of %q has room for the bytes, but takes no more "+
				"files, or no more of this user: %w", w.job.Target.Address, at.dir, err)
	}

	return needsPerson(ReasonNoSpace, "fetch %s: the disk of %q is full, about %d bytes are missing: %w",
		w.job.Target.Address, at.dir, missing, err)
}

// roomFor refuses to begin a download that the disk cannot hold.
func (e *Engine) roomFor(dir string, size int64) error {
	free, err := e.freeSpace(dir)
	if err != nil {
		return fmt.Errorf("free space of %q: %w", dir, err)
	}

	if free < size {
		return needsPerson(ReasonNoSpace, "%q has %d bytes free, %d are needed: %d bytes are missing", dir,
			free, size, size-free)
	}

	return nil
}

var errTempLost = fmt.Errorf("the temporary file is gone: %w", fs.ErrNotExist)

package transfer

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

const (
	partTries    = 4           // sendings of one part before the job waits
	partWait     = time.Minute // a longer wait is the job's, with a reason
	urlRefreshes = 3           // refusals of one part that are taken for an ended URL
	urlMargin    = 20 * time.Second
	hashedAlong  = smallFile       // the SHA-1 of files up to here is computed as they are sent
	sourceLook   = 2 * time.Second // between two looks at the file while parts are on their way
	// bytes a second below which the MD5 of parts costs nothing that is noticed
	slowLink = 100 * mib
	// how much a link must have taken at that rate to be called fast
	fastProven = 32 * mib
)

// errSessionDead says that the service does not know the upload key any more.
var errSessionDead = errors.New("the service ended the upload session")

// sendParts sends every part that is not stored, several at a time within the bound of all files,
// and looks at the file around each.
func (e *Engine) sendParts(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	now := time.Now()
	if sessionOver(job.UploadExpires, now) {
		return e.sessionLost(r, job,
			fmt.Errorf("the session ends at %s", job.UploadExpires.UTC().Format(time.RFC3339))), nil
	}

	src, err := r.source(ctx, e, job)
	if err != nil {
		return nil, err
	}

	var stored []state.Part
	if job.PartsDone > 0 {
		if stored, err = e.store.Parts(job.ID); err != nil {
			return nil, err
		}
	}

	if r.urls == nil {
		r.urls = newURLRuns(job.PartsTotal)
		r.urls.key = job.UploadKey
	}

	r.urls.reset(stored)

	s := &sending{e: e, r: r, c: c, job: job, src: src}
	if err := s.all(ctx); errors.Is(err, errSessionDead) {
		return e.sessionLost(r, job, err), nil
	} else if err != nil {
		return nil, fmt.Errorf("upload %s: %w", job.Target.Address, err)
	}

	if job.PartsTotal == 1 && len(stored) == 0 { // see put, which looked at the file too
		r.freshParts = true
		return nil, nil
	}

	if err := src.check(); err != nil {
		return nil, err
	}

	r.freshParts = true

	return []state.Event{state.AllStored{}}, nil
}

// all sends the parts that are not stored, several at a time, until one fails for good.
func (s *sending) all(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg, asks sync.WaitGroup
	var failed firstError
	worthless := func(err error) { // what is in flight
		failed.set(err)
		cancel(err)
	}
	looking := s.lookNowAndThen(ctx, worthless)
	begin := wg.Go
	if s.job.PartsTotal == 1 {
		begin = func(send func()) { send() }
	}

	acquire := (*gate).acquireFirst
	for n := 1; n <= s.job.PartsTotal && failed.get() == nil; n++ {
		if s.r.urls.isStored(n) {
			continue
		}

		// The URLs are asked for without a slot, since the call may wait for its budget.
		if err := s.ensureURL(ctx, n, ""); err != nil {
			failed.set(err)
			break
		}

		_, length := partRange(s.job.Snapshot.Size, s.job.PartSize, n)
		if err := acquire(s.e.gateOf(length), ctx); err != nil {
			failed.set(err)
			break
		}

		acquire = (*gate).acquire
		if next := s.nextRun(n, s.e.gateOf(length)); next > 0 {
			asks.Go(func() { s.askAhead(ctx, next) })
		}

		begin(func() {
			err := s.send(ctx, n)
			if _, changed := errors.AsType[*changedError](err); changed {
				worthless(err)
			} else if err != nil {
				failed.set(err)
			}
		})
	}

	wg.Wait()
	cancel(nil)
	asks.Wait()
	looking()

	return failed.get()
}

// sending is one run of sendParts.
type sending struct {
	e   *Engine
	r   *run
	c   *apsclient.Client
	job state.Job
	src *source

	ahead int // the last part whose run was asked for ahead
}

// sendingPart is one part on its way. One worker owns it.
type sendingPart struct {
	n              int
	offset, length int64
	slot           bool          // a slot of all files' parts is held
	before         *damagedError // how an earlier sending ended, nil well
}

// send sends one part until it is stored and committed. The caller has acquired a slot, which send
// gives back.
func (s *sending) send(ctx context.Context, n int) error {
	p := &sendingPart{n: n, slot: true}
	p.offset, p.length = partRange(s.job.Snapshot.Size, s.job.PartSize, n)
	gate := s.e.gateOf(p.length)
	defer func() {
		if p.slot {
			gate.release()
		}
	}()

	refreshes := 0
	for try := 1; ; try++ {
		if err := s.src.check(); err != nil {
			return err
		}

		url, err := s.url(ctx, n)
		if err != nil {
			return err
		}

		err = s.put(ctx, p, url)
		if err == nil {
			gate.succeeded(time.Now(), p.length)
			return nil
		}

		if ctx.Err() != nil {
			return context.Cause(ctx)
		}

		if damaged, ok := errors.AsType[*damagedError](err); ok {
			first := p.before == nil
			if p.before = damaged; first {
				continue // at once, and never the last try
			}
		}

		answer, _ := errors.AsType[*apsclient.Error](err)
		if urlMayHaveEnded(answer) && refreshes < urlRefreshes {
			refreshes++
			try-- // an ended URL is no failure of the part
			if err := s.ensureURL(ctx, n, url); err != nil {
				return err
			}

			continue
		}

		if err := p.final(err, answer); err != nil {
			return err
		}

		if _, again := apsclient.Retryable(err); again {
			gate.failed(time.Now())
		}

		wait := retryWait(err, try)
		if try >= partTries || wait > partWait {
			return fmt.Errorf("part %d: %w", n, err)
		}

		gate.release()
		p.slot = false
		if err := apsclient.Sleep(ctx, wait); err != nil {
			return err
		}

		if err := gate.acquire(ctx); err != nil {
			return err
		}

		p.slot = true
	}
}

// final is how a part fails for good; nil: it may be sent again.
func (p *sendingPart) final(err error, answer *apsclient.Error) error {
	switch {
	case errors.Is(err, apsclient.ErrNotFound):
		return fmt.Errorf("part %d: %w: %v", p.n, errSessionDead, err)
	case answer != nil && p.length == 0 && answer.Status >= 400 && answer.Status < 500:
		return needsPerson(ReasonEmptyFile, "part %d: %w", p.n, err)
	case urlMayHaveEnded(answer):
		return &urlRefusedError{fmt.Errorf("part %d: %w", p.n, err)}
	}

	if _, again := apsclient.Retryable(err); again || is[*damagedError](err) {
		return nil
	}

	return fmt.Errorf("part %d: %w", p.n, err)
}

// url is the URL of a part, asked for when there is none that has not ended.
func (s *sending) url(ctx context.Context, n int) (apsclient.SignedURL, error) {
	if url, ok := s.r.urls.get(n, time.Now()); ok {
		return url, nil
	}

	if err := s.ensureURL(ctx, n, ""); err != nil {
		return "", err
	}

	if url, ok := s.r.urls.get(n, time.Now()); ok {
		return url, nil
	}

	return "", fmt.Errorf("part %d: the service gave a URL that has ended already", n)
}

// damagedError says that the ETag of a part has the form of an MD5 and is not that of the bytes
// read.
type damagedError struct{ md5, etag string }

func (*damagedError) Error() string { return "the service stored other bytes than were sent" }

// put sends the bytes once and commits the ETag. The file is looked at after the last byte: what
// was read is of the job's snapshot.
func (s *sending) put(ctx context.Context, p *sendingPart, url apsclient.SignedURL) error {
	var sent atomic.Int64
	file := &onDiskReader{s.e, s.r, s.e.gateOf(p.length), s.job.Path, s.src.part(p.offset, p.length)}
	body := apsclient.PartBody{R: file, Offset: p.offset, Size: p.length,
		Sent: func(n int) {
			sent.Add(int64(n))
			s.e.moved(s.r, int64(n))
			if p.length > smallFile {
				s.e.link.add(int64(n), time.Now())
			}
		}}
	if p.before != nil {
		body.MD5 = p.before.md5
	}

	sum := &summer{r: file, h: md5.New(), start: p.offset, next: -1, wanted: s.e.wantsMD5}
	body.R = sum

	var whole *summer // that the next push of it need not read the file
	if s.job.Target.OSS() && s.job.PartsTotal == 1 && p.length <= hashedAlong {
		whole = &summer{r: body.R, h: sha1.New(), start: p.offset, next: p.offset}
		body.R = whole
	}

	etag, err := s.c.Data.PutPart(ctx, url, body)
	md := sum.hex(p.offset + p.length)
	if err == nil && md == "" && s.e.wantsMD5() { // the link had seemed fast
		md, err = p.readAgain(ctx, file)
	}

	if err == nil {
		err = s.src.check()
	}

	if err == nil {
		err = s.r.compareETag(md, etag, p.before)
	}

	if err != nil {
		s.e.moved(s.r, -sent.Load())
		return err
	}

	events := []state.Event{state.PartStored{Part: p.n, Size: p.length, ETag: etag, MD5: md}}
	if s.job.PartsTotal == 1 {
		events = append(events, state.AllStored{}) // the file was looked at after its only part
	}

	done, err := s.e.commit(ctx, s.job.ID, events...)
	if err != nil {
		s.e.moved(s.r, -sent.Load())
		return err
	}

	if whole != nil {
		s.r.sha1 = whole.hex(p.offset + p.length)
	}

	if s.job.PartsTotal == 1 {
		s.r.onlyETag = etag
	}

	s.r.urls.stored(p.n)
	s.r.setPart(done, sent.Load())
	if s.e.data.succeeded(time.Now()) {
		s.e.Kick()
	}

	return nil
}

// readAgain is the MD5 of a part that was not summed on its way.
func (p *sendingPart) readAgain(ctx context.Context, file io.ReaderAt) (string, error) {
	h := md5.New()
	err := copyContext(ctx, h, io.NewSectionReader(file, p.offset, p.length), p.length)

	return hex.EncodeToString(h.Sum(nil)), err
}

// compareETag holds the MD5 of a part against its ETag, when both are one. Under KMS encryption S3
// gives ETags that only look like it: such a one is another each time the same bytes are sent,
// these bytes were checked on arrival the second time, and no part's ETag is its MD5.
func (r *run) compareETag(md5, etag string, before *damagedError) error {
	switch {
	case md5 == "" || !isMD5(etag):
	case strings.EqualFold(md5, etag):
		r.digests.Store(true)
	case before != nil && before.etag != etag && !r.digests.Load():
		r.opaque.Store(true)
	case !r.opaque.Load():
		return &damagedError{md5, etag}
	}

	return nil
}

// wantsMD5 reports whether the MD5 of parts is compared: from the first one on, except while the link
// is known to be so fast that the sum would be noticed.
func (e *Engine) wantsMD5() bool {
	switch e.cfg.Checksum {
	case "always":
		return true
	case "never":
		return false
	}

	return !e.meter.took(time.Now(), fastProven, slowLink)
}

// retryWait is the wait after a failed sending: what the service asked for, else a jittered
// doubling from half a second.
func retryWait(err error, try int) time.Duration {
	if after, ok := apsclient.Retryable(err); ok && after > 0 {
		return after + rand.N(time.Second)
	}

	half := backoff(try-1, backoffCap) / 2

	return half/2 + rand.N(half)
}

func (e *Engine) activeTransfers() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.usedSlots().transfers
}

// lookNowAndThen looks at the file and at the session while parts are on their way: a part of a slow
// link takes minutes, and the look at its end would come too late for a file that is saved more often.
// Another file is told to worthless. The look ends with ctx, and what is returned waits for that.
func (s *sending) lookNowAndThen(ctx context.Context, worthless func(error)) (wait func()) {
	var looks sync.WaitGroup
	looks.Add(1)
	timer := time.AfterFunc(sourceLook, func() { // most files are through by then
		defer looks.Done()
		for ctx.Err() == nil {
			if c, ok := errors.AsType[*changedError](s.src.check()); ok {
				worthless(c)
				return
			}

			s.warnIfTooShort(ctx)
			if apsclient.Sleep(ctx, sourceLook) != nil {
				return
			}
		}
	})

	return func() {
		if timer.Stop() {
			looks.Done()
		}

		looks.Wait()
	}
}

// warnIfTooShort says once a run, in the log and the job's history, that the session ends before
// the file is through at the measured speed.
func (s *sending) warnIfTooShort(ctx context.Context) {
	now := time.Now()
	if s.r.warned || s.job.UploadExpires.IsZero() || !s.r.meter.steady(now) {
		return
	}

	missing, short := sessionTooShort(s.job.Snapshot.Size-s.r.bytesDone(), s.r.meter.rate(now),
		s.job.UploadExpires, now)
	if !short {
		return
	}

	s.r.warned = true
	text := fmt.Sprintf(
		"at the measured speed the upload needs %s more than the session lasts (until %s)", missing,
		s.job.UploadExpires.UTC().Format(time.RFC3339))
	s.e.log.Warn("the upload may not end before its session does", "job", string(s.job.ID),
		"path", s.job.Path, "reason", ReasonSessionShort, "detail", text)
	if _, err := s.e.commit(ctx, s.job.ID,
		state.Retry{At: now, Reason: ReasonSessionShort, Error: text}); err != nil {
		s.e.log.Debug("the warning was not kept", "job", string(s.job.ID), "error", err)
	}
}

// bytesDone counts what is stored and what is on its way.
func (r *run) bytesDone() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.BytesDone + r.sent.Load()
}

// firstError keeps the first error of several workers.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

package transfer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// errLeft says that who made a joint call stopped in the middle; the others make it again.
var errLeft = errors.New("the job that made the call for several stopped")

// joiner joins calls about single objects of one bucket: while one is on its way, those that come
// meanwhile make up the next, at most apsclient.MaxBatch of them; as many as that wait for no other call,
// up to callsAtOnce. What comes alone waits for nobody;
// when several came together, the next call waits for a full one, a part of the time that the last
// took. The zero value is ready; safe for concurrent use.
type joiner[Q, A any] struct {
	mu    sync.Mutex
	turn  bool // one of the queue is to make the next call, and has not begun
	calls int  // on their way
	queue []*joined[Q, A]
	full  chan struct{} // closed when the queue makes a full call; nil: nobody waits for it
	last  time.Duration // what the last call took, 0: it was alone
}

// A call waits for a full one this part of what the last took, and no longer than mostCompany.
const (
	companyPart = 4
	mostCompany = 50 * time.Millisecond
)

// callsAtOnce is how many calls of one kind are on their way for a bucket, if they are full.
const callsAtOnce = 4

type joined[Q, A any] struct {
	key  string
	q    Q
	lead chan struct{} // closed when its owner has to make the next call
	done chan struct{} // closed when a and err are there
	a    A
	err  error
}

// do asks for one object; call is made with what has come together and answers by key.
func (j *joiner[Q, A]) do(ctx context.Context, key string, q Q,
	call func(context.Context, map[string]Q) (map[string]A, map[string]error)) (A, error) {
	for {
		a, err := j.once(ctx, key, q, call)
		if !errors.Is(err, errLeft) {
			return a, err
		}

		if ctx.Err() != nil {
			return a, context.Cause(ctx)
		}
	}
}

func (j *joiner[Q, A]) once(ctx context.Context, key string, q Q,
	call func(context.Context, map[string]Q) (map[string]A, map[string]error)) (A, error) {
	one := &joined[Q, A]{key: key, q: q, lead: make(chan struct{}), done: make(chan struct{})}
	j.mu.Lock()
	j.queue = append(j.queue, one)
	if j.full != nil && len(j.queue) >= apsclient.MaxBatch {
		close(j.full)
		j.full = nil
	}

	j.give()
	j.mu.Unlock()

	select {
	case <-one.done:
		return one.a, one.err
	case <-one.lead:
	case <-ctx.Done():
		j.leave(one)

		var none A // who makes the call for it may be writing one.a

		return none, context.Cause(ctx)
	}

	j.company(ctx)
	batch := j.take(one)
	reqs := map[string]Q{}
	for _, b := range batch {
		reqs[b.key] = b.q
	}

	began := time.Now()
	answers, errs := call(ctx, reqs)
	j.took(time.Since(began), len(batch))
	left := ctx.Err() != nil
	for _, b := range batch {
		b.a, b.err = answers[b.key], errs[b.key]
		if left && b != one {
			b.err = errLeft
		}

		close(b.done)
	}

	j.ended()

	return one.a, one.err
}

// leave takes one that waits no longer out of the queue, and hands its turn on.
func (j *joiner[Q, A]) leave(one *joined[Q, A]) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := slices.Index(j.queue, one); i >= 0 {
		j.queue = slices.Delete(j.queue, i, i+1)
	}

	select {
	case <-one.lead: // it came at the same moment
		j.turn = false
		j.give()
	default:
	}
}

// company waits until the queue makes a full call, for as long as that is worth it.
func (j *joiner[Q, A]) company(ctx context.Context) {
	j.mu.Lock()
	wait := companyAfter(j.last)
	if wait <= 0 || len(j.queue) >= apsclient.MaxBatch {
		j.mu.Unlock()
		return
	}

	full := make(chan struct{})
	j.full = full
	j.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()

	select {
	case <-full:
	case <-timer.C:
	case <-ctx.Done():
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	j.full = nil
}

// took notes what a call of so many took.
func (j *joiner[Q, A]) took(d time.Duration, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = tellsOfCompany(d, n)
}

// companyAfter is how long a call waits for a full one, when the last took so long.
func companyAfter(last time.Duration) time.Duration { return min(last/companyPart, mostCompany) }

// tellsOfCompany is what a call of so many took, 0: it was alone.
func tellsOfCompany(took time.Duration, n int) time.Duration {
	if n == 1 {
		return 0
	}

	return took
}

// take removes from the queue what goes with one: keys that differ, at most MaxBatch.
func (j *joiner[Q, A]) take(one *joined[Q, A]) []*joined[Q, A] {
	j.mu.Lock()
	defer j.mu.Unlock()
	batch := []*joined[Q, A]{one}
	seen := map[string]bool{one.key: true}
	j.queue = slices.DeleteFunc(j.queue, func(b *joined[Q, A]) bool {
		if b == one {
			return true
		}

		if len(batch) == apsclient.MaxBatch || seen[b.key] {
			return false
		}

		seen[b.key] = true
		batch = append(batch, b)

		return true
	})

	j.turn = false
	j.calls++
	j.give()

	return batch
}

// give gives the turn to who waits longest, if a call may begin; the caller holds mu.
func (j *joiner[Q, A]) give() {
	if !j.turn && mayLead(len(j.queue), j.calls) {
		j.turn = true
		close(j.queue[0].lead)
	}
}

// ended counts a call that has its answer.
func (j *joiner[Q, A]) ended() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls--
	j.give()
}

// mayLead reports whether another call may begin for so many that wait, beside those on their way.
func mayLead(waiting, calls int) bool {
	return waiting > 0 && calls == 0 || waiting >= apsclient.MaxBatch && calls < callsAtOnce
}

// bucketCalls are the joint calls about one bucket.
type bucketCalls struct {
	urls      joiner[apsclient.UploadURLsRequest, apsclient.UploadURLs]
	completes joiner[apsclient.Completion, apsclient.CompletedObject]
	downloads joiner[apsclient.DownloadURLRequest, apsclient.Download]
}

func (e *Engine) bucketCalls(job state.Job) (*bucketCalls, error) {
	p, err := e.profile(job.Profile)
	if err != nil {
		return nil, err
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	b := p.buckets[job.Target.Bucket]
	if b == nil {
		b = &bucketCalls{}
		p.buckets[job.Target.Bucket] = b
	}

	return b, nil
}

// uploadURLs asks for part URLs. Small files of a bucket, which need one URL each, share a call
// where they come together.
func (e *Engine) uploadURLs(ctx context.Context, c *apsclient.Client, job state.Job,
	req apsclient.UploadURLsRequest) (apsclient.UploadURLs, error) {
	id := apsclient.ObjectID(job.Object)
	if !job.Target.OSS() || req.Parts > 1 {
		return c.Objects.UploadURLs(ctx, id, req)
	}

	calls, err := e.bucketCalls(job)
	if err != nil {
		return apsclient.UploadURLs{}, err
	}

	return calls.urls.do(ctx, job.Target.Key, req,
		func(ctx context.Context, reqs map[string]apsclient.UploadURLsRequest) (
			map[string]apsclient.UploadURLs, map[string]error) {
			if len(reqs) == 1 {
				a, err := c.Objects.UploadURLs(ctx, id, req)
				return only(job.Target.Key, a, err)
			}

			got, err := c.Objects.BatchUploadURLs(ctx, job.Target.Bucket, reqs)

			return spread(reqs, err, func(key string) (apsclient.UploadURLs, error) {
				return got[key].UploadURLs, got[key].Err
			})
		})
}

// complete assembles an object; for buckets like uploadURLs.
func (e *Engine) complete(ctx context.Context, c *apsclient.Client, job state.Job,
	req apsclient.Completion) (apsclient.CompletedObject, error) {
	id := apsclient.ObjectID(job.Object)
	if !job.Target.OSS() || len(req.ETags) > 1 {
		return c.Objects.Complete(ctx, id, req)
	}

	calls, err := e.bucketCalls(job)
	if err != nil {
		return apsclient.CompletedObject{}, err
	}

	return calls.completes.do(ctx, job.Target.Key, req,
		func(ctx context.Context, reqs map[string]apsclient.Completion) (map[string]apsclient.CompletedObject,
			map[string]error) {
			if len(reqs) == 1 {
				a, err := c.Objects.Complete(ctx, id, req)
				return only(job.Target.Key, a, err)
			}

			got, err := c.Objects.BatchComplete(ctx, job.Target.Bucket, reqs)

			return spread(reqs, err, func(key string) (apsclient.CompletedObject, error) {
				return got[key].CompletedObject, got[key].Err
			})
		})
}

// downloadURL asks where the content of a job is; for buckets like uploadURLs. Why one object of a
// joint call has no URL is asked for by itself, since the joint answer has no status for it; and the
// joint call is for the owner of a bucket alone, and may be refused for one object that is gone.
func (e *Engine) downloadURL(ctx context.Context, c *apsclient.Client, job state.Job,
	req apsclient.DownloadURLRequest) (apsclient.Download, error) {
	id := stored(job)
	if !job.Target.OSS() {
		return c.Objects.DownloadURL(ctx, id, req)
	}

	calls, err := e.bucketCalls(job)
	if err != nil {
		return apsclient.Download{}, err
	}

	return calls.downloads.do(ctx, job.Target.Key, req,
		func(
			ctx context.Context, reqs map[string]apsclient.DownloadURLRequest,
		) (map[string]apsclient.Download, map[string]error) {
			if len(reqs) == 1 {
				a, err := c.Objects.DownloadURL(ctx, id, req)
				return only(job.Target.Key, a, err)
			}

			got, err := c.Objects.BatchDownloadURLs(ctx, job.Target.Bucket, reqs)
			ours := err == nil
			if errors.Is(err, apsclient.ErrForbidden) || errors.Is(err, apsclient.ErrNotFound) {
				err = nil
			}

			return spread(reqs, err, func(key string) (apsclient.Download, error) {
				if ours && got[key].Err == nil {
					return got[key].Download, nil
				}

				return c.Objects.DownloadURL(ctx, apsclient.NewObjectID(job.Target.Bucket, key), reqs[key])
			})
		})
}

func only[A any](key string, a A, err error) (map[string]A, map[string]error) {
	return map[string]A{key: a}, map[string]error{key: err}
}

// spread gives every object of a joint call its own answer, or the call's error.
func spread[Q, A any](reqs map[string]Q, err error, of func(key string) (A, error)) (map[string]A,
	map[string]error) {
	answers, errs := map[string]A{}, map[string]error{}
	for key := range reqs {
		if err != nil {
			errs[key] = err
			continue
		}

		answers[key], errs[key] = of(key)
	}

	return answers, errs
}

package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// downloadStep makes the one effect that follows a download's phase. Ranges are committed inside,
// each by its worker.
func (e *Engine) downloadStep(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	events, err := e.downloadPhase(ctx, r, job)
	if _, local := errors.AsType[*fs.PathError](err); local {
		if barred := barredError(job); barred != nil {
			return nil, barred
		}
	}

	return events, err
}

func (e *Engine) downloadPhase(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	switch job.Phase {
	case state.PhaseQueued:
		return e.resolveDownload(ctx, r, job)
	case state.PhaseResolved, state.PhaseFetching:
		return e.fetch(ctx, r, job)
	case state.PhaseVerified:
		return e.place(ctx, r, job)
	case state.PhasePlaced:
		return e.finishDownload(job)
	}

	return nil, fmt.Errorf("download has no step for phase %q", job.Phase)
}

// resolveDownload learns what is to be fetched, and whether the local file stands in the way or
// holds the content already.
func (e *Engine) resolveDownload(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	c, err := e.clientFor(job)
	if err != nil {
		return nil, err
	}

	if !job.Target.OSS() && job.Object == "" {
		v, err := c.Versions.Version(ctx, apsclient.ProjectID(job.Target.Project),
			apsclient.VersionID(job.Target.Version))
		if err != nil {
			return nil, fmt.Errorf("resolve %s: %w", job.Target.Address, err)
		}

		if v.Storage == "" {
			return nil, needsPerson(ReasonNoContent, "version %d of %s has no content of its own", v.Number,
				job.Target.Address)
		}

		job.Item, job.Version, job.VersionNumber, job.Object, job.Size = string(v.Item), string(v.ID),
			v.Number, string(v.Storage), v.Size
	}

	job.Object = string(stored(job))
	// What the size alone decides costs no call.
	verdict, was, err := e.judgeLocal(ctx, job, false)
	if err != nil || verdict == localDiffers && !job.Overwrite {
		return nil, cmp.Or(err, localDiffersError(job))
	}

	r.down = e.newDownload(c, job)
	if err := r.down.ask(ctx, e.meter.rate(time.Now())); err != nil {
		return nil, err
	}

	job.Size, job.SHA1 = r.down.size, r.down.sha1
	if verdict != localFree { // else what comes meanwhile is seen when the place is taken
		verdict, was, err = e.judgeLocal(ctx, job, true)
	}

	switch {
	case err != nil:
		return nil, err
	case verdict == localSame && !job.Force:
		job.Snapshot = was

		return []state.Event{state.Unchanged{Item: job.Item, Version: job.Version, Number: job.VersionNumber,
			Record: recordOf(job, job.Object, job.SHA1)}}, nil
	case verdict == localDiffers && !job.Overwrite:
		return nil, localDiffersError(job)
	}

	resolved := state.Resolved{Item: job.Item, Version: job.Version, Number: job.VersionNumber,
		Object: job.Object, Size: job.Size, SHA1: job.SHA1}
	if job.Size < 0 || job.Size > smallFile {
		return []state.Event{resolved}, nil
	}

	return then(job, resolved, func(job state.Job) ([]state.Event, error) { return e.fetch(ctx, r, job) })
}

func localDiffersError(job state.Job) error {
	return needsPerson(ReasonLocalDiffers, "%q differs from what was last synced with %s", job.Path,
		job.Target.Address)
}

// objectChangedError says that the object is not the one whose ranges were fetched.
type objectChangedError struct{ err error }

func (e *objectChangedError) Error() string {
	return "the content changed while it was fetched: " + e.err.Error()
}
func (e *objectChangedError) Unwrap() error { return e.err }

// download is where the bytes of one object come from: a signed URL, or several for an object that
// is not assembled yet. URLs live here alone, in memory. Safe for concurrent use.
type download struct {
	client *apsclient.Client
	object apsclient.ObjectID
	name   string // for messages
	// asks for a URL; nil: by a call for this object alone
	sign func(context.Context, apsclient.DownloadURLRequest) (apsclient.Download, error)

	asking sync.Mutex // one question at a time

	mu     sync.Mutex
	asked  int // answers so far
	chunks []chunk
	whole  bool // one URL for everything, of an assembled object: its ETag holds for all ranges
	stream bool // the server ignores ranges and sends everything each time
	size   int64
	sha1   string
	etag   string
}

// chunk is one URL and the inclusive range of the object that it gives.
type chunk struct {
	url      apsclient.SignedURL
	from, to int64
}

func (e *Engine) newDownload(c *apsclient.Client, job state.Job) *download {
	d := &download{client: c, object: stored(job), name: job.Target.Address, size: job.Size, sha1: job.SHA1,
		etag: job.ETag}
	d.sign = func(ctx context.Context, req apsclient.DownloadURLRequest) (apsclient.Download, error) {
		return e.downloadURL(ctx, c, job, req)
	}

	return d
}

// ask gets a URL. A size or SHA-1 that differs from what an earlier answer said is an
// *objectChangedError, and is kept.
func (d *download) ask(ctx context.Context, rate float64) error {
	req := apsclient.DownloadURLRequest{Minutes: urlMinutes(max(d.size, 0), rate)}
	sign := d.sign
	if sign == nil {
		sign = func(ctx context.Context, req apsclient.DownloadURLRequest) (apsclient.Download, error) {
			return d.client.Objects.DownloadURL(ctx, d.object, req)
		}
	}

	answer, err := sign(ctx, req)
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}

	chunks := []chunk{{url: answer.URL, to: 1<<63 - 1}}
	switch answer.Status {
	case "complete", "fallback", "":
		if answer.URL == "" {
			return fmt.Errorf("get download URL of %s: the answer %q holds no URL", d.name, answer.Status)
		}
	case "chunked":
		if chunks, err = parseChunks(answer.Chunks, answer.Size); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	default:
		return fmt.Errorf("get download URL of %s: the service answers %q", d.name, answer.Status)
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++

	d.chunks, d.whole = chunks, answer.Status != "chunked" && answer.Status != "fallback"
	var changed error
	switch {
	case answer.Size >= 0 && d.size >= 0 && answer.Size != d.size:
		changed = fmt.Errorf("%d bytes instead of %d", answer.Size, d.size)
	case answer.SHA1 != "" && d.sha1 != "" && !strings.EqualFold(answer.SHA1, d.sha1):
		changed = errors.New("another SHA-1")
	}

	first := d.asked == 1
	if answer.Size >= 0 {
		d.size = answer.Size
	}

	if answer.SHA1 != "" {
		d.sha1 = answer.SHA1
	}

	if changed != nil && !first {
		return &objectChangedError{err: changed}
	}

	return nil
}

// parseChunks reads the map of a "chunked" answer: inclusive ranges that cover the object without a
// gap.
func parseChunks(urls map[string]apsclient.SignedURL, size int64) ([]chunk, error) {
	var out []chunk
	for text, u := range urls {
		a, b, ok := strings.Cut(text, "-")
		from, err1 := strconv.ParseInt(a, 10, 64)
		to, err2 := strconv.ParseInt(b, 10, 64)
		if !ok || err1 != nil || err2 != nil || from < 0 || to < from || to == math.MaxInt64 || u == "" {
			return nil, fmt.Errorf("the chunk %q is no range with a URL", text)
		}

		out = append(out, chunk{url: u, from: from, to: to})
	}

	slices.SortFunc(out, func(a, b chunk) int { return cmp.Compare(a.from, b.from) })

	next := int64(0)
	for _, c := range out {
		if c.from != next {
			return nil, fmt.Errorf("the chunks leave a gap or overlap at byte %d", next)
		}

		next = c.to + 1
	}

	if size >= 0 && next != size {
		return nil, fmt.Errorf("the chunks cover %d of %d bytes", next, size)
	}

	return out, nil
}

// refreshed asks for new URLs unless somebody did since the answer number seen.
func (d *download) refreshed(ctx context.Context, seen int) error {
	d.asking.Lock()
	defer d.asking.Unlock()
	d.mu.Lock()
	current := d.asked
	d.mu.Unlock()
	if current != seen {
		return nil
	}

	return d.ask(ctx, 0)
}

// open returns a reader of [from, to] or of its beginning: it may end early when a chunk does. At
// most urlRefreshes refusals are taken for those of a URL that ended. An answer that shows another
// object is an *objectChangedError.
func (d *download) open(ctx context.Context, from, to int64) (body io.ReadCloser, end int64, err error) {
	for refreshes := 0; ; refreshes++ {
		d.mu.Lock()

		asked, ifMatch, whole, size := d.asked, d.etag, d.whole, d.size
		var c chunk
		for _, o := range d.chunks {
			if o.from <= from && from <= o.to {
				c = o
			}
		}

		d.mu.Unlock()
		if c.url == "" {
			if refreshes > 0 {
				return nil, 0, &objectChangedError{err: fmt.Errorf("byte %d is beyond its end", from)}
			}

			if err := d.refreshed(ctx, asked); err != nil {
				return nil, 0, err
			}

			continue
		}

		if !whole {
			ifMatch = ""
		}

		end = min(to, c.to)
		got, err := d.client.Data.GetRange(ctx, c.url, from-c.from, end-c.from, ifMatch)
		if err == nil {
			d.mu.Lock()
			d.stream = d.stream || got.Whole
			d.mu.Unlock()
			if err := d.check(got, whole, size); err != nil {
				got.Body.Close()
				return nil, 0, err
			}

			return got.Body, end, nil
		}

		switch answer, _ := errors.AsType[*apsclient.Error](err); {
		case answer == nil:
			return nil, 0, err
		case answer.Status == http.StatusPreconditionFailed,
			answer.Status == http.StatusRequestedRangeNotSatisfiable:
			return nil, 0, &objectChangedError{err: err}
		case urlMayHaveEnded(answer):
			if refreshes >= urlRefreshes {
				return nil, 0, &urlRefusedError{err}
			}

			if err := d.refreshed(ctx, asked); err != nil {
				return nil, 0, err
			}
		default:
			return nil, 0, err
		}
	}
}

// check compares an answer with what is known of the object, and learns its ETag from the first.
func (d *download) check(got *apsclient.Ranged, whole bool, size int64) error {
	if !whole {
		return nil
	}

	if got.Total >= 0 && size >= 0 && got.Total != size {
		return &objectChangedError{err: fmt.Errorf("%d bytes instead of %d", got.Total, size)}
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	if d.etag == "" {
		d.etag = got.ETag
	}

	if got.ETag != "" && got.ETag != d.etag {
		return &objectChangedError{err: errors.New("another ETag")}
	}

	if d.size < 0 && got.Total >= 0 {
		d.size = got.Total
	}

	return nil
}

// stored returns the storage of a planned download.
func stored(job state.Job) apsclient.ObjectID {
	if job.Object == "" && job.Target.OSS() {
		return apsclient.NewObjectID(job.Target.Bucket, job.Target.Key)
	}

	return apsclient.ObjectID(job.Object)
}

package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

// uploadStep makes the one remote effect that follows a job's phase.
func (e *Engine) uploadStep(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	c, err := e.clientFor(job)
	if err != nil {
		return nil, err
	}

	if err := e.mayBeSent(job); err != nil {
		return nil, err
	}

	switch job.Phase {
	case state.PhaseQueued:
		if err := e.behind(job); err != nil {
			return nil, err
		}

		if job.From != "" {
			return e.intendRename(ctx, r, c, job)
		}

		return e.reserve(ctx, r, c, job)
	case state.PhaseRenaming:
		return e.rename(ctx, r, c, job)
	case state.PhaseReserved:
		return e.openSession(ctx, r, c, job)
	case state.PhaseUploading:
		return e.sendParts(ctx, r, c, job)
	case state.PhaseUploaded:
		return e.assemble(ctx, r, c, job)
	case state.PhaseCompleted:
		if job.Target.OSS() {
			return e.finish(ctx, r, job)
		}

		return e.intend(ctx, r, c, job)
	case state.PhasePublishing:
		return e.publish(ctx, r, c, job)
	case state.PhasePublished:
		return e.finish(ctx, r, job)
	}

	return nil, fmt.Errorf("upload has no step for phase %q", job.Phase)
}

// openSession begins a multipart upload and fixes the part plan; the URLs of the first run come
// with the same call.
func (e *Engine) openSession(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	if _, err := r.source(ctx, e, job); err != nil {
		return nil, err
	}

	partSize, count := planParts(job.Snapshot.Size, e.cfg.PartSize)
	r.urls, r.sha1 = newURLRuns(count), ""
	expires, err := e.askURLs(ctx, r, c, job, partSize, 1, min(count, maxURLsACall), "")
	if err != nil {
		return nil, fmt.Errorf("open an upload session for %s: %w", job.Target.Address, err)
	}

	if sessionOver(expires, time.Now()) { // by our clock, which may be wrong; then only the service can tell
		e.log.Warn("the upload session just opened ends at once, by this machine's clock", "job",
			string(job.ID), "path", job.Path, "ends", expires)
		expires = time.Time{}
	}

	return []state.Event{state.Opened{UploadKey: r.urls.key, Expires: expires, PartSize: partSize,
		Parts: count}}, nil
}

// assemble completes the upload with size and every ETag. A refusal may follow on a completion that
// took effect, see [apsclient.Doubt].
func (e *Engine) assemble(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	asked := !r.freshParts // perhaps, before
	r.freshParts = false
	if err := e.sourceStillSame(ctx, r, job); err != nil {
		return nil, err
	}

	etags, missing, err := e.etagsOf(r, job)
	if err != nil {
		return nil, err
	}

	if len(missing) > 0 {
		return []state.Event{state.PartsLost{Parts: missing}}, nil
	}

	completion := apsclient.Completion{UploadKey: job.UploadKey, Size: job.Snapshot.Size, ETags: etags,
		UserMetadata: marker(job)}
	done, err := apsclient.Doubt[apsclient.CompletedObject]{
		Asked:    asked,
		Harmless: true, // the key works once
		Call: func(ctx context.Context) (apsclient.CompletedObject, error) {
			done, err := e.complete(ctx, c, job, completion)
			r.unclear(err, job)

			return done, err
		},
		Look: func(ctx context.Context) (done apsclient.CompletedObject, there bool, err error) {
			there, err = isAssembled(ctx, c, job)
			return done, there, err
		},
		Ours:   func(err error) bool { return isRefused(err) || isSessionDead(err) },
		Logger: e.log.With("job", string(job.ID), "path", job.Path),
	}.Do(ctx)
	if err == nil && done.Size > 0 && done.Size != job.Snapshot.Size {
		return e.sessionLost(r, job,
			fmt.Errorf("complete %s: the service assembled %d bytes of %d", job.Target.Address, done.Size,
				job.Snapshot.Size)), nil
	}

	pe, _ := errors.AsType[*apsclient.PartsError](err)
	_, unsettled := errors.AsType[*apsclient.UnsettledError](err)
	switch {
	case err == nil:
		if !job.Target.OSS() {
			return []state.Event{state.Assembled{}}, nil
		}

		return then(job, state.Assembled{}, func(job state.Job) ([]state.Event, error) {
			return e.finish(ctx, r, job)
		})
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case unsettled: // it may be whole: nothing is given up
	case isRefused(err):
		return e.repair(r, job, pe), nil
	case isSessionDead(err) && job.Snapshot.Size == 0:
		return nil, needsPerson(ReasonEmptyFile, "%w", uncompleted(job.Target.Address, err))
	case isSessionDead(err):
		return e.sessionLost(r, job, uncompleted(job.Target.Address, err)), nil
	}

	return nil, uncompleted(job.Target.Address, err)
}

// etagsOf are the ETags of all parts in their order, and the numbers of those that have none.
func (e *Engine) etagsOf(r *run, job state.Job) (etags []string, missing []int, err error) {
	if only := r.onlyETag; only != "" && job.PartsTotal == 1 {
		r.onlyETag = "" // should the completion be made again, the store is asked
		return []string{only}, nil, nil
	}

	parts, err := e.store.Parts(job.ID)
	if err != nil {
		return nil, nil, err
	}

	etags = make([]string, job.PartsTotal)
	for _, p := range parts {
		if p.Number >= 1 && p.Number <= len(etags) {
			etags[p.Number-1] = p.ETag
		}
	}

	for i, tag := range etags {
		if tag == "" {
			missing = append(missing, i+1)
		}
	}

	return etags, missing, nil
}

// uncompleted names what a completion was for; a refusal of its parts says itself what it is.
func uncompleted(name string, err error) error {
	if _, said := errors.AsType[*apsclient.PartsError](err); said {
		return fmt.Errorf("%s: %w", name, err)
	}

	return fmt.Errorf("complete %s: %w", name, err)
}

// then makes the step that follows an event at once, so that both share a commit. What a failed step
// follows is returned too.
func then(job state.Job, ev state.Event, next func(state.Job) ([]state.Event, error)) ([]state.Event, error) {
	after, err := job.Next(ev)
	if err != nil {
		return nil, err
	}

	events, err := next(after)

	return append([]state.Event{ev}, events...), err
}

// repair sends again the parts that a completion named. A session that names none, or goes on
// naming some, is given up; when it names most of them, that is a whole repeat.
func (e *Engine) repair(r *run, job state.Job, pe *apsclient.PartsError) []state.Event {
	var bad []int
	for _, p := range pe.Parts {
		if p.Status != "Ok" && p.Part >= 1 && p.Part <= job.PartsTotal {
			bad = append(bad, p.Part)
		}
	}

	r.badAssembly++
	few := len(bad)*2 <= job.PartsTotal && r.badAssembly <= 3
	if len(bad) == 0 || !few && job.Repeats > 0 {
		return e.sessionLost(r, job, pe)
	}

	e.log.Warn("the service holds other parts than were sent; sending them again", "job", string(job.ID),
		"path", job.Path, "parts", len(bad))

	return []state.Event{state.PartsLost{Parts: bad, Whole: !few}}
}

// sessionLost begins the upload again, from the second time on with a wait. After two whole repeats
// it is left to a user: each costs the whole file.
func (e *Engine) sessionLost(r *run, job state.Job, why error) []state.Event {
	e.log.Warn("the upload session is lost; the file is sent from the start", "job", string(job.ID), "path",
		job.Path, "error", why)
	r.urls, r.badAssembly = nil, 0
	lost := job.Repeats + 1
	events := []state.Event{state.SessionLost{}}
	switch {
	case lost > maxWholeRepeats && isRefused(why):
		return append(events, verdict{Class: classPerson, Reason: ReasonDamaged}.event(why, time.Now(), 1))
	case lost > maxWholeRepeats:
		return append(events, verdict{Class: classPerson, Reason: ReasonSessionLost}.event(why, time.Now(),
			1))
	case lost > 1:
		return append(events, verdict{classRetry, ReasonSessionLost, backoff(lost, backoffCap)}.event(why,
			time.Now(), 1))
	}

	return events
}

// isRefused reports whether a completion was refused for its parts.
func isRefused(err error) bool {
	_, refused := errors.AsType[*apsclient.PartsError](err)
	return refused && !isSessionDead(err)
}

// isSessionDead reports whether a call with an upload key was answered in the way of a key that the
// service does not know (any more).
func isSessionDead(err error) bool {
	if e, ok := errors.AsType[*apsclient.PartsError](err); ok {
		return speaksOfKey(e.Reason)
	}

	e, ok := errors.AsType[*apsclient.Error](err)

	return ok && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound ||
		e.Status == http.StatusGone ||
		e.Status == http.StatusForbidden && speaksOfKey(e.Code+" "+e.Title+" "+e.Detail))
}

// speaksOfKey reports whether an answer names the upload key, or the upload itself, as what is wrong.
func speaksOfKey(text string) bool {
	text = strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(text))
	return strings.Contains(text, "uploadkey") || strings.Contains(text, "uploadsession") ||
		strings.Contains(text, "uploadid")
}

// isAssembled looks whether the object of a job is whole at the service. Keys of oss:// are reused,
// so there the job's marker decides; the object of a project belongs to this job alone, so its size
// does.
func isAssembled(ctx context.Context, c *apsclient.Client, job state.Job) (bool, error) {
	o, err := c.Objects.Details(ctx, apsclient.ObjectID(job.Object))
	if errors.Is(err, apsclient.ErrNotFound) {
		return false, nil
	}

	if err != nil {
		return false, err
	}

	if job.Target.OSS() && !strings.Contains(o.UserMetadata, string(job.ID)) {
		return false, nil
	}

	return o.Size == job.Snapshot.Size, nil
}

// marker is the user metadata by which an object of a reused key shows which job made it; under the
// service's 100 bytes.
func marker(job state.Job) string {
	if !job.Target.OSS() {
		return ""
	}

	return fmt.Sprintf(`{"hoist":"%s"}`, job.ID)
}

// sourceStillSame looks at the path again before something is made of what was read. Bytes from a
// spool snapshot are of one moment anyway.
func (e *Engine) sourceStillSame(ctx context.Context, r *run, job state.Job) error {
	src, err := r.source(ctx, e, job)
	if err != nil {
		return err
	}

	if src.mine {
		return nil
	}

	return checkPath(job, func() (bool, error) {
		parts, err := e.store.Parts(job.ID)
		if err != nil || len(parts) != job.PartsTotal {
			return false, err
		}

		return src.matchesParts(ctx, parts, job.PartSize)
	})
}

// set remembers the last committed state of the job for progress; commits of parts may arrive out
// of order.
func (r *run) set(job state.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now, r.again, r.why, r.looking = job, 0, "", false
}

// looksFor remembers for progress that an earlier call may still show its effect, and is waited for.
func (r *run) looksFor(again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looking = again
}

// unclear remembers for progress that a call of a job's step had no clear answer.
func (r *run) unclear(err error, job state.Job) {
	if !apsclient.MaybeApplied(err) {
		return
	}

	r.mu.Lock()
	defer r.mu.Unlock()

	r.again++
	r.why = classify(err, job).Reason
}

func (r *run) setPart(job state.Job, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.Add(-size)
	if job.PartsDone > r.now.PartsDone {
		r.now = job
	}
}

// changedEvent says what becomes of a job whose source is another one now. A watched file settles
// first (see settled). The next try of a pushed one reads from a snapshot, for which a quiet second
// is enough; one that changes twice under the reading is parked.
func (e *Engine) changedEvent(job state.Job, c *changedError, now time.Time) state.Event {
	if c.Gone {
		// a program that saves by rename leaves a moment without the file
		if job.Failures(ReasonVanished) < 2 {
			return state.Retry{At: now.Add(2 * time.Second), Reason: ReasonVanished, Error: c.Error()}
		}

		if !job.Watched() { // whoever pushed it decides; it goes on if it comes back
			return state.Parked{Reason: ReasonVanished, Error: c.Error()}
		}

		return state.SourceChanged{Gone: true}
	}

	begun := job.Phase != state.PhaseQueued
	waited := job.Reason == ReasonChanging // for a quiet second, in vain
	if !job.Watched() && job.Changes > 0 && !job.Attention && (c.Read || waited) {
		r, _ := ReasonByCode(ReasonChanging)
		return state.Parked{Reason: ReasonChanging, Error: c.Error(), At: now.Add(r.Again)}
	}

	ev := state.SourceChanged{Snapshot: c.Now}
	switch {
	case job.Watched():
		return e.changedAgain(job, c.Now, now)
	case e.cfg.Spool != "" && job.Changes > 0 && !begun: // the snapshot is taken at the next start, at once
	case begun || job.Changes > 0:
		ev.NotBefore = now.Add(quietForSpool)
	}

	return ev
}

// recordOf is the published record of a job's content that is at the service as storage.
func recordOf(job state.Job, storage, sha1 string) *state.PublishedRecord {
	return &state.PublishedRecord{
		Root: job.Root, Rel: job.Rel, Remote: job.Target.Address, Storage: storage, SHA1: sha1,
		Item: job.Item, Version: job.Version, Number: job.VersionNumber,
		Snapshot: job.Snapshot, PartSize: job.PartSize, At: time.Now().UTC(),
		Content: job.Content, Sign: job.Sign,
	}
}

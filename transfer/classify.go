package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"syscall"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/remote"
)

// class is what a failure means for its job.
type class int

const (
	classRetry   class = iota // again at a time
	classPerson               // parked with a reason; looked at again only where the reason says so
	classChanged              // the source is another one now: this job ends, the next is queued
	classFinal                // no repetition and no person can help this job
)

// verdict is the answer of classify. After is the wait before the next attempt, without jitter; for
// classPerson zero means "when asked".
type verdict struct {
	Class  class
	Reason string
	After  time.Duration
}

// ReasonError is a failure whose reason was known where it happened; it parks the job.
type ReasonError struct {
	Code string
	Err  error
}

func (e *ReasonError) Error() string { return e.Err.Error() }
func (e *ReasonError) Unwrap() error { return e.Err }

func needsPerson(code, format string, args ...any) error {
	return &ReasonError{Code: code, Err: fmt.Errorf(format, args...)}
}

// waitError asks for another attempt at a time of the step's choosing.
type waitError struct {
	Code  string
	After time.Duration
	Exact bool // not a moment earlier
	Err   error
}

func (e *waitError) Error() string { return e.Err.Error() }
func (e *waitError) Unwrap() error { return e.Err }

// changedError says that the source is not the job's snapshot any more.
type changedError struct {
	Path string
	Now  state.Snapshot // of the new state; zero when Gone
	Gone bool
	Read bool // it was the job's snapshot when the reading began
}

func (e *changedError) Error() string {
	if e.Gone {
		return fmt.Sprintf("read %q: the file was removed", e.Path)
	}

	return fmt.Sprintf("read %q: the file changed while it was sent", e.Path)
}

// Bounds of repetition by the engine; the client has already repeated what is safe, within seconds.
const (
	backoffFirst   = time.Second
	backoffCap     = time.Minute
	offlineCap     = 30 * time.Second // every job; while offline only one probes, see reachability
	maxLocked      = 6                // 423 and 409 in flight: about two minutes
	maxUnforeseen  = 5
	maxMissing     = 5 // half a minute
	maxS3Forbidden = 6

	maxUnauthorised = 2

	// A refusal without a word may be about a request that was damaged on its way.
	maxUnexplained = 2

	maxWholeRepeats = 2 // of a file whose session was lost or whose completion was refused
)

// backoff is the wait before attempt number attempts+1: doubling from a second, capped.
func backoff(attempts int, limit time.Duration) time.Duration {
	if attempts > 10 {
		return limit
	}

	return min(backoffFirst<<max(0, attempts), limit)
}

// classify is the one place that decides what a failure means for the job as it was before. All
// failures since the last progress pace the waits; only those of the same reason bound the tries.
func classify(err error, job state.Job) verdict {
	retry := func(reason string, limit time.Duration) verdict {
		return verdict{classRetry, reason, backoff(job.Streak, limit)}
	}
	person := func(code string) verdict {
		r, _ := ReasonByCode(code)
		return verdict{classPerson, code, r.Again}
	}
	retryUpTo := func(n int, reason string) verdict {
		if job.Failures(reason) < n {
			return retry(reason, backoffCap)
		}

		return person(reason)
	}

	if e, ok := errors.AsType[*changedError](err); ok {
		if e.Gone {
			return verdict{Class: classChanged, Reason: ReasonVanished}
		}

		return verdict{Class: classChanged, Reason: ReasonChanging}
	}

	if e, ok := errors.AsType[*ReasonError](err); ok {
		return person(e.Code)
	}

	if _, ok := errors.AsType[*excludedError](err); ok {
		return verdict{Class: classFinal, Reason: ReasonExcluded}
	}

	if e, ok := errors.AsType[*waitError](err); ok {
		return verdict{classRetry, e.Code, e.After}
	}

	if v, ok := classifyRemote(err, retry, person, retryUpTo); ok {
		return v
	}

	if _, ok := errors.AsType[*damagedError](err); ok {
		return retryUpTo(maxUnforeseen, ReasonDamaged)
	}

	switch {
	case errors.Is(err, fs.ErrNotExist):
		return person(ReasonVanished)
	case errors.Is(err, fs.ErrPermission):
		return person(ReasonUnreadable)
	case state.IsFull(err), isDiskFull(err):
		return person(ReasonNoSpace)
	case outOfResources(err):
		return retry(ReasonNoResources, backoffCap)
	case errors.Is(err, syscall.EISDIR):
		return person(ReasonNotAFile)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return person(ReasonNameRefused)
	case errors.Is(err, syscall.EIO), isSharingViolation(err):
		return retryUpTo(maxUnforeseen, ReasonUnreadable)
	case errors.Is(err, context.DeadlineExceeded):
		return retry(ReasonOffline, offlineCap)
	}

	return retryUpTo(maxUnforeseen, ReasonUnexpected)
}

// speaksOfName recognises a refusal of the name; one that misses a name is about our request.
var speaksOfName = regexp.MustCompile(`(?i)\b(file ?|folder ?|item ?|display ?)?names?\b.*` +
	`\b(invalid|illegal|not|too|exceeds?|contains?|character|reserved|already)|` +
	`(invalid|illegal|not allowed|unsupported|reserved).*\b(file ?|folder ?|item ?|display ?)?(name|character|extension)s?\b|` +
	`\bextension\b.*\bnot\b`)

// classifyRemote judges what the service answered, or that it did not.
func classifyRemote(err error, retry func(string, time.Duration) verdict,
	person func(string) verdict, retryUpTo func(int, string) verdict) (verdict, bool) {
	if _, ok := errors.AsType[*apsclient.AuthError](err); ok {
		return person(ReasonUnauthorised), true
	}

	if _, ok := errors.AsType[*apsclient.NotAllowedError](err); ok {
		return person(ReasonUnauthorised), true
	}

	if _, ok := errors.AsType[*remote.NotFoundError](err); ok {
		return person(ReasonNotFound), true
	}

	if _, ok := errors.AsType[*remote.AmbiguousError](err); ok {
		return person(ReasonAmbiguous), true
	}

	if _, ok := errors.AsType[*remote.NameTakenError](err); ok {
		return person(ReasonNameRefused), true
	}

	if _, ok := errors.AsType[*apsclient.PartsError](err); ok {
		return retryUpTo(maxUnforeseen, ReasonDamaged), true
	}

	if _, ok := errors.AsType[*apsclient.NetError](err); ok {
		return retry(ReasonOffline, offlineCap), true
	}

	e, ok := errors.AsType[*apsclient.Error](err)
	if !ok {
		return verdict{}, false
	}

	switch e.Code { // S3's own codes
	case "SignatureDoesNotMatch", "EntityTooSmall", "EntityTooLarge", "MissingContentLength":
		return verdict{Class: classFinal, Reason: ReasonUnexpected}, true
	case "AccessDenied", "ExpiredToken":
		return retryUpTo(maxS3Forbidden, ReasonForbidden), true
	case "SlowDown":
		return retry(ReasonRateLimited, backoffCap), true
	case "BadDigest":
		return retryUpTo(maxUnforeseen, ReasonDamaged), true
	case "IncompleteBody", "RequestTimeout":
		return retry(ReasonServiceTrouble, backoffCap), true
	}

	switch e.Status {
	case http.StatusUnauthorized: // with a token just fetched: it may have been ended under us, but not twice
		return retryUpTo(maxUnauthorised, ReasonUnauthorised), true
	case http.StatusForbidden:
		return person(ReasonForbidden), true
	case http.StatusNotFound: // perhaps of what was made a moment ago and does not show yet
		return retryUpTo(maxMissing, ReasonNotFound), true
	case http.StatusGone:
		return person(ReasonNotFound), true
	case http.StatusConflict:
		return retryUpTo(maxLocked, ReasonConflict), true
	case http.StatusLocked:
		return retryUpTo(maxLocked, ReasonLocked), true
	case http.StatusRequestEntityTooLarge:
		return person(ReasonTooLarge), true
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return retryUpTo(maxUnforeseen, ReasonRemoteChanged), true
	case http.StatusTooManyRequests:
		v := retry(ReasonRateLimited, backoffCap)
		v.After = max(v.After, e.RetryAfter)
		return v, true
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if v := retryUpTo(maxUnexplained, ReasonServiceTrouble); !e.Explained() && v.Class == classRetry {
			return v, true
		}

		if speaksOfName.MatchString(e.Title + " " + e.Detail) {
			return person(ReasonNameRefused), true
		}

		return person(ReasonRefused), true
	}

	if e.Status >= 500 || e.Status == http.StatusRequestTimeout {
		v := retry(ReasonServiceTrouble, backoffCap)
		v.After = max(v.After, e.RetryAfter)
		return v, true
	}

	return person(ReasonRefused), true
}

// event turns a verdict into what is committed. jitter is a fraction in [0,1) that spreads retries
// over the second half of the wait.
func (v verdict) event(err error, now time.Time, jitter float64) state.Event {
	text := bounded(err.Error(), 1000)
	switch v.Class {
	case classFinal:
		return state.Failed{Reason: v.Reason, Error: text}
	case classPerson:
		p := state.Parked{Reason: v.Reason, Error: text}
		if v.After > 0 {
			p.At = now.Add(v.After)
		}

		return p
	case classRetry, classChanged:
	}

	wait := v.After
	if w, ok := errors.AsType[*waitError](err); wait > 0 && !(ok && w.Exact) {
		wait = wait/2 + time.Duration(jitter*float64(wait)/2)
	}

	if e, ok := errors.AsType[*apsclient.Error](err); ok && e.RetryAfter > wait {
		wait = e.RetryAfter + time.Duration(jitter*float64(time.Second))
	}

	return state.Retry{At: now.Add(wait), Reason: v.Reason, Error: text}
}

// outOfResources reports whether the system has no file handles or memory left: what passes, and tells
// nothing of a file.
func outOfResources(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}

	return s[:n] + "…"
}

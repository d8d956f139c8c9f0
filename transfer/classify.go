package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// class is what a failure means for its job.
type class int

const (
	classRetry   class = iota // again at a time
	classPerson               // parked with a reason; looked at again only if the reason says so
	classChanged              // the source is another one now: this job ends, the next is queued
	classFinal                // nobody wants this job any more
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

// urlRefusedError says that the storage refused one signed URL after the other.
type urlRefusedError struct{ err error }

func (e *urlRefusedError) Error() string {
	return "signed URL refused, also a new one: " + e.err.Error()
}

func (e *urlRefusedError) Unwrap() error { return e.err }

// urlMayHaveEnded reports whether a signed URL may have been refused for its age alone; then a new
// one helps. The credentials that signed it may end before it does, which is said in other ways.
func urlMayHaveEnded(e *apsclient.Error) bool {
	if e == nil {
		return false
	}

	switch e.Status {
	case http.StatusUnauthorized:
		return true
	case http.StatusForbidden:
		return e.Code != "SignatureDoesNotMatch"
	case http.StatusBadRequest:
		return slices.Contains([]string{"ExpiredToken", "InvalidToken", "TokenRefreshRequired",
			"RequestExpired", "AuthorizationQueryParametersError"}, e.Code)
	}

	return false
}

// Bounds of repetition by the engine; the client has already repeated what is safe, within seconds.
const (
	backoffFirst  = time.Second
	backoffCap    = time.Minute
	offlineCap    = 30 * time.Second // every job; while offline only one probes, see reachability
	maxLocked     = 6                // 423 and 409 in flight: about two minutes
	maxUnforeseen = 5
	maxMissing    = 5 // half a minute
	maxURLRefused = 6 // each after urlRefreshes new URLs

	maxUnauthorised = 2

	// A parked file is looked at again after this, then more and more seldom, up to its reason's
	// Again.
	personFirst = 15 * time.Second

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

// judge decides what a failure means for the job as it was before. All failures since the last
// progress pace the waits; only those of the same reason bound the tries.
type judge struct{ job state.Job }

func (j judge) retry(reason string, limit time.Duration) verdict {
	return verdict{classRetry, reason, backoff(j.job.Streak, limit)}
}

func (j judge) person(code string) verdict {
	r, _ := ReasonByCode(code)
	return verdict{classPerson, code, min(r.Again, personFirst<<min(j.job.Failures(code), 10))}
}

func (j judge) retryUpTo(n int, reason string) verdict {
	if j.job.Failures(reason) < n {
		return j.retry(reason, backoffCap)
	}

	return j.person(reason)
}

// classify is the one place where failures are judged.
func classify(err error, job state.Job) verdict {
	j := judge{job}
	if e, ok := errors.AsType[*changedError](err); ok {
		if e.Gone {
			return verdict{Class: classChanged, Reason: ReasonVanished}
		}

		return verdict{Class: classChanged, Reason: ReasonChanging}
	}

	if e, ok := errors.AsType[*ReasonError](err); ok {
		return j.person(e.Code)
	}

	if _, ok := errors.AsType[*excludedError](err); ok {
		return verdict{Class: classFinal, Reason: ReasonExcluded}
	}

	if e, ok := errors.AsType[*waitError](err); ok {
		return verdict{classRetry, e.Code, e.After}
	}

	if _, ok := errors.AsType[*urlRefusedError](err); ok {
		return j.retryUpTo(maxURLRefused, ReasonURLRefused)
	}

	if v, ok := j.remote(err); ok {
		return v
	}

	if _, ok := errors.AsType[*damagedError](err); ok {
		return j.retryUpTo(maxUnforeseen, ReasonDamaged)
	}

	switch {
	case errors.Is(err, fs.ErrNotExist) && job.Kind == state.Download: // its folder went, and is made again
		return j.retryUpTo(maxUnforeseen, ReasonVanished)
	case errors.Is(err, fs.ErrNotExist):
		return j.person(ReasonVanished)
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		return j.person(ReasonUnreadable)
	case state.IsFull(err), isDiskFull(err):
		return j.person(ReasonNoSpace)
	case outOfResources(err):
		return j.retry(ReasonNoResources, backoffCap)
	case errors.Is(err, syscall.EISDIR):
		return j.person(ReasonNotAFile)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return j.person(ReasonNameRefused)
	case errors.Is(err, syscall.EIO), isSharingViolation(err):
		return j.retryUpTo(maxUnforeseen, ReasonUnreadable)
	case errors.Is(err, context.DeadlineExceeded):
		return j.retry(ReasonOffline, offlineCap)
	}

	return j.retryUpTo(maxUnforeseen, ReasonUnexpected)
}

func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

var (
	// names and extensions of something else, and complaints about the request itself
	otherNames = lazily(`(?i)\b(user|host|domain|server|type|property|field|param|parameter|attribute|` +
		`project|hub|account|bucket|schema|company|key|client|app)[ _-]?names?\b|` +
		`\bextension[ .](type|version|schema)s?\b|\b\w+:autodesk\.\S+`)
	ofRequest = lazily(`(?i)\bjson\b|\bpayload\b|\b(request )?body\b|looking for|\bposition \d|` +
		`\b(is|are) (required|missing|null)|\bmissing\b|` +
		`\b(not|cannot|can't) (be )?(empty|null|blank|missing|found|provided|specified|given|set)\b`)

	ofName = lazily(`(?i)` +
		`\b(file|folder|item|display|object)?[ _-]?names?\b.*` +
		`\b(invalid|illegal|not|too|exceeds?|contains?|characters?|reserved|already|forbidden)\b|` +
		`\b(invalid|illegal|not allowed|unsupported|reserved|forbidden)\b.*` +
		`\b(((file|folder|item|display|object)[ _-]?)?names?|characters?|extensions?)\b|` +
		`\bextension\b.*\bnot\b`)
)

// speaksOfName recognises a refusal of the file's name. One that misses a name, or cannot read the
// request, is about our request.
func speaksOfName(text string) bool {
	text = otherNames().ReplaceAllString(text, "it")
	return ofName().MatchString(text) && !ofRequest().MatchString(text)
}

// remote judges what the service answered, or that it did not.
func (j judge) remote(err error) (verdict, bool) {
	switch {
	case is[*apsclient.AuthError](err), is[*apsclient.NotAllowedError](err):
		return j.person(ReasonUnauthorised), true
	case is[*remote.NotFoundError](err),
		is[*remote.UsageError](err): // the folder of a watch is none any more
		return j.person(ReasonNotFound), true
	case is[*remote.AmbiguousError](err):
		return j.person(ReasonAmbiguous), true
	case is[*plan.ClashError](err):
		return j.person(ReasonNameClash), true
	case is[*apsclient.PartsError](err):
		return j.retryUpTo(maxUnforeseen, ReasonDamaged), true
	case is[*apsclient.NetError](err):
		return j.retry(ReasonOffline, offlineCap), true
	}

	if e, ok := errors.AsType[*apsclient.Error](err); ok {
		return j.answer(e), true
	}

	return verdict{}, false
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// retryAfter retries no earlier than the service asks for.
func (j judge) retryAfter(e *apsclient.Error, reason string) verdict {
	v := j.retry(reason, backoffCap)
	v.After = max(v.After, e.RetryAfter)

	return v
}

// answer judges what the service, or S3, answered.
func (j judge) answer(e *apsclient.Error) verdict {
	switch e.Code { // S3's own codes
	case "SignatureDoesNotMatch":
		return j.person(ReasonURLRefused)
	case "EntityTooSmall", "EntityTooLarge", "MissingContentLength":
		return j.person(ReasonUnexpected)
	case "SlowDown":
		return j.retry(ReasonRateLimited, backoffCap)
	case "BadDigest":
		return j.retryUpTo(maxUnforeseen, ReasonDamaged)
	case "IncompleteBody", "RequestTimeout":
		return j.retry(ReasonServiceTrouble, backoffCap)
	}

	switch e.Status {
	case http.StatusUnauthorized: // with a token just fetched: it may have been ended under us, but not twice
		return j.retryUpTo(maxUnauthorised, ReasonUnauthorised)
	case http.StatusForbidden:
		return j.person(ReasonForbidden)
	case http.StatusNotFound: // perhaps of what was made a moment ago and does not show yet
		return j.retryUpTo(maxMissing, ReasonNotFound)
	case http.StatusGone:
		return j.person(ReasonNotFound)
	case http.StatusConflict:
		return j.retryUpTo(maxLocked, ReasonConflict)
	case http.StatusLocked:
		return j.retryUpTo(maxLocked, ReasonLocked)
	case http.StatusRequestEntityTooLarge:
		return j.person(ReasonTooLarge)
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return j.retryUpTo(maxUnforeseen, ReasonRemoteChanged)
	case http.StatusTooManyRequests:
		return j.retryAfter(e, ReasonRateLimited)
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if v := j.retryUpTo(maxUnexplained, ReasonServiceTrouble); !e.Explained() && v.Class == classRetry {
			return v
		}

		if speaksOfName(e.Title + " " + e.Detail) {
			return j.person(ReasonNameRefused)
		}

		return j.person(ReasonRefused)
	}

	if e.Status >= 500 || e.Status == http.StatusRequestTimeout {
		return j.retryAfter(e, ReasonServiceTrouble)
	}

	return j.person(ReasonRefused)
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

// outOfResources reports whether the system has no file handles or memory left: what passes, and
// tells nothing of a file.
func outOfResources(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}

	return s[:n] + "…"
}

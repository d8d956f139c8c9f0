package apsclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Sentinels for errors.Is against an *Error; the status decides.
var (
	ErrBadRequest   = errors.New("bad request")         // 400, 405, 406, 415, 422
	ErrUnauthorized = errors.New("unauthorized")        // 401
	ErrForbidden    = errors.New("forbidden")           // 403
	ErrNotFound     = errors.New("not found")           // 404, 410
	ErrConflict     = errors.New("conflict")            // 409
	ErrPrecondition = errors.New("precondition failed") // 412
	ErrLocked       = errors.New("locked")              // 423
	ErrThrottled    = errors.New("throttled")           // 429
	ErrUnavailable  = errors.New("service unavailable") // 5xx
)

// Error is an answer of the service (APS, OSS or S3) with an error status. Its message holds no
// query, token or URL.
type Error struct {
	Op        string // what was tried: "create version"
	Method    string
	Path      string // without host and query
	Status    int
	Code      string // the service's code: "BIM360DM_ERROR", "Auth-006", S3's "AccessDenied"
	Title     string
	Detail    string
	RequestID string
	// RetryAfter is what the service asked for; 0: it did not say.
	RetryAfter time.Duration
	Body       []byte // as received, at most 64 KiB

	lost   bool // the reply to an earlier attempt of the same call was
	inside bool // it stood in a success: the status is what the body says, else 400
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}

	fmt.Fprintf(&b, "%d %s", e.Status, strings.ToLower(http.StatusText(e.Status)))
	if e.inside {
		b.WriteString(" (inside a success)")
	}

	detail := e.Detail
	if detail == "" {
		detail = e.Title
	}

	if detail != "" {
		b.WriteString(": " + detail)
	}

	if e.Code != "" && e.Code != detail {
		b.WriteString(" (" + e.Code + ")")
	}

	return b.String()
}

// Explained reports whether the answer gives a reason. One without comes from a proxy in front of
// the service, or is about a request that was damaged on its way.
func (e *Error) Explained() bool { return e.Code != "" || e.Title != "" || e.Detail != "" }

// Is matches the sentinels of this package by status.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrBadRequest:
		switch e.Status {
		case 400, 405, 406, 415, 422:
			return true
		}

		return false
	case ErrUnauthorized:
		return e.Status == 401
	case ErrForbidden:
		return e.Status == 403
	case ErrNotFound:
		return e.Status == 404 || e.Status == 410
	case ErrConflict:
		return e.Status == 409
	case ErrPrecondition:
		return e.Status == 412
	case ErrLocked:
		return e.Status == 423
	case ErrThrottled:
		return e.Status == 429
	case ErrUnavailable:
		return e.Status >= 500
	}

	return false
}

// LogValue gives the fields that may be logged.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("op", e.Op), slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.Status), slog.String("code", e.Code), slog.String("detail", e.Detail),
		slog.String("request_id", e.RequestID))
}

// NetError says that no (whole) answer arrived.
type NetError struct {
	Op  string
	Err error
	// Sent reports whether the request may have reached the service and had its effect.
	Sent bool
}

func (e *NetError) Error() string { return e.Op + ": no answer: " + clean(e.Err.Error()) }
func (e *NetError) Unwrap() error { return e.Err }

// ErrStalled is the cause of a NetError when no byte moved for the stall time-out.
var ErrStalled = errors.New("stalled: no bytes moved in time")

// DecodeError says that a success arrived whose body is not what is documented; the effect has
// happened.
type DecodeError struct {
	Op  string
	Err error
}

func (e *DecodeError) Error() string {
	return e.Op + ": answer not understood: " + clean(e.Err.Error())
}

func (e *DecodeError) Unwrap() error { return e.Err }

// PartsError is a completion that the service refused because size or ETags do not agree with what
// it holds.
type PartsError struct {
	Reason             string
	Expected, Detected int64 // bytes; -1 unknown
	Parts              []PartStatus
}

// PartStatus is the service's view of one part: Ok, Pending, Unexpected, TooSmall,
// Unexpected+TooSmall.
type PartStatus struct {
	Part   int
	Size   int64
	ETag   string
	Status string
}

func (e *PartsError) Error() string {
	bad := 0
	for _, p := range e.Parts {
		if p.Status != "Ok" {
			bad++
		}
	}

	reason := clean(e.Reason)
	if reason == "" {
		reason = "the check of size and parts failed"
	}

	if e.Expected < 0 && e.Detected < 0 && len(e.Parts) == 0 {
		return "complete upload: " + reason // the answer says no more
	}

	return fmt.Sprintf("complete upload: %s: expected %d bytes, service holds %d, %d of %d parts wrong",
		reason, e.Expected, e.Detected, bad, len(e.Parts))
}

// NotAllowedError is a refusal by Config.Allow: nothing was sent.
type NotAllowedError struct{ Err error }

func (e *NotAllowedError) Error() string { return e.Err.Error() }
func (e *NotAllowedError) Unwrap() error { return e.Err }

// AuthError says that the token endpoint refused: wrong secret, scope not granted, sign-in ended.
type AuthError struct {
	Status int
	// OAuth error or gateway code: "invalid_client", "invalid_scope", "invalid_grant", "AUTH-001"
	Code   string
	Detail string
	Scopes []string // asked for
	// Login reports whether a user must sign in again; nothing else helps.
	Login bool
	// Command signs in again, when Login is set and it is known. Set by whoever builds the
	// TokenSource.
	Command string
}

func (e *AuthError) Error() string {
	var b strings.Builder
	b.WriteString("get token")
	if len(e.Scopes) > 0 {
		b.WriteString(" for " + strings.Join(e.Scopes, " "))
	}

	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d %s", e.Status, strings.ToLower(http.StatusText(e.Status)))
	}

	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}

	if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}

	return b.String()
}

// Is makes an AuthError match ErrUnauthorized.
func (e *AuthError) Is(target error) bool { return target == ErrUnauthorized }

// ConfigError is a setting that cannot be used, such as plain http to another host.
type ConfigError struct {
	Name    string // the setting: "APS_BASE_URL", "HOIST_LIMITS"
	Problem string
}

func (e *ConfigError) Error() string { return e.Name + ": " + e.Problem }

// ParamError is a parameter of a Request that is unknown, missing or not what it takes.
type ParamError struct {
	Action  string
	Param   string // "" when the action itself is unknown
	Problem string // what it takes
	Near    string // nearest known name, "" none
}

func (e *ParamError) Error() string {
	var b strings.Builder
	if e.Action != "" {
		b.WriteString(e.Action + ": ")
	}

	if e.Param != "" {
		b.WriteString("parameter " + e.Param + ": ")
	}

	b.WriteString(e.Problem)
	if e.Near != "" {
		b.WriteString("; did you mean " + e.Near + "?")
	}

	return b.String()
}

// Retryable reports whether the same call may be made again later, judged by the error alone, and
// how long the service asked to wait (0: it did not say; use your own backoff). For calls that are
// not idempotent ask MaybeApplied first.
func Retryable(err error) (after time.Duration, ok bool) {
	if e, is := errors.AsType[*NetError](err); is {
		if errors.Is(e, context.Canceled) && !errors.Is(e, ErrStalled) {
			return 0, false
		}

		if inner, is := errors.AsType[*Error](e.Err); is {
			return inner.RetryAfter, true // the token endpoint asked to wait
		}

		return 0, true
	}

	if e, is := errors.AsType[*Error](err); is {
		switch e.Status {
		case 408, 423, 429, 500, 502, 503, 504:
			return e.RetryAfter, true
		case 400:
			// S3: the bytes were damaged or came too slowly.
			switch e.Code {
			case "BadDigest", "IncompleteBody", "RequestTimeout":
				return e.RetryAfter, true
			}
		}
	}

	return 0, false
}

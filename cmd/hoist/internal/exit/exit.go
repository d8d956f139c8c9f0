package exit

import (
	"context"
	"errors"
	"fmt"
)

// The exit codes.
const (
	OK           = 0   // done
	Failure      = 1   // unexpected failure
	Usage        = 2   // wrong arguments or configuration
	Attention    = 3   // finished, some files need a person
	Unauthorized = 4   // wrong secret, missing scope, 401 or 403
	NotFound     = 5   // hub, project, folder, item, version or local path
	NoDaemon     = 6   // needs a daemon and none runs
	TimeUp       = 7   // the time given is over, state kept
	Interrupted  = 130 // SIGINT or SIGTERM, state kept
)

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted by a signal")

// Error carries an exit code and a hint with an error. An Err of nil prints no "error:" line, only the hint: the
// command has said on its own what is wrong.
type Error struct {
	Code int
	Err  error
	Hint string // empty: the code's usual hint
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the error that the code was given to.
func (e *Error) Unwrap() error { return e.Err }

// Usagef is an [Error] with code [Usage] and the usual hint.
func Usagef(format string, args ...any) error {
	return &Error{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// With gives err a code and a hint; a nil err stays nil.
func With(code int, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Err: err, Hint: hint}
}

// From is the one place that decides the exit code of an error and the hint that goes with it. The hint of [OK] is
// empty, no other is.
func From(err error) (code int, hint string) {
	if err == nil {
		return OK, ""
	}
	code, hint = classify(err)
	if hint == "" {
		hint = usual[code]
	}
	return code, hint
}

func classify(err error) (code int, hint string) {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code, e.Hint
	}
	switch {
	case errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return Interrupted, ""
	}
	return Failure, ""
}

// usual is the hint of a code where nothing better is known.
var usual = map[int]string{
	Failure:      "run it again with -v to see each step; nothing that was recorded is lost",
	Usage:        "see \"hoist help\" and the --help of the command",
	Attention:    "run \"hoist status\" to see what needs you and the command that fixes it",
	Unauthorized: "check APS_CLIENT_ID and APS_CLIENT_SECRET, and that the application may use this API",
	NotFound:     "list what is there with \"hoist ls\"; names are matched exactly, upper and lower case differ",
	NoDaemon:     "start one with \"hoist daemon\"",
	TimeUp:       "what is left is kept: \"hoist resume\" goes on with it",
	Interrupted:  "what is left is kept: \"hoist resume\" goes on with it",
}

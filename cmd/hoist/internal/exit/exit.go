package exit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer"
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

// Error carries an exit code and a hint with an error. An Err of nil prints no "error:" line, only
// the hint: the command has said on its own what is wrong.
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

// From is the one place that decides the exit code of an error and the hint that goes with it. The
// hint of [OK] is empty, no other is.
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

// classify is the table: typed errors first, then what the service answered, then the rest.
func classify(err error) (code int, hint string) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code, e.Hint
	}

	if e, ok := errors.AsType[*apsclient.AuthError](err); ok && e.Login {
		return Unauthorized, "sign in again with \"" + cmp.Or(e.Command, "hoist login") + "\""
	}

	switch {
	case errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return Interrupted, ""
	case is[*config.NoCredentialsError](err):
		return Unauthorized, "set APS_CLIENT_ID and APS_CLIENT_SECRET, or store them with \"hoist login\""
	case is[*config.Error](err):
		return Usage, "correct it and run the command again; see \"hoist help configuration\""
	case is[*apsclient.ConfigError](err):
		return Usage, "correct the setting and run the command again; see \"hoist help configuration\""
	case is[*apsclient.ParamError](err):
		return Usage, "see \"hoist api ACTION --help\" for what an action takes; nothing was sent"
	case is[*transfer.AmbiguousError](err):
		return Usage, "write the id of the one you mean in place of its name"
	case is[*transfer.CollisionError](err):
		return Usage, "push them one by one, with --as for another name; nothing was sent"
	case is[*transfer.AddressError](err):
		return Usage, "write a remote as aps://HUB/PROJECT/FOLDER/… or oss://BUCKET/KEY"
	case is[*transfer.UsageError](err):
		return Usage, ""
	case is[*transfer.NotFoundError](err):
		return NotFound, ""
	case is[*state.PrefixError](err):
		return Usage, "give more of the id"
	case is[*state.LockedError](err):
		return Failure, "wait until that process has ended, end it, or use another home (--home)"
	case is[*state.VersionError](err):
		return Failure, "this state was written by a newer hoist: use that version, or another home (--home)"
	case is[*state.DamagedError](err):
		return Failure, "\"hoist state repair\" saves what can be read and keeps the damaged file; \"hoist " +
			"state check\" says what is wrong"
	case is[*state.WriteError](err) &&
		(errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "no space left")):
		return Failure, "make room on the disk of the home and run it again; what was recorded before is kept"
	case is[*state.WriteError](err):
		return Failure, "check the disk of the home; what was recorded before is kept"
	case errors.Is(err, state.ErrNotFound):
		return NotFound, "\"hoist jobs\" lists the jobs"
	case is[*apsclient.AuthError](err):
		return Unauthorized, ""
	case errors.Is(err, apsclient.ErrUnauthorized), errors.Is(err, apsclient.ErrForbidden):
		return Unauthorized, "the account may not do this: check that the application is added to the " +
			"account (custom integration) and what its user may do"
	case errors.Is(err, apsclient.ErrNotFound):
		return NotFound, ""
	case is[*apsclient.NetError](err):
		return Failure, "check the network, HTTPS_PROXY and APS_BASE_URL, then run it again"
	case errors.Is(err, apsclient.ErrThrottled):
		return Failure, "the service asks to wait; run it again in a minute"
	case errors.Is(err, apsclient.ErrUnavailable):
		return Failure, "the service has trouble; run it again later"
	case errors.Is(err, fs.ErrNotExist):
		return NotFound, "check the local path"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return Failure, "make the path that the error names readable and writable for this user; for " +
			"another home see --home"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist):
		return Failure,
			"something else stands at the path that the error names: move it away and run it again"
	case errors.Is(err, syscall.ENOSPC):
		return Failure, "make room on the disk that the error names and run it again"
	}

	return Failure, ""
}

// is reports whether err holds an error of type E.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// usual is the hint of a code where nothing better is known.
var usual = map[int]string{
	Failure:      "run it again with -v to see each step; nothing that was recorded is lost",
	Usage:        "see \"hoist help\" and the --help of the command",
	Attention:    "run \"hoist status\" to see what needs you and the command that fixes it",
	Unauthorized: "check APS_CLIENT_ID and APS_CLIENT_SECRET, and that the application may use this API",
	NotFound: "list what is there with \"hoist ls\"; names are matched exactly, upper and lower case " +
		"differ",
	NoDaemon:    "start one with \"hoist daemon\"",
	TimeUp:      "what is left is kept: \"hoist resume\" goes on with it",
	Interrupted: "what is left is kept: \"hoist resume\" goes on with it",
}

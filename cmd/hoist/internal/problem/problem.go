package problem

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// Kind of a problem: what its asker must know before the details.
type Kind string

// The kinds.
const (
	Failure      Kind = "failure"      // unexpected
	Usage        Kind = "usage"        // wrong arguments or configuration
	Attention    Kind = "attention"    // done, and something needs a decision
	Unauthorized Kind = "unauthorized" // wrong secret, missing scope, 401 or 403
	NotFound     Kind = "not-found"    // hub, project, folder, item, version or local path
	NoDaemon     Kind = "no-daemon"    // needs a daemon and none runs
	TimeUp       Kind = "time-up"      // the time given is over, state kept
	Interrupted  Kind = "interrupted"  // by a signal, state kept
)

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted by a signal")

// Error gives an error its kind and its fix. An Err of nil has nothing to say beside them: what is
// wrong was said already.
type Error struct {
	Kind Kind
	Err  error
	Fix  Fix // zero: the kind's usual one
}

func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Kind)
	}

	return e.Err.Error()
}

// Unwrap returns the error that the kind was given to.
func (e *Error) Unwrap() error { return e.Err }

// Usagef is an [Error] of kind [Usage] with the usual fix.
func Usagef(format string, args ...any) error {
	return &Error{Kind: Usage, Err: fmt.Errorf(format, args...)}
}

// With gives err a kind and a fix; a nil err stays nil.
func With(kind Kind, err error, fix Fix) error {
	if err == nil {
		return nil
	}

	return &Error{Kind: kind, Err: err, Fix: fix}
}

// Of is the one place that decides the kind of an error and its fix: typed errors first, then what
// the service answered, then the rest. Only nil has neither.
func Of(err error) (Kind, Fix) {
	if err == nil {
		return "", Fix{}
	}

	kind, fix := classify(err)
	if fix == (Fix{}) {
		fix = Fix{Step: usual[kind]}
	}

	return kind, fix
}

func classify(err error) (Kind, Fix) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind, e.Fix
	}

	if e, ok := errors.AsType[*apsclient.AuthError](err); ok && e.Login {
		return Unauthorized, Fix{Step: SignIn, On: e.Command}
	}

	if e, ok := errors.AsType[*remote.NotFoundError](err); ok && e.NoneVisible {
		return Unauthorized, noneVisible(e)
	}

	kind, fix := tabled(err)
	if is[*apsclient.UnsettledError](err) {
		return kind,
			Text(`it may have been done all the same: look with "hoist ls", or with the action that ` +
				"lists it, before you make the call once more")
	}

	if named, cause, ok := causeOf(err); ok {
		return cmp.Or(named, kind), cause
	}

	return kind, fix
}

// noneVisible is what helps when no hub can be seen: most often the application is new to the account.
func noneVisible(e *remote.NotFoundError) Fix {
	said, known := causeIn(strings.ToLower(strings.Join(apsclient.Refusals(e.Warnings), "; ")))
	switch {
	case e.UserUnknown():
		return Text(userUnknown)
	case e.Trouble():
		return Text(regionTrouble)
	case known && said.words != notIntegrated:
		return Text(said.words)
	}

	return Fix{Step: AddToAccount}
}

func tabled(err error) (Kind, Fix) {
	for _, row := range table {
		if row.matches(err) {
			return row.kind, row.fix
		}
	}

	return Failure, Fix{}
}

// usual is the step that helps with a kind of problem when nothing better is known.
var usual = map[Kind]Step{
	Failure: Verbose, Usage: Help, Attention: SeeStatus, Unauthorized: CheckCredentials, NotFound: LookAround,
	NoDaemon: StartDaemon, TimeUp: GoOn, Interrupted: GoOn,
}

// row is what an error is when it matches.
type row struct {
	matches func(error) bool
	kind    Kind
	fix     Fix
}

// table holds the rows in the order in which they are tried.
var table = []row{
	{anyOf(ErrInterrupted, context.Canceled), Interrupted, Fix{}},
	{is[*config.NoCredentialsError], Unauthorized, Fix{Step: Credentials}},
	{is[*config.Error], Usage, Fix{Step: ConfigFile}},
	{is[*apsclient.ConfigError], Usage, Fix{Step: Configuration}},
	{is[*apsclient.ParamError], Usage, Fix{Step: ActionHelp}},
	{is[*remote.AmbiguousError], Usage, Text("write the id of the one you mean in place of its name")},
	{is[*plan.CollisionError], Usage, Fix{Step: OneByOne}},
	{is[*remote.AddressError], Usage, Fix{Step: AddressHelp}},
	{is[*remote.UsageError], Usage, Fix{}},
	{is[*remote.OutsideError], Usage, Fix{Step: AllowedHelp}},
	{is[*remote.NameClashError], Usage,
		Text("choose another name, or rename what is there with \"hoist mv\"")},
	{is[*remote.NotFoundError], NotFound, Fix{}},
	{is[*state.PrefixError], Usage, Text("give more of the id")},
	{is[*state.LockedError], Failure, Fix{Step: AnotherHome}},
	{is[*state.VersionError], Failure, Fix{Step: NewerVersion}},
	{is[*state.DamagedError], Failure, Fix{Step: Repair}},
	{fullDisk, Failure, Text("make room on the disk of the home and run it again; what was recorded before " +
		"is kept")},
	{is[*state.WriteError], Failure, Text("check the disk of the home; what was recorded before is kept")},
	{anyOf(state.ErrNotFound), NotFound, Fix{Step: JobList}},
	{is[*apsclient.AuthError], Unauthorized, Fix{}},
	{anyOf(apsclient.ErrUnauthorized, apsclient.ErrForbidden), Unauthorized, Text("the account may not do " +
		"this: check that the application is added to the account (custom integration) and what its user " +
		"may do")},
	{anyOf(apsclient.ErrNotFound), NotFound, Fix{}},
	{is[*apsclient.PartialError], Failure,
		Text("what was done stays; mend what the error names and ask for " +
			"the rest alone")},
	{notHidden, Failure, Text("the service does not make this change here, though it says " +
		"nothing: personal hubs neither hide nor restore; try it in the browser")},
	{is[*apsclient.IgnoredError], Failure, Text("the service took the change and shows the old value: look " +
		"again in a minute, and change it in the browser if it stays")},
	{is[*apsclient.PartsError], Failure,
		Text("what was stored does not agree with what was to be completed: store the parts that the error " +
			"names again, or begin anew")},
	{is[*apsclient.NetError], Failure, Fix{Step: NetworkAgain}},
	{anyOf(apsclient.ErrBadRequest), Failure, Fix{Step: ActionTakes}},
	{anyOf(apsclient.ErrConflict), Failure,
		Text(`the same is there already, or somebody works on it: look with "hoist ls" or the action that ` +
			"lists it, and run it again if it is not")},
	{anyOf(apsclient.ErrPrecondition), Failure, Text("it has changed since it was looked at: look again")},
	{anyOf(apsclient.ErrLocked), Failure, Text("somebody works on it: run it again in a minute")},
	{anyOf(apsclient.ErrThrottled), Failure, Text("the service asks to wait; run it again in a minute")},
	{anyOf(apsclient.ErrUnavailable), Failure, Text("the service has trouble; run it again later")},
	{otherRefusal, Failure, Fix{Step: ActionTakes}},
	{anyOf(fs.ErrNotExist), NotFound, Text("check the local path")},
	{anyOf(fs.ErrPermission, syscall.EROFS), Failure, Fix{Step: Reachable}},
	{anyOf(syscall.ENOTDIR, syscall.EISDIR, fs.ErrExist), Failure, Text("something else stands at the path " +
		"that the error names: move it away and run it again")},
	{anyOf(syscall.ENOSPC), Failure, Text("make room on the disk that the error names and run it again")},
}

// anyOf matches the errors given.
func anyOf(targets ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
	}
}

// NoHub is the error when the service shows no hub at all, and what it warned of.
func NoHub(warnings []apsclient.Warning) error {
	return &remote.NotFoundError{What: "hub", NoneVisible: true, Warnings: warnings}
}

// is reports whether err holds an error of type E.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// notHidden reports whether something was to be hidden or restored, and stayed as it was.
func notHidden(err error) bool {
	e, ok := errors.AsType[*apsclient.IgnoredError](err)
	return ok && e.Field == "hidden"
}

// otherRefusal reports whether the service refused a call with a status of its own.
func otherRefusal(err error) bool {
	e, ok := errors.AsType[*apsclient.Error](err)
	return ok && e.Status >= 400 && e.Status < 500
}

// fullDisk reports whether the state could not be written for want of room.
func fullDisk(err error) bool { return is[*state.WriteError](err) && state.IsFull(err) }

package apsclient

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Patience is how long an effect may take to show after its call.
const Patience = 30 * time.Second

// patience is when an effect is looked for, counted from the last doubtful reply: the service may
// show it late. What none of these looks found was not done.
var patience = []time.Duration{
	0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
	Patience,
}

// Doubt makes a call that must not take effect twice, and answers "was it done?" after a lost
// reply. The first call is made without a look. After a doubtful reply (see [MaybeApplied]) Do
// looks for the effect until it shows or 30 s have passed, and only then repeats the call, once;
// a caller that comes back later sets Asked. A repeat that is refused because the name is taken
// is looked into as well: the first call may have taken it.
type Doubt[T any] struct {
	Call func(context.Context) (T, error)
	// Look finds the effect of Call. It answers false without an error only when the service gave
	// a complete answer without it; a temporary failure is followed by the next look.
	Look func(context.Context) (found T, there bool, err error)
	// Asked: an earlier run may have made the call. Its effect is looked for first.
	Asked bool
	// Waited is how much of the patience has passed since that run. Looks that were due in it are not made
	// again, but for the last.
	Waited time.Duration
	// Harmless: repeating the call spoils nothing, because it sets values or names a key that works
	// once. One look is enough before the repeat.
	Harmless bool
	// Shared: what somebody else made under the name is as good. A conflict of the first call, too,
	// is looked into.
	Shared bool
	// Ours recognises refusals that mean that the effect is there already; nil: conflicts.
	Ours   func(error) bool
	Logger *slog.Logger // nil: discard
}

// Do returns what the call made or, when its reply was lost, what a look found. Otherwise both are
// those of the last call; an error for which MaybeApplied holds leaves the doubt open, as does an
// *UnsettledError, which says that a look failed as well.
func (d Doubt[T]) Do(ctx context.Context) (T, error) {
	doubt := d.Asked
	last := doubt && !d.Harmless
	if last {
		found, there, err := d.look(ctx, patience, d.Waited)
		if err != nil {
			return found, &UnsettledError{Look: err}
		}

		if there {
			return found, nil
		}
	}

	for ; ; last = true {
		made, err := d.Call(ctx)
		lost := MaybeApplied(err)
		doubt = doubt || lost || d.Shared
		if err == nil || ctx.Err() != nil || !lost && !(doubt && d.ours(err)) {
			return made, err
		}

		if d.Logger != nil {
			d.Logger.Warn("no clear answer: looking for the effect of the call", "error", err)
		}

		at := patience
		if lost && d.Harmless && !last {
			at = patience[:1]
		}

		found, there, lookErr := d.look(ctx, at, 0)
		switch {
		case there:
			return found, nil
		case lookErr != nil:
			return made, &UnsettledError{Call: err, Look: lookErr}
		case last || !lost:
			return made, err
		}
	}
}

func (d Doubt[T]) ours(err error) bool {
	if d.Ours != nil {
		return d.Ours(err)
	}

	return errors.Is(err, ErrConflict)
}

// UnsettledError says that a call had no clear answer, and that looking for its effect failed too or
// found nothing yet.
type UnsettledError struct {
	Call error // nil: it was made by an earlier run
	Look error // nil: nothing was found
}

func (e *UnsettledError) Error() string {
	switch {
	case e.Call == nil:
		return "look whether it was done: " + e.Look.Error()
	case e.Look == nil:
		return e.Call.Error() + "; it was looked for, and is not to be seen yet"
	}

	return e.Call.Error() + "; looking whether it was done failed too: " + e.Look.Error()
}

// Unwrap gives the failure of the look first: it is what has to be mended.
func (e *UnsettledError) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Look, e.Call}, func(err error) bool { return err == nil })
}

// look looks at those times of at that are not over, when so much of them has passed. The last look
// decides.
func (d Doubt[T]) look(ctx context.Context, at []time.Duration, waited time.Duration) (found T, there bool,
	err error) {
	began := time.Now().Add(-waited)
	for i, after := range at {
		if after < waited && i < len(at)-1 {
			continue
		}

		if err := Sleep(ctx, after-time.Since(began)); err != nil {
			return found, false, err
		}

		found, there, err = d.Look(ctx)
		if there || err != nil && !noAnswer(err) {
			break
		}
	}

	return found, there, err
}

// noAnswer reports whether a look has to be made again: the service gave no whole answer, or does
// not show the place to look at yet.
func noAnswer(err error) bool {
	_, again := Retryable(err)
	_, garbled := errors.AsType[*DecodeError](err)

	return again || garbled || errors.Is(err, ErrNotFound)
}

// MaybeApplied reports whether a call that is not idempotent may have had its effect although it
// failed: look before repeating it, as [Doubt] does.
func MaybeApplied(err error) bool {
	if _, is := errors.AsType[*UnsettledError](err); is {
		return true
	}

	if e, is := errors.AsType[*NetError](err); is {
		return e.Sent
	}

	if _, is := errors.AsType[*DecodeError](err); is {
		return true
	}

	if e, is := errors.AsType[*Error](err); is {
		return e.Status >= 500 || e.Status == 408 || e.lost
	}

	return false
}

// headerLost marks an answer before which the reply to another attempt of the same call was lost.
const headerLost = "X-Hoist-Reply-Lost"

// goneAfterRepeat recognises a deletion whose first attempt did it although its answer was lost. A
// bucket that is being deleted answers 409.
func goneAfterRepeat(a Action, call *callInfo, status int) bool {
	if a.Method != http.MethodDelete || !call.applied {
		return false
	}

	return status == http.StatusNotFound || (status == http.StatusConflict && a.Name == "delete-bucket")
}

// Sleep waits, or returns why the context ended.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}

	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

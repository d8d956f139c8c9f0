package patience

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
)

// longest is how long a remote is tried to be resolved while the service does not answer.
const longest = 60 * time.Second

// Retry does something again while the service cannot be reached, for a minute in all. Each time it
// was not, told gets the error, and nil at the end.
func Retry[T any](ctx context.Context, told func(error), do func() (T, error)) (T, error) {
	return until(ctx, time.Now().Add(longest), told, do)
}

// Wait is Retry for as long as it takes: once jobs exist, a service that cannot be reached is waited for.
func Wait[T any](ctx context.Context, told func(error), do func() (T, error)) (T, error) {
	return until(ctx, time.Time{}, told, do)
}

// until is Retry until a time; zero: without end.
func until[T any](ctx context.Context, deadline time.Time, told func(error),
	do func() (T, error)) (T, error) {
	defer told(nil)

	for {
		v, err := do()
		if err == nil || !unreachable(err) {
			return v, err
		}

		if !deadline.IsZero() && time.Now().After(deadline) {
			return v, problem.With(problem.Failure,
				fmt.Errorf("service unreachable for %v: %w", longest, err),
				problem.Fix{Step: problem.NothingQueued})
		}

		told(err)

		select {
		case <-ctx.Done():
			return v, context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

func unreachable(err error) bool {
	_, cut := errors.AsType[*apsclient.NetError](err)
	return cut || errors.Is(err, apsclient.ErrUnavailable)
}

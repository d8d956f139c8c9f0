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
	deadline := time.Now().Add(longest)
	defer told(nil)

	for {
		v, err := do()
		if err == nil || !unreachable(err) {
			return v, err
		}

		if time.Now().After(deadline) {
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

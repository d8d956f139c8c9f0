package patience_test

import (
	"context"
	"errors"
	"testing"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/patience"
	"hoist/cmd/hoist/internal/problem"
)

func TestRetry(t *testing.T) {
	calls := 0
	_, err := patience.Retry(t.Context(), func(error) {}, func() (int, error) {
		if calls++; calls == 1 {
			return 0, &apsclient.NetError{Err: errors.New("refused")}
		}

		return 0, errors.New("other")
	})
	if calls != 2 || err == nil || err.Error() != "other" {
		t.Errorf("%d calls, %v", calls, err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(problem.ErrInterrupted)
	_, err = patience.Retry(ctx, func(error) {}, func() (int, error) {
		return 0, &apsclient.NetError{Err: errors.New("refused")}
	})
	if !errors.Is(err, problem.ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

package patience_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

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

// TestHowLong: what has queued nothing gives up after a minute, and what has does not.
func TestHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		away := func() (int, error) {
			if time.Since(began) > time.Hour {
				return 1, nil
			}

			return 0, &apsclient.NetError{Err: errors.New("refused")}
		}

		_, err := patience.Retry(t.Context(), func(error) {}, away)
		if kind, _ := problem.Of(err); kind != problem.Failure || time.Since(began) > 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}

		if v, err := patience.Wait(t.Context(), func(error) {}, away); v != 1 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})
}

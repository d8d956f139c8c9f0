package transfer

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"hoist/state"
)

// verify compares the whole with the service's SHA-1, when it has one. It is durable: every range
// was synced before it was committed.
func (w *fetching) verify(ctx context.Context, at *target) ([]state.Event, error) {
	want := cmp.Or(w.job.SHA1, w.d.sha1)
	if want == "" && !w.d.whole { // not assembled when it was asked for; perhaps it is now
		if err := w.d.ask(ctx, 0); err != nil {
			return nil, err
		}

		want = w.d.sha1
	}

	sum, err := w.sum(ctx, want != "")
	if err != nil {
		return nil, err
	}

	if want != "" && !strings.EqualFold(want, sum) {
		w.r.down = nil
		_ = w.e.removeTemp(at) // the failure before it is what counts
		err := fmt.Errorf("fetch %s: the SHA-1 is %s, the service says %s", w.job.Target.Address, sum, want)
		v := verdict{Class: classRetry, Reason: ReasonDamaged, After: backoff(w.job.Attempts, backoffCap)}
		if w.job.Attempts >= 2 {
			// when asked: the whole is not fetched again and again
			v = verdict{Class: classPerson, Reason: ReasonDamaged}
		}

		return []state.Event{state.SessionLost{}, v.event(err, time.Now(), 1)}, nil
	}

	snap, err := w.backdate(at)
	if err != nil {
		return nil, err
	}

	return []state.Event{state.Verified{SHA1: sum, Snapshot: snap}}, nil
}

// backdate gives the whole file its time, or one that is older than any that an edit of it can get,
// and says what it looks like then.
func (w *fetching) backdate(t *target) (state.Snapshot, error) {
	snap, err := state.SnapshotFile(w.f)
	if err != nil {
		return snap, err
	}

	at := snap.ModTime.Add(-2 * grain(snap))
	if given := w.job.FileTime; !given.IsZero() && given.Before(at) {
		at = given // a later one comes from a clock that is ahead
	}

	if err := w.e.effect("backdate", func() error {
		return t.root.Chtimes(t.temp, at, at)
	}); err != nil {
		return snap, err
	}

	return state.SnapshotFile(w.f)
}

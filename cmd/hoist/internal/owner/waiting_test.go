package owner

import (
	"testing"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// TestNextAttemptLiesAhead: what was due is under way, also when the clock jumped past it; a time
// that has passed is told of no job, no attention and no group.
func TestNextAttemptLiesAhead(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{-24 * time.Hour, -time.Nanosecond, 0, time.Nanosecond, 24 * time.Hour} {
		due := now.Add(by)
		j := state.Job{Path: "/a", Reason: transfer.ReasonServiceTrouble, NextAttempt: due}
		parked := j
		parked.Attention = true

		o := &Owner{}
		var c causes
		c.add(control.Waiting{Reason: j.Reason}, j.Path, due, due)
		c.add(control.Waiting{Reason: j.Reason}, "/b", due, now.Add(48*time.Hour))
		for what, got := range map[string]*time.Time{
			"job": o.jobOf(j, nil, now).NextAttempt, "attention": o.attentionOf(parked, now).NextAttempt,
			"group": settled(c.list(), now)[0].NextAttempt,
		} {
			if (got != nil) != (by > 0) || got != nil && !got.Equal(due) {
				t.Errorf("%s due in %v: next attempt %v", what, by, got)
			}
		}
	}
}

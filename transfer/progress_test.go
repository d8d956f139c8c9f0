package transfer

import (
	"testing"
	"time"

	"hoist/apsclient"
)

func TestEstimateByBudget(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	used := make([]time.Time, 50) // fifty calls, one a second, the last one just answered
	for i := range used {
		used[i] = now.Add(time.Duration(i+11) * time.Second)
	}

	tests := []struct {
		name  string
		items int
		state apsclient.BudgetState
		want  time.Duration
	}{
		{"all free", 50, apsclient.BudgetState{Limit: 50, Available: 50}, 0},
		{"two minutes and a little", 120, apsclient.BudgetState{Limit: 50, Available: 50}, 2 * time.Minute},
		{"the minute is used up", 10, apsclient.BudgetState{Limit: 50, FreeAt: used}, 20 * time.Second},
		{"and the next one too", 60, apsclient.BudgetState{Limit: 50, FreeAt: used}, 80 * time.Second},
		{"in flight", 5, apsclient.BudgetState{Limit: 50}, time.Minute},
		{"closed", 10, apsclient.BudgetState{Limit: 50, ClosedUntil: now.Add(30 * time.Second)},
			30 * time.Second},
		{"lowered", 10, apsclient.BudgetState{Limit: 25, FreeAt: used}, 45 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.state.Class = apsclient.BudgetPostItems
			est := estimate(backlog{items: tt.items}, 0, 0, []apsclient.BudgetState{tt.state}, now)
			got, by := est.Left, est.DecidedBy
			if got != tt.want || got > 0 && by != string(apsclient.BudgetPostItems) {
				t.Errorf("%v by %q, want %v by post-items", got, by, tt.want)
			}
		})
	}
}

// What has no bytes left is not decided by bandwidth, whatever the speed.
func TestBandwidthDecidesOnlyBytes(t *testing.T) {
	now := time.Now()
	for name, row := range map[string]struct {
		b     backlog
		limit int64
		want  string
		left  time.Duration
	}{
		"no bytes": {b: backlog{items: 5, versions: 2}},
		"large files": {b: backlog{items: 5, bytes: 10e6, large: 10e6}, want: bandwidth,
			left: 10 * time.Second},
		"small files": {b: backlog{bytes: 10e6, large: 1e6}, want: latency,
			left: 10 * time.Second},
		"small files at a limit": {b: backlog{bytes: 10e6}, limit: 1.1e6, want: bandwidth,
			left: 10 * time.Second},
		"far below the limit": {b: backlog{bytes: 10e6}, limit: 4e6, want: latency, left: 10 * time.Second},
	} {
		if est := estimate(row.b, 1e6, row.limit, nil, now); est.DecidedBy != row.want ||
			est.Left != row.left {
			t.Errorf("%s: %v, decided by %q", name, est.Left, est.DecidedBy)
		}
	}
}

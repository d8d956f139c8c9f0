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
			est := estimate(backlog{items: tt.items}, 0, []apsclient.BudgetState{tt.state}, now)
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
	if est := estimate(backlog{items: 5, versions: 2}, 1e6, nil, now); est.DecidedBy != "" {
		t.Errorf("without bytes it is decided by %q", est.DecidedBy)
	}

	if est := estimate(backlog{items: 5, bytes: 10e6}, 1e6, nil, now); est.DecidedBy != bandwidth {
		t.Errorf("with bytes it is decided by %q", est.DecidedBy)
	}
}

package transfer

import (
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
)

// TestMeterSteady: the first seconds of a fast link look slow, and must not be taken for a slow
// link.
func TestMeterSteady(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name   string
		worked time.Duration // a byte every 100 ms
		idle   time.Duration // and nothing after
		want   bool
	}{
		{"nothing yet", 0, time.Minute, false},
		{"start", 500 * time.Millisecond, 0, false},
		{"a moment too early", meterSeconds*time.Second - 200*time.Millisecond, 0, false},
		{"whole window", meterSeconds*time.Second + 100*time.Millisecond, 0, true},
		{"after a pause", time.Minute, 2 * meterSeconds * time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, now := newMeter(), start
			for ; now.Sub(start) < tt.worked; now = now.Add(100 * time.Millisecond) {
				m.add(1, now)
			}

			if got := m.steady(now.Add(tt.idle)); got != tt.want {
				t.Errorf("steady after %v of work and %v of idleness: %v, want %v", tt.worked, tt.idle, got,
					tt.want)
			}
		})
	}
}

// TestMeterLink: a few small files that took seconds say nothing of the link, and do not make
// forget what it did before.
func TestMeterLink(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := newMeter()
	move := func(bytes int64) float64 {
		m.add(bytes, now)
		now = now.Add(time.Second)

		return m.linkRate(now)
	}
	if got := move(4); got != 0 {
		t.Errorf("after four bytes: %v", got)
	}

	fast := move(30 * mib)
	if fast < 10*mib || fast > 30*mib {
		t.Errorf("after 30 MiB in two seconds: %v", fast)
	}

	now = now.Add(2 * meterSeconds * time.Second)
	if got := move(4); got != fast {
		t.Errorf("after a pause and four bytes: %v, was %v", got, fast)
	}

	if got := m.rate(now.Add(time.Hour)); got != fast {
		t.Errorf("an hour later: %v, was %v", got, fast)
	}
}

// TestForecastOfAnUnknownLink: a few bytes that moved just now do not tell how long a gigabyte takes.
func TestForecastOfAnUnknownLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newWorld(t).engine()
		e.link.add(4, time.Now())
		time.Sleep(time.Second)

		f := e.Forecast("default")
		f.Add(state.Job{Kind: state.Upload, Size: 1 << 30}, 0)
		if left, err := f.Run(); err != nil || left.DecidedBy == bandwidth || left.Left != 0 {
			t.Errorf("after four bytes: %+v, %v", left, err)
		}
	})
}

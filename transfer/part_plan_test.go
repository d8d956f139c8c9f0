package transfer

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPlanParts(t *testing.T) {
	const gib = 1 << 30
	for _, tt := range []struct {
		name             string
		size, configured int64
		part             int64
		count            int
	}{
		{"empty", 0, 0, 8 * mib, 1},
		{"one byte", 1, 0, 8 * mib, 1},
		{"exact multiple has no empty part", 16 * mib, 0, 8 * mib, 2},
		{"exact multiple and one", 16*mib + 1, 0, 8 * mib, 3},
		{"300 MB", 300e6, 0, 8 * mib, 36},
		{"1 GiB", gib, 0, 16 * mib, 64},
		{"4 GiB reaches the largest chosen size", 4 * gib, 0, 64 * mib, 64},
		{"50 GB", 50e9, 0, 64 * mib, 746},
		{"1 TiB is bound by the count", 1024 * gib, 0, 105 * mib, 9987},
		{"configured", 100 * mib, 10 * mib, 10 * mib, 10},
		{"configured below the minimum", 100 * mib, 1, 5 * mib, 20},
		{"configured is rounded up", 100 * mib, 5*mib + 1, 6 * mib, 17},
		{"configured too small for the count", 100 * gib, 5 * mib, 11 * mib, 9310},
	} {
		t.Run(tt.name, func(t *testing.T) {
			part, count := planParts(tt.size, tt.configured)
			if part != tt.part || count != tt.count {
				t.Errorf("planParts(%d, %d) = %d, %d; want %d, %d", tt.size, tt.configured, part, count,
					tt.part, tt.count)
			}
		})
	}
}

func TestPlanCoversEveryByteOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.Int64Range(0, 64*mib), rapid.Int64Range(0, 40<<40)).Draw(t, "size")
		configured := rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(1, maxPartSize)).Draw(t,
			"configured")
		part, count := planParts(size, configured)
		if part < minPartSize || part > maxPartSize || part%mib != 0 || count < 1 || count > maxParts {
			t.Fatalf("part %d x %d is outside the limits", part, count)
		}

		var next int64
		for n := 1; n <= count; n++ {
			offset, length := partRange(size, part, n)
			if offset != next || n < count && length != part || n == count && size > 0 && length <= 0 {
				t.Fatalf("part %d at %d+%d follows %d", n, offset, length, next)
			}

			next = offset + length
		}

		if next != size {
			t.Fatalf("parts end at %d of %d", next, size)
		}
	})
}

func TestMissingRun(t *testing.T) {
	have := map[int]bool{1: true, 2: true, 5: true}
	for _, tt := range []struct {
		name               string
		total, from, limit int
		first, n           int
	}{
		{"gap in the middle", 8, 1, 25, 3, 2},
		{"after the gap", 8, 5, 25, 6, 3},
		{"limited", 100, 6, 25, 6, 25},
		{"nothing missing", 2, 1, 25, 3, 0},
		{"from inside", 8, 4, 25, 4, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, n := missingRun(tt.total, tt.from, tt.limit, func(p int) bool { return have[p] })
			if first != tt.first || n != tt.n {
				t.Errorf("got %d+%d, want %d+%d", first, n, tt.first, tt.n)
			}
		})
	}
}

func TestURLMinutes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes int64
		rate  float64
		want  int
	}{
		{"small and unknown", 1, 0, 5},
		{"unknown rate", 25 * 8 * mib, 0, 18},
		{"fast", 25 * 64 * mib, 100 * mib, 5},
		{"slow is capped by the service", 25 * 64 * mib, 100 << 10, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := urlMinutes(tt.bytes, tt.rate); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestLeadParts(t *testing.T) {
	for _, tt := range []struct {
		name     string
		inFlight int
		size     int64
		rate     float64
		want     int
	}{
		{"unknown rate", 8, 8 * mib, 0, 8},
		{"fast", 8, 8 * mib, 100 * mib, 8},
		{"two begin in that time", 8, 64 * mib, 7 * mib, 2},
		{"slow: no sooner than needed", 8, 64 * mib, 100 << 10, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := leadParts(tt.inFlight, tt.size, tt.rate); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestSessionEnds(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if sessionOver(now.Add(sessionMargin+time.Second), now) || !sessionOver(now.Add(sessionMargin), now) ||
		sessionOver(time.Time{}, now) {
		t.Error("the session must be given up from a minute before its end, and only then")
	}

	if missing, short := sessionTooShort(3600*mib, mib, now.Add(time.Hour), now); !short ||
		missing != time.Minute {
		t.Errorf("an hour of work in 59 minutes: %v %v, want 1m true", missing, short)
	}

	if _, short := sessionTooShort(2900*mib, mib, now.Add(time.Hour), now); short {
		t.Error("work that fits is called too long")
	}

	if _, short := sessionTooShort(1<<40, 0, now.Add(time.Hour), now); short {
		t.Error("an unknown rate is no reason to warn")
	}
}

package owner

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
)

// newLimiter makes a limiter of bytes a second, 0 for none, whose burst is a tenth of a second but
// never less than one copy of the data plane.
func newLimiter(bytesPerSecond int64) *rate.Limiter {
	l := rate.NewLimiter(rate.Inf, burst(bytesPerSecond))
	setRate(l, bytesPerSecond)
	return l
}

const leastBurst = 64 << 10

func burst(bytesPerSecond int64) int { return int(max(bytesPerSecond/10, leastBurst)) }

func setRate(l *rate.Limiter, bytesPerSecond int64) {
	if bytesPerSecond <= 0 {
		l.SetLimit(rate.Inf)
		return
	}

	l.SetBurst(burst(bytesPerSecond))
	l.SetLimit(rate.Limit(bytesPerSecond))
}

// Limiters are those of a setting at a time; the zero ones when it sets no limit.
func Limiters(b config.Timetable, at time.Time) apsclient.Bandwidth {
	limit, next := b.Rate(at)
	if limit == (config.Rates{}) && next.IsZero() {
		return apsclient.Bandwidth{}
	}

	return apsclient.Bandwidth{Up: newLimiter(limit.Up), Down: newLimiter(limit.Down)}
}

// FollowTimetable keeps limiters to the limits of the hour until ctx ends.
func FollowTimetable(ctx context.Context, b config.Timetable, to apsclient.Bandwidth) {
	for to.Up != nil {
		limit, next := b.Rate(time.Now())
		setRate(to.Up, limit.Up)
		setRate(to.Down, limit.Down)
		if next.IsZero() {
			return
		}

		// Looking again every minute keeps the timetable right over a sleep of the machine or a
		// change of its clock.
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(time.Until(next), time.Minute)):
		}
	}
}

package owner

import (
	"context"
	"time"

	"golang.org/x/time/rate"
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

// followTimetable sets the limits of the hour until the owner leaves.
func (o *Owner) followTimetable(ctx context.Context) error {
	for {
		limit, next := o.options.Engine.Bandwidth.Rate(time.Now())
		setRate(o.bandwidth.Up, limit.Up)
		setRate(o.bandwidth.Down, limit.Down)
		if next.IsZero() {
			return nil
		}

		// Looking again every minute keeps the timetable right over a sleep of the machine or a
		// change of its clock.
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(time.Until(next), time.Minute)):
		}
	}
}

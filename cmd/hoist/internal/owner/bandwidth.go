package owner

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
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

// Limiters are those of a setting at a time.
func Limiters(b config.Timetable, at time.Time) apsclient.Bandwidth {
	limit, _ := b.Rate(at)

	return apsclient.Bandwidth{Up: newLimiter(limit.Up), Down: newLimiter(limit.Down)}
}

// lookAtLimit is how often the setting is asked for: it may be edited, the machine may sleep and its
// clock may be set.
const lookAtLimit = 5 * time.Second

// FollowTimetable keeps limiters to the limits of the hour until ctx ends.
func FollowTimetable(ctx context.Context, setting func() config.Timetable, to apsclient.Bandwidth) {
	for {
		now := time.Now()
		limit, next := setting().Rate(now)
		setRate(to.Up, limit.Up)
		setRate(to.Down, limit.Down)
		wait := lookAtLimit
		if !next.IsZero() {
			wait = max(min(wait, next.Sub(now)), time.Millisecond)
		}

		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// bandwidthSetting returns the timetable that config.toml and the flags give, read each time; a
// mistake leaves the last one in effect.
func (o *Owner) bandwidthSetting() func() config.Timetable {
	current, turn := o.options.Engine.Bandwidth, o.rules.turn()

	return func() config.Timetable {
		if o.options.Reload == nil {
			return current
		}

		o.rules.refresh()
		if now := o.rules.turn(); now != turn {
			turn = now
			settings, _, _ := o.rules.now()
			if t, err := config.ParseTimetable(settings.BWLimit); err == nil {
				current = t
			}
		}

		return current
	}
}

// bandwidthNow is the limit in effect; nil: none.
func (o *Owner) bandwidthNow(now time.Time) *control.Bandwidth {
	settings, _, _ := o.rules.now()
	t, err := config.ParseTimetable(settings.BWLimit)
	if err != nil || settings.BWLimit == "" {
		return nil
	}

	limit, _ := t.Rate(now)

	return &control.Bandwidth{Setting: settings.BWLimit, Up: limit.Up, Down: limit.Down}
}

// uploadLimit is how many bytes a second uploads may take at a time, by the setting of now; 0: any.
func (o *Owner) uploadLimit(at time.Time) (up int64, until time.Time) {
	t := o.options.Engine.Bandwidth
	if o.options.Reload != nil {
		settings, _, _ := o.rules.now()
		if now, err := config.ParseTimetable(settings.BWLimit); err == nil {
			t = now
		}
	}

	limit, until := t.Rate(at)

	return limit.Up, until
}

// SetBandwidth implements [control.API].
func (o *Owner) SetBandwidth(_ context.Context, r control.BandwidthRequest) (control.Bandwidth, error) {
	t, err := config.ParseTimetable(r.Setting)
	if err != nil {
		return control.Bandwidth{}, &config.Error{Key: "bwlimit", Msg: err.Error()}
	}

	o.watches.changes.Lock()
	defer o.watches.changes.Unlock()
	file, err := config.Load(o.options.Home)
	if err != nil {
		return control.Bandwidth{}, err
	}

	if settings, _, _ := o.rules.now(); settings.BWLimit != file.BWLimit {
		return control.Bandwidth{},
			problem.With(problem.Usage, errors.New("bwlimit was given to this process as "+
				"a flag, or by its profile, which comes before config.toml"),
				problem.Fix{Step: problem.Configuration})
	}

	if err := config.SetBWLimit(o.options.Home, r.Setting); err != nil {
		return control.Bandwidth{}, err
	}

	o.rules.accept()
	limit, _ := t.Rate(time.Now())
	setRate(o.bandwidth.Up, limit.Up)
	setRate(o.bandwidth.Down, limit.Down)

	return control.Bandwidth{Setting: r.Setting, Up: limit.Up, Down: limit.Down}, nil
}

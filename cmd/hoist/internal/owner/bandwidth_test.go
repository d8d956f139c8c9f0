package owner

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"hoist/cmd/hoist/internal/config"
)

// The limit changes at the minute that the timetable names, each direction by itself, and soon after
// the setting was changed.
func TestLimitFollowsTheTimetable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at midnight UTC, 1 January 2000, a Saturday
		table := func(s string) config.Timetable {
			parsed, err := config.ParseTimetable(s)
			if err != nil {
				t.Fatal(err)
			}

			return parsed
		}
		var inUse atomic.Pointer[config.Timetable]
		set := func(s string) { now := table(s); inUse.Store(&now) }
		set("Sat-08:00,512k:1M 12:00,10M Sun-19:00,off")
		midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.Local)
		time.Sleep(time.Until(midnight.AddDate(0, 0, 7).Add(7 * time.Hour))) // a Saturday, whatever the zone
		to := Limiters(*inUse.Load(), time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go FollowTimetable(ctx, func() config.Timetable { return *inUse.Load() }, to)
		at := func(wait time.Duration, up, down rate.Limit) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			if to.Up.Limit() != up || to.Down.Limit() != down {
				t.Errorf("%s: up %v, down %v; want %v, %v", time.Now(), to.Up.Limit(),
					to.Down.Limit(), up, down)
			}
		}

		at(time.Hour-time.Second, 10<<20, 10<<20) // 07:59:59, of the day before
		at(time.Second, 512<<10, 1<<20)
		at(4*time.Hour, 10<<20, 10<<20)
		at(31*time.Hour, rate.Inf, rate.Inf) // Sunday evening
		set("2M")
		at(lookAtLimit, 2<<20, 2<<20)
	})
}

// An edit of config.toml changes the limit of the owner that runs; one with a mistake does not.
func TestLimitFollowsTheConfiguration(t *testing.T) {
	options, _ := newOptions(t)
	options.Reload = func() (config.Settings, []config.Watch, error) {
		text, err := os.ReadFile(options.Home.ConfigFile())

		return config.Settings{BWLimit: string(text)}, nil, err
	}
	o := open(t, Passive, options)
	setting := o.bandwidthSetting()
	for _, step := range []struct {
		text string
		want int64
	}{{"", 0}, {"3M", 3 << 20}, {"fast", 3 << 20}, {"off", 0}} {
		if step.text != "" {
			write(t, options.Home.ConfigFile(), []byte(step.text))
			o.rules.accept()
		}

		if got, _ := setting().Rate(time.Now()); got.Up != step.want {
			t.Errorf("after %q the limit is %d, want %d", step.text, got.Up, step.want)
		}
	}
}

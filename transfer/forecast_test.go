package transfer

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

// mix is a set of files with the line that they take.
type mix struct {
	project, bucket int     // small files to each
	large           []int64 // bytes of large files to the project
	versions        int     // of the small ones to the project, that are there with other content
	// bytes a second by minute of the run, the last for ever; nil: no limit
	line []int64
}

// TestForecastIsTheRun: what the forecast says of a mix is what the engine then takes, within a twentieth.
func TestForecastIsTheRun(t *testing.T) {
	mixes := map[string]mix{
		"small to a project":   {project: 55},
		"small to a bucket":    {bucket: 100},
		"large on a thin line": {large: []int64{20 * mib, 9 * mib, 13 * mib}, line: []int64{1 << 20}},
		"versions":             {project: 20, versions: 20},
		"all, with a timetable": {project: 53, bucket: 40, large: []int64{17 * mib, 7 * mib},
			line: []int64{128 << 10, 512 << 10}},
	}
	if os.Getenv("HOIST_LONG") != "" {
		mixes = map[string]mix{
			"small to a project": {project: 1000},
			"small to a bucket":  {bucket: 300},
			"large on a thin line": {large: []int64{256 * mib, 100 * mib, 64 * mib, 300 * mib},
				line: []int64{4 << 20}},
			"versions": {project: 1000, versions: 700},
			"all, with a timetable": {project: 500, bucket: 1000,
				large: []int64{256 * mib, 128 * mib, 70 * mib}, line: []int64{4 << 20, 256 << 10, 1 << 20}},
		}
	}

	for name, m := range mixes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { m.compare(t) })
		})
	}
}

// BenchmarkForecast is of ten thousand files of all kinds, which is to take less than a second.
func BenchmarkForecast(b *testing.B) {
	w := newWorld(b, func(_ *emulator.Config, c *apsclient.Config, x *Config) {
		c.Limits = apsclient.DocumentedLimits()
		x.Bandwidth = func(time.Time) (int64, time.Time) { return 4 << 20, time.Time{} }
	})
	e := w.engine()
	for b.Loop() {
		f := e.Forecast("default")
		for i := range 10000 {
			j := state.Job{Kind: state.Upload, Size: int64(i % 500 * i),
				Target: state.Target{Base: "b", Dirs: []string{fmt.Sprint(i / 40)}}}
			switch i % 4 {
			case 0:
				j.Target.Item = "there"
			case 1:
				j.Target.Address, j.Target.Bucket, j.Target.Key = "oss://b/k", "b", "k"
			}

			f.Add(j, 1)
		}

		if told, err := f.Run(); err != nil || told.Left < 90*time.Minute {
			b.Fatalf("%+v, %v", told, err)
		}
	}
}

// trip is what the service takes for a call.
const trip = 150 * time.Millisecond

// compare forecasts the mix and runs it.
func (m mix) compare(t *testing.T) {
	up := rate.NewLimiter(rate.Inf, 64<<10)
	began := time.Now()
	bandwidth := func(at time.Time) (int64, time.Time) {
		if m.line == nil {
			return 0, time.Time{}
		}

		minute := int(at.Sub(began) / time.Minute)
		if minute >= len(m.line)-1 {
			return m.line[len(m.line)-1], time.Time{}
		}

		return m.line[minute], began.Add(time.Duration(minute+1) * time.Minute)
	}
	w := newWorld(t, func(e *emulator.Config, c *apsclient.Config, x *Config) {
		e.OpaqueETags = true
		c.Limits, c.Bandwidth.Up, x.Bandwidth, x.Checksum = apsclient.DocumentedLimits(), up,
			bandwidth, "never"
	})
	w.srv.SetFault(func(emulator.Request) emulator.Fault {
		return emulator.Fault{Delay: trip}
	})
	if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent", ""); err != nil {
		t.Fatal(err)
	}

	e := w.engine()
	// past the clock of the disk: a file that was just written is waited for
	time.Sleep(50 * 365 * 24 * time.Hour)
	files := m.files(w, e)
	began = time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for {
			n, next := bandwidth(time.Now())
			if n > 0 {
				up.SetBurst(int(max(n/10, 64<<10)))
				up.SetLimit(rate.Limit(n))
			}

			if next.IsZero() {
				return
			}

			select {
			case <-time.After(time.Until(next)):
			case <-ctx.Done():
				return
			}
		}
	}()

	f := e.Forecast("default")
	there := w.srv.Folders(string(w.project))
	for _, one := range files {
		dirs := one.Job.Target.Dirs
		missing := len(dirs)
		for missing > 0 &&
			slices.Contains(there, "Project Files/"+strings.Join(dirs[:len(dirs)-missing+1], "/")) {
			missing--
		}

		f.Add(one.Job, missing)
	}

	told, err := f.Run()
	if err != nil {
		t.Fatal(err)
	}

	calls := w.client.Calls()
	started := time.Now()
	jobs := w.start(files)
	w.runAll(e)
	took := time.Since(started)
	calls = w.client.Calls() - calls
	t.Logf("told %v by %q, %d calls; took %v, %d calls", told.Left, told.DecidedBy, told.Calls, took, calls)
	for _, j := range jobs {
		if got := w.get(j.ID); got.End != state.EndDone {
			t.Fatalf("%s: %s %s", got.Path, got.Reason, got.Error)
		}
	}

	within := took / 20
	if m.bucket > 0 {
		within += trip + mostCompany // who comes together in a call is a matter of chance
	}

	if off := (told.Left - took).Abs(); off > within {
		t.Errorf("told %v, it took %v", told.Left, took)
	}

	if math.Abs(float64(told.Calls)-float64(calls)) > float64(calls)/20+1 {
		t.Errorf("told %d calls, there were %d", told.Calls, calls)
	}
}

// files writes and plans the files of the mix.
func (m mix) files(w *world, e *Engine) (files []plan.File) {
	w.t.Helper()
	for i := range m.project {
		w.write(fmt.Sprintf("p/%02d/%04d.dwg", i/40, i), 100, uint64(i))
		if i < m.versions {
			w.addFile(string(w.project), fmt.Sprintf("Project Files/p/%02d/%04d.dwg", i/40, i), "another")
		}
	}

	for i, size := range m.large {
		w.write(fmt.Sprintf("p/large/%d.rvt", i), 0, 0)
		if err := os.Truncate(w.path(fmt.Sprintf("p/large/%d.rvt", i)), size); err != nil {
			w.t.Fatal(err)
		}
	}

	for i := range m.bucket {
		w.write(fmt.Sprintf("b/%02d/%04d.txt", i/100, i), 1000, uint64(i))
	}

	if m.project+len(m.large) > 0 {
		files = append(files, w.push(e, plan.PushRequest{Profile: "default",
			Remote: mustAddress(w.t, w.srv.DemoRemote()), Sources: w.sources("p", "p/")})...)
	}

	if m.bucket > 0 {
		files = append(files, w.push(e, plan.PushRequest{Profile: "default",
			Remote: mustAddress(w.t, "oss://drawings/2026"), Sources: w.sources("b", "")})...)
	}

	return files
}

// TestForecastKnowsTheLineOfBefore: how fast large parts went is known to the next process; small files
// tell nothing of it.
func TestForecastKnowsTheLineOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const line = 2 << 20
		w := newWorld(t, func(_ *emulator.Config, c *apsclient.Config, _ *Config) {
			c.Bandwidth.Up = rate.NewLimiter(line, line/10) // nobody told the engine
		})
		ahead := func() time.Duration {
			f := w.engine().Forecast("default")
			f.Add(state.Job{Kind: state.Upload, Size: 100 * mib}, 0)
			told, err := f.Run()
			if err != nil {
				t.Fatal(err)
			}

			return told.Left
		}
		for i := range 20 {
			w.write(fmt.Sprintf("small/%d.dwg", i), mib/2, uint64(i))
			w.enqueue(w.job(fmt.Sprintf("small/%d.dwg", i)))
		}

		w.runAll(w.engine())
		if left := ahead(); left != 0 {
			t.Errorf("after small files: told %v", left)
		}

		w.write("large.rvt", 30*mib, 1)
		w.enqueue(w.job("large.rvt"))
		w.runAll(w.engine())
		if left := ahead(); left < 45*time.Second || left > 55*time.Second {
			t.Errorf("told %v, want about 50 s", left)
		}
	})
}

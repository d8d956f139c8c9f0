package owner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// many puts states of the files of some numbers, at no time at which the folder is polled.
func (l *life) many(from, to int, name string, data func(i int) []byte) {
	time.Sleep(time.Second)

	for i := from; i < to; i++ {
		temp := l.path(fmt.Sprintf("~%d.tmp", i))
		if err := os.WriteFile(temp, data(i), 0o600); err != nil {
			l.t.Fatal(err)
		}

		l.stamp(temp, time.Time{})
		if err := os.Rename(temp, l.path(fmt.Sprintf(name, i))); err != nil {
			l.t.Fatal(err)
		}
	}

	// the system's clock is ahead of the simulated one: a folder that seems younger than its files is read
	// again for each of them
	l.stamp(filepath.Dir(l.path(fmt.Sprintf(name, from))), time.Time{})
}

// quiet waits until nothing is left to do, or the watch is stopped.
func (l *life) quiet() control.Status {
	for range 24 * 60 {
		time.Sleep(time.Minute)
		s := l.status()
		w := s.Watches[0]
		if w.State == control.WatchPaused || w.Pending != nil && *w.Pending == 0 {
			time.Sleep(time.Minute)
			return l.status()
		}
	}

	l.t.Fatal("it never ends")

	return control.Status{}
}

// noise is what an encryptor leaves.
func (l *life) noise(int) []byte { return l.content() }

// sent counts the versions in the cloud.
func (l *life) sent() (n int) {
	for _, f := range l.cloud.Items() {
		n += len(f.Versions)
	}

	return n
}

func TestBrake(t *testing.T) {
	drawn := func(release string) func(i int) []byte {
		return func(i int) []byte { return dwg(release, fmt.Sprint("drawing ", i)) }
	}

	t.Run("drawings overwritten with noise", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.many(0, 150, "set %d.dwg", drawn("AC1027"))
			l.quiet()
			before := l.sent()
			if before != 150 {
				t.Fatalf("%d versions", before)
			}

			time.Sleep(20 * time.Minute)

			// the first few alone are no mass change, and go
			l.many(0, 8, "set %d.dwg", l.noise)
			time.Sleep(2 * time.Minute)
			l.many(8, 38, "set %d.dwg", l.noise)
			s := l.quiet()
			if n := l.sent() - before; n != 8 {
				t.Errorf("%d of the files that were overwritten were sent", n)
			}

			checkBraked(t, l, s, 38)

			// a start changes nothing of it
			l.close()
			l.open()
			time.Sleep(20 * time.Minute)
			checkBraked(t, l, l.status(), 38)
			if n := l.sent() - before; n != 8 {
				t.Errorf("%d were sent after a start", n)
			}

			// going on sends what it was about
			if _, err := l.owner.ChangeWatch(t.Context(), l.config().ID, control.Resume); err != nil {
				t.Fatal(err)
			}

			s = l.quiet()
			if n := l.sent() - before; n != 38 || s.Watches[0].Brake != nil || len(s.Attention) > 0 {
				t.Errorf("%d were sent, %+v", n, s.Watches[0])
			}
		})
	})

	t.Run("a new release", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.many(0, 60, "set %d.dwg", drawn("AC1027"))
			l.quiet()
			l.many(0, 60, "set %d.dwg", drawn("AC1032"))
			if s := l.quiet(); l.sent() != 120 {
				t.Errorf("%d versions, %+v", l.sent(), s.Watches)
			}
		})
	})

	t.Run("what never was a drawing", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.many(0, 60, "set %d.dwg", l.noise)
			l.quiet()
			l.many(0, 60, "set %d.dwg", l.noise)
			l.many(0, 60, "new %d.dwg", l.noise)
			if s := l.quiet(); l.sent() != 180 {
				t.Errorf("%d versions, %+v", l.sent(), s.Watches)
			}
		})
	})
}

// checkBraked: the watch says why it is stopped, and what may be done.
func checkBraked(t *testing.T, l *life, s control.Status, files int) {
	t.Helper()

	w := s.Watches[0]
	if w.State != control.WatchPaused || w.Brake == nil {
		t.Fatalf("%+v", w)
	}

	if b := w.Brake; b.Files != files || len(b.Paths) != mostPaths || len(b.Sent) != 8 ||
		b.GoOn != "hoist watch resume "+w.ID || b.PutBack != "hoist watch put-back "+w.ID ||
		!strings.Contains(w.Detail, b.PutBack) {
		t.Errorf("%+v", *b)
	}

	for _, v := range w.Brake.Sent {
		if v.Version != 1 || !strings.Contains(v.Remote, "set") {
			t.Errorf("%+v", v)
		}
	}

	if len(s.Attention) != 1 || s.Attention[0].Reason != transfer.ReasonMassChange ||
		s.Attention[0].Fix != w.Brake.GoOn {
		t.Errorf("%+v", s.Attention)
	}
}

// TestRewrites: when a brake stops a watch, and when not.
func TestRewrites(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	batch := func(from, n, broken int) (out []rewrite) {
		for i := range n {
			out = append(out, rewrite{rel: fmt.Sprint(from + i), broken: i < broken})
		}

		return out
	}
	blind := func(n int) (out []rewrite) {
		for i := range n {
			out = append(out, rewrite{rel: fmt.Sprint("n", i), blind: true})
		}

		return out
	}
	type step struct {
		after time.Duration
		batch []rewrite
		stops bool
	}
	for name, steps := range map[string][]step{
		"all at once":       {{0, batch(0, 11, 11), true}},
		"ten":               {{0, batch(0, 10, 10), false}},
		"one by one":        {{0, batch(0, 10, 10), false}, {time.Minute, batch(20, 1, 1), true}},
		"a fifth":           {{0, batch(0, 100, 20), false}},
		"more than a fifth": {{0, batch(0, 100, 21), true}},
		"over more than ten minutes": {{0, batch(0, 10, 10), false},
			{11 * time.Minute, batch(20, 10, 10), false}},
		"one file again and again": {{0, batch(0, 1, 1), false}, {time.Minute, batch(0, 1, 1), false}},
		"mended since": {{0, batch(0, 10, 10), false}, {0, batch(0, 5, 0), false},
			{0, batch(20, 5, 5), false}},
		"a batch of unknown kinds": {{0, blind(brakeDay), false}},
		"more of them":             {{0, blind(brakeDay), false}, {0, blind(brakeDay + 1), true}},
		"as many as in a day before": {{0, batch(0, 2*brakeDay, 0), false},
			{24 * time.Hour, blind(2 * brakeDay), false}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, restarts := range []bool{false, true} {
				var w rewrites
				now := at
				for i, s := range steps {
					now = now.Add(s.after)
					if got := w.judge(now, s.batch); (got != nil) != s.stops {
						t.Errorf("step %d: %+v, stops %v, restarts %v", i, got, s.stops, restarts)
					}

					if kept, worth := w.keep(); restarts && worth {
						w.restore(throughJSON(t, kept))
					}
				}
			}
		})
	}
}

// TestBrakeCountsAFileOnce: however often the process was started on the day that it is rewritten again.
func TestBrakeCountsAFileOnce(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	one := func(i int) []rewrite { return []rewrite{{rel: fmt.Sprint(i, ".rfa"), blind: true}} }

	var w rewrites
	for i := range 2 * brakeDay {
		if got := w.judge(now, one(i%7)); got != nil {
			t.Fatalf("start %d: %+v", i, got)
		}

		kept, worth := w.keep()
		if !worth {
			t.Fatal("it is not kept")
		}

		w.restore(throughJSON(t, kept))
	}

	for i := range brakeDay - 6 { // those of before are known by name
		got := w.judge(now, one(100+i))
		if last := i == brakeDay-7; (got != nil) != last || last && (got.count != brakeDay+1 ||
			len(got.files) != got.count) {
			t.Fatalf("file %d: %+v", i, got)
		}
	}
}

func throughJSON(t *testing.T, k keptRewrites) (out keptRewrites) {
	text, err := json.Marshal(k)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}

	if err != nil {
		t.Fatal(err)
	}

	return out
}

// TestBrakeOverAStart: a start in the middle of a mass change lets no further files through.
func TestBrakeOverAStart(t *testing.T) {
	scene(t, nil, func(t *testing.T, l *life) {
		const files = 40
		l.many(0, files, "set %d.dwg", func(i int) []byte { return dwg("AC1027", fmt.Sprint("drawing ", i)) })
		l.quiet()
		before := l.sent()

		l.many(0, 8, "set %d.dwg", l.noise)
		time.Sleep(2 * time.Minute)
		l.close()
		l.open()
		l.many(8, 16, "set %d.dwg", l.noise)

		s := l.quiet()
		if n := l.sent() - before; n != 8 {
			t.Errorf("%d of the files that were overwritten were sent", n)
		}

		checkBraked(t, l, s, 16)

		// what was let go on counts no more
		if _, err := l.owner.ChangeWatch(t.Context(), l.config().ID, control.Resume); err != nil {
			t.Fatal(err)
		}

		l.quiet()
		l.close()
		l.open()
		l.many(16, 20, "set %d.dwg", l.noise)
		if s = l.quiet(); s.Watches[0].Brake != nil || l.sent()-before != 20 {
			t.Errorf("%d were sent, %+v", l.sent()-before, s.Watches[0].Brake)
		}
	})
}

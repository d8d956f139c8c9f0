package owner

import (
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// setPattern is "watch set --pattern".
func (l *life) setPattern(match, key, value string) {
	set := control.WatchSettings{Pattern: match, Set: map[string][]string{key: {value}}}
	if _, err := l.owner.SetWatch(l.t.Context(), l.config().ID, set); err != nil {
		l.t.Fatal(err)
	}
}

// TestPatternsWhileRunning: what a pattern says holds at once, of what waits too, by a command and by the
// file.
func TestPatternsWhileRunning(t *testing.T) {
	t.Run("settle", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.setPattern("*.rvt", "settle", "1h")
			l.save("a.rvt", []byte("a model"))
			l.save("b.txt", []byte("a text"))
			time.Sleep(10 * time.Minute)

			if l.record("a.rvt").Item != "" || l.record("b.txt").Item == "" {
				t.Error("a model has another settle time, and a text has not")
			}

			l.reconfigure(func(w *config.Watch) { w.Pattern[0].Settle = "20m" })
			time.Sleep(9 * time.Minute)

			if l.record("a.rvt").Item != "" {
				t.Error("it is sent before it has rested")
			}

			time.Sleep(2 * time.Minute)

			if l.record("a.rvt").Item == "" {
				t.Error("an edit of the file does not hold for what waits")
			}
		})
	})

	t.Run("priority", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.cloud.SetKnobs(func(k *emulator.Knobs) { k.Portal = emulator.Portal{Status: 503} })
			l.setPattern("*.txt", "priority", "low")
			l.save("a.txt", []byte("a text"))
			l.save("b.dwg", []byte("a drawing"))
			time.Sleep(time.Minute)
			l.priorities(map[string]int{"a.txt": -1, "b.dwg": 0})
			l.setPattern("*.dwg", "priority", "high")
			l.setPattern("*.txt", "priority", "")
			l.priorities(map[string]int{"a.txt": 0, "b.dwg": 1})
		})
	})
}

func (l *life) priorities(want map[string]int) {
	l.t.Helper()
	jobs, err := l.owner.store.Jobs(state.Filter{Open: true})
	if err != nil || len(jobs) != len(want) {
		l.t.Fatalf("%+v, %v", jobs, err)
	}

	for _, j := range jobs {
		if j.Priority != want[j.Rel] {
			l.t.Errorf("%s has priority %d, want %d", j.Rel, j.Priority, want[j.Rel])
		}
	}
}

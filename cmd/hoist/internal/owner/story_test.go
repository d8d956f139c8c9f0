package owner

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
)

// record is what a log holds.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// logLine is one line of a log.
type logLine struct {
	Msg, Path, Reason, Was, Result, Fix, Error string

	NextAttempt time.Time `json:"next_attempt"`
	Time        time.Time
}

// lines reads a log.
func (r *record) lines(t *testing.T) (out []logLine) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()

	for line := range strings.Lines(r.text.String()) {
		var l logLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}

		out = append(out, l)
	}

	return out
}

// tales reads a log alone: what it says of each file, in order.
func (r *record) tales(t *testing.T, root string) map[string][]string {
	t.Helper()

	out := map[string][]string{}
	for _, l := range r.lines(t) {
		rel, err := filepath.Rel(root, l.Path)
		if err != nil || l.Path == "" {
			continue
		}

		told := strings.TrimSpace(l.Msg + " " + l.Reason + l.Was + l.Result)
		told = strings.Replace(told, "service-error", "offline", 1) // by which call meets the outage first
		switch {
		case told == "given up vanished", l.Error == "the file was renamed": // which is seen first
			told = "gone"
		case l.Reason == "source-changed", told == "retried vanished":
			continue // whether a look comes in between depends on the moment
		case (l.Msg == turnParked || l.Msg == turnConflict) && l.Fix == "":
			t.Errorf("no fix: %+v", l)
		case l.Msg == turnRetried && !l.NextAttempt.After(l.Time.UTC()):
			t.Errorf("no next attempt ahead: %+v", l)
		}

		out[rel] = slices.Compact(append(out[rel], told))
	}

	return out
}

// TestLogOfADayOfTrouble: a day in which all sorts of things go wrong; the log read alone, at the
// default level, tells what happened to each file.
func TestLogOfADayOfTrouble(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("two names that differ in their case alone are one file there")
	}

	where := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, where, 1)
		l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
		log := &record{}
		l.options.poll = 30 * time.Second
		l.options.Logger = slog.New(slog.NewJSONHandler(log, nil))
		save := func(name, content string) {
			t.Helper()
			path := filepath.Join(l.root, filepath.FromSlash(name))
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}

			if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		fault := func(when func(emulator.Request) bool, f emulator.Fault) {
			l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
				if when(r) {
					return f
				}

				return emulator.Fault{}
			})
		}

		// An ordinary morning. Nothing is saved at the moment of a scan.
		l.open()
		time.Sleep(7 * time.Second)
		save("plain.dgn", "one")
		save("theirs.dgn", "one")
		time.Sleep(30 * time.Minute)

		// Then the service is away.
		fault(func(emulator.Request) bool { return true },
			emulator.Fault{Kind: emulator.FailBefore, Status: 503})
		save("outage.dgn", "two")
		time.Sleep(30 * time.Minute)
		l.cloud.SetFault(nil)
		time.Sleep(30 * time.Minute)

		// Permission is missing for a while.
		fault(func(r emulator.Request) bool { return strings.HasPrefix(r.Op, "create-") },
			emulator.Fault{Kind: emulator.FailBefore, Status: 403})
		save("permission.dgn", "three")
		time.Sleep(30 * time.Minute)
		l.cloud.SetFault(nil)
		time.Sleep(30 * time.Minute)

		// Two names that the service may take for one; a colleague publishes first.
		save("plan.dgn", "four")
		save("Plan.dgn", "five")
		if _, _, err := l.cloud.AddFile(l.cloud.Demo().Project, "Project Files/theirs.dgn",
			strings.NewReader("theirs"), 6); err != nil {
			t.Fatal(err)
		}
		save("theirs.dgn", "ours, newer")
		time.Sleep(30 * time.Minute)
		if err := os.Rename(filepath.Join(l.root, "Plan.dgn"),
			filepath.Join(l.root, "Plan-2.dgn")); err != nil {
			t.Fatal(err)
		}

		time.Sleep(30 * time.Minute)
		l.close()
		if err := l.cloud.Close(); err != nil {
			t.Error(err)
		}

		got := log.tales(t, l.root)
		want := map[string][]string{
			"plain.dgn":      {"done created"},
			"outage.dgn":     {"retried offline", "healed offline", "done created"},
			"permission.dgn": {"parked forbidden", "healed forbidden", "done created"},
			"plan.dgn":       {"parked name-clash", "healed name-clash", "done created"},
			"Plan.dgn":       {"parked name-clash", "gone"},
			"Plan-2.dgn":     {"done created"},
			"theirs.dgn":     {"done created", "in conflict conflict"},
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if !slices.Equal(got[name], want[name]) {
				t.Errorf("%s: %q, want %q", name, got[name], want[name])
			}
		}

		if t.Failed() {
			t.Log(log.text.String())
		}
	})
}

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
	"hoist/watcher"
)

// waitsFor finds a group of what waits by its reason.
func waitsFor(s control.Status, reason string) (control.Waiting, bool) {
	i := slices.IndexFunc(s.Waiting, func(w control.Waiting) bool { return w.Reason == reason })
	if i < 0 {
		return control.Waiting{}, false
	}

	return s.Waiting[i], true
}

// TestStatusSaysWhatAWatchWaitsFor: a file that rests, and the lock that makes one rest longer.
func TestStatusSaysWhatAWatchWaitsFor(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("plans/locked.dwg", 100)
	l.file("plans/locked.dwl", 1)
	l.run(0, "watch", "add", l.dir+"/plans", l.remote+"/plans", "--settle", "3s")
	l.start("daemon")
	l.owned("daemon")
	locked := l.file("plans/locked.dwg", 200) // just now
	eventually(t, "the lock is named", func() bool {
		w, ok := waitsFor(l.status(), watcher.WaitLock)
		return ok && w.Count == 1 && slices.Equal(w.Paths, []string{locked}) && w.Since != nil &&
			strings.Contains(w.Detail, "locked.dwl")
	})

	text, _ := l.run(0, "status")
	if !strings.Contains(text, "waiting: 1 file: lock-beside: ") || !strings.Contains(text, locked) {
		t.Errorf("status:\n%s", text)
	}

	if out, _ := l.run(0, "explain", locked); !strings.Contains(out, "locked.dwl") {
		t.Errorf("explain:\n%s", out)
	}

	// Four settle times after it was saved it would be sent in any case; here the lock goes before.
	if err := os.Remove(filepath.Join(l.dir, "plans", "locked.dwl")); err != nil {
		t.Fatal(err)
	}

	eventually(t, "nothing waits any more", func() bool { return len(l.status().Waiting) == 0 })
}

// TestStatusWithoutTheService: files of one cause are one group with the time of the next attempt,
// and nobody says when they will be done.
func TestStatusWithoutTheService(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "watch", "add", l.dir, l.remote+"/plans", "--settle", "100ms")
	l.start("daemon")
	l.owned("daemon")
	l.file("first.rvt", 1000)
	eventually(t, "the first one is there", func() bool { return l.status().Jobs.Done == 1 })
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "create-storage" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusServiceUnavailable}
	})

	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		l.file(name+".rvt", 1000)
	}

	eventually(t, "they wait for one cause", func() bool {
		s := l.status()
		for _, w := range s.Waiting {
			if w.NextAttempt != nil && time.Until(*w.NextAttempt) < -time.Second {
				t.Errorf("the next attempt lies in the past: %+v", w)
			}

			if w.Reason != transfer.ReasonServiceTrouble && w.Reason != transfer.ReasonOffline {
				continue
			}

			if s.ETA != nil {
				t.Errorf("an estimate without a service: %+v", *s.ETA)
			}

			if w.Count > 5 {
				return len(w.Paths) == 5 && w.Since != nil
			}
		}

		return false
	})
}

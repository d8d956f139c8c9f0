package watcher

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestUnreadFolderIsTold: a folder that cannot be read is told when any scan meets it, and no longer once it
// can be. Here it is one whose path has become too long for the system, as that keeps root out too.
func TestUnreadFolderIsTold(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("paths have other bounds here")
	}

	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), nil)
		deep := x.path("short")
		for len(deep) < 3900 {
			deep += "/" + strings.Repeat("d", 150)
		}

		must(t, os.MkdirAll(deep, 0o700))
		x.start(t)
		time.Sleep(time.Second)

		long := strings.Repeat("l", 250)
		x.rename("short", long)
		x.notice(long)
		time.Sleep(time.Second)
		synctest.Wait()
		if s := x.w.Status(); s.Whole || !strings.Contains(s.Detail, "1 not readable, one of them: open") {
			t.Errorf("whole %v, %.60q", s.Whole, s.Detail)
		}

		x.rename(long, "short")
		x.w.Scan("")
		time.Sleep(time.Second)
		synctest.Wait()
		if s := x.w.Status(); !s.Whole || s.Detail != "" {
			t.Errorf("readable again: whole %v, %.60q", s.Whole, s.Detail)
		}
	})
}

// TestNoteUnread: what was not readable is told until a scan of it, or of what it lies in, has read it.
func TestNoteUnread(t *testing.T) {
	r := &run{Watcher: newFixture(t, newTree(t), nil).w, unread: map[string]unreadable{},
		want: map[string]bool{}}
	for _, step := range []struct {
		scanned string
		unread  map[string]unreadable
		want    string
	}{
		{"", map[string]unreadable{"b": {errors.New("no"), false}, "a/b": {errors.New("never"), true}},
			"2 not readable, one of them: never"},
		{"c", nil, "2 not readable, one of them: never"},
		{"a", nil, "1 not readable, one of them: no"},
		{"b", map[string]unreadable{"b": {errors.New("not yet"), false}},
			"1 not readable, one of them: not yet"},
		{"b", nil, ""},
	} {
		r.noteUnread(summary{scanned: []string{step.scanned}, unread: step.unread})
		if got := r.Status().unread; got != step.want {
			t.Errorf("after a scan of %q: %q, want %q", step.scanned, got, step.want)
		}

		clear(r.want)
		if r.retryUnread(time.Now()); r.want["b"] != (r.unread["b"].err != nil) || r.want["a/b"] ||
			r.want["a"] {
			t.Errorf("after a scan of %q: scans %v", step.scanned, r.want)
		}
	}
}

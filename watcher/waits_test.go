package watcher

import (
	"reflect"
	"testing"
	"time"
)

// TestWaits: what is pending is told by what it waits for, since when and until when.
func TestWaits(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(sec int) time.Time { return start.Add(time.Duration(sec) * time.Second) }
	file := observation{rec: record{size: 1}, fresh: true}
	nothing := func() string { return "" }

	s := newSettler(10*time.Second, 40*time.Second, 0)
	for _, path := range []string{"a.dwg", "b.dwg", "busy.dwg"} {
		s.observe(path, file, at(0))
	}

	if s.look("b.dwg", file, "b.dwl", nothing, at(10)) {
		t.Fatal("a file with a lock settles at once")
	}

	for sec := 1; sec <= 51; sec++ {
		s.observe("busy.dwg", observation{rec: file.rec, fresh: true, touched: true}, at(sec))
		s.look("busy.dwg", file, "", nothing, at(sec))
	}

	want := []Wait{
		{Why: WaitLock, Lock: "b.dwl", Count: 1, Since: at(0), Until: at(20), Paths: []string{"b.dwg"}},
		{Why: WaitBusy, Count: 1, Since: at(0), Until: s.pending["busy.dwg"].next,
			Paths: []string{"busy.dwg"}},
		{Why: WaitSettling, Count: 1, Since: at(0), Until: at(10), Paths: []string{"a.dwg"}},
	}
	if got := s.waits(at(51)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

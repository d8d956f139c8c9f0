package watcher

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestSettler plays a timetable of looks against a settle time of 10 s and a cap of 60 s, looking
// at each path when it is due, and notes when each has settled, in seconds.
func TestSettler(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	file := func(size int64, mtime int) record { return record{size: size, mtime: at(mtime).UnixNano()} }
	type look struct {
		at int // s
		o  observation
	}
	noticed := func(size int64, mtime int) observation {
		return observation{rec: file(size, mtime), touched: true}
	}
	scanned := func(size int64, mtime int) observation {
		return observation{rec: file(size, mtime), scanned: true}
	}
	gone := observation{gone: true, touched: true}

	every := func(from, to, step int) (looks []look) {
		for s := from; s <= to; s += step {
			looks = append(looks, look{s, noticed(int64(s), s)})
		}

		return looks
	}
	tests := []struct {
		name        string
		looks       []look
		lockedUntil int
		// until when a look at the bytes, or at who has it open, says that it is not finished
		tornUntil, writtenUntil int
		minAge                  time.Duration
		want                    []int
		busy                    bool // at some moment
	}{
		{name: "one notice", looks: []look{{0, noticed(1, 0)}}, want: []int{10}},
		{name: "written again within the time", looks: []look{{0, noticed(1, 0)}, {6, noticed(2, 6)}},
			want: []int{16}},
		{name: "written again with the same size and time",
			looks: []look{{0, noticed(1, 0)}, {6, noticed(1, 0)}}, want: []int{16}},
		{name: "a scan that finds the same does not prolong",
			looks: []look{{0, noticed(1, 0)}, {6, scanned(1, 0)}}, want: []int{10}},
		{name: "a scan that finds another state prolongs",
			looks: []look{{0, noticed(1, 0)}, {6, scanned(2, 5)}}, want: []int{16}},
		{name: "first seen by a scan, old", looks: []look{{0, scanned(1, -10)}}, want: []int{0}},
		{name: "first seen by a scan, young", looks: []look{{0, scanned(1, -9)}}, want: []int{10}},
		{name: "first seen by a scan, from the future", looks: []look{{0, scanned(1, 3600)}},
			want: []int{10}},
		{name: "first noticed, old time", looks: []look{{0, noticed(1, -3600)}}, want: []int{10}},
		{name: "two states", looks: []look{{0, noticed(1, 0)}, {30, noticed(2, 30)}}, want: []int{10, 40}},
		{name: "changed behind our back",
			looks: []look{{0, noticed(1, 0)}, {9, observation{rec: file(5, 9)}}}, want: []int{20}},
		{name: "gone", looks: []look{{0, gone}}, want: []int{10}},
		{name: "gone and back", looks: []look{{0, gone}, {1, noticed(2, 1)}}, want: []int{11}},
		{name: "new, and gone before anybody heard of it",
			looks: []look{{0, observation{rec: file(1, 0), fresh: true}}, {4, gone}}},
		{name: "gone and never known", looks: []look{{0, observation{gone: true, fresh: true}}}},
		{name: "a lock makes it three times as long", looks: []look{{0, noticed(1, 0)}}, lockedUntil: 1000,
			want: []int{30}},
		{name: "a lock that goes", looks: []look{{0, noticed(1, 0)}}, lockedUntil: 15, want: []int{20}},
		{name: "a lock beside an old file", looks: []look{{0, scanned(1, -12)}}, lockedUntil: 1000,
			want: []int{18}},
		{name: "a lock beside a very old file", looks: []look{{0, scanned(1, -100)}}, lockedUntil: 1000,
			want: []int{0}},
		{name: "a lock blocks never past the cap", looks: every(0, 56, 8), lockedUntil: 1000,
			want: []int{60}},
		{name: "saved every 5 s: rests enough after the cap", looks: every(0, 120, 5), want: []int{63, 125}},
		{name: "written without a rest: busy", looks: every(0, 100, 1), want: []int{110}, busy: true},
		{name: "its end is missing for a while", looks: []look{{0, noticed(1, 0)}}, tornUntil: 35,
			want: []int{40}},
		{name: "a copy with pauses is one state", looks: every(0, 36, 12), tornUntil: 36, want: []int{46}},
		{name: "its end is missing for good: not past the cap", looks: []look{{0, noticed(1, 0)}},
			tornUntil: 1000, want: []int{60}},
		{name: "its end is missing in each short rest", looks: every(0, 110, 5), tornUntil: 1000,
			want: []int{120},
			busy: true},
		{name: "open for writing for a while", looks: []look{{0, noticed(1, 0)}}, writtenUntil: 25,
			want: []int{30}},
		{name: "open for writing for good", looks: []look{{0, noticed(1, 0)}}, writtenUntil: 1000,
			want: []int{60}},
		{name: "open for writing, and saved every 5 s", looks: every(0, 120, 5), writtenUntil: 1000,
			want: []int{63, 125}},
		{name: "smallest age", looks: []look{{0, noticed(1, 0)}}, minAge: 45 * time.Second, want: []int{45}},
		{name: "smallest age and a time in the future", looks: []look{{0, noticed(1, 3600)}},
			minAge: 45 * time.Second, want: []int{45}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSettler(10*time.Second, 60*time.Second, tt.minAge)
			var got []int
			busy := false

			now := observation{gone: true}
			looks := tt.looks
			for sec := range 130 {
				for len(looks) > 0 && looks[0].at == sec {
					now = looks[0].o
					if now.touched || now.scanned || now.fresh {
						s.observe("a", now, at(sec))
					}

					looks = looks[1:]
				}

				for _, p := range s.due(at(sec)) {
					lock := ""
					if sec < tt.lockedUntil {
						lock = "a.dwl"
					}

					unfinished := func() string {
						if sec < tt.tornUntil {
							return WaitTorn
						} else if sec < tt.writtenUntil {
							return WaitWriter
						}

						return ""
					}
					if s.look(p, now, lock, unfinished, at(sec)) {
						got = append(got, sec)
					}
				}

				busy = busy || s.busy > 0
				if next, ok := s.next(); ok != (len(s.pending) > 0) || ok && !next.After(at(sec)) {
					t.Fatalf("%d s: next look at %v, %t with %d pending", sec, next.Sub(start), ok,
						len(s.pending))
				}
			}

			if !slices.Equal(got, tt.want) || busy != tt.busy {
				t.Errorf("settled at %v, busy %t, want %v, %t", got, busy, tt.want, tt.busy)
			}

			if s.fresh != 0 || s.busy != 0 {
				t.Errorf("%d fresh and %d busy are left", s.fresh, s.busy)
			}
		})
	}
}

func TestAtOnce(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)

	s := newSettler(10*time.Second, time.Minute, 0)
	tests := []struct {
		age    time.Duration
		locked bool
		want   bool
	}{
		{10 * time.Second, false, true},
		{10*time.Second - 1, false, false},
		{-time.Second, false, false},
		{20 * time.Second, true, false},
		{30 * time.Second, true, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.age, tt.locked), func(t *testing.T) {
			if got := s.atOnce("a", record{mtime: now.Add(-tt.age).UnixNano()}, tt.locked,
				now); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

// TestOnClose: a file that waits until it is closed does so past the cap, and is no longer waited for
// once it is.
func TestOnClose(t *testing.T) {
	for _, row := range []struct {
		name       string
		lock       string
		unfinished string
	}{{"a writer", "", WaitWriter}, {"a lock beside it", "a.rvt.dwl", ""}} {
		t.Run(row.name, func(t *testing.T) {
			now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
			s := newSettler(10*time.Second, 40*time.Second, 0)
			s.wishes = func(path string) Wishes { return Wishes{OnClose: path == "a.rvt"} }
			o := observation{rec: record{size: 1, mtime: now.UnixNano()}, fresh: true}
			s.observe("a.rvt", o, now)
			s.observe("b.rvt", o, now)

			now = now.Add(time.Hour)
			unfinished := func() string { return row.unfinished }
			if s.look("a.rvt", o, row.lock, unfinished, now) {
				t.Error("it is open and is sent")
			}

			if !s.look("b.rvt", o, row.lock, unfinished, now) {
				t.Error("one that is sent when it was saved is waited for past the cap")
			}

			if !s.look("a.rvt", o, "", func() string { return "" }, now.Add(10*time.Second)) {
				t.Error("it was closed and is not sent")
			}
		})
	}
}

// TestSettleOfAPath: a path rests for as long as is asked for it, also when another rest is asked for
// while it waits.
func TestSettleOfAPath(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	own := map[string]time.Duration{"slow.rvt": time.Minute, "quick.txt": time.Second}
	s := newSettler(10*time.Second, 40*time.Second, 0)
	s.wishes = func(path string) Wishes { return Wishes{Settle: own[path]} }

	o := observation{rec: record{size: 1, mtime: now.UnixNano()}, fresh: true}
	for _, path := range []string{"a.dwg", "quick.txt", "slow.rvt"} {
		s.observe(path, o, now)
	}

	settle := func(after time.Duration, want ...string) {
		t.Helper()
		at := now.Add(after)
		var got []string
		for _, path := range s.due(at) {
			if s.look(path, o, "", func() string { return "" }, at) {
				got = append(got, path)
			}
		}

		if !slices.Equal(got, want) {
			t.Errorf("after %v: got %v, want %v", after, got, want)
		}
	}

	settle(time.Second, "quick.txt")
	settle(10*time.Second, "a.dwg")
	settle(59 * time.Second)

	own["slow.rvt"] = time.Hour
	s.retime()
	settle(time.Minute)

	own["slow.rvt"] = 61 * time.Second
	s.retime()

	if at, ok := s.next(); !ok || !at.Equal(now.Add(61*time.Second)) {
		t.Errorf("the next look is at %v", at.Sub(now))
	}

	settle(61*time.Second, "slow.rvt")

	rec := record{mtime: now.Add(-30 * time.Second).UnixNano()}
	if s.atOnce("slow.rvt", rec, false, now) || !s.atOnce("a.dwg", rec, false, now) {
		t.Error("what a scan finds rests as long as any other")
	}
}

package progress

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLine(t *testing.T) {
	at := time.Date(2026, 3, 4, 14, 3, 12, 0, time.UTC)
	for _, tt := range []struct {
		name string
		s    State
		want string
	}{
		{"looking", State{Looking: true}, "looking at what is there, 7s"},
		{"looking in vain", State{Looking: true, Wait: Wait{Why: "no route to host", Since: at}},
			"looking at what is there, 7s, no route to host, since 14:03:12"},
		{"beginning", State{Files: 2, Bytes: 3 << 20, Calls: 1}, "0/2 files, 0 B/3.0 MiB, 1 call, 7s"},
		{"under way", State{Files: 2, FilesDone: 1, Bytes: 3 << 20, BytesDone: 1 << 20, Rate: 1 << 20,
			ETA: 2 * time.Second, DecidedBy: "bandwidth"},
			"1/2 files, 1.0 MiB/3.0 MiB, 0 calls, 7s, 1.0 MiB/s, 2s left (bandwidth decides)"},
		{"a limit", State{Files: 2, DecidedBy: "post-items", PerMinute: 50, Next: at},
			"0/2 files, 0 B/0 B, 0 calls, 7s, post-items allows 50 calls a minute, the next at 14:03:12"},
		{"waiting", State{Files: 9, FilesDone: 3, Attention: 1,
			Wait: Wait{Why: "the service cannot be reached", Files: 5, Since: at, Next: at.Add(time.Minute)}},
			"3/9 files, 0 B/0 B, 0 calls, 7s, 1 needs attention, the service cannot be reached (5 files), " +
				"since 14:03:12, next attempt at 14:04:12"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.line(7 * time.Second); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPercent(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name string
		s    State
		want int
	}{
		{"nothing", State{}, 0},
		{"one large file whose bytes are there", State{Files: 1, Bytes: 1000 * mib, BytesDone: 1000 * mib},
			99},
		{"one large file, half", State{Files: 1, Bytes: 1000 * mib, BytesDone: 500 * mib}, 49},
		{"small files whose creates wait",
			State{Files: 120, FilesDone: 50, Bytes: 12 * mib, BytesDone: 12 * mib}, 46},
		{"empty files", State{Files: 4, FilesDone: 1}, 25},
		{"all", State{Files: 2, FilesDone: 2, Bytes: mib, BytesDone: mib}, 100},
	} {
		if got := tt.s.percent(); got != tt.want {
			t.Errorf("%s: %d %%, want %d", tt.name, got, tt.want)
		}
	}
}

func TestRemaining(t *testing.T) {
	for d, want := range map[time.Duration]string{
		90 * time.Second: "1m30s left", 2 * time.Minute: "2m left", 20 * time.Second: "20s left",
		2 * time.Hour: "2h left", 2*time.Hour + 3*time.Minute + 4*time.Second: "2h3m left",
	} {
		if got := Remaining(d, ""); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestLinesWithoutATerminal: a line with the time at each interval, whether anything was told or
// not; a text once.
func TestLinesWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		r := New(&out, false, 0)
		r.Show(State{Files: 1})
		time.Sleep(11 * time.Second)
		r.Say("careful")
		r.Say("careful")
		r.Close()
		day := time.Now().Format(time.DateOnly)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 || !strings.HasSuffix(lines[0], " hoist: 0/1 file, 0 B/0 B, 0 calls, 5s") ||
			!strings.HasSuffix(lines[1], ", 10s") || !strings.HasSuffix(lines[2], " hoist: careful") {
			t.Errorf("got %q", lines)
		}

		for _, line := range lines {
			if !strings.HasPrefix(line, day+" ") {
				t.Errorf("no time in %q", line)
			}
		}
	})
}

// TestOtherIntervals: what people ask for, and none.
func TestOtherIntervals(t *testing.T) {
	for every, want := range map[time.Duration]int{30 * time.Second: 2, -1: 0} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			r := New(&out, false, every)
			r.Show(State{Files: 1})
			time.Sleep(61 * time.Second)
			r.Close()
			if got := strings.Count(out.String(), "\n"); got != want {
				t.Errorf("every %v: %d lines, want %d", every, got, want)
			}
		})
	}
}

func TestQuietSaysNothing(t *testing.T) {
	var out strings.Builder
	r := New(&out, true, time.Nanosecond)
	r.Show(State{})
	r.Say("x")
	r.Close()
	if out.Len() != 0 {
		t.Errorf("got %q", out.String())
	}
}

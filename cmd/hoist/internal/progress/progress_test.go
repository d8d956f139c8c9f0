package progress

import (
	"strings"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    State
		want string
	}{
		{"beginning", State{Files: 2, Bytes: 3 << 20}, "0 of 2 files, 0 B of 3.0 MiB"},
		{"under way", State{Files: 2, FilesDone: 1, Bytes: 3 << 20, BytesDone: 1 << 20, Rate: 1 << 20,
			ETA: 2 * time.Second, DecidedBy: "bandwidth"},
			"1 of 2 files, 1.0 MiB of 3.0 MiB, 1.0 MiB/s, 2s left (bandwidth decides)"},
		{"waiting", State{Files: 1, Waiting: "the service cannot be reached"},
			"0 of 1 files, 0 B of 0 B, the service cannot be reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Line(tt.s); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReporterWithoutATerminal(t *testing.T) {
	var out strings.Builder
	r := New(&out, false)
	r.Show(State{Files: 1})
	if out.Len() != 0 {
		t.Errorf("a line at once: %q", out.String())
	}

	r.last = time.Now().Add(-lineEvery)
	r.Show(State{Files: 1})
	r.Show(State{Files: 1})
	r.Say("careful")
	r.Say("careful")
	if got, want := out.String(), "hoist: 0 of 1 files, 0 B of 0 B\nhoist: careful\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQuietSaysNothing(t *testing.T) {
	var out strings.Builder
	r := New(&out, true)
	r.last = time.Time{}
	r.Show(State{})
	r.Say("x")
	r.Clear()
	if out.Len() != 0 {
		t.Errorf("got %q", out.String())
	}
}

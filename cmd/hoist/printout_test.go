package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// deaf takes nothing that is written.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

// TestOutputIsLost: a command whose answer cannot be written has not succeeded, be it for people or for
// programs.
func TestOutputIsLost(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a.rvt", 10)
	for _, args := range [][]string{
		{"version"}, {"help"}, {"help", "json"}, {"push", "--help"}, {"guide"}, {"status"},
		{"status", "--json"},
		{"config", "check"}, {"ls", "aps://"}, {"ls", "aps://", "--json"}, {"completion", "bash"}, {"api"},
		{"push", path, l.remote}, {"pull", l.remote + "/a.rvt", "-"}, {"emulator"},
	} {
		t.Run(strings.Join(args[:1], " "), func(t *testing.T) {
			var errs bytes.Buffer
			code := run(t.Context(), args, l.environ(), strings.NewReader(""), deaf{}, &errs)
			if code != 1 || !strings.Contains(errs.String(), "nobody reads") {
				t.Errorf("%v: exit code %d\n%s", args, code, &errs)
			}
		})
	}
}

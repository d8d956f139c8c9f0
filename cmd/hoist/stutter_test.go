package main

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
)

// stutters returns two segments of a message that say the same, "" when there are none: equal ones,
// and one that the other begins with ("create version of X: create version: 403").
func stutters(line string) string {
	said := strings.Split(strings.ToLower(line), ": ")
	for i, a := range said {
		for _, b := range said[i+1:] {
			if a == b || strings.HasPrefix(a, b+" ") || strings.HasPrefix(b, a+" ") {
				return a + " | " + b
			}
		}
	}

	return ""
}

// TestNothingIsSaidTwice: whichever call of a command the service refuses, no segment of what people
// read says what another has said.
func TestNothingIsSaidTwice(t *testing.T) {
	t.Parallel()
	if stutters("create version of x: create version: 403") == "" || stutters("a: create b: 403") != "" {
		t.Fatal("the test itself")
	}

	l := newLab(t)
	path := l.file("plans/a.rvt", 10)
	l.run(0, "push", path, l.remote+"/plans")
	l.file("plans/a.rvt", 20)
	l.run(0, "push", path, l.remote+"/plans")
	l.run(0, "mkdir", "oss://stutter-bucket")
	l.run(0, "push", path, "oss://stutter-bucket")
	newer := l.file("plans/a.rvt", 30)
	other := l.file("new.rvt", 10)
	item := l.remote + "/plans/a.rvt"
	// Each command does its work in the end, when no call of it is left to refuse.
	for _, args := range [][]string{
		{"push", newer, l.remote + "/plans"}, {"push", other, l.remote + "/made/here"},
		{"push", other, "oss://stutter-bucket"}, {"pull", item, "HERE"}, {"pull", "oss://stutter-bucket/a.rvt", "HERE"},
		{"mkdir", l.remote + "/new"}, {"mkdir", "oss://another-bucket"}, {"versions", item},
		{"restore", item, "--version", "1"}, {"stat", item}, {"ls", l.remote}, {"url", item}, {"cat", item},
		{"api", "list-hubs"}, {"mv", item, "b.rvt"}, {"rm", "--yes", l.remote + "/plans/b.rvt"},
		{"rm", "--yes", "oss://stutter-bucket/a.rvt"},
	} {
		var tried []string
		for {
			refused := "" // each round refuses the first call that none before refused
			l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
				// storage that refuses a signed URL is asked again for minutes, and has no words
				bytes := strings.HasPrefix(r.Op, "s3-")
				if refused == "" && r.Op != "token" && !bytes && !slices.Contains(tried, r.Op) {
					refused = r.Op
				}

				if r.Op != refused {
					return emulator.Fault{}
				}

				return emulator.Fault{Kind: emulator.FailBefore, Status: 403,
					Header: http.Header{"Content-Type": {"application/json"}},
					Body:   []byte(`{"errors":[{"code":"NOPE","detail":"you may not do this"}]}`)}
			})
			one := l.second()
			one.home = filepath.Join(t.TempDir(), "h")
			here := filepath.Join(t.TempDir(), "here")
			with := slices.Clone(args)
			if i := slices.Index(with, "HERE"); i >= 0 {
				with[i] = here
			}

			p := one.start(with...)
			p.wait()
			if refused == "" {
				break
			}

			tried = append(tried, refused)
			for line := range strings.Lines(p.errs.String()) {
				if twice := stutters(strings.TrimSpace(line)); twice != "" {
					t.Errorf("%s, %s refused: %s\n%s", strings.Join(args, " "), refused, twice, line)
				}
			}
		}

		t.Log(args[0], tried)
	}
}

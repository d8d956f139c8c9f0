package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
)

// stutters returns two segments of a message that say the same, "" when there are none: equal ones,
// one that the other begins with ("create version of X: create version: 403"), and two that name the
// same deed ("complete X: complete upload: 400").
func stutters(line string) string {
	said := strings.Split(strings.ToLower(line), ": ")
	for i, a := range said {
		for _, b := range said[i+1:] {
			deed, _, _ := strings.Cut(b, " ")
			if a == b || strings.HasPrefix(a, b+" ") || strings.HasPrefix(b, a+" ") ||
				slices.Contains(deeds, deed) && strings.HasPrefix(a, deed+" ") {
				return a + " | " + b
			}
		}
	}

	return ""
}

// deeds begin what a call or a step says of itself.
var deeds = []string{"complete", "create", "upload", "download", "get", "put", "reserve",
	"look", "list", "read", "write", "rename", "hide", "open", "find", "fetch"}

// TestNothingIsSaidTwice: whichever call of a command the service refuses, no segment of what people
// read says what another has said.
func TestNothingIsSaidTwice(t *testing.T) {
	notRaced(t)
	t.Parallel()
	if stutters("create version of x: create version: 403") == "" || stutters("a: create b: 403") != "" ||
		stutters("complete oss://b/x: complete upload: parts") == "" {
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
	// Each command does its work in the end, when no call of it is left to refuse. The calls that look a
	// place up are the same for all of them.
	most := 2
	if os.Getenv("HOIST_LONG") != "" {
		most = 1000
	}

	times := map[string]int{}
	for _, args := range [][]string{
		{"push", newer, l.remote + "/plans"}, {"push", other, l.remote + "/made/here"},
		{"push", other, "oss://stutter-bucket"}, {"push", "-", "oss://stutter-bucket/pipe"},
		{"pull", item, "HERE"}, {"pull", "oss://stutter-bucket/a.rvt", "HERE"},
		{"mkdir", l.remote + "/new"}, {"mkdir", "oss://another-bucket"}, {"versions", item},
		{"restore", item, "--version", "1"}, {"stat", item}, {"ls", l.remote}, {"url", item}, {"cat", item},
		{"api", "list-hubs"}, {"mv", item, "b.rvt"}, {"rm", "--yes", l.remote + "/plans/b.rvt"},
		{"rm", "--yes", "oss://stutter-bucket/a.rvt"},
	} {
		var tried []string
		for {
			refused := "" // each round refuses the first call that none before refused
			l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
				if refused == "" && r.Op != "token" && !slices.Contains(tried, r.Op) && times[r.Op] < most {
					refused = r.Op
				}

				if r.Op != refused {
					return emulator.Fault{}
				}

				return refusal(r.Op)
			})
			one := l.second()
			one.home = filepath.Join(t.TempDir(), "h")
			here := filepath.Join(t.TempDir(), "here")
			with := slices.Clone(args)
			if i := slices.Index(with, "HERE"); i >= 0 {
				with[i] = here
			}

			p := one.startWith(strings.NewReader("from a pipe"), with...)
			p.wait()
			if refused == "" {
				break
			}

			tried = append(tried, refused)
			times[refused]++
			for line := range strings.Lines(p.errs.String()) {
				if twice := stutters(strings.TrimSpace(line)); twice != "" {
					t.Errorf("%s, %s refused: %s\n%s", strings.Join(args, " "), refused, twice, line)
				}
			}
		}

		t.Log(args[0], tried)
	}
}

// refusal is an answer for good: of the storage without words, of a completion about its parts.
func refusal(op string) emulator.Fault {
	f := emulator.Fault{Kind: emulator.FailBefore, Status: 403,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(`{"errors":[{"code":"NOPE","detail":"you may not do this"}]}`)}
	switch {
	case strings.HasPrefix(op, "s3-"): // a 403 of a signed URL is tried again for minutes
		f.Status, f.Header, f.Body = 400, nil, []byte(`<Error><Code>EntityTooSmall</Code></Error>`)
	case op == "signed-s3-upload":
		f.Status, f.Body = 200, []byte(`{"status":"error","reason":"MissingOrInvalidParts"}`)
	}

	return f
}

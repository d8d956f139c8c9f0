package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/trail"
)

// TestEventsGoOn: the events of a daemon by index, without a gap, over a break, and after its end.
func TestEventsGoOn(t *testing.T) {
	l := newLab(t)
	d := l.start("daemon")
	l.owned("daemon")

	stands := func() control.Event {
		var e control.Event
		out, _ := l.run(0, "events", "--json")
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			t.Fatalf("%v: %s", err, out)
		}

		return e
	}
	before := stands()
	follower := l.start("events", "--follow", "--since", strconv.FormatUint(before.Index, 10), "--json")
	path := l.file("plan.dwg", 1000)
	l.run(0, "push", path, l.remote)
	after := stands()
	if after.Index <= before.Index || after.Counts.Done != 1 {
		t.Errorf("it stood at %+v, stands at %+v", before, after)
	}

	out, _ := l.run(0, "events", "--json", "--since", strconv.FormatUint(before.Index, 10))
	var since control.Event
	if err := json.Unmarshal([]byte(out), &since); err != nil || since.Lost || len(since.Jobs) != 1 ||
		since.Jobs[0].State != "done" {
		t.Errorf("what came since: %v %s", err, out)
	}

	if out, _ := l.run(0, "events", "--since", strconv.FormatUint(after.Index, 10)); out != "" {
		t.Errorf("nothing came after: %s", out)
	}

	if d.interrupt() != 0 {
		t.Error("the daemon did not end well")
	}

	if code := follower.wait(); code != 6 {
		t.Errorf("the follower of a daemon that ended: exit code %d", code)
	}

	last := before.Index
	var state string
	for line := range strings.Lines(follower.out.String()) {
		var e control.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Index <= last || e.Lost {
			t.Errorf("after %d: %v, %s", last, err, line)
		}

		last = e.Index
		for _, j := range e.Jobs {
			state = string(j.State)
		}
	}

	if state != "done" {
		t.Errorf("the last that was told of the job is %q\n%s", state, follower.out.String())
	}

	l.run(6, "events", "--follow")
}

// TestChangesAreNotedWithTheirUser: what a command does itself, and what it has the owner do.
func TestChangesAreNotedWithTheirUser(t *testing.T) {
	l := newLab(t)
	path := l.file("plan.dwg", 1000)
	l.run(0, "push", path, l.remote)
	l.run(0, "push", "--dry-run", path, l.remote)
	l.run(0, "jobs")
	l.start("daemon")
	l.owned("daemon")
	l.run(0, "push", "--force", path, l.remote)
	l.run(0, "rm", "--yes", l.remote+"/plan.dwg")
	l.run(5, "pause", "ffff")
	l.run(0, "ls", l.remote)

	f, err := os.Open(filepath.Join(l.home, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	me, _ := trail.Self()
	var got []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e trail.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Time.IsZero() {
			t.Fatalf("%v: %s", err, lines.Text())
		}

		// the loopback address of a Windows without sockets tells nobody
		if (e.User != me || e.PID == 0) && os.PathSeparator == '/' {
			t.Errorf("not who did it: %s", lines.Text())
		}

		got = append(got, e.Command)
		if (e.Error != "") != (e.Command == "pause") {
			t.Errorf("what came of it: %s", lines.Text())
		}
	}

	want := "push push api create-version pause"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("noted: %s\nwant:  %s", text, want)
	}
}

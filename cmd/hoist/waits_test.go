package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestNothingIsSilent: whatever a command waits for, standard error says what that is; not with -q.
func TestNothingIsSilent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("plans/a.rvt", 10)
	l.run(0, "push", path, l.remote+"/plans")
	held := make(chan struct{})
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "token" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: 404, Do: func() { <-held }}
	})

	commands := [][]string{{"ls", l.remote}, {"tree", l.remote}, {"stat", l.remote + "/plans/a.rvt"},
		{"versions", l.remote + "/plans/a.rvt"}, {"size", l.remote}, {"mkdir", l.remote + "/new"},
		{"rm", "--yes", l.remote + "/plans/a.rvt"}, {"mv", l.remote + "/plans/a.rvt", "b.rvt"},
		{"cat", l.remote + "/plans/a.rvt"}, {"url", l.remote}, {"doctor"}, {"login", "--two-legged"},
		{"api", "list-hubs"}, {"preflight", path, l.remote}, {"verify"},
		{"pull", l.remote + "/plans", filepath.Join(l.dir, "new")}, {"push", path, l.remote + "/other"},
		{"watch", "add", filepath.Join(l.dir, "plans"), l.remote + "/watched"}}
	all := make([]*process, len(commands))
	for i, args := range commands {
		one := *l
		one.home = filepath.Join(t.TempDir(), "h") // each waits for the service alone
		one.extra = []string{"HOIST_NO_KEYRING=1"}
		if args[0] == "verify" {
			one.home = l.home
		}

		all[i] = one.start(args...)
	}

	silent := l.second().start("ls", l.remote, "-q")

	for i, p := range all {
		eventually(t, strings.Join(commands[i], " ")+" says what it waits for", func() bool {
			text := p.errs.String()
			return strings.Contains(text, "hoist: waiting for the service (") ||
				strings.Contains(text, "hoist: looking at what is there") ||
				strings.Contains(text, "hoist: checking what works")
		})
	}

	if text := silent.errs.String(); text != "" {
		t.Errorf("-q: %s", text)
	}

	close(held)
}

// TestAHeldStateIsTold: so is the state that another process has open and does not answer for.
func TestAHeldStateIsTold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("a.rvt", 10)
	l.run(0, "push", path, l.remote)
	s, err := state.Open(filepath.Join(l.home, "state.db"), state.Options{LockWait: time.Minute})
	must(t, err)

	var all []*process
	for _, args := range [][]string{{"status"}, {"push", path, l.remote}, {"daemon"}} {
		all = append(all, l.start(args...))
	}

	for _, p := range all {
		eventually(t, "it says that the state is held", func() bool {
			return strings.Contains(p.errs.String(),
				"hoist: waiting for the state of the home, which another process has open, ")
		})
	}

	must(t, s.Close())
}

// TestWorkOnTheStateIsTold: a state that takes long to read is told, but not into a question.
func TestWorkOnTheStateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		a := newApp(nil, nil, &out, &out)
		told := func(what string) bool {
			time.Sleep(waitLook + waitLine)
			synctest.Wait()

			return strings.Contains(out.String(), "hoist: "+what+", ")
		}

		_, err := holding(t.Context(), a, "reading the whole state", func() (int, error) {
			if !told("reading the whole state") {
				t.Errorf("silent: %q", out.String())
			}

			return 0, nil
		})
		must(t, err)

		end := a.waits.begin("comparing")
		back := a.waits.aside()
		if told("comparing") {
			t.Errorf("into a question: %q", out.String())
		}

		back()
		if !told("comparing") {
			t.Errorf("silent after a question: %q", out.String())
		}

		end()
		a.waits.close()
	})
}

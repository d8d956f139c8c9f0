package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// TestLinksAreTold: a link below a watch or a push is never sent, and whoever is asked says so.
func TestLinksAreTold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("links/plan.dwg", 10)
	for link, to := range map[string]string{"a.dwg": "plan.dwg", "b.dwg": "gone.dwg"} {
		if err := os.Symlink(filepath.Join(l.dir, "links", to),
			filepath.Join(l.dir, "links", link)); err != nil {
			t.Skip(err) // no right to make links here
		}
	}

	if _, text := l.run(0, "push", "links", l.remote); !strings.Contains(text,
		"left out by built-in rules: 2 (links and other special files: 2)") {
		t.Errorf("push says nothing of them:\n%s", text)
	}

	l.run(0, "watch", "add", "links", l.remote+"/links")
	link := filepath.Join(l.dir, "links", "a.dwg")
	text, _ := l.run(0, "explain", link, "--json")
	var e control.Explanation
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.State != control.ExplainIgnored ||
		e.Reason != transfer.ReasonNotAFile {
		t.Errorf("explain: %v, %s", err, text)
	}

	// one that leads to a folder, and one that lies in no watch
	l.file("elsewhere/real.dwg", 10)
	for _, at := range []string{"links/inside", "outside"} {
		err := os.Symlink(filepath.Join(l.dir, "elsewhere"), filepath.Join(l.dir, filepath.FromSlash(at)))
		if err != nil {
			t.Fatal(err)
		}
	}

	behind := filepath.Join(l.dir, "links", "inside", "real.dwg")
	text, _ = l.run(0, "filter", "test", link, behind, filepath.Join(l.dir, "outside"))
	if n := strings.Count(text, ": ignored by links and other special files (built-in)\n"); n != 3 {
		t.Errorf("filter test: %s", text)
	}

	for path, says := range map[string]string{behind: "a link that is not followed",
		filepath.Join(l.dir, "outside"): "one that names it sends what it leads to"} {
		text, _ := l.run(0, "explain", path)
		if !strings.Contains(text, ": ignored\n") || !strings.Contains(text, says) {
			t.Errorf("explain: %s", text)
		}
	}
}

// TestNewCredentials: credentials that are refused are one line at the top of the status with its
// fix, however many files wait for them, and a daemon takes up new ones.
func TestNewCredentials(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	l.extra = []string{"HOIST_NO_KEYRING=1"}
	l.run(0, "watch", "add", l.dir, l.remote+"/plans", "--settle", "100ms")
	l.start("daemon")
	l.owned("daemon")
	l.cloud.ExpireTokens()
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "token" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: 401,
			Body:   []byte(`{"error":"invalid_client"}`),
			Header: http.Header{"Content-Type": {"application/json"}}}
	})

	const files = 5
	for i := range files {
		l.file(fmt.Sprintf("%d.rvt", i), 10)
	}

	const fix = "hoist login && hoist retry --wait --reason unauthorised"
	eventually(t, "all wait for credentials", func() bool {
		s := l.status()
		return len(s.Trouble) == 1 && s.Trouble[0].Reason == transfer.ReasonUnauthorised &&
			s.Trouble[0].Count == files && s.Trouble[0].Fix == fix && len(s.Attention) == files
	})

	text, _ := l.run(0, "status")
	lines := strings.Split(text, "\n")
	if !strings.HasPrefix(lines[1], "unauthorised: ") || !strings.HasSuffix(lines[1], "; fix: "+fix) ||
		!strings.Contains(lines[1], "(5 files)") ||
		!strings.Contains(text, "needs you: 5 files: unauthorised: ") {
		t.Errorf("status:\n%s", text)
	}

	l.cloud.SetFault(nil)
	l.pasted(fix)
	if s := l.status(); len(s.Trouble)+len(s.Attention) > 0 || s.Jobs.Done != files {
		t.Errorf("after the fix: %+v", s)
	}
}

// TestServiceAway: a service that is away, or whose answers for a token are garbled, is one line at
// the top, with no estimate, and the garbled ones are for a person; a push that it keeps from its
// plan says so.
func TestServiceAway(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "watch", "add", l.dir, l.remote+"/plans", "--settle", "100ms")
	l.start("daemon", "--log-format", "json")
	l.owned("daemon")
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "token" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: 200, Body: []byte("<html>Welcome</html>")}
	})
	path := l.file("a.rvt", 10)
	eventually(t, "the garbled token is told", func() bool {
		s := l.status()
		return len(s.Trouble) == 1 && strings.Contains(s.Trouble[0].Detail, "token") && s.ETA == nil &&
			len(s.Waiting) == 1 && slices.Equal(s.Waiting[0].Paths, []string{path}) &&
			len(s.Attention) == 1 && s.Attention[0].Reason == transfer.ReasonOffline &&
			s.Attention[0].Fix == "hoist doctor" && s.Trouble[0].Fix == "hoist doctor"
	})
	c := &cure{lab: l,
		cureRow: cureRow{name: "a garbled token", reason: transfer.ReasonOffline, seen: seenWaiting},
		api:     l.api(), path: path}
	c.told(l.status())
	if text, _ := l.run(3, "doctor"); !strings.Contains(text,
		"something else answered in the service's place") {
		t.Errorf("the fix does not name the cause:\n%s", text)
	}

	addr := l.stopCloud()
	p := l.start("push", path, l.remote, "--stats", "1s")
	eventually(t, "the push says what it waits for", func() bool {
		return strings.Contains(p.errs.String(), " hoist: looking at what is there, ")
	})
	eventually(t, "the service is told to be away", func() bool {
		s := l.status()
		return len(s.Trouble) == 1 && s.Trouble[0].Reason == transfer.ReasonOffline &&
			s.Trouble[0].Since != nil && len(s.Attention) == 0
	})

	l.startCloud(addr)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.errs.String())
	}

	eventually(t, "nothing is wrong any more", func() bool {
		s := l.status()
		return len(s.Trouble) == 0 && s.Jobs.Done > 0 && s.Jobs.Waiting == 0
	})
}

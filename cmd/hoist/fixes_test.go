package main

import (
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"hoist/apsclient/emulator"
)

// TestFixDoesTheWork: with nothing that has the home open, the fix that is printed does the work
// itself.
func TestFixDoesTheWork(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "create-storage" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
	})
	path := l.file("plan.rvt", 10)
	l.run(3, "push", path, l.remote)
	s := l.status()
	if len(s.Attention) != 1 || s.Attention[0].Fix == "" {
		t.Fatalf("attention: %+v", s.Attention)
	}

	l.run(3, "retry", "--wait", "--reason", "forbidden")
	l.cloud.SetFault(nil)
	l.pasted(s.Attention[0].Fix)
	l.published("plan.rvt", 1, path)
	l.run(2, "retry", "--reason", "nonsense")
	l.run(2, "retry", "--reason", "forbidden", s.Attention[0].ID)
}

// pasted runs a fix as it is printed.
func (l *lab) pasted(fix string) {
	l.t.Helper()
	shell := exec.CommandContext(l.t.Context(), "sh", "-c", fix)
	shell.Env, shell.Dir = l.environ(), l.dir
	if out, err := shell.CombinedOutput(); err != nil {
		l.t.Fatalf("%s: %v\n%s", fix, err, out)
	}
}

// truncate empties a file.
func (l *lab) truncate(path string) {
	l.t.Helper()
	if err := os.Truncate(path, 0); err != nil {
		l.t.Fatal(err)
	}
}

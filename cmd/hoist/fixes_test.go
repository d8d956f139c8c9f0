package main

import (
	"os"
	"os/exec"
)

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

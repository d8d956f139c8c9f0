package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hoist/transfer"
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

// TestFixesWork: each fix is pasted into a shell as status prints it; then nothing needs attention,
// and the file is where it belongs.
func TestFixesWork(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	for _, tt := range []struct {
		reason string
		cause  func(l *lab, path string)
		mended func(l *lab, path string)
	}{
		{transfer.ReasonShrankToZero, func(l *lab, path string) {
			l.run(0, "push", path, l.remote)
			l.truncate(path)
			l.run(3, "push", path, l.remote)
		}, func(l *lab, path string) { l.published(filepath.Base(path), 2, path) }},
		{transfer.ReasonConflict, func(l *lab, path string) {
			l.run(0, "push", path, l.remote)
			other := l.second()
			other.dir = l.t.TempDir()
			other.run(0, "push", other.file(filepath.Base(path), 20, "theirs"), l.remote)
			l.file(filepath.Base(path), 30, "ours")
			l.run(3, "push", path, l.remote)
		}, func(l *lab, path string) { l.published(filepath.Base(path), 3, path) }},
		{transfer.ReasonLocalDiffers, func(l *lab, path string) {
			l.run(0, "push", path, l.remote)
			l.file(filepath.Base(path), 40, "edited")
			l.run(3, "pull", l.remote+"/"+filepath.Base(path), path)
		}, func(l *lab, path string) {
			if info, err := os.Stat(path); err != nil || info.Size() != 10 {
				l.t.Errorf("%v, %v", info, err)
			}
		}},
		{transfer.ReasonNameRefused, func(l *lab, path string) {
			l.run(3, "push", path, l.remote)
		}, func(l *lab, _ string) {
			if n := len(l.cloud.Items()); n == 0 {
				l.t.Error("nothing was stored under a mapped name")
			}
		}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			l := newLab(t)
			name := "it's a plan\n2.rvt" // to be quoted
			if tt.reason != transfer.ReasonNameRefused {
				name = "a plan (2) & more.rvt"
			}

			path := l.file(name, 10)
			tt.cause(l, path)
			s := l.status()
			if len(s.Attention) != 1 || s.Attention[0].Reason != tt.reason || s.Attention[0].Path != path {
				t.Fatalf("attention: %+v", s.Attention)
			}

			fix := s.Attention[0].Fix
			if !strings.HasPrefix(fix, "hoist ") || strings.ContainsAny(fix, "\n\x1b") {
				t.Errorf("fix %q", fix)
			}

			text, _ := l.run(0, "explain", path)
			if !strings.Contains(text, "  fix: "+fix+"\n") {
				t.Errorf("explain prints another fix than %q:\n%s", fix, text)
			}

			l.pasted(fix)
			if s := l.status(); len(s.Attention) != 0 {
				t.Errorf("still: %+v", s.Attention)
			}

			tt.mended(l, path)
		})
	}
}

// truncate empties a file.
func (l *lab) truncate(path string) {
	l.t.Helper()
	if err := os.Truncate(path, 0); err != nil {
		l.t.Fatal(err)
	}
}

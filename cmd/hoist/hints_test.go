package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// TestHints: what stands between a home and its work is told apart.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		hint string
	}{
		{"held", &state.LockedError{PID: 7}, "--home"},
		{"newer", &state.VersionError{}, "newer hoist"},
		{"damaged", &state.DamagedError{}, "hoist state repair"},
		{"disk full", &state.WriteError{Path: "p", Err: syscall.ENOSPC}, "make room"},
		{"disk full, as text alone",
			&state.WriteError{Path: "p", Err: errors.New("file resize error: no space left on device")},
			"make room"},
		{"disk broken", &state.WriteError{Path: "p", Err: syscall.EIO}, "check the disk"},
		{"home not writable", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrPermission}, "writable"},
		{"home on a read-only disk", &fs.PathError{Op: "open", Path: "p", Err: syscall.EROFS}, "writable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, hint := verdict(problem.Of(fmt.Errorf("outer: %w", tt.err)))
			if code != 1 || !strings.Contains(hint, tt.hint) {
				t.Errorf("code %d, hint %q", code, hint)
			}
		})
	}
}

// TestEveryStepHasWords: a step without words would leave a user without a hint.
func TestEveryStepHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "internal/problem/fix.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}

	steps := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}

		step, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}

		steps++
		if hints[problem.Step(step)] == "" {
			t.Errorf("step %q has no words", step)
		}

		return true
	})
	if steps != len(hints) {
		t.Errorf("%d steps and words for %d", steps, len(hints))
	}
}

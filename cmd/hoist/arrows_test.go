package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows is who may import whom, of ours. Tests may import the emulator besides.
var arrows = map[string][]string{
	"hoist/apsclient":          {},
	"hoist/apsclient/emulator": {},
	"hoist/state":              {"hoist/state/boltfile", "hoist/state/compare"},
	"hoist/state/boltfile":     {},
	"hoist/state/compare":      {},
	"hoist/watcher": {"hoist/watcher/content", "hoist/watcher/disk", "hoist/watcher/gitignore",
		"hoist/watcher/whole"},
	"hoist/watcher/content":   {"hoist/watcher/whole"},
	"hoist/watcher/disk":      {},
	"hoist/watcher/gitignore": {},
	"hoist/watcher/whole":     {},
	"hoist/transfer": {"hoist/transfer/plan", "hoist/transfer/remote", "hoist/state",
		"hoist/state/compare", "hoist/apsclient", "hoist/watcher/disk"},
	"hoist/transfer/plan": {"hoist/transfer/remote", "hoist/state", "hoist/state/compare",
		"hoist/apsclient"},
	"hoist/transfer/remote": {"hoist/apsclient"},

	inside + "problem": {inside + "config", "hoist/apsclient", "hoist/state", "hoist/transfer/plan",
		"hoist/transfer/remote"},
	inside + "control": {inside + "config", inside + "once", inside + "problem",
		"hoist/apsclient", "hoist/state"},
	inside + "page": {inside + "guide", "hoist/apsclient"},
	inside + "audit": {inside + "config", inside + "control", inside + "local", inside + "patience",
		inside + "problem", "hoist/apsclient", "hoist/state", "hoist/state/compare", "hoist/transfer",
		"hoist/transfer/plan", "hoist/transfer/remote", "hoist/watcher", "hoist/watcher/disk"},
}

const inside = "hoist/cmd/hoist/internal/"

// mayEmulate are the packages that ship the emulator: the commands "emulator" and "demo".
var mayEmulate = []string{"hoist/cmd/hoist", "hoist/cmd/hoist/internal/demo"}

func TestArrows(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not here")
	}

	cmd := exec.CommandContext(t.Context(), goTool, "list",
		"-json=ImportPath,Imports,TestImports,XTestImports", "hoist/...")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	const emulator = "hoist/apsclient/emulator"

	seen := map[string]bool{}
	dec := json.NewDecoder(out)
	for {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}

		seen[p.ImportPath] = true
		allowed, listed := arrows[p.ImportPath]
		if !listed && !strings.HasPrefix(p.ImportPath, "hoist/cmd/") {
			t.Errorf("package %s has no place in the layout", p.ImportPath)
		}

		check := func(imports []string, inTest bool) {
			for _, i := range imports {
				ours := strings.HasPrefix(i, "hoist/") && i != p.ImportPath
				switch {
				case !ours:
				case i == emulator:
					if !inTest && !slices.Contains(mayEmulate, p.ImportPath) {
						t.Errorf("%s imports the emulator outside its tests", p.ImportPath)
					}
				case listed && !slices.Contains(allowed, i):
					t.Errorf("%s imports %s", p.ImportPath, i)
				}
			}
		}
		check(p.Imports, false)
		check(p.TestImports, true)
		check(p.XTestImports, true)
	}

	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}

	for p := range arrows {
		if !seen[p] {
			t.Errorf("package %s is not there", p)
		}
	}
}

package transfer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hoist/state"
)

// reasonConstants are the codes that the sources declare: the text constants named Reason….
func reasonConstants(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}

	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}

		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}

			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, n := range v.Names {
					if i >= len(v.Values) || !strings.HasPrefix(n.Name, "Reason") {
						continue
					}

					if lit, ok := v.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if out[n.Name], err = strconv.Unquote(lit.Value); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}
	}

	return out
}

// TestEveryReasonIsDocumented fails for a code that a job can carry and that "help reasons" does
// not explain.
func TestEveryReasonIsDocumented(t *testing.T) {
	declared := map[string]string{}
	for _, folder := range []string{".", filepath.Join("..", "state")} {
		found := reasonConstants(t, folder)
		if len(found) == 0 {
			t.Fatalf("no codes found in %s", folder)
		}

		for name, code := range found {
			declared[code] = name
			if r, ok := ReasonByCode(code); !ok || r.Sentence == "" {
				t.Errorf("%s (%s) is not in the list of reasons", name, code)
			}
		}
	}

	seen := map[string]bool{}
	for _, r := range Reasons() {
		if seen[r.Code] {
			t.Errorf("%s is listed twice", r.Code)
		}

		seen[r.Code] = true
		if declared[r.Code] == "" {
			t.Errorf("%s is listed and no constant has it", r.Code)
		}

		if r.Again < 0 || r.Again > 24*time.Hour {
			t.Errorf("%s: again after %v", r.Code, r.Again)
		}

		if r.Again > 0 && r.Cure != CureLook {
			t.Errorf("%s: tried again by a timer alone", r.Code)
		}

		if r.Cure == CureDecision && r.Fix == "" {
			t.Errorf("%s: a decision without a command", r.Code)
		}

		filled := r.FixFor(state.Job{ID: "0123", Path: "/p q/a.rvt",
			Target: state.Target{Address: "aps://H/P/F/a.rvt"}})
		if strings.ContainsAny(filled, "{}") {
			t.Errorf("%s: its fix is %q", r.Code, filled)
		}
	}
}

package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestManPage: every command is in it, and groff has nothing to say.
func TestManPage(t *testing.T) {
	root := newApp(nil, nil, nil, nil).rootCommand()
	page := manPage(root, time.Unix(1_700_000_000, 0))
	if page != manPage(root, time.Unix(1_700_000_000, 0)) || !strings.Contains(page, "2023-11-14") {
		t.Error("another page, or another date")
	}

	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && !strings.Contains(page, "\n.SS \""+roff(sub.CommandPath())) {
				t.Errorf("%s is not there", sub.CommandPath())
			}

			if sub.Name() != "api" {
				visit(sub)
			}
		}
	}
	visit(root)

	for _, heading := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS",
		`"EXIT STATUS"`,
		"\"ENVIRONMENT\"", `"FILES"`, `"SEE ALSO"`} {
		if !strings.Contains(page, "\n.SH "+heading+"\n") {
			t.Errorf("no heading %s", heading)
		}
	}

	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("no groff")
	}

	cmd := exec.CommandContext(t.Context(), "groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z")
	cmd.Stdin = strings.NewReader(page)
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("groff: %v\n%.2000s", err, said)
	}
}

func TestRoff(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "plan", "plan"},
		{"a request", ".TH x", `\&.TH x`},
		{"in a later line", "a\n.b", "a\n\\&.b"},
		{"quote at the start", "'x", `\(aqx`},
		{"backslash", `D:\a`, `D:\ea`},
		{"flag", "--json", `\-\-json`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := roff(tt.in); got != tt.want {
				t.Errorf("roff(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
)

// mentioned finds "hoist COMMAND" in examples: at the start of an indented line, in backquotes or
// in quotes.
var mentioned = regexp.MustCompile("(?m)(?:^ +|[`\"(])hoist ([a-z]+)( [a-z][a-z-]+)?")

// TestArchitectureMap looks up each file that the architecture page names, and each function that it
// names in brackets behind one.
func TestArchitectureMap(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}

	_, table, _ := strings.Cut(string(page), "## Where the deciding lines are")
	named := regexp.MustCompile("`([a-z_/*]+\\.go|[a-z]+/[a-z/]+)`(?: \\(([^)]*)\\))?")
	found := named.FindAllStringSubmatch(table, -1)
	if len(found) < 30 {
		t.Fatalf("%d files are named", len(found))
	}

	for _, m := range found {
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(m[1])))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no such file, %v", m[1], err)
			continue
		}

		for _, f := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(m[2], -1) {
			text, err := os.ReadFile(files[0])
			if !regexp.MustCompile(`(?m)^func (\(.*?\) )?` + f[1] + `[([]`).Match(text) {
				t.Errorf("%s has no func %s, %v", m[1], f[1], err)
			}
		}
	}
}

// TestDocsNameRealCommands reads every page and looks each command that it mentions up.
func TestDocsNameRealCommands(t *testing.T) {
	root := newApp(nil, nil, nil, nil).rootCommand()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}

	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}

		for _, m := range mentioned.FindAllStringSubmatch(string(text), -1) {
			args := []string{m[1]}
			if m[1] == "help" {
				name := strings.TrimSpace(m[2])
				if _, ok := topic(name); !ok && name != "" && find(root, []string{name}) == nil {
					t.Errorf("%s: %q: no such topic or command", page, m[0])
				}

				continue
			}

			if find(root, args) == nil {
				t.Errorf("%s: %q: no such command", page, m[0])
			}
		}
	}
}

func find(root *cobra.Command, args []string) *cobra.Command {
	cmd, rest, err := root.Find(args)
	if err != nil || len(rest) > 0 || cmd == root {
		return nil
	}

	return cmd
}

// TestEveryCommandExplainsItself is what "hoist COMMAND --help" owes to a beginner.
func TestEveryCommandExplainsItself(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Hidden {
			return
		}

		if c.Short == "" {
			t.Errorf("%s has no short description", c.CommandPath())
		}

		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newApp(nil, nil, nil, nil).rootCommand())
}

func TestExitCodesAreDocumented(t *testing.T) {
	text, ok := topic("exit-codes")
	if !ok {
		t.Fatal("no page exit-codes")
	}

	for _, code := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "130"} {
		if !regexp.MustCompile(`(?m)^    ` + code + ` +\w`).MatchString(text) {
			t.Errorf("code %s is not on the page", code)
		}
	}

	want := map[problem.Kind]int{problem.Interrupted: 130, problem.TimeUp: 7, problem.NoDaemon: 6,
		problem.NotFound: 5, problem.Unauthorized: 4, problem.Attention: 3, problem.Usage: 2,
		problem.Failure: 1}
	if !maps.Equal(exitCodes, want) {
		t.Error("the codes of the page are not those of the program")
	}
}

func TestTopics(t *testing.T) {
	for _, name := range []string{"getting-started", "remotes", "exit-codes", "reasons", "limits",
		"environment", "control-api", "json", "configuration", "promises", "concepts", "filters", "quotas",
		"security", "troubleshooting", "scaling", "comparison"} {
		if !slices.Contains(topics(), name) {
			t.Errorf("no topic %s", name)
		}
	}

	if _, ok := topic("../main"); ok {
		t.Error("a topic outside the pages")
	}

	for _, name := range topics() {
		text, _ := topic(name)
		if !strings.HasPrefix(text, "# ") {
			t.Errorf("topic %s has no title", name)
		}
	}
}

// TestPromisesAreHeld: every test that the page of the promises names is there.
func TestPromisesAreHeld(t *testing.T) {
	have := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "internal/*/*_test.go", "../../*/*_test.go",
		"../../*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests as %s: %v", pattern, err)
		}

		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}

			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(text, -1) {
				have[string(m[1])] = true
			}
		}
	}

	page, _ := topic("promises")
	parts := strings.Split(page, "\n## ")
	if len(parts) < 7 {
		t.Fatalf("the page has %d parts", len(parts))
	}

	for _, part := range parts[1:] {
		title, _, _ := strings.Cut(part, "\n")
		if !strings.Contains(part, "It cannot") || !strings.Contains(part, "Held by:") {
			t.Errorf("%s: does not say what it cannot, or what holds it", title)
		}
	}

	for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(page, -1) {
		if !have[name] {
			t.Errorf("no test %s", name)
		}
	}
}

func TestPrintable(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Ebene 0 – Grundriß.dwg", "Ebene 0 – Grundriß.dwg"},
		{"escape sequence", "a\x1b[31mb", `a\x1b[31mb`},
		{"line end", "a\nb", `a\nb`},
		{"no UTF-8", "a\xffb", `a\xffb`},
		{"C1 control", "a\u009bb", `a\u009bb`},
		{"direction override", "a\u202egwd.exe", `a\u202egwd.exe`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.in); got != tt.want {
				t.Errorf("printable(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestDescribeBuild(t *testing.T) {
	info := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}

	tests := []struct {
		name string
		in   *debug.BuildInfo
		want string
	}{
		{"installed by version", info("v1.2.3", revision), "v1.2.3"},
		{"checkout", info("(devel)", revision), "dev-0123456789ab"},
		{"changed checkout", info("(devel)", revision,
			debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "dev-0123456789ab-modified"},
		{"no checkout", info(""), "dev"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := describeBuild(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

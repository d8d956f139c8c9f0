package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"hoist/apsclient/emulator"
)

// notRun are the examples that no test runs, by their beginning, and why.
var notRun = map[string]string{
	"hoist completion fish":           "needs fish",
	"hoist completion powershell":     "needs PowerShell",
	"hoist completion zsh":            "needs zsh",
	"hoist daemon":                    "runs until it is interrupted: TestScripts/daemon",
	"hoist demo":                      "takes long: TestScripts/demo",
	"hoist emulator":                  "runs until it is interrupted: TestEmulatorCommand",
	"hoist events --follow":           "runs until it is interrupted: TestScripts/control",
	"hoist login --profile bob":       "needs a browser: TestLoginUser",
	"hoist login --profile robot":     "needs a service account: TestLoginServiceAccount",
	"hoist open":                      "needs a daemon and opens a browser: TestPage",
	"hoist selftest":                  "takes long: TestSelftest",
	"hoist service install":           "changes the system: .ci/systemd-test",
	"hoist service start":             "changes the system: .ci/systemd-test",
	"hoist service stop":              "changes the system: .ci/systemd-test",
	"hoist service uninstall":         "changes the system: .ci/systemd-test",
	"hoist status --follow":           "runs until it is interrupted: TestScripts/control",
	"hoist watch put-back":            "needs a mass change: TestMassChange",
	"hoist watch scan":                "needs a daemon: TestScripts/daemon",
	"sudo hoist":                      "changes the system: .ci/systemd-test",
	"hoist api create-bucket --body ": "run by TestAPIExamples with what it needs",
	"hoist api list-account-projects": "run by TestAPIExamples with what it needs",
	"hoist watch add D:":              "is for Windows",
}

// exampleCodes are the examples, by their beginning, that do not end with 0, and how they end in the
// world of [exampleLab].
var exampleCodes = map[string]int{
	"hoist service status":    6, // no daemon
	"hoist rm \"aps":          2, // nobody to ask
	"hoist verify DIR REMOTE": 3, // they differ
}

// exampleBefore are commands that make what an example works on, by its beginning.
var exampleBefore = map[string]string{
	"hoist restore \"aps": `hoist rm --yes "aps://My Account/My Project/Project Files/old.dwg"`,
	"hoist resolve": "hoist cancel --all; echo $RANDOM >plans/tower.rvt; " +
		`hoist pull aps://Studio/Tower/Models/tower.rvt plans/tower.rvt`,
	"hoist cancel": conflicting, "hoist pause ID": conflicting, "hoist retry ID": conflicting,
	"hoist job ID":      conflicting,
	"hoist watch pause": watching, "hoist watch resume": watching, "hoist watch remove": watching,
	"hoist conflicts ~": watching, "hoist watch set": watching, "hoist filter list ~": watching,
	"hoist restore --hidden-by": watching,
	"hoist profile show":        signedIn, "hoist profile use": signedIn, "hoist profile remove": signedIn,
	"hoist logout": signedIn, "hoist state repair": "hoist push model.rvt oss://my-bucket -q",
	"hoist state rebuild":       "hoist push model.rvt oss://my-bucket -q",
	"hoist verify":              `hoist push plans/ "aps://Studio/Tower/Project Files/Plans" -q`,
	"hoist pull \"aps://Studio": "rm -r plans",
	"hoist forget":              "hoist push plans/old.dwg oss://my-bucket -q",
}

const (
	// conflicting parks a job: a local file differs from the remote one.
	conflicting = `hoist pull oss://my-bucket/a.zip plans/tower.rvt -q`
	watching    = `hoist watch add ~/plans "aps://Studio/Tower/Project Files/Plans"`
	signedIn    = `printf '%s' "$APS_CLIENT_SECRET" | HOIST_NO_KEYRING=1 hoist login --profile bob ` +
		`--client-id "$APS_CLIENT_ID" --secret-file -`
)

// exampleLab is a world with what the examples name.
func exampleLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.addExamples()
	l.extra = append(l.extra, "HOME="+l.dir, "HOIST_NO_KEYRING=1", "HOIST_DEMO_REMOTE="+l.remote)
	for _, place := range []struct {
		hub, project string
		files        []string
	}{
		{"My Account", "My Project", []string{"Project Files/plan.dwg", "Project Files/old.dwg"}},
		{"Studio", "Tower", []string{"Project Files/Plans/tower.rvt", "Models/tower.rvt", "Models/tower.rvt",
			"Models/tower.rvt", "Files/plan.dwg", "Files/plan.dwg", "Files/plan.dwg"}},
	} {
		project, err := l.cloud.AddProject(l.cloud.AddHub(place.hub, false), place.project,
			emulator.PlatformACC)
		if err != nil {
			t.Fatal(err)
		}

		for i, f := range place.files {
			data := strings.Repeat("x", i+10)
			if _, _, err := l.cloud.AddFile(project, f, strings.NewReader(data),
				int64(len(data))); err != nil {
				t.Fatal(err)
			}
		}
	}

	for _, f := range []string{"plans/tower.rvt", "plans/old.dwg", "model.rvt", "plan.dwg", "drawing.dwg",
		"drawings/a.dwg"} {
		l.file(f, 1000)
	}

	if err := os.WriteFile(filepath.Join(l.dir, "secret.txt"), []byte(emulator.DefaultClientSecret),
		0o600); err != nil {
		t.Fatal(err)
	}

	for _, f := range []string{"bucket/a.zip", "bucket/tmp/a.zip", "bucket/drawings/a.dwg"} {
		l.file(f, 1000)
	}

	tar := exec.CommandContext(t.Context(), "tar", "cf", "bucket/backup.tar", "plans")
	tar.Dir = l.dir
	if err := tar.Run(); err != nil {
		t.Fatal(err)
	}

	return l
}

// withBucket makes what examples of buckets and jobs ask for, once.
func (l *lab) withBucket(line string) {
	l.t.Helper()
	before, _ := longest(exampleBefore, line)
	if l.bucket || !exampleBucket.MatchString(before+line) {
		return
	}

	l.bucket = true
	l.run(0, "mkdir", "oss://my-bucket")
	l.run(0, "push", filepath.Join(l.dir, "bucket")+"/", "oss://my-bucket", "-q")
}

var exampleBucket = regexp.MustCompile(
	`my-bucket|hoist (push|jobs|wait|verify|resume|status|events|state|forget)|` +
		`\b(FOLDER|FILE|ID)\b`)

var exampleWords = regexp.MustCompile(
	`\b(REMOTE|FOLDER|FILE|DIR|PATH|NAME|ID|X)\b|\[NAME\]|b\.…|/backup/|account_id=…`)

// example runs one line as a shell does, with something in place of its placeholders.
func (l *lab) example(line string) {
	l.t.Helper()
	line, _, _ = strings.Cut(line, "  #")
	line = strings.TrimSpace(line)
	if _, why := longest(notRun, line); why {
		return
	}

	shell := func(text string) (string, error) {
		cmd := exec.CommandContext(l.t.Context(), "bash", "-c", text)
		cmd.Dir, cmd.Env = l.dir, l.environ()
		out, err := cmd.CombinedOutput()

		return string(out), err
	}

	l.withBucket(line)
	before, _ := longest(exampleBefore, line)
	said := ""
	if before != "" {
		said, _ = shell(before) // what it is for tells whether it worked
	}

	id := ""
	if strings.Contains(line, "ID") {
		id, _ = shell("hoist jobs --newest --limit 1 --jq .id")
	}

	text := exampleWords.ReplaceAllStringFunc(line, func(word string) string {
		switch word {
		case "REMOTE":
			return `"aps://My Account/My Project/Project Files"`
		case "FOLDER":
			return "oss://my-bucket/drawings"
		case "FILE":
			return "oss://my-bucket/a.zip"
		case "DIR":
			return "drawings"
		case "PATH":
			if strings.HasPrefix(line, "hoist explain") {
				return "plans/tower.rvt"
			}

			return "new"
		case "ID":
			if strings.Contains(line, "--client-id") {
				return "$APS_CLIENT_ID"
			}

			return strings.TrimSpace(id)
		case "NAME", "[NAME]":
			return "bob"
		case "b.…":
			return "b." + lookAccount
		case "/backup/":
			return ""
		}

		return word
	})
	if strings.Contains(line, "push plan.dwg") {
		l.file("plan.dwg", 1000)
	}

	out, err := shell(text)
	code, _ := longest(exampleCodes, line)
	if got := exitOf(err); got != code {
		l.t.Errorf("%s: exit code %d, want %d\n%s\n%s%s", line, got, code, text, said, out)
	}
}

// longest finds what a line begins with.
func longest[V any](in map[string]V, line string) (v V, ok bool) {
	best := ""
	for key, value := range in {
		if strings.HasPrefix(line, key) && len(key) > len(best) {
			best, v, ok = key, value, true
		}
	}

	return v, ok
}

func exitOf(err error) int {
	if e, ok := err.(*exec.ExitError); ok { //nolint:errorlint // of exec itself
		return e.ExitCode()
	}

	if err != nil {
		return -1
	}

	return 0
}

// TestExamplesOfCommands: every command but those with commands of their own has an example, and it
// works.
func TestExamplesOfCommands(t *testing.T) {
	needsShell(t)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		_, name, _ := strings.Cut(c.CommandPath(), " ")
		if name != "api" { // whose commands are TestAPIExamples'
			for _, sub := range c.Commands() {
				visit(sub)
			}
		}

		if c.Hidden || name == "" || c.HasSubCommands() && c.Example == "" {
			return
		}

		if c.Example == "" {
			t.Errorf("hoist %s has no example", name)
			return
		}

		lines := strings.Split(c.Example, "\n")
		if !slices.ContainsFunc(lines, func(line string) bool {
			_, skip := longest(notRun, strings.TrimSpace(line))
			return !skip
		}) {
			return
		}

		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := exampleLab(t)
			for _, line := range lines {
				l.example(line)
			}
		})
	}
	visit(newApp(nil, nil, nil, nil).rootCommand())
}

// TestExamplesOfPages: the commands in the code blocks of the pages and of the README work, in the
// order in which they stand there.
func TestExamplesOfPages(t *testing.T) {
	needsShell(t)
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}

	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}

		var lines []string
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "    hoist ") || strings.HasPrefix(line, "    sudo hoist ") {
				lines = append(lines, line)
			}
		}

		if len(lines) == 0 {
			continue
		}

		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			l := exampleLab(t)
			for _, line := range lines {
				l.example(line)
			}
		})
	}
}

// TestNotRunNamesExamples: what is not run is still there.
func TestNotRunNamesExamples(t *testing.T) {
	var all bytes.Buffer
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		all.WriteString(c.Example + "\n")
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newApp(nil, nil, nil, nil).rootCommand())

	pages, _ := filepath.Glob("docs/*.md")
	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}

		all.Write(text)
	}

	for line := range notRun {
		if !strings.Contains(all.String(), "  "+line) {
			t.Errorf("no example %q", line)
		}
	}
}

func needsShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the examples are written for a POSIX shell")
	}

	if raced {
		t.Skip("other tests run the commands raced")
	}

	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
}

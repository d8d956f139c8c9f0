package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient"
)

// TestAPIExamples runs the examples that the help of each of the 51 actions prints, as printed, one
// after the other by title in one world: none takes away what another needs. (That each works in a
// new world is checked in apsclient.)
func TestAPIExamples(t *testing.T) {
	notRaced(t)
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the examples are written for a POSIX shell")
	}

	actions := apsclient.Actions()
	if len(actions) != 51 {
		t.Fatalf("%d actions, want 51", len(actions))
	}

	slices.SortFunc(actions, func(a, b apsclient.Action) int { return strings.Compare(a.Title, b.Title) })
	l := newLab(t)
	l.addExamples()

	for _, action := range actions {
		t.Run(action.Name, func(t *testing.T) {
			help, _ := l.run(0, "api", action.Name, "--help")
			_, printed, ok := strings.Cut(help, "Example (against \"hoist emulator\"):\n")
			if !ok {
				t.Fatalf("no example in the help:\n%s", help)
			}

			printed, _, _ = strings.Cut(printed, "\n\n")
			script := "set -e\n" + printed
			cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
			cmd.Dir, cmd.Env = l.dir, l.environ()
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s\n%v\n%s", script, err, out)
			}
		})
	}
}

func TestAPIList(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	out, _ := l.run(0, "api", "--json")
	var rows []struct {
		Name, Title, Family, Method, Path string
		Scopes                            []string
		Variants                          []string
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}

	if len(rows) != 51 {
		t.Fatalf("%d actions, want 51", len(rows))
	}

	for _, r := range rows {
		if r.Title == "" || r.Family == "" || r.Scopes == nil || r.Variants == nil ||
			(r.Path == "") != (r.Method == "COMPOSITE" || r.Name == "upload-binary-to-signed-s3-url") {
			t.Errorf("%+v is not whole", r)
		}

		if both := slices.Equal(r.Variants, []string{"bim360", "acc"}) ||
			slices.Equal(r.Variants, []string{"acc", "bim360"}); len(r.Variants) > 0 != both {
			t.Errorf("variants of %s: %v", r.Name, r.Variants)
		}
	}
}

func TestAPIMistakes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.addExamples()

	for _, row := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"an unknown action", []string{"list-hub"}, 2, "list-hubs"},
		{"an unknown parameter", []string{"get-hub", "--param", "hubid=x", "--param", "hup=y"}, 2, "hup"},
		{"a missing parameter", []string{"get-hub"}, 2, "hub_id"},
		{"out of range", []string{"list-bucket-objects", "--param", "bucketKey=hoist-demo-bucket", "--query",
			"limit=101"}, 2, "1 to 100"},
		{"a wrong type", []string{"list-bucket-objects", "--param", "bucketKey=hoist-demo-bucket", "--query",
			"limit=ten"}, 2, "limit"},
		{"a name in the query that is not known, with --strict", []string{"list-buckets", "--query", "limt=5",
			"--strict"}, 2, "limt"},
		{"a body that is not JSON", []string{"create-bucket", "--body", l.file("b.json", 10)}, 2, "body"},
		{"a signed URL as an argument",
			[]string{"upload-binary-to-signed-s3-url", "--param", "url=https://example.com", "--body",
				l.file("b", 1)}, 2, "url"},
		{"not there", []string{"get-bucket-details", "--param", "bucketKey=no-such-bucket"}, 5, "404"},
	} {
		t.Run(row.name, func(t *testing.T) {
			l.cloud.ResetJournal()
			_, stderr := l.run(row.code, append([]string{"api"}, row.args...)...)
			if !strings.Contains(stderr, row.says) {
				t.Errorf("the error does not name %q:\n%s", row.says, stderr)
			}

			if n := len(l.cloud.Requests()); row.code == 2 && n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

// TestAPIWarns: what the service added to a query since this release is sent, and named in one line.
func TestAPIWarns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.addExamples()
	_, stderr := l.run(0, "api", "list-buckets", "--query", "brandNew=5")
	if !strings.HasPrefix(stderr, "warning: list-buckets: parameter brandNew: unknown") ||
		strings.Count(stderr, "\n") != 1 {
		t.Errorf("the warning: %q", stderr)
	}

	if n := len(l.cloud.Requests()); n == 0 {
		t.Error("nothing was sent")
	}

	if plan, _ := l.run(0, "api", "list-buckets", "--query", "brandNew=5", "--dry-run"); !strings.Contains(
		plan, "?brandNew=5") {
		t.Errorf("the name is not in the request: %s", plan)
	}

	if _, stderr = l.run(0, "api", "list-buckets", "--query", "limit=5", "--strict"); stderr != "" {
		t.Errorf("a known name: %q", stderr)
	}
}

// TestAPIAnswers checks what is printed when the service sends no body, redaction, and paging.
func TestAPIAnswers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.addExamples()
	out, _ := l.run(0, "api", "list-hubs", "--dry-run")
	var plan struct {
		Method, URL string
		Headers     map[string]string
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		t.Fatal(err)
	}

	if plan.Method != "GET" || !strings.HasSuffix(plan.URL, "/project/v1/hubs") ||
		plan.Headers["Authorization"] != "redacted" {
		t.Errorf("plan %+v", plan)
	}

	secret := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(secret, []byte("https://s3.example/k?X-Amz-Signature=s3cr3t"), 0o600); err != nil {
		t.Fatal(err)
	}

	out, _ = l.run(0, "api", "upload-binary-to-signed-s3-url", "--param", "url=@"+secret, "--body", "part.bin",
		"--dry-run")
	if !has(`"method":"PUT"`, `"body":"part.bin"`)(out) || strings.Contains(out, "s3cr3t") {
		t.Errorf("what would be sent of bytes: %s", out)
	}

	if n := len(l.cloud.Requests()); n != 0 {
		t.Errorf("--dry-run sent %d requests", n)
	}

	out, _ = l.run(0, "api", "delete-object", "--param", "bucketKey=hoist-demo-bucket", "--param",
		"objectKey=hello.txt")
	if out != "{\"status\":200}\n" {
		t.Errorf("no body: printed %q", out)
	}

	out, _ = l.run(0, "api", "list-hubs", "--all")
	for line := range strings.Lines(out) {
		var hub struct{ Type, ID string }
		if err := json.Unmarshal([]byte(line), &hub); err != nil || hub.Type != "hubs" {
			t.Errorf("an element a line: %q", line)
		}
	}
}

// TestAPIUploadInFolder: the composite is an upload like any other, seen in jobs, and safe to
// repeat.
func TestAPIUploadInFolder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.addExamples()

	action, _ := apsclient.ActionByName("upload-file-in-project-folder")
	var ids []string
	for word := range strings.FieldsSeq(action.Example[1]) {
		if strings.HasPrefix(word, "project_id=") || strings.HasPrefix(word, "folder_id=") {
			ids = append(ids, "--param", word)
		}
	}

	file := l.file("note.dwg", 6<<20)
	args := append([]string{"api", "upload-file-in-project-folder", "--body", file}, ids...)
	for i, want := range []string{"created", "unchanged"} {
		out, _ := l.run(0, args...)
		var r struct {
			Result    string
			ItemID    string `json:"item_id"`
			VersionID string `json:"version_id"`
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil || r.Result != want ||
			i == 0 && (r.ItemID == "" || r.VersionID == "") {
			t.Errorf("run %d: %s", i, out)
		}
	}

	l.file("note.dwg", 6<<20, "second")
	if out, _ := l.run(0, append(args, "--param", "conflict=skip")...); !strings.Contains(out,
		`"unchanged"`) {
		t.Errorf("skip: %s", out)
	}

	if out, _ := l.run(0, args...); !strings.Contains(out, `"versioned"`) {
		t.Errorf("version: %s", out)
	}

	if out, _ := l.run(0, "jobs", "--json"); !strings.Contains(out, "note.dwg") {
		t.Errorf("jobs: %s", out)
	}
}

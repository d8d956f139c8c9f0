package main

import (
	"strings"
	"sync/atomic"
	"testing"

	"hoist/apsclient/emulator"
)

// TestChangesWhoseReplyIsLost: a command that changes something is done although the reply to its
// call is lost and the first look finds nothing, and the call is made once.
func TestChangesWhoseReplyIsLost(t *testing.T) {
	notRaced(t)
	t.Parallel()
	const top = "aps://Demo Hub/Example Project/Project Files"
	const file = top + "/Examples/hello.dwg"
	for _, row := range []struct {
		name, op string
		look     string   // finds nothing the first time
		before   []string // a command
		command  []string
		said     string
		after    []string // shows it
		shows    string
	}{
		{"a bucket is made", "create-bucket", "get-bucket-details", nil,
			[]string{"mkdir", "oss://late-bucket"},
			"made oss://late-bucket", []string{"ls", "oss://"}, "late-bucket"},
		{"a folder is made", "create-folder", "list-folder-contents", nil,
			[]string{"mkdir", top + "/New"}, "made " + top + "/New", []string{"ls", top}, "New"},
		{"a file is hidden", "create-version", "get-item", nil, []string{"rm", "--yes", file}, "hidden",
			[]string{"ls", top}, "Examples"},
		{"a folder is hidden", "update-folder", "", nil, []string{"rm", "--yes", top + "/Examples"}, "hidden",
			[]string{"restore", top + "/Examples"}, "restored"},
		{"a file is restored", "create-version", "get-item", []string{"rm", "--yes", file},
			[]string{"restore", file}, "restored", []string{"versions", file}, "3"},
		{"a folder is restored", "update-folder", "", []string{"rm", "--yes", top + "/Examples"},
			[]string{"restore", top + "/Examples"}, "restored", []string{"ls", top}, "Examples"},
		{"a file is renamed", "create-version", "get-item", nil, []string{"mv", file, "b.dwg"}, "renamed",
			[]string{"versions", top + "/Examples/b.dwg"}, "2"},
		{"a folder is renamed", "update-folder", "", nil, []string{"mv", top + "/Examples", "Old"}, "renamed",
			[]string{"ls", top}, "Old"},
		{"an object is deleted", "delete-object", "", nil,
			[]string{"rm", "--yes", "oss://hoist-demo-bucket/spare.txt"}, "deleted",
			[]string{"ls", "oss://hoist-demo-bucket"}, "hello.txt"},
		{"a bucket is deleted", "delete-bucket", "", nil, []string{"rm", "--yes", "oss://hoist-demo-spare"},
			"deleted", []string{"ls", "oss://"}, "hoist-demo-bucket"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.addExamples()
			if row.before != nil {
				l.run(0, row.before...)
			}

			var calls, looks atomic.Int32
			l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
				switch {
				case r.Op == row.op && calls.Add(1) == 1:
					return emulator.Fault{Kind: emulator.LoseReply}
				case r.Op == row.look && calls.Load() > 0 && looks.Add(1) == 1:
					return emulator.Fault{Kind: emulator.FailBefore, Status: 404}
				}

				return emulator.Fault{}
			})
			out, stderr := l.run(0, row.command...)
			if !strings.Contains(out, row.said) {
				t.Errorf("said %q, want %q\n%s", out, row.said, stderr)
			}

			verify := strings.HasPrefix(row.op, "create-") // the client repeats the others itself
			if n := calls.Load(); n == 0 || verify && n > 1 {
				t.Errorf("the call was made %d times", n)
			}

			l.cloud.SetFault(nil)
			if out, _ := l.run(0, row.after...); !strings.Contains(out, row.shows) {
				t.Errorf("%v shows %q, want %q", row.after, out, row.shows)
			}
		})
	}
}

// TestRestoredInATeam: what was renamed since gets its name back in a version of its hub's own type.
func TestRestoredInATeam(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	project, err := l.cloud.AddProject(l.cloud.AddHubIn("Team", emulator.HubTeam, "US"), "Files", "")
	if err != nil {
		t.Fatal(err)
	}

	if _, _, err := l.cloud.AddFile(project, "Project Files/a.dwg", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}

	const folder = "aps://Team/Files/Project Files"
	l.run(0, "mv", folder+"/a.dwg", "b.dwg")
	l.run(0, "restore", folder+"/b.dwg", "--version", "1")
	if out, _ := l.run(0, "versions", folder+"/b.dwg"); strings.Count(out, "b.dwg") != 1 {
		t.Errorf("versions: %s", out)
	}
}

// TestPersonalHubsHideNothing: it is said before anything is asked of the service, which would
// accept the one and refuse the other.
func TestPersonalHubsHideNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	project, err := l.cloud.AddProject(l.cloud.AddHubIn("Drive", emulator.HubPersonal, "US"), "Files", "")
	if err != nil {
		t.Fatal(err)
	}

	if _, _, err := l.cloud.AddFile(project, "Project Files/old/a.dwg", strings.NewReader("x"),
		1); err != nil {
		t.Fatal(err)
	}

	const folder = "aps://Drive/Files/Project Files/old"
	for _, args := range [][]string{{"rm", "--yes", folder}, {"rm", "--yes", folder + "/a.dwg"},
		{"restore", folder}, {"restore", folder + "/a.dwg"}} {
		if _, stderr := l.run(2, args...); !strings.Contains(stderr, "personal hub") {
			t.Errorf("%v says %s", args, stderr)
		}
	}

	dir := t.TempDir()
	_, stderr := l.run(2, "watch", "add", "--delete", "hide", dir, folder)
	if !strings.Contains(stderr, "personal hub") {
		t.Errorf("watch add says %s", stderr)
	}

	l.run(0, "watch", "add", dir, folder)
	if _, stderr := l.run(2, "watch", "set", dir, "delete=hide"); !strings.Contains(stderr, "personal hub") {
		t.Errorf("watch set says %s", stderr)
	}

	for _, r := range l.cloud.Requests() {
		if r.Op == "update-folder" || r.Op == "create-version" {
			t.Errorf("%s was asked for", r.Op)
		}
	}
}

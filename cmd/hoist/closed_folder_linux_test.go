package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestClosedFolder: a folder that is named and may not be read is a row, as one below it is, and so is
// a file in it.
func TestClosedFolder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.ordinary = true
	open := l.file("open.dwg", 10)
	inside := l.file("closed/in.dwg", 10)
	closed := filepath.Dir(inside)
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) })

	for _, tt := range []struct{ given, path, remote string }{
		{closed, closed, l.remote + "/closed"},
		{closed + "/", closed, l.remote},
		{inside, inside, l.remote + "/in.dwg"},
	} {
		out, _ := l.run(3, "push", "--json", tt.given, open, l.remote)
		got := results(t, out)
		if r := got[tt.path]; r.Reason != "unreadable" || r.Remote != tt.remote {
			t.Errorf("%s: %+v, want %s", tt.given, r, tt.remote)
		}

		if r := got[open].Result; r != "created" && r != "unchanged" {
			t.Errorf("the other file: %s", r)
		}
	}
}

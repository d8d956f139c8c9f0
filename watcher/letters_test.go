package watcher

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLetters: when the disk tells letters apart a path that leads somewhere is known by it, and no folder
// is listed; when it does not, the list of the folder tells.
func TestLetters(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "Plans"), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(root, "Plans", "A.dwg"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	l := letters{root: root}
	if !l.has("Plans/A.dwg") {
		t.Error("what is there is not written so")
	}

	_, err := os.Lstat(filepath.Join(root, "Plans", "a.dwg"))
	if exact := err != nil; exact && len(l.names) > 0 {
		t.Errorf("listed: %v", l.names)
	} else if !exact && (l.has("Plans/a.dwg") || l.has("plans/A.dwg")) {
		t.Error("other letters count as the name")
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRivalWatches: who adds a watch is told which others send into the same online folder.
func TestRivalWatches(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, row := range []struct {
		folder, remote string
		rivals         int
	}{
		{"a", "/plans", 0},
		{"b", "/plans-old", 0},
		{"c", "/plans", 1},
		{"d", "/plans/2026", 2},
		{"e", "", 4},
	} {
		dir := filepath.Join(l.dir, row.folder)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}

		_, said := l.run(0, "watch", "add", dir, l.remote+row.remote)
		if n := strings.Count(said, "become versions of each other"); n != row.rivals {
			t.Errorf("%s: %d rivals are named, want %d:\n%s", row.remote, n, row.rivals, said)
		}
	}
}

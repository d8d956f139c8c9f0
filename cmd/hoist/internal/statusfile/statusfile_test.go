package statusfile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/control"
)

func pageOf(t *testing.T, s control.Status, stopped bool) string {
	t.Helper()
	page, err := Page(s, time.Date(2026, 11, 30, 14, 5, 0, 0, time.UTC), stopped)
	if err != nil {
		t.Fatal(err)
	}

	return string(page)
}

// TestPageTells: what moves, what waits, what needs somebody, and names as text.
func TestPageTells(t *testing.T) {
	total, files, synced, none := int64(2<<20), 3, 2, 0
	s := control.Status{
		Version: "v1", Owner: &control.Owner{PID: 7},
		Jobs: control.Counts{Active: 1, Attention: 1, Done: 1234567},
		Active: []control.Active{{Path: "/d/tower.rvt", Remote: "aps://a", BytesDone: 1 << 20,
			BytesTotal: &total, Rate: 1 << 20}},
		Attention: []control.Attention{{Path: "/d/<script>alert(1)</script>.dwg", Reason: "name-refused",
			Detail: "no <b>"}},
		Waiting: []control.Waiting{{Reason: "offline", Detail: "the service does not answer", Count: 12}},
		Watches: []control.Watch{{Path: "/d", Remote: "aps://a", State: "watching", Files: &files,
			Synced: &synced, Pending: &none, Attention: &none}},
		ETA: &control.ETA{Seconds: 600, DecidedBy: "post-items"},
	}
	got := pageOf(t, s, false)
	for _, want := range []string{mark, "1 file needs somebody", "tower.rvt", `value="50"`,
		"1.0 MiB/s", "12 files", "offline", "3 files: 2 up",
		"About 10 min to go, decided by the limit of post-items", "1,234,567",
		"Monday, 30 November 2026, 14:05", "&lt;script&gt;alert(1)"} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q", want)
		}
	}

	if !strings.HasPrefix(got, mark) || strings.Contains(got, "<script") ||
		strings.Contains(got, "<b>alert") {
		t.Errorf("not a page of ours, or with markup of others:\n%s", got)
	}

	if got := pageOf(t, s, true); !strings.Contains(got, "hoist does not run") ||
		strings.Contains(got, "On the way") {
		t.Error("a page of the end tells what moves")
	}
}

// TestWriteReplacesItsOwnPageOnly: and never one in a watched folder, by whatever way.
func TestWriteReplacesItsOwnPageOnly(t *testing.T) {
	dir := t.TempDir()
	watched := filepath.Join(dir, "drawings")
	if err := os.MkdirAll(filepath.Join(watched, "below"), 0o755); err != nil {
		t.Fatal(err)
	}

	theirs := filepath.Join(dir, "theirs.html")
	if err := os.WriteFile(theirs, []byte("<!doctype html><!-- of somebody -->, and more of it"),
		0o600); err != nil {
		t.Fatal(err)
	}

	empty := filepath.Join(dir, "empty.html")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	rows := []struct{ name, path, says string }{
		{"of somebody", theirs, "not of hoist"},
		{"an empty one", empty, "not of hoist"},
		{"a folder", watched, "no plain file"},
		{"in a watched folder", filepath.Join(watched, "status.html"), "lies in the watched folder"},
		{"far below one", filepath.Join(watched, "below", "status.html"), "lies in the watched folder"},
		{"by dots", filepath.Join(dir, "other", "..", "drawings") + string(filepath.Separator) + "s.html",
			"lies in the watched folder"},
		{"a folder that is not there", filepath.Join(dir, "none", "s.html"), "none"},
	}
	if runtime.GOOS != "windows" { // links need a right there
		for link, to := range map[string]string{"way": watched,
			"file.html": filepath.Join(dir, "elsewhere.html")} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}

		rows = append(rows,
			struct{ name, path, says string }{"by a link", filepath.Join(dir, "way", "s.html"),
				"lies in the watched folder"},
			struct{ name, path, says string }{"a link", filepath.Join(dir, "file.html"), "no plain file"})
	}

	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			before, _ := os.ReadFile(tt.path)
			err := Write(tt.path, []string{watched}, []byte(mark+" new"))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want it to say %q", err, tt.says)
			}

			if after, _ := os.ReadFile(tt.path); string(after) != string(before) {
				t.Errorf("it was %q and is %q", before, after)
			}
		})
	}

	ours := filepath.Join(dir, "ours.html")
	for _, text := range []string{mark + " one", mark + " two"} {
		if err := Write(ours, []string{watched}, []byte(text)); err != nil {
			t.Fatal(err)
		}

		if got, _ := os.ReadFile(ours); string(got) != text {
			t.Errorf("%q, want %q", got, text)
		}
	}

	if left, _ := filepath.Glob(filepath.Join(dir, ".hoist-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	if runtime.GOOS == "windows" {
		return
	}

	if info, err := os.Stat(ours); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("colleagues cannot read it: %v, %v", info.Mode(), err)
	}
}

package preflight

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

func TestOfFile(t *testing.T) {
	dir := t.TempDir()
	good, locked := filepath.Join(dir, "good"), filepath.Join(dir, "locked")
	for _, p := range []string{good, locked} {
		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}

	unreadable := transfer.ReasonUnreadable
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		unreadable = "" // nothing is
	}

	for _, tt := range []struct {
		name, path string
		size       int64
		result     string
		want       string
	}{
		{"right", good, 1, "", ""},
		{"the largest", good, transfer.MaxFileSize, "", ""},
		{"larger", good, transfer.MaxFileSize + 1, "", transfer.ReasonTooLarge},
		{"gone", filepath.Join(dir, "gone"), 1, "", transfer.ReasonVanished},
		{"gone, and there already", filepath.Join(dir, "gone"), 1, plan.Unchanged, ""},
		{"not readable", locked, 1, "", unreadable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := plan.File{Source: plan.Source{Path: tt.path}, Job: state.Job{Size: tt.size},
				Result: tt.result}
			if got, detail := ofFile(&f); got != tt.want {
				t.Errorf("got %q (%s), want %q", got, detail, tt.want)
			}
		})
	}
}

// TestFull: a folder that gets more files than the service takes is one row, and one at the limit none.
func TestFull(t *testing.T) {
	w := walk{files: map[string]int{}}
	for folder, files := range map[string]int{"at": remote.MaxFiles, "over": remote.MaxFiles + 2} {
		for n := range files {
			w.full(&plan.File{Remote: fmt.Sprintf("aps://H/P/F/%s/%d.dwg", folder, n),
				Source: plan.Source{Path: filepath.Join("plans", folder, "a.dwg")}})
		}
	}

	if len(w.found) != 1 || w.found[0].Check != transfer.ReasonFolderFull ||
		w.found[0].Remote != "aps://H/P/F/over" ||
		w.found[0].Path != filepath.Join("plans", "over") {
		t.Errorf("%+v", w.found)
	}
}

// TestSpace: a disk with little room for the state is one row, another none.
func TestSpace(t *testing.T) {
	for _, tt := range []struct {
		name string
		free int64
		err  error
		want int
	}{
		{"little", littleSpace - 1, nil, 1},
		{"enough", littleSpace, nil, 0},
		{"not known", 0, os.ErrPermission, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows, folders, err := Check(t.Context(),
				Input{Place: remote.Place{Kind: remote.KindBucket}, Home: "/home",
					Files: func(func([]plan.File, error) bool) {},
					Free:  func(string) (int64, error) { return tt.free, tt.err }})
			if err != nil || folders != 0 || len(rows) != tt.want {
				t.Fatalf("%+v, %d folders, %v", rows, folders, err)
			}

			if tt.want == 1 &&
				(rows[0].Check != CheckSpace || rows[0].Verdict != Warning || rows[0].Path != "/home") {
				t.Errorf("%+v", rows[0])
			}
		})
	}
}

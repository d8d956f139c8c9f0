package config

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestEnsure: which folders become a home, and that none that was there changes its mode.
func TestEnsure(t *testing.T) {
	for _, tt := range []struct {
		name  string
		mode  os.FileMode // 0: the folder is not there
		files []string
		fails string
		unix  bool
	}{
		{"not there", 0, nil, "", false},
		{"empty", 0o755, nil, "", false},
		{"empty and private", 0o700, nil, "", false},
		{"a configuration waits in it", 0o755, []string{"config.toml", "profiles"}, "", false},
		{"a home", 0o755, []string{".hoistignore", "state.db", "notes.txt"}, "", false},
		{"a home from before that file", 0o750, []string{"state.db", "state.db.snapshot",
			"owner.json"}, "", false},
		{"somebody's files", 0o755, []string{"plan.dwg"}, "plan.dwg", false},
		{"drawings and a configuration", 0o755, []string{"config.toml", "plan.dwg"}, "plan.dwg", false},
		{"others can write", 0o777, nil, "others can write", true},
		{"the group can write", 0o770, []string{".hoistignore"}, "others can write", true},
		{"a shared folder for anything", 0o777 | os.ModeSticky, nil, "others can write", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.unix && runtime.GOOS == "windows" {
				t.Skip("modes do not tell that there")
			}

			dir := filepath.Join(t.TempDir(), "deeper", "home")
			if tt.mode != 0 {
				if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, tt.mode)); err != nil {
					t.Fatal(err)
				}
			}

			for _, name := range tt.files {
				write(t, filepath.Join(dir, name), "x")
			}

			before, _ := os.Stat(dir)
			h := Home{Config: dir, State: dir}
			err := h.Ensure()
			if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Fatalf("got %v, want %q", err, tt.fails)
			}

			_, isMistake := errors.AsType[*Error](err)
			if err != nil && !isMistake {
				t.Errorf("no mistake of the configuration: %v", err)
			}

			after, _ := os.Stat(dir)
			if before != nil && after.Mode() != before.Mode() {
				t.Errorf("mode %v, was %v", after.Mode(), before.Mode())
			}

			if err != nil {
				left, _ := os.ReadDir(dir)
				if len(left) != len(tt.files) {
					t.Errorf("a refused folder holds %v now", left)
				}

				return
			}

			private := []string{h.Receipts(), h.Spool(), h.Streams(), h.Logs()}
			if before == nil {
				private = append(private, dir)
			}

			for _, p := range private {
				info, err := os.Stat(p)
				if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
					t.Errorf("%s: %v, %v", p, info.Mode(), err)
				}
			}

			if err := h.Ensure(); err != nil { // it is a home now
				t.Error(err)
			}
		})
	}
}

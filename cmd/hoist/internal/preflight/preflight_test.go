package preflight

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
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
			f := plan.File{Source: plan.Source{Path: tt.path}, Job: state.Job{Size: tt.size}, Result: tt.result}
			if got, detail := ofFile(&f); got != tt.want {
				t.Errorf("got %q (%s), want %q", got, detail, tt.want)
			}
		})
	}
}

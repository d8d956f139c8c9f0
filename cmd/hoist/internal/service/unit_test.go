package service

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnitsPass lets systemd judge the units, for a home with an odd name.
func TestUnitsPass(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here")
	}

	const dir = `/srv/a %h "b" $c`

	for name, o := range map[string]Options{
		"user": {Program: "/bin/true", Args: []string{"daemon", "--home", dir}},
		"system": {System: true, User: "daemon", Program: "/bin/true", Args: []string{"daemon", "--home", dir},
			Env: []string{"HOIST_NO_KEYRING=1"}},
	} {
		file := filepath.Join(t.TempDir(), "hoist.service")
		if err := os.WriteFile(file, []byte(Unit(o)), 0o600); err != nil {
			t.Fatal(err)
		}

		out, err := exec.CommandContext(t.Context(), tool, "verify", "--man=no", file).CombinedOutput()
		if err != nil || strings.Contains(string(out), "hoist.service:") {
			t.Errorf("%s: %v\n%s\n%s", name, err, out, Unit(o))
		}
	}
}

func TestQuoting(t *testing.T) {
	if got, want := quoteUnit("a %h \"b\" $c\\"), `"a %%h \"b\" $$c\\"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOnShare(t *testing.T) {
	tests := []struct{ share, path, want string }{
		{`\\srv\plans`, `Z:\tower\a`, `\\srv\plans\tower\a`},
		{`\\srv\plans\`, `Z:\`, `\\srv\plans\`},
		{`\\srv\plans`, `Z:`, `\\srv\plans`},
	}
	for _, tt := range tests {
		if got := onShare(tt.share, tt.path); got != tt.want {
			t.Errorf("onShare(%q, %q) = %q, want %q", tt.share, tt.path, got, tt.want)
		}
	}
}

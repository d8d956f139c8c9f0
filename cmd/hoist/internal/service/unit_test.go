package service

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
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
		"system": {System: true, User: "daemon", Program: "/bin/true",
			Args: []string{"daemon", "--home", dir}, Env: []string{"HOIST_NO_KEYRING=1"}},
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

// TestPackagedUnit: the unit of packages says what an installed one says.
func TestPackagedUnit(t *testing.T) {
	packaged, err := os.ReadFile(filepath.Join("..", "..", "packaging", "hoist.service"))
	if err != nil {
		t.Fatal(err)
	}

	for line := range strings.Lines(Unit(Options{Program: "/usr/bin/hoist", Args: []string{"daemon"}})) {
		if !strings.HasPrefix(line, "ExecStart=") && !strings.Contains("\n"+string(packaged), "\n"+line) {
			t.Errorf("the packaged unit has no %s", line)
		}
	}
}

// TestCredentialsOfSystemd: what systemd will hand over is what the check sees.
func TestCredentialsOfSystemd(t *testing.T) {
	store := t.TempDir()
	if got := handedOver(store, Options{System: true}); got != nil {
		t.Errorf("an empty store gives %q", got)
	}

	for name, value := range map[string]string{CredentialID: "me\n", CredentialSecret: "s3cret\n"} {
		if err := os.WriteFile(filepath.Join(store, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	want := []string{"APS_CLIENT_ID=me", "APS_CLIENT_SECRET=s3cret"}
	if got := handedOver(store, Options{System: true}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	if got := handedOver(store, Options{}); got != nil {
		t.Errorf("a user service gets %q", got)
	}

	for _, name := range []string{CredentialID, CredentialSecret} {
		if line := "LoadCredential=" + name + "\n"; !strings.Contains(Unit(Options{System: true}), line) ||
			strings.Contains(Unit(Options{}), line) {
			t.Errorf("%q is not in the system unit alone", line)
		}
	}
}

func TestQuoting(t *testing.T) {
	if got, want := quoteUnit("a %h \"b\" $c\\"), `"a %%h \"b\" $$c\\"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTaskXML: a task that runs for ever, on batteries too, for its user alone, with names that XML would
// mistake.
func TestTaskXML(t *testing.T) {
	b, err := taskXML(`OFFICE\jo & "co"`, `C:\Users\jo <1>\hoist.exe`, `daemon --home "C:\a b"`)
	if err != nil {
		t.Fatal(err)
	}

	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}

	text := string(utf16.Decode(units))
	head, rest, _ := strings.Cut(text, "\n")
	if head != "\ufeff<?xml version=\"1.0\" encoding=\"UTF-16\"?>" {
		t.Errorf("it begins with %q", head)
	}

	var back taskDefinition
	if err := xml.Unmarshal([]byte(rest), &back); err != nil {
		t.Fatal(err)
	}

	if back.Actions.Command != `C:\Users\jo <1>\hoist.exe` ||
		back.Actions.Arguments != `daemon --home "C:\a b"` ||
		back.Trigger.UserID != `OFFICE\jo & "co"` || back.Principal.UserID != back.Trigger.UserID {
		t.Errorf("read back %+v", back)
	}

	for _, want := range []string{`<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task" ` +
		`version="1.2">`,
		"<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
		"<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>",
		"<DisallowStartIfOnBatteries>false<", "<RunLevel>LeastPrivilege<"} {
		if !strings.Contains(rest, want) {
			t.Errorf("%s is missing from:\n%s", want, rest)
		}
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

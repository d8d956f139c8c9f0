package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigCommands(t *testing.T) {
	home := t.TempDir()
	hoist := func(want int, args ...string) (string, string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(t.Context(), args,
			[]string{"HOIST_HOME=" + home, "HOIST_LIMITS=server", "APS_CLIENT_SECRET=hidden"},
			strings.NewReader(""), &out, &errs)
		if code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, want, out.String(), errs.String())
		}

		checkHint(t, code, errs.String())

		return out.String(), errs.String()
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("parts = 3\n")
	hoist(0, "config", "check")

	out, _ := hoist(0, "config", "show", "--origin", "--json")
	for _, want := range []string{`{"key":"limits","value":"server","origin":"environment HOIST_LIMITS"}`,
		`{"key":"parts","value":"3","origin":"file `,
		`{"key":"checksum","value":"auto","origin":"default"}`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not among\n%s", want, out)
		}
	}

	if strings.Contains(out, "hidden") {
		t.Errorf("a secret: %s", out)
	}

	out, _ = hoist(0, "config", "show", "--limits", "documented")
	if !strings.Contains(out, "limits") || !strings.Contains(out, "documented") ||
		strings.Contains(out, "flag") {
		t.Errorf("without --origin: %s", out)
	}

	write("parts = 300\nprats = 3\n")
	out, _ = hoist(2, "config", "check")
	if !strings.Contains(out, "prats") {
		t.Errorf("config check: %s", out)
	}

	folder := filepath.ToSlash(t.TempDir())
	write("exclude = [\"a[b\"]\n[[watch]]\npath = \"" + folder + "\"\nremote = \"nowhere\"\n")
	if err := os.MkdirAll(filepath.Join(home, "profiles"), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(home, "profiles", "one.toml"), []byte("actions = [\"list-hubz\"]\n"),
		0o600); err != nil {
		t.Fatal(err)
	}

	out, _ = hoist(2, "config", "check")
	for _, want := range []string{`"a[b"`, "watch.remote", "list-hubz"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not among\n%s", want, out)
		}
	}

	// Other commands name the file too.
	file := filepath.Join(home, "config.toml")
	for _, tt := range []struct{ text, want string }{
		{"exclude-from = \"nowhere.txt\"\n", "exclude-from: "},
		{"profile = \"bob\"\n", "profile: \"bob\" is unknown"},
		{"min-age = \"soon\"\n", "min-age: \"soon\" is not a duration"},
	} {
		write(tt.text)
		if _, errs := hoist(2, "push", file, "oss://bucket"); !strings.HasPrefix(errs,
			"error: "+file+": "+tt.want) {
			t.Errorf("%s: %s", tt.text, errs)
		}
	}

	write("prats = 3\n")
	hoist(2, "config")
	hoist(2, "config", "show")
}

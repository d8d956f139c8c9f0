//go:build unix

package config

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestPipeInThePlaceOfSettings: nobody waits for a pipe, a folder or an endless file to end.
func TestPipeInThePlaceOfSettings(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		h := Home{Config: t.TempDir(), State: t.TempDir()}
		if err := os.Mkdir(filepath.Dir(h.ProfileFile("work")), 0o700); err != nil {
			t.Fatal(err)
		}

		if err := put(h.ConfigFile()); err != nil {
			t.Fatal(err)
		}

		if _, err := Load(h); err == nil {
			t.Errorf("a %s was read as the configuration", name)
		}

		if err := AppendWatch(h, Watch{ID: "1", Path: "/a", Remote: "aps://h/p/f"}); err == nil {
			t.Errorf("a watch was added to a %s", name)
		}

		if err := put(h.ProfileFile("work")); err != nil {
			t.Fatal(err)
		}

		if _, err := LoadProfile(h, "work"); err == nil {
			t.Errorf("a %s was read as a profile", name)
		}

		if _, err := (Settings{ExcludeFrom: h.ConfigFile()}).Filter("config.toml"); err == nil {
			t.Errorf("a %s was read as patterns", name)
		}
	}
}

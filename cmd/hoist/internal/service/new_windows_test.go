package service

import (
	"path/filepath"
	"testing"
)

// TestTaskIsTaken: the system takes the definition of the task, and lets go of it.
func TestTaskIsTaken(t *testing.T) {
	m, err := New(Options{Program: filepath.Join(t.TempDir(), "hoist.exe"),
		Args: []string{"daemon", "--home", `C:\a b`}})
	if err != nil {
		t.Fatal(err)
	}

	if err := m.Install(); err != nil {
		t.Fatal(err)
	}

	if err := m.Uninstall(); err != nil {
		t.Fatal(err)
	}
}

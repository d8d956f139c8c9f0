package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"hoist/state"
)

// Every way in which a state file can be out of reach has one clear answer, the contract's exit
// code and a hint; the file stays as it is.

func TestStateOfANewerVersion(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.file("a.rvt", 100)
	l.run(0, "push", a, l.remote)
	path := filepath.Join(l.home, "state.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}

	if err := db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("99"))
	}); err != nil {
		t.Fatal(err)
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	for _, args := range [][]string{{"status"}, {"push", a, l.remote}, {"daemon"}, {"state", "check"},
		{"state", "repair"}, {"verify"}} {
		if _, stderr := l.run(1, args...); !strings.Contains(stderr, "version 99") ||
			!strings.Contains(stderr, "hint: this state was written by a newer hoist") {
			t.Errorf("%v: %s", args, stderr)
		}
	}

	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestStateHeldByAnotherProcess(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.file("a.rvt", 100)
	l.run(0, "push", a, l.remote)
	release, err := state.Hold(filepath.Join(l.home, "state.db"))
	if err != nil {
		t.Fatal(err)
	}

	if err := state.WriteOwner(filepath.Join(l.home, "owner.json"),
		state.Owner{PID: os.Getpid(), Command: "daemon", Start: time.Now()}); err != nil {
		t.Fatal(err)
	}

	for _, args := range [][]string{{"state", "check"}, {"state", "repair"}, {"state", "rebuild", "--yes"}} {
		if _, stderr := l.run(1, args...); !strings.Contains(stderr,
			"held by process "+strconv.Itoa(os.Getpid())+" (daemon)") {
			t.Errorf("%v: %s", args, stderr)
		}
	}

	if err := release(); err != nil {
		t.Fatal(err)
	}

	l.run(0, "state", "check")
}

func TestHomeThatCannotBeWrittenTo(t *testing.T) {
	t.Parallel()
	if os.Geteuid() <= 0 {
		t.Skip("nothing is read-only for this user")
	}

	l := newLab(t)
	a := l.file("a.rvt", 100)
	l.run(0, "push", a, l.remote)
	state := filepath.Join(l.home, "state.db")
	if err := os.Chmod(state, 0o400); err != nil {
		t.Fatal(err)
	}

	for _, args := range [][]string{{"status"}, {"push", a, l.remote}, {"state", "check"},
		{"state", "repair"}} {
		if _, stderr := l.run(1, args...); !strings.Contains(stderr, "permission denied") ||
			!strings.Contains(stderr, "hint: make the path") {
			t.Errorf("%v: %s", args, stderr)
		}
	}

	if err := os.Chmod(state, 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.Chmod(l.home, 0o500); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.Chmod(l.home, 0o700) }) // so that it can be removed
	if _, stderr := l.run(1, "push", a, l.remote); !strings.Contains(stderr, "permission denied") ||
		!strings.Contains(stderr, "hint: make the path") {
		t.Errorf("push: %s", stderr)
	}
}

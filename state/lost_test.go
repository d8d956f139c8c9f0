package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestLostState: a state that is missing or empty beside what it left is refused, until a repair.
func TestLostState(t *testing.T) {
	var files = map[string]func(t *testing.T, path string){
		"nothing": nil,
		"its copy": func(t *testing.T, path string) {
			s := openTest(t, path)
			fixture(t, s)
			s.Close()
		},
		"a damaged file":                  leave("state.db.damaged-20260301-120000.000"),
		"what a rebuild put away":         leave("state.db.before-20260301-120000.000"),
		"an unfinished repair":            leave("state.db.repaired.tmp"),
		"an unfinished copy":              leave("state.db.snapshot.tmp"),
		"exported receipts":               leave("receipts/receipts.jsonl"),
		"a repair that is not in place":   leave("state.db.repaired"),
		"a damaged file of another state": nil,
	}
	for name, before := range files {
		for _, how := range []string{"missing", "empty"} {
			t.Run(how+" beside "+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "state.db")
				if before != nil {
					before(t, path)
				} else {
					leave("config.toml")(t, path)
					leave("other.db.damaged-1")(t, path)
				}

				if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}

				if how == "empty" {
					leave("state.db")(t, path)
					if err := os.Truncate(path, 0); err != nil {
						t.Fatal(err)
					}
				}

				s, err := Open(path, Options{})
				_, refused := errors.AsType[*DamagedError](err)
				if refused != (before != nil) {
					t.Fatalf("open: %v", err)
				}

				if !refused {
					if err != nil || s.Close() != nil {
						t.Fatal(err)
					}

					return
				}

				if r, err := Check(path); err != nil || r.Sound() || r.Usable {
					t.Errorf("check: %+v, %v", r, err)
				}

				if r, err := Repair(path); err != nil || !r.Repaired {
					t.Fatalf("repair: %+v, %v", r, err)
				}

				openTest(t, path)
			})
		}
	}
}

// leave writes a file beside the state.
func leave(name string) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		t.Helper()
		p := filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRepairEndsAnywhere: whatever a repair left when it was killed, the state is refused or whole,
// and the next repair ends with everything that could be read.
func TestRepairEndsAnywhere(t *testing.T) {
	from := t.TempDir()
	path := filepath.Join(from, "state.db")
	s := openTest(t, path)
	open, _ := fixture(t, s)
	s.Close()
	damaged, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	clear(damaged[:2*os.Getpagesize()]) // both meta pages: all comes from the copy
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}

	r, err := Repair(path)
	if err != nil {
		t.Fatal(err)
	}

	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}

		return b
	}

	whole, kept := read("state.db"), filepath.Base(r.Damaged)
	snapshot := read("state.db" + BackupSuffix)
	for _, c := range []struct {
		name     string
		files    map[string][]byte
		finished bool // by the rename alone
	}{
		{"before the new file was whole", map[string][]byte{
			"state.db": damaged, "state.db.repaired.tmp": whole[:5*os.Getpagesize()]}, false},
		{"before the old file had another name", map[string][]byte{
			"state.db": damaged, "state.db.repaired": whole}, false},
		{"with two names for the old file", map[string][]byte{
			"state.db": damaged, kept: damaged, "state.db.repaired": whole}, false},
		{"between two renames", map[string][]byte{kept: damaged, "state.db.repaired": whole}, true},
		{"between two renames, and the new file was lost", map[string][]byte{kept: damaged}, false},
		{"between two renames, and the new file is not whole", map[string][]byte{
			kept: damaged, "state.db.repaired": whole[:5*os.Getpagesize()]}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			c.files["state.db"+BackupSuffix] = snapshot
			for _, name := range []string{kept, "state.db", "state.db" + BackupSuffix, "state.db.repaired",
				"state.db.repaired.tmp"} { // in the order of their times
				if b, ok := c.files[name]; ok {
					if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), b, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}

			if _, err := Open(path, Options{}); err == nil {
				t.Fatal("opened")
			}

			r, err := Repair(path)
			if err != nil || !r.Repaired || (len(r.Parked) == 0) != c.finished {
				t.Fatalf("%+v, %v", r, err)
			}

			s := openTest(t, path)
			if j, err := s.Job(open); err != nil || !j.Doubt || !j.Attention {
				t.Errorf("%+v, %v", j, err)
			}

			enqueue(t, s, uploadJob(1), Same)
		})
	}
}

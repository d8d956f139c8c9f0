package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// withReceipts makes a state with some receipts and returns them.
func withReceipts(t *testing.T, path string, n int) []Receipt {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	for range n {
		if err := s.update(func(tx *writeTx) error {
			return tx.putReceipt(&receiptRecord{Path: "/p"}, nil)
		}); err != nil {
			t.Fatal(err)
		}
	}

	if err := s.SetMeta("kept", "yes"); err != nil {
		t.Fatal(err)
	}

	lines, err := s.Receipts(0, 0)
	if err != nil {
		t.Fatal(err)
	}

	return lines
}

func TestImportReceipts(t *testing.T) {
	lines := withReceipts(t, filepath.Join(t.TempDir(), "old.db"), 5)
	altered := append([]Receipt(nil), lines...)
	altered[3] = Receipt{Seq: 4, Line: append([]byte(nil), altered[3].Line...)}
	altered[2] = Receipt{Seq: 3, Line: []byte(`{"seq":3,"prev":"` + noReceipt + `"}`)}

	tests := []struct {
		name   string
		before []Receipt
		lines  []Receipt
		want   int
		bad    bool
	}{
		{"all into a new state", nil, lines, 5, false},
		{"what is missing", lines[:2], lines, 3, false},
		{"nothing new", lines, lines[:3], 0, false},
		{"older ones archived", nil, lines[2:], 3, false},
		{"a gap", lines[:1], lines[3:], 0, true},
		{"an altered line", nil, altered, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			s, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}

			if _, err := s.ImportReceipts(tt.before); err != nil {
				t.Fatal(err)
			}

			n, err := s.ImportReceipts(tt.lines)
			if n != tt.want || (err != nil) != tt.bad {
				t.Errorf("took %d, %v; want %d, refused %v", n, err, tt.want, tt.bad)
			}

			// What is published next goes on with the chain.
			if err := s.update(func(tx *writeTx) error {
				return tx.putReceipt(&receiptRecord{}, nil)
			}); err != nil {
				t.Fatal(err)
			}

			all, err := s.Receipts(0, 0)
			if err != nil {
				t.Fatal(err)
			}

			if err := CheckReceipts(all, ""); err != nil {
				t.Error(err)
			}

			if err := s.Close(); err != nil {
				t.Fatal(err)
			}

			if r, err := Check(path); err != nil || !r.Sound() || !r.Usable {
				t.Errorf("afterwards: %+v, %v", r, err)
			}
		})
	}
}

func TestRescue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	lines := withReceipts(t, path, 3)
	r, err := Rescue(path)
	if err != nil || len(r.Receipts) != 3 || string(r.Receipts[2].Line) != string(lines[2].Line) ||
		r.Meta["kept"] != "yes" {
		t.Errorf("%+v, %v", r, err)
	}

	if err := os.WriteFile(path, make([]byte, 32<<10), 0o600); err != nil {
		t.Fatal(err)
	}

	if r, err := Rescue(path); err != nil || len(r.Receipts) > 0 {
		t.Errorf("of nothing: %+v, %v", r, err)
	}
}

func TestHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if _, err := Hold(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no state: %v", err)
	}

	withReceipts(t, path, 1)
	release, err := Hold(path)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := Open(path, Options{}); err == nil {
		t.Error("opened while it is held")
	} else if _, ok := errors.AsType[*LockedError](err); !ok {
		t.Errorf("open: %v", err)
	}

	if err := release(); err != nil {
		t.Fatal(err)
	}

	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}

	s.Close()
}

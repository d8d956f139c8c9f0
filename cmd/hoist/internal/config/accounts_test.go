package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAccounts: what one process looked up the next one knows, beside what a third adds; a damaged
// file, and a home that cannot be written, cost a look and nothing else.
func TestAccounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	h := Home{Config: dir, State: dir}
	first, second := NewAccounts(h), NewAccounts(h)
	if first.Recall("region a") != "" || second.Recall("region a") != "" {
		t.Error("a new home knows something")
	}

	first.Remember("region a", "EMEA")
	second.Remember("user a x", "id")

	third := NewAccounts(h)
	if third.Recall("region a") != "EMEA" || third.Recall("user a x") != "id" {
		t.Error("what was looked up is not kept")
	}

	third.Remember("user a x", "")
	if third.Recall("user a x") != "" || NewAccounts(h).Recall("user a x") != "" {
		t.Error("what was forgotten is still known")
	}

	if info, err := os.Stat(h.AccountsFile()); err != nil ||
		info.Mode().Perm()&0o077 != 0 && os.Getuid() >= 0 {
		t.Errorf("%v, %v", info, err)
	}

	for _, damaged := range []string{"", "null", "[]", `{"region a":7}`, "\x00"} {
		if err := os.WriteFile(h.AccountsFile(), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}

		a := NewAccounts(h)
		if got := a.Recall("region a"); got != "" {
			t.Errorf("%q: knows %q", damaged, got)
		}

		a.Remember("region a", "AUS")
		if NewAccounts(h).Recall("region a") != "AUS" {
			t.Errorf("%q: is not written anew", damaged)
		}
	}

	other := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	a := NewAccounts(Home{Config: other, State: other})
	if a.Remember("region a", "EMEA"); a.Recall("region a") != "EMEA" {
		t.Error("it is not even known here")
	}
}

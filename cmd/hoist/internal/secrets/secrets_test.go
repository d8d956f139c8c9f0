package secrets

import (
	"os"
	"testing"

	"hoist/cmd/hoist/internal/config"
)

// TestRefreshKeepsTheRest: a new refresh token takes the place of the old one and nothing else's,
// and where the old one cannot be seen (the keyring does not answer, somebody logged out) nothing
// is stored: it would stand before the rest for good.
func TestRefreshKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	v := Open(config.Home{Config: dir, State: dir}, true)
	r := Refresh{Vault: v, Profile: "p", Host: "https://example.com"}
	if err := r.Save("new"); err == nil {
		t.Error("a refresh token was stored where none was")
	}

	if _, err := os.Stat(v.file("p")); !os.IsNotExist(err) {
		t.Errorf("a file was left: %v", err)
	}

	if _, err := v.Save("p", Set{Host: r.Host, ClientSecret: "secret", RefreshToken: "old"}); err != nil {
		t.Fatal(err)
	}

	if err := r.Save("new"); err != nil {
		t.Fatal(err)
	}

	if got, err := v.Load("p", r.Host); err != nil ||
		got != (Set{Host: r.Host, ClientSecret: "secret", RefreshToken: "new"}) {
		t.Errorf("got %v", err)
	}
}

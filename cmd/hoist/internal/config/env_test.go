package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBlanksAroundCredentials: what a file with Windows line ends or a copied blank leaves is no
// part of an id.
func TestBlanksAroundCredentials(t *testing.T) {
	values := map[string]string{"APS_CLIENT_ID": " id\r", "APS_CLIENT_SECRET": "\tsecret \r\n",
		"APS_BASE_URL": "https://example.com\r", "APS_USER_ID": " U "}
	e := ReadEnv(func(name string) string { return values[name] })
	if e.ClientID != "id" || e.ClientSecret.Reveal() != "secret" || e.BaseURL != "https://example.com" ||
		e.UserID != "U" {
		t.Errorf("got %q, %q, %q, %q", e.ClientID, e.ClientSecret.Reveal(), e.BaseURL, e.UserID)
	}
}

// TestCredentialsOfSystemd: what systemd hands over stands for variables that are not set.
func TestCredentialsOfSystemd(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"hoist.client-id": "id\n", "hoist.client-secret": "secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	values := map[string]string{"CREDENTIALS_DIRECTORY": dir}
	e := ReadEnv(func(name string) string { return values[name] })
	if e.ClientID != "id" || e.ClientSecret.Reveal() != "secret" {
		t.Errorf("got %q, %q", e.ClientID, e.ClientSecret.Reveal())
	}

	values["APS_CLIENT_ID"], values["APS_CLIENT_SECRET"] = "mine", "own"
	if e = ReadEnv(func(name string) string { return values[name] }); e.ClientID != "mine" ||
		e.ClientSecret.Reveal() != "own" {
		t.Errorf("the environment does not win: %q, %q", e.ClientID, e.ClientSecret.Reveal())
	}
}

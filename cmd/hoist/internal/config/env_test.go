package config

import "testing"

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

package secrets

import (
	"bytes"
	"os"
	"testing"

	"hoist/cmd/hoist/internal/config"
)

// TestFileIsSealed: the file holds no secret in the clear, is read back, and one of an earlier version
// is read too.
func TestFileIsSealed(t *testing.T) {
	dir := t.TempDir()
	v := Open(config.Home{Config: dir, State: dir}, true)
	want := Set{Host: "https://a", ClientSecret: "a-client-secret"}
	path, err := v.Save("work", want)
	if err != nil {
		t.Fatal(err)
	}

	data, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(data, []byte(sealed)) ||
		bytes.Contains(data, []byte(want.ClientSecret)) {
		t.Fatalf("%q, %v", data, err)
	}

	if got, err := v.Load("work", want.Host); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}

	if err := os.WriteFile(path, append(data[:len(data)-4], "AAAA"...), 0o600); err != nil {
		t.Fatal(err)
	}

	if got, err := v.Load("work", want.Host); err == nil {
		t.Errorf("damaged, and read as %+v", got)
	}

	if err := os.WriteFile(path, []byte(`{"host":"https://a","client_secret":"old"}`), 0o600); err != nil {
		t.Fatal(err)
	}

	if got, err := v.Load("work", want.Host); err != nil || got.ClientSecret != "old" {
		t.Errorf("of an earlier version: %+v, %v", got, err)
	}
}

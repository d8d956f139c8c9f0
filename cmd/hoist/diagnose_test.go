package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/notify"
)

// TestBundleHoldsNoSecret plants secrets wherever a bundle looks, and reads all of it for them.
func TestBundleHoldsNoSecret(t *testing.T) {
	l := newLab(t)
	const hook, planted = "https://hooks.example/services/T000/very-secret-path", "planted-secret-in-a-log"
	key := filepath.Join(t.TempDir(), "hook.key")
	if err := os.WriteFile(key, []byte("the-key-of-the-hook"), 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.MkdirAll(filepath.Join(l.home, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}

	for name, text := range map[string]string{
		"config.toml": "[notify]\nurl = '" + hook + "'\nsecret-file = '" + key + "'\n",
		"logs/old.log": "level=INFO msg=call url=https://s3.example/p?X-Amz-Signature=" + planted + "\n" +
			"token: " + planted + "\nAuthorization: Bearer " + planted + "\nthe last line of the log " +
			emulator.DefaultClientSecret + "\n",
	} {
		if err := os.WriteFile(filepath.Join(l.home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	l.start("daemon", "-vv")
	l.owned("daemon")
	l.run(0, "push", l.file("plan.dwg", 1000), l.remote)
	out, _ := l.run(0, "diagnose", "--json", "--output", filepath.Join(l.dir, "b.zip"))
	var said struct {
		Path  string
		Files []string
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatal(err)
	}

	z, err := zip.OpenReader(said.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	held := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}

		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}

		held[f.Name] = string(data)
		for _, secret := range []string{emulator.DefaultClientSecret, "very-secret-path", planted,
			"the-key-of-the-hook", "X-Amz-Signature="} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds %q", f.Name, secret)
			}
		}
	}

	for name, want := range map[string]string{
		"version.txt": "hoist ", "config-show.jsonl": `"origin":"file `, "doctor.jsonl": `"check":"token"`,
		"state-check.json": `"sound":true`, "status.json": `"command":"daemon"`,
		"metrics.txt": `hoist_jobs{state="done"} 1`, "logs/old.log": "the last line of the log",
		"logs/hoist.log": "daemon ready", "logs/audit.jsonl": `"command":"push"`, "system.txt": "processors",
	} {
		if !strings.Contains(held[name], want) {
			t.Errorf("%s does not hold %q:\n%.2000s", name, want, held[name])
		}
	}

	l.run(1, "diagnose", "--output", said.Path) // what is there is not replaced
}

// TestDaemonTells: a file that needs a person reaches the webhook, signed.
func TestDaemonTells(t *testing.T) {
	l := newLab(t)
	if os.Getenv("HOIST_LONG") == "" {
		t.Skip("waits for the half minute in which further files are awaited; the parts are tried in " +
			"internal/notify")
	}

	told := make(chan notify.Message, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a short body is no message, below
		var m notify.Message
		if json.Unmarshal(body, &m) == nil && r.Header.Get(notify.SignatureHeader) == "sha256="+
			notify.Sign("the-key", r.Header.Get(notify.TimestampHeader), body) {
			told <- m
		}
	}))
	defer hook.Close()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("the-key"), 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.MkdirAll(l.home, 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(l.home, "config.toml"), []byte("[notify]\nurl = '"+hook.URL+
		"'\nsecret-file = '"+key+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	l.start("daemon")
	l.owned("daemon")
	l.run(3, "push", l.file("price$.dwg", 1000), l.remote)
	m := <-told
	if m.Event != "needs-you" || len(m.Files) != 1 || m.Files[0].Reason != "name-refused" || m.Host == "" {
		t.Errorf("told: %+v", m)
	}
}

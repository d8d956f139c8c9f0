package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogs: the daemon's log is in its home, a command's where it is asked for; with -vv each call
// and each part has its line, and no line holds a secret.
func TestLogs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := filepath.Join(l.dir, "plans")
	l.file("plans/a.rvt", 1000)
	l.run(0, "watch", "add", dir, l.remote+"/plans", "--settle", "100ms")
	d := l.start("daemon", "--log-format", "json")
	l.owned("daemon")
	eventually(t, "it is synced", func() bool {
		s := l.status()
		return len(s.Watches) == 1 && s.Watches[0].Synced != nil && *s.Watches[0].Synced == 1
	})
	d.interrupt()
	if !strings.Contains(d.errs.String(), `"msg":"done"`) {
		t.Errorf("standard error: %s", d.errs.String())
	}

	data, err := os.ReadFile(filepath.Join(l.home, "logs", "hoist.log"))
	if err != nil {
		t.Fatal(err)
	}

	for line := range strings.Lines(string(data)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}

	if !strings.Contains(string(data), `"msg":"done"`) {
		t.Errorf("the log of the home: %s", data)
	}

	file := filepath.Join(t.TempDir(), "push.log")
	_, stderr := l.run(0, "push", l.file("big.rvt", 11<<20), l.remote, "--part-size", "5M", "-vv", "-q",
		"--log-file", file)
	if data, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}

	for _, text := range []string{stderr, string(data)} {
		if strings.Count(text, "msg=data method=PUT") != 3 || !strings.Contains(text, "part=3") ||
			!strings.Contains(text, "request_id=") {
			t.Errorf("log of a push: %s", text)
		}

		if strings.Contains(text, "Signature") {
			t.Errorf("a signed URL is in the log: %s", text)
		}
	}

	l.run(2, "status", "--log-format", "xml")
	l.run(2, "status", "--log-file", filepath.Join(l.dir, "no", "such", "folder"))
}

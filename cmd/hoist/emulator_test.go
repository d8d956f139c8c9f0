package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestEmulatorCommand runs "hoist emulator" as a script would: reads its lines up to the empty one,
// uses it, stops it by a signal, and finds nothing left behind but what it was told to keep.
func TestEmulatorCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be asked to end by a signal there")
	}

	dir := t.TempDir()
	journal := filepath.Join(dir, "journal.jsonl")
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), "hoist", "emulator", "--journal", journal)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	env := map[string]string{}
	for scan := bufio.NewScanner(out); scan.Scan() && scan.Text() != ""; {
		name, value, ok := strings.Cut(scan.Text(), "=")
		if !ok || strings.ContainsAny(value, `"'`) {
			t.Errorf("%q is no NAME=value line", scan.Text())
		}

		env[name] = value
	}

	for _, name := range []string{"APS_BASE_URL", "APS_CLIENT_ID", "APS_CLIENT_SECRET", "HOIST_DEMO_REMOTE"} {
		if env[name] == "" {
			t.Errorf("%s was not printed", name)
		}
	}

	answer, err := http.Get(env["APS_BASE_URL"] + "/oss/v2/buckets?secret=1")
	if err != nil {
		t.Fatal(err)
	}

	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}

	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a call without a token answers %d, want 401", answer.StatusCode)
	}

	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}

	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, want 0", err)
	}

	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}

	data, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}

	var line struct {
		Time, Method, Path string
		Status             int
	}
	if err := json.Unmarshal(data, &line); err != nil {
		t.Fatalf("journal %q: %v", data, err)
	}

	if line.Method != "GET" || line.Path != "/oss/v2/buckets" || line.Status != 401 || line.Time == "" {
		t.Errorf("journal says %+v", line)
	}

	if strings.Contains(string(data), "secret") {
		t.Errorf("the journal holds a query: %s", data)
	}
}

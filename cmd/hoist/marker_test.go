package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/cmd/hoist/internal/control"
)

// second is another home beside the one of a lab, with the same folder and cloud.
func (l *lab) second() *lab {
	other := *l
	other.home = filepath.Join(l.t.TempDir(), "h")
	return &other
}

func TestOneRootOneWriter(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := filepath.Join(l.dir, "plans")
	a := l.file("plans/a.rvt", 1000)
	l.run(0, "watch", "add", dir, l.remote+"/plans", "--settle", "100ms")
	marker := filepath.Join(dir, ".hoist-root")
	data, err := os.ReadFile(marker)
	var m struct{ Instance, Home, Host, Since string }
	if err != nil || json.Unmarshal(data, &m) != nil || m.Instance == "" || m.Home != l.home ||
		m.Host == "" || m.Since == "" {
		t.Fatalf("marker: %s, %v", data, err)
	}

	two := l.second()
	for _, path := range []string{dir, filepath.Join(dir, "deeper"), l.dir} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}

		if _, stderr := two.run(2, "watch", "add", path, l.remote+"/two"); !strings.Contains(stderr,
			l.home) || !strings.Contains(stderr, "--take-over") {
			t.Errorf("a second home at %s: %s", path, stderr)
		}
	}

	if _, err := os.Stat(filepath.Join(l.dir, ".hoist-root")); err == nil {
		t.Error("a refused watch left its marker")
	}

	if out, _ := two.run(0, "watch", "list"); out != "" {
		t.Errorf("the second home has a watch: %s", out)
	}

	if err := os.Remove(filepath.Join(dir, "deeper")); err != nil {
		t.Fatal(err)
	}

	d := l.start("daemon")
	l.owned("daemon")
	eventually(t, "the first home sends", func() bool {
		_, ok := l.cloud.File("Project Files/plans/a.rvt")
		return ok
	})

	// The folder moves while the first home's daemon runs: it sends no more and names the other.
	two.run(0, "watch", "add", dir, l.remote+"/plans", "--settle", "100ms", "--take-over")
	late := l.file("plans/late.rvt", 500)
	eventually(t, "the first home says who sends the folder", func() bool {
		w := l.status().Watches[0]
		return w.State == "unavailable" && strings.Contains(w.Detail, two.home)
	})
	d.interrupt()
	d = l.start("daemon") // it says the same after a restart, without any change
	l.owned("daemon")
	eventually(t, "the first home still says so", func() bool {
		return l.status().Watches[0].State == "unavailable"
	})
	two.daemonUntilSynced(2)
	l.published("plans/a.rvt", 1, a)
	l.published("plans/late.rvt", 1, late)

	// And back again, by the same words.
	l.run(0, "watch", "add", dir, l.remote+"/plans", "--take-over")
	eventually(t, "the first home sends again", func() bool {
		return l.status().Watches[0].State != "unavailable"
	})
	d.interrupt()
	two.run(0, "watch", "remove", dir)
	if _, err := os.Stat(marker); err != nil {
		t.Errorf("the marker of the first home: %v", err)
	}

	l.run(0, "watch", "remove", dir)
	if _, err := os.Stat(marker); err == nil {
		t.Error("the marker is left")
	}

	for _, f := range l.cloud.Items() {
		if strings.Contains(f.Path, ".hoist") {
			t.Errorf("sent: %s", f.Path)
		}
	}
}

func TestReadOnlyRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() <= 0 {
		t.Skip("nothing is read-only for this user")
	}

	l := newLab(t)
	dir := filepath.Join(l.dir, "plans")
	l.file("plans/a.rvt", 1000)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // so that it can be removed
	l.run(0, "watch", "add", dir, l.remote+"/plans", "--settle", "100ms")
	l.daemonUntilSynced(1)
	var w control.Watch
	out, _ := l.run(0, "watch", "list", "--json")
	if err := json.Unmarshal([]byte(out), &w); err != nil || w.State == "unavailable" {
		t.Errorf("watch: %s", out)
	}
}

package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// TestDaemonSpeaksWithSystemd: ready when it answers, alive while it is, stopping when it ends.
func TestDaemonSpeaksWithSystemd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no systemd")
	}

	l := newLab(t)
	dir, err := os.MkdirTemp("", "n") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	addr := &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"}
	socket, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	hear := func() string {
		t.Helper()
		if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}

		text := make([]byte, 200)
		n, err := socket.Read(text)
		if err != nil {
			t.Fatal(err)
		}

		return string(text[:n])
	}

	l.extra = []string{"NOTIFY_SOCKET=" + addr.Name, "WATCHDOG_USEC=300000"}
	d := l.start("daemon")
	if got := hear(); got != "READY=1" {
		t.Errorf("said %q first", got)
	}

	l.extra = nil
	l.run(0, "service", "status")
	if got := hear(); got != "WATCHDOG=1" {
		t.Errorf("said %q while it works", got)
	}

	if code := d.interrupt(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	for got := hear(); got != "STOPPING=1"; got = hear() {
		if got != "WATCHDOG=1" {
			t.Fatalf("said %q", got)
		}
	}

	l.run(6, "service", "status")
}

// TestServiceStopsInMidTransfer: a stop ends a daemon whose parts are on their way, and the next one
// sends no part again that was acknowledged.
func TestServiceStopsInMidTransfer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const parts = 8
	path := l.file("model.rvt", parts*5<<20)
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			return emulator.Fault{Delay: 300 * time.Millisecond}
		}

		return emulator.Fault{}
	})
	d := l.start("daemon", "--part-size", "5M", "--parts", "1")
	l.owned("daemon")
	l.run(0, "push", "--detach", path, l.remote)
	eventually(t, "some parts are there", func() bool { return l.count("s3-put") >= 3 })

	if code := d.interrupt(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	before := l.count("s3-put")
	if before >= parts {
		t.Fatalf("all %d parts were sent before the stop", before)
	}

	l.cloud.SetFault(nil)
	l.start("daemon", "--part-size", "5M", "--parts", "1")
	l.owned("daemon")
	l.run(0, "wait", "--all")
	if sent := l.count("s3-put"); sent > parts+1 { // the one on its way may go again
		t.Errorf("%d parts were sent of %d, %d before the stop", sent, parts, before)
	}

	l.published("model.rvt", 1, path)
}

// TestServiceInstallLooksFirst: what the account of the service does not see is told, and nothing is
// installed.
func TestServiceInstallLooksFirst(t *testing.T) {
	l := newLab(t)
	t.Setenv("HOME", t.TempDir())
	watched := filepath.Join(l.dir, "w")
	if err := os.Mkdir(watched, 0o755); err != nil {
		t.Fatal(err)
	}

	l.run(0, "watch", "add", watched, l.remote+"/w")
	if err := os.Remove(watched); err != nil {
		if err := os.RemoveAll(watched); err != nil {
			t.Fatal(err)
		}
	}

	_, stderr := l.run(3, "service", "install", "--home", l.home)
	if !strings.Contains(stderr, "missing: credentials: ") ||
		!strings.Contains(stderr, "missing: watched folder: ") {
		t.Errorf("said\n%s", stderr)
	}

	l.run(2, "service", "install", "--account", "nobody")
	l.run(2, "service")
	out, _ := l.run(0, "service", "install", "--print", "--system", "--home", l.home, "--account", "nobody")
	for _, want := range []string{"Type=notify", "WatchdogSec=", "User=nobody", `"--home" "` + l.home + `"`,
		`Environment="HOIST_NO_KEYRING=1"`} {
		if !strings.Contains(out, want) && runtime.GOOS != "windows" {
			t.Errorf("the unit has no %s:\n%s", want, out)
		}
	}
}

package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"hoist/apsclient/emulator"
)

// TestTerminalGoes: a terminal that is closed ends what runs in it as other signals do.
func TestTerminalGoes(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the tests run where no terminal can go")
	}

	l := newLab(t)
	path := l.file("a.rvt", 1000)
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			return emulator.Fault{Kind: emulator.Stall}
		}

		return emulator.Fault{}
	})

	push := l.start("push", "--json", path, l.remote)
	l.owned("push")
	eventually(t, "the push sends", func() bool { return len(l.status().Active) > 0 })
	if err := push.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}

	if code := push.wait(); code != 130 {
		t.Errorf("push: exit code %d: %s", code, push.errs.String())
	} else if s := summaryOf(t, push.out.String()); s["files"] != 1 {
		t.Errorf("%s", push.out.String())
	}

	daemon := l.start("daemon")
	l.owned("daemon")
	if err := daemon.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}

	if code := daemon.wait(); code != 0 {
		t.Errorf("daemon: exit code %d: %s", code, daemon.errs.String())
	}
}

// TestLogReaderGoes: a daemon goes on when nobody reads its standard error any more.
func TestLogReaderGoes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	daemon := l.startTelling(w, "daemon")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	l.owned("daemon")
	if err := daemon.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if code := daemon.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestSignalsInARow: timeout(1) sends its signal to a process and to its group, and that is one
// interruption.
func TestSignalsInARow(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	daemon := l.start("daemon")
	l.owned("daemon")
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if err := daemon.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}

	if code := daemon.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, daemon.errs.String())
	}
}

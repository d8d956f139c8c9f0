package service

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	kservice "github.com/kardianos/service"
	"golang.org/x/sys/windows"
)

// New is the manager of a service.
func New(o Options) (Manager, error) {
	if o.System {
		return newManager(o)
	}

	return task{o}, nil
}

// task is a task that starts at the logon of the user.
type task struct{ o Options }

func (t task) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "schtasks", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("schtasks: %w: %s", err, strings.TrimSpace(out.String()))
	}

	return out.String(), nil
}

func (t task) Install() error {
	if state, err := t.State(); err == nil && state != NotInstalled {
		return ErrInstalled
	}

	me, err := user.Current()
	if err != nil {
		return err
	}

	text, err := taskXML(me.Username, t.o.Program, windows.ComposeCommandLine(t.o.Args))
	if err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "hoist-task")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	definition := filepath.Join(dir, "task.xml")
	if err := os.WriteFile(definition, text, 0o600); err != nil {
		return err
	}

	_, err = t.run("/Create", "/TN", Name, "/XML", definition, "/F")

	return err
}

func (t task) Uninstall() error { _, err := t.run("/Delete", "/TN", Name, "/F"); return err }
func (t task) Start() error     { _, err := t.run("/Run", "/TN", Name); return err }

// Stop ends the process at once, which is safe at any moment.
func (t task) Stop() error { _, err := t.run("/End", "/TN", Name); return err }

func (t task) State() (string, error) {
	out, err := t.run("/Query", "/TN", Name, "/FO", "LIST")
	switch {
	case err != nil || !strings.Contains(out, Name):
		return NotInstalled, nil
	case strings.Contains(out, "Running"):
		return Running, nil
	}

	return Stopped, nil
}

// Managed runs a daemon under the manager of services when that started this process; false when a
// user did.
func Managed(daemon func(context.Context, Tell) error) (managed bool, err error) {
	if kservice.Interactive() {
		return false, nil
	}

	p := &program{daemon: daemon, ended: make(chan struct{})}
	s, err := kservice.New(p, &kservice.Config{Name: Name})
	if err != nil {
		return true, err
	}

	p.events, _ = s.SystemLogger(nil) // a service that nobody installed has no event log

	if err := s.Run(); err != nil {
		return true, err
	}

	return true, p.err
}

// program is a daemon as the manager of services steers it.
type program struct {
	daemon func(context.Context, Tell) error
	events kservice.Logger // nil: none
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of the daemon; read once ended is closed
}

func (p *program) Start(kservice.Service) error {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.ended)
		if p.err = p.daemon(ctx, p.tell); p.err != nil {
			p.tell(true, p.err.Error())
		}
	}()

	return nil
}

// tell writes to the event log; nobody is there to hear that it cannot be written.
func (p *program) tell(urgent bool, text string) {
	switch {
	case p.events == nil:
	case urgent:
		_ = p.events.Warning(text)
	default:
		_ = p.events.Info(text)
	}
}

func (p *program) Stop(kservice.Service) error {
	p.cancel()
	<-p.ended

	return nil
}

var (
	kernel         = windows.NewLazySystemDLL("kernel32.dll")
	consoleProcess = kernel.NewProc("GetConsoleProcessList")
	freeConsole    = kernel.NewProc("FreeConsole")
)

// LeaveOwnConsole closes the window that the system made for this process alone, as it does for a task at
// logon: nobody reads it, and to close it would end the daemon.
func LeaveOwnConsole() {
	var ids [2]uint32
	if n, _, _ := consoleProcess.Call(uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids))); n == 1 {
		_, _, _ = freeConsole.Call()
	}
}

var getConnection = windows.NewLazySystemDLL("mpr.dll").NewProc("WNetGetConnectionW")

// OnMappedDrive reports whether a path lies on a drive that belongs to the logon of a user, which
// the account of a service does not have, and names it by its share; "" when the system does not tell.
func OnMappedDrive(path string) (unc string, mapped bool) {
	if len(path) < 2 || path[1] != ':' {
		return "", false
	}

	root, err := windows.UTF16PtrFromString(path[:2] + `\`)
	if err != nil || windows.GetDriveType(root) != windows.DRIVE_REMOTE {
		return "", false
	}

	drive, err := windows.UTF16PtrFromString(path[:2])
	if err != nil || getConnection.Find() != nil {
		return "", true
	}

	share := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(share))
	if code, _, _ := getConnection.Call(uintptr(unsafe.Pointer(drive)), uintptr(unsafe.Pointer(&share[0])),
		uintptr(unsafe.Pointer(&size))); code != 0 {
		return "", true
	}

	return onShare(windows.UTF16ToString(share), path), true
}

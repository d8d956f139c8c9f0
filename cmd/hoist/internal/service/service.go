package service

import (
	"errors"
	"fmt"
	"strings"

	kservice "github.com/kardianos/service"
)

// Name of the service, on every system.
const Name = "hoist"

const description = "Keep folders of drawings in sync with Autodesk Platform Services"

// Options of a service.
type Options struct {
	System  bool     // from the start of the machine, else from the logon of the user
	User    string   // account of a system service; "" the system's own. Linux and macOS
	Program string   // absolute path of hoist
	Args    []string // of the daemon
	Env     []string // "NAME=value"; no secrets: anybody may read a unit
}

// States of a service.
const (
	Running      = "running"
	Stopped      = "stopped"
	NotInstalled = "not installed"
)

// Manager installs and steers one service.
type Manager interface {
	Install() error
	Uninstall() error
	Start() error
	Stop() error
	State() (string, error)
}

// onShare is a path of a drive by the share that the drive stands for.
func onShare(share, path string) string { return strings.TrimRight(share, `\`) + path[2:] }

// Tell tells the administrator of the machine something, when the system has a place for that: the
// event log of Windows. Urgent is what needs somebody.
type Tell func(urgent bool, text string)

// ErrInstalled says that the service is there already.
var ErrInstalled = errors.New("the service is installed already")

// manager is the one of the system, by a kept library.
type manager struct{ kservice.Service }

// newManager is the manager of systemd, launchd or the services of Windows.
func newManager(o Options) (Manager, error) {
	env := map[string]string{}
	for _, e := range o.Env {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}

	s, err := kservice.New(nil, &kservice.Config{
		Name: Name, DisplayName: "hoist", Executable: o.Program, Arguments: o.Args, UserName: o.User,
		Description: description, EnvVars: env,
		Option: kservice.KeyValue{"UserService": !o.System, "SystemdScript": Unit(o), "RunAtLoad": true,
			"KeepAlive": true, "OnFailure": "restart", "OnFailureDelayDuration": "5s"},
	})
	if err != nil {
		return nil, fmt.Errorf("find the manager of services: %w", err)
	}

	return manager{s}, nil
}

func (m manager) Install() error {
	if state, err := m.State(); err == nil && state != NotInstalled {
		return ErrInstalled
	}

	return m.Service.Install()
}

// State tells what the manager knows.
func (m manager) State() (string, error) {
	switch status, err := m.Status(); {
	case errors.Is(err, kservice.ErrNotInstalled):
		return NotInstalled, nil
	case status == kservice.StatusRunning:
		return Running, nil
	case status == kservice.StatusStopped:
		return Stopped, nil
	default:
		return "", err
	}
}

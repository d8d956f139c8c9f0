package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/service"
)

func newDaemonCmd(a *app) *cobra.Command {
	var o transferFlags
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Keep the watched folders in sync, in the foreground, until a signal comes",
		Long: `Run in the foreground: watch the folders of "hoist watch list", send what
changes, and do the work that other commands hand over. It is ready when its
socket answers. SIGINT and SIGTERM end it; what is under way goes on at the next
start.

Its log, on standard error and in HOME/logs/hoist.log, has a line for each file
that is done, parked, in conflict, retried, given up or healed, with the
reason and what fixes it. The file is cut at 20 MB; pieces are kept for 30 days.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if managed, err := service.Managed(func(ctx context.Context, tell service.Tell) error {
				a.tell = tell
				return a.daemon(ctx, o)
			}); managed {
				return err
			}

			return a.daemon(cmd.Context(), o)
		},
	}
	o.addEngine(cmd.Flags())
	addFilterFlags(cmd.Flags(), &o.settings)
	addMapNames(cmd.Flags(), &o.settings)

	return cmd
}

func (a *app) daemon(ctx context.Context, o transferFlags) error {
	if err := a.awaitConfiguration(ctx); err != nil {
		return err
	}

	s, err := a.setup(o.settings)
	if err != nil {
		return err
	}

	if err := a.checkDaemon(s); err != nil {
		return err
	}

	if err := a.logDaemon(s); err != nil {
		return err
	}

	own, err := a.ownOrLeave(ctx, s)
	if err != nil {
		return err
	}

	a.log.Info("daemon ready", "home", s.home.State, "watches", len(s.file.Watch))
	service.LeaveOwnConsole()

	err = a.beat(ctx, own)
	a.log.Info("daemon stopping")

	return errors.Join(err, a.leave(own.Close))
}

// beat tells the manager of services, when one asks, that the daemon is ready, lives, and stops. It
// returns when the daemon has to end, with why; a signal is how one ends.
func (a *app) beat(ctx context.Context, own *owner.Owner) error {
	tell := func(state string) {
		if _, err := sd.SdNotify(false, state); err != nil {
			a.log.Warn("the manager of services is not told", "state", state, "error", err)
		}
	}
	tell(sd.SdNotifyReady)
	defer tell(sd.SdNotifyStopping)

	var alive <-chan time.Time
	if every, err := sd.SdWatchdogEnabled(false); err == nil && every > 0 {
		t := time.NewTicker(every / 3)
		defer t.Stop()
		alive = t.C
	}

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-own.Broken():
			return own.Err()
		case <-alive:
			_ = own.Health() // it takes the locks that work takes: what hangs is not alive
			tell(sd.SdNotifyWatchdog)
		}
	}
}

// logDaemon logs to standard error unless it is to be quiet, and to a file of the home unless
// another one is given.
func (a *app) logDaemon(s *setup) error {
	if err := s.home.Ensure(); err != nil {
		return err
	}

	a.logsToScreen = !a.flags.quiet
	outlive()
	if a.logFile == nil {
		a.logFile = rotated(filepath.Join(s.home.Logs(), "hoist.log"))
	}

	return a.openLog()
}

// outlive lets the process go on when who reads its standard error has ended. The signal is caught and not
// ignored: hooks would inherit that.
func outlive() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// leaveWithin is how long a daemon takes to end at most. What still runs then waits for a disk that
// does not answer; the state is safe whenever the process ends.
const leaveWithin = 4 * time.Second

// leave closes the owner, and does not wait for what never ends.
func (a *app) leave(closeOwner func() error) error {
	closed := make(chan error, 1)
	go func() { closed <- closeOwner() }()

	select {
	case err := <-closed:
		return err
	case <-time.After(leaveWithin):
		a.log.Warn("something waits for a disk that does not answer; the daemon ends without it")
		return nil
	}
}

// checkDaemon refuses at the start a mistake in the settings that would stop every watch and every
// command later. Credentials may be missing: a watch may name a profile of its own, and a user
// may sign in while it runs.
func (a *app) checkDaemon(s *setup) error {
	if _, err := s.filter(); err != nil {
		return err
	}

	c, err := a.newClient(s, s.profile, apsclient.Bandwidth{}, nil)
	if err == nil {
		c.Close()
		return nil
	}

	if kindOf(err) == problem.Usage {
		return err
	}

	return nil
}

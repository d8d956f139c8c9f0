package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// lockPatience is how long a command waits for a process that has the state open and does not
// answer: one that is just starting or leaving, or that looks into the state for a moment.
const lockPatience = 20 * time.Second

// attached is a command's way to the state of its home: another process that owns it, or itself as
// the owner.
type attached struct {
	control.API
	own     *owner.Owner // nil when another process is the owner
	release func() error
}

// attach connects to the owner of the home or becomes it, in the mode that is given.
func (a *app) attach(ctx context.Context, s *setup, mode owner.Mode, command string) (*attached, error) {
	deadline := time.Now().Add(lockPatience)
	for {
		c, err := a.dial(ctx, s)
		if err == nil {
			a.warnOfOwner(s, mode)
			return &attached{API: c, release: func() error { c.Close(); return nil }}, nil
		}

		if !errors.Is(err, control.ErrNoOwner) {
			return nil, err
		}

		own, err := a.own(ctx, s, mode, command)
		if err == nil {
			return &attached{API: own, own: own, release: own.Close}, nil
		}

		if _, ok := errors.AsType[*state.LockedError](err); !ok || time.Now().After(deadline) {
			return nil, err
		}

		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// warnOfOwner says which flags of a transfer have no effect because the process that has the home
// open does the work.
func (a *app) warnOfOwner(s *setup, mode owner.Mode) {
	keys, err := s.flags.EngineKeys()
	if a.flags.limits != "" {
		keys = append(keys, "limits")
	}

	if err != nil || mode != owner.Working || len(keys) == 0 || a.flags.quiet {
		return
	}

	fmt.Fprintf(a.stderr, "hoist: warning: --%s: no effect, the process that has this home open does the "+
		"work with its own\n", strings.Join(keys, ", --"))
}

// own opens the state of the home. It does not wait for a process that has it: the caller asks that
// one first.
func (a *app) own(ctx context.Context, s *setup, mode owner.Mode, command string) (*owner.Owner, error) {
	o := a.ownerOptions(s, command)
	o.LockWait = time.Millisecond
	return owner.Open(ctx, mode, o)
}

// ownerOptions are how this process is the owner of a home.
func (a *app) ownerOptions(s *setup, command string) owner.Options {
	return owner.Options{
		Home: s.home, Command: command, Version: version(), Profile: s.profile, Logger: a.log,
		Engine: s.engine, Settings: s.settings, Words: verdict,
		Clients: func(profile string, bandwidth apsclient.Bandwidth) (*apsclient.Client, error) {
			return a.newClient(s, profile, bandwidth)
		},
		UserID: func(profile string) string {
			acc, err := s.account(profile)
			if err != nil { // said by Clients, which comes first
				return ""
			}

			return acc.UserID
		},
		CheckAccount: s.checkAccount,
	}
}

// with does something short with the state of the home, by its owner or for a moment as the owner.
func (a *app) with(ctx context.Context, s *setup, mode owner.Mode, command string,
	do func(control.API) error) error {
	for {
		at, err := a.attach(ctx, s, mode, command)
		if err != nil {
			return err
		}

		err = do(at)
		err = errors.Join(err, at.release())
		if at.own == nil && errors.Is(err, control.ErrNoOwner) {
			continue // it ended just now
		}

		return err
	}
}

// daemonOnly connects to a running daemon; exit 6 when there is none.
func (a *app) daemonOnly(ctx context.Context, s *setup, what string) (*control.Client, error) {
	c, err := a.dial(ctx, s)
	if err == nil {
		var st control.Status
		if st, err = c.Status(ctx); err == nil && st.Owner != nil && st.Owner.Command == "daemon" {
			a.warnOfOwner(s, owner.Working)
			return c, nil
		}

		c.Close()
	}

	if err == nil || errors.Is(err, control.ErrNoOwner) {
		return nil, fail(problem.NoDaemon,
			fmt.Errorf("%s needs a daemon, and none runs in %s", what, s.home.State),
			"start one with \"hoist daemon\"")
	}

	return nil, err
}

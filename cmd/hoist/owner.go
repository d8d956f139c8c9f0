package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer/remote"
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
	return whileLocked(ctx, a, func() (*attached, bool, error) {
		c, err := a.dial(ctx, s)
		if err == nil {
			a.warnOfOwner(s, mode)
			return &attached{API: c, release: func() error { c.Close(); return nil }}, false, nil
		}

		if !errors.Is(err, control.ErrNoOwner) {
			return nil, false, err
		}

		own, err := a.own(ctx, s, mode, command)
		if err != nil {
			return nil, locked(err) != nil, err
		}

		return &attached{API: own, own: own, release: own.Close}, false, nil
	})
}

// whileLocked does something again for as long as it asks for that, until lockPatience or
// --wait-for-lock is over: the state is held by another process.
func whileLocked[T any](ctx context.Context, a *app, do func() (v T, again bool, err error)) (T, error) {
	began, told := time.Now(), false
	var end func()
	for {
		v, again, err := do()
		waited := time.Since(began)
		if !again || waited > max(lockPatience, a.lockWait) {
			return v, err
		}

		if end == nil {
			end = a.waits.begin("waiting for the state of the home, which another process has open")

			defer end()
		}

		if waited > lockPatience && !told && !a.flags.quiet {
			told = true
			fmt.Fprintf(a.stderr, "hoist: waiting up to %v: %v\n", a.lockWait, err)
		}

		select {
		case <-ctx.Done():
			return v, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// locked is the error that another process has the state open; nil for any other error.
func locked(err error) *state.LockedError {
	l, _ := errors.AsType[*state.LockedError](err)
	return l
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
		Engine: s.engine, History: s.file.History, Settings: s.settings, Words: verdict,
		Clients: func(profile string, bandwidth apsclient.Bandwidth) (*apsclient.Client, error) {
			return a.newClient(s, profile, bandwidth, nil) // who asks an owner shows what it waits for
		},
		UserID: func(profile string) string {
			acc, err := s.account(profile)
			if err != nil { // said by Clients, which comes first
				return ""
			}

			return acc.UserID
		},
		CheckAccount: s.checkAccount,
		Tell:         a.tell,
		Examine:      a.findings,
		MayChange: func(profile string, to remote.Address) error {
			return config.MayChange(s.home, profile, to)
		},
		Reload: func() (config.Settings, []config.Watch, error) {
			again, err := a.setup(s.flags)
			if err != nil {
				return config.Settings{}, nil, err
			}

			_, err = again.filter()

			return again.settings, again.file.Watch, err
		},
	}
}

// lingerFor is how long an owner that has done its own work stays for commands that began beside
// it: they then need no token and no budget of their own. After that they take over.
const lingerFor = 10 * time.Second

// over does something with the state of the home, by its owner or as the owner. When another
// process that owns it ends meanwhile, do is called again with the next one, to go on with what is
// left.
func (a *app) over(ctx context.Context, s *setup, mode owner.Mode, command string,
	do func(*attached) error) error {
	for {
		at, err := a.attach(ctx, s, mode, command)
		if err != nil {
			return err
		}

		err = do(at)
		if at.own != nil && err == nil && mode == owner.Working {
			end := a.waits.begin("waiting for other commands that work with this home; nothing is " +
				"left to do here")
			at.own.Linger(ctx, lingerFor)
			end()
		}

		if at.own != nil {
			a.sum.add(at.own.Calls())
		}

		released := at.release()
		if at.own == nil && errors.Is(err, control.ErrNoOwner) {
			continue
		}

		return errors.Join(err, released)
	}
}

// with does something short with the state of the home, by its owner or for a moment as the owner.
func (a *app) with(ctx context.Context, command string, do func(control.API) error) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	return a.over(ctx, s, owner.Passive, command, func(at *attached) error {
		defer a.waits.begin("looking into the state of the home")()
		return do(at)
	})
}

// nextText says when something is tried again; when nothing runs it is not tried by itself.
func nextText(api control.API, at time.Time) string {
	if here, ok := api.(*attached); ok && here.own != nil {
		return `none by itself, as nothing runs: "hoist resume" goes on`
	}

	return humanize.Time(at)
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
			fmt.Errorf("%s needs a daemon, and none runs in %s", what, s.home.State), "")
	}

	return nil, err
}

// ownOrLeave becomes the owner of the home; when another process is, it says which and gives up. A
// process that only looks into the state is waited for.
func (a *app) ownOrLeave(ctx context.Context, s *setup) (*owner.Owner, error) {
	return whileLocked(ctx, a, func() (*owner.Owner, bool, error) {
		own, err := a.own(ctx, s, owner.Full, "daemon")
		if locked(err) == nil {
			return own, false, err
		}

		c, e := a.dial(ctx, s)
		switch {
		case errors.Is(e, control.ErrNoOwner):
			return nil, true, err
		case e != nil:
			return nil, false, e
		}

		defer c.Close()

		return nil, a.lockWait > 0, a.heldBy(ctx, c, s)
	})
}

func (a *app) heldBy(ctx context.Context, c *control.Client, s *setup) error {
	who := "another process"
	if st, err := c.Status(ctx); err == nil && st.Owner != nil {
		who = fmt.Sprintf("process %d (%s)", st.Owner.PID, st.Owner.Command)
	}

	return problem.With(problem.Failure, fmt.Errorf("the state in %s is held by %s", s.home.State, who),
		problem.Fix{Step: problem.AnotherHome})
}

// holding does something with the state file of a home while nobody else has it open. It waits for
// commands that look into it for a moment, and says what it does; a process that stays is a
// [*state.LockedError], unless --wait-for-lock says to wait for that too.
func holding[T any](ctx context.Context, a *app, what string, do func() (T, error)) (T, error) {
	return whileLocked(ctx, a, func() (T, bool, error) {
		end := a.waits.begin(what)
		v, err := do()
		end()

		l := locked(err)

		return v, l != nil && (l.PID == 0 || a.lockWait > 0), err
	})
}

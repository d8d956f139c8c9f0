package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/doctor"
	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newDoctorCmd(a *app) *cobra.Command {
	var dataPlane bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What works, what does not, and the fix for each",
		Long: `doctor looks at everything that a transfer stands on: the network, the
credentials and their scopes, hubs and projects, account administration, both
ends of the watches, the state and the room on the drives. Nothing is changed;
what killed commands left in the home is removed.
With --data-plane it also reserves a storage object and stores one byte of it,
which is never completed: no file comes of it. It exits with 3 when something
needs a person.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), dataPlane) },
	}
	cmd.Flags().BoolVar(&dataPlane, "data-plane", false,
		"try the hosts that the bytes go to: reserve, store one byte, never complete")

	return cmd
}

func (a *app) doctor(ctx context.Context, dataPlane bool) error {
	defer a.waits.begin("checking what works")()

	problems := 0
	err := a.examine(ctx, dataPlane, func(f doctor.Finding) error {
		if f.Verdict == doctor.Problem {
			problems++
		}

		return a.printFinding(f)
	})
	if err != nil || problems == 0 {
		return err
	}

	return fail(problem.Attention, fmt.Errorf("%d of the checks found a problem", problems),
		"do what \"fix\" says for each problem, then run \"hoist doctor\" again")
}

// findings are what doctor finds, for the page of a daemon. It asks as another process would.
func (a *app) findings(ctx context.Context) ([]control.Finding, error) {
	other := *a
	other.waits = &waits{quiet: true, app: &other}
	out := []control.Finding{}
	err := other.examine(ctx, false, func(f doctor.Finding) error {
		one := control.Finding{Check: f.Check, Verdict: string(f.Verdict), Detail: f.Detail}
		if f.Verdict != doctor.OK {
			one.Fix = hint(f.Fix)
		}

		out = append(out, one)

		return nil
	})

	return out, err
}

// examine makes all checks, and tells each finding as it is made.
func (a *app) examine(ctx context.Context, dataPlane bool, tell func(doctor.Finding) error) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	env := doctor.Env{
		BaseURL: s.env.BaseURL, Home: s.home, Watches: s.file.Watch, DataPlane: dataPlane, Logger: a.log,
		Scopes: neededScopes(config.Account{}, s.file.Watch),
		State:  func(ctx context.Context) (control.StateReport, error) { return a.lookAtState(ctx, s) },
	}
	acc, err := s.account(s.profile)
	switch _, none := errors.AsType[*config.NoCredentialsError](err); {
	case err == nil:
		done, err := a.doctorAccount(s, acc, &env)
		if err != nil {
			return err
		}
		defer done()
	case !none:
		return err
	}

	if _, err := apsclient.ParseBaseURL(env.BaseURL); err != nil {
		return err
	}

	client, done, err := a.client(ctx)
	if err != nil {
		env.ClientErr = err
	} else {
		env.Client = client

		defer done()
	}

	return doctor.Run(ctx, env, tell)
}

// doctorAccount fills in what the account of the profile says.
func (a *app) doctorAccount(s *setup, acc config.Account, env *doctor.Env) (done func(), err error) {
	done = func() {}
	conf, err := a.clientConfig(acc)
	if err != nil {
		return done, err
	}

	env.BaseURL, env.RootCAs, env.Region, env.Allow = acc.BaseURL, conf.RootCAs, acc.Region, conf.Allow
	env.Scopes, env.Admin = neededScopes(acc, s.file.Watch), neededAdmin(acc)
	env.User = acc.Flow == config.FlowUser || acc.Flow == config.FlowServiceAccount
	if conf.Tokens, err = a.tokens(s, acc); err == nil {
		own, err := apsclient.New(conf) // so that tokens are asked for by the network settings of all calls
		if err != nil {
			return done, err
		}

		env.Tokens, done = conf.Tokens, own.Close
	} // else making the client fails in the same way, and that is told as a finding

	return done, nil
}

// findingJSON is a finding with the words of its fix.
type findingJSON struct {
	doctor.Finding
	Fix string `json:"fix,omitempty"`
}

func (a *app) printFinding(f doctor.Finding) error {
	fix := hint(f.Fix)
	if a.flags.json {
		return a.printJSON(findingJSON{f, fix})
	}

	a.printf("%-8s %s: %s\n", f.Verdict, printable(f.Check), printable(f.Detail))
	if fix != "" && f.Verdict != doctor.OK {
		a.printf("         fix: %s\n", printable(fix))
	}

	return nil
}

// neededScopes are the scope sets that an account is used with: those of its list of actions, else
// those of transfers.
func neededScopes(acc config.Account, watches []config.Watch) [][]string {
	var sets [][]string
	add := func(scopes []string) {
		set := slices.Clone(scopes)
		if len(acc.Scopes) > 0 { // others are never asked for
			set = slices.DeleteFunc(set, func(s string) bool { return !slices.Contains(acc.Scopes, s) })
		}

		slices.Sort(set)
		if len(set) > 0 && !slices.ContainsFunc(sets, func(x []string) bool { return slices.Equal(x, set) }) {
			sets = append(sets, set)
		}
	}
	actions, err := guide.Expand(acc.Actions)
	if len(acc.Actions) == 0 || err != nil {
		add(apsclient.TransferScopes)
		if slices.ContainsFunc(watches, func(w config.Watch) bool {
			return remote.IsOSS(w.Remote)
		}) {
			add(apsclient.TransferScopesOSS)
		}

		return sets
	}

	transfers := slices.ContainsFunc(actions, func(x apsclient.Action) bool {
		return x.Method == apsclient.MethodComposite
	})
	for _, x := range actions {
		switch {
		case transfers && subset(x.Scopes, apsclient.TransferScopes):
			add(apsclient.TransferScopes)
		case transfers && subset(x.Scopes, apsclient.TransferScopesOSS):
			add(apsclient.TransferScopesOSS)
		default:
			add(x.Scopes)
		}
	}

	return sets
}

// neededAdmin reports whether an account is used for account administration.
func neededAdmin(acc config.Account) doctor.Need {
	if len(acc.Scopes) > 0 && !slices.Contains(acc.Scopes, "account:read") {
		return doctor.Unneeded
	}

	actions, err := guide.Expand(acc.Actions)
	switch {
	case len(acc.Actions) == 0 || err != nil:
		return doctor.Optional
	case slices.ContainsFunc(actions, func(x apsclient.Action) bool {
		return slices.Contains(x.Scopes, "account:read") || slices.Contains(x.Scopes, "account:write")
	}):
		return doctor.Required
	}

	return doctor.Unneeded
}

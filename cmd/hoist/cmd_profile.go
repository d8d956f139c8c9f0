package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
)

func newLogoutCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget the secrets of a profile",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			home, _, name, err := a.loginProfile()
			if err != nil {
				return err
			}

			if name != config.DefaultProfile {
				if err := knownProfile(home, name); err != nil {
					return err
				}
			}

			if err := a.vault(home).Delete(name); err != nil {
				return err
			}

			if err := renewed(cmd.Context(), home, name); err != nil {
				return err
			}

			return a.reportProfile(name, "signed-out")
		},
	}
}

// renewed tells the process that has the home open, if one has, that a profile has other credentials or none.
func renewed(ctx context.Context, home config.Home, name string) error {
	c, err := control.Dial(ctx, home.Socket(), home.AddrFile())
	if errors.Is(err, control.ErrNoOwner) {
		return nil
	}

	if err == nil {
		defer c.Close()
		_, err = c.Renew(ctx, name)
	}

	if err != nil {
		return fail(problem.Failure, fmt.Errorf("the process that has this home open goes on as before: %w", err),
			"end it and start it again")
	}

	return nil
}

// knownProfile refuses a profile that nobody has made.
func knownProfile(home config.Home, name string) error {
	names, err := config.Profiles(home)
	if err != nil {
		return err
	}

	if !slices.Contains(names, name) {
		return &config.Error{Key: "profile",
			Msg: fmt.Sprintf("%q is unknown; \"hoist profile list\" lists the profiles", name)}
	}

	return nil
}

func newProfileCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "Accounts that \"hoist login\" stored",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return problem.Usagef("profile needs a subcommand: list, show, use or remove")
		},
	}
	type act func(ctx context.Context, home config.Home, name string) error
	one := func(use, short string, do act) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				home, _, _, err := a.loginProfile()
				if err != nil {
					return err
				}

				if err := knownProfile(home, args[0]); err != nil {
					return err
				}

				return do(cmd.Context(), home, args[0])
			}}
	}
	show := one("show [NAME]", "Show a profile, without its secrets", a.showProfile)
	show.Args = cobra.MaximumNArgs(1)
	named := show.RunE
	show.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			_, _, name, err := a.loginProfile()
			if err != nil {
				return err
			}

			args = []string{name}
		}

		return named(cmd, args)
	}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the profiles", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				return a.listProfiles()
			}},
		show,
		one("use NAME", "Use a profile where nothing else says", func(_ context.Context, home config.Home,
			name string) error {
			if err := config.UseProfile(home, name); err != nil {
				return err
			}

			return a.reportProfile(name, "in use")
		}),
		one("remove NAME", "Remove a profile with its secrets", func(ctx context.Context, home config.Home,
			name string) error {
			if err := a.vault(home).Delete(name); err != nil {
				return err
			}

			if err := os.Remove(home.ProfileFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}

			if config.CurrentProfile(home) == name {
				if err := config.UseProfile(home, ""); err != nil {
					return err
				}
			}

			if err := renewed(ctx, home, name); err != nil {
				return err
			}

			return a.reportProfile(name, "removed")
		}),
	)

	return cmd
}

func (a *app) reportProfile(name, did string) error {
	if a.flags.json {
		return a.printJSON(map[string]string{"profile": name, "result": did})
	}

	if !a.flags.quiet {
		a.printf("profile %q: %s\n", name, did)
	}

	return nil
}

// profileJSON is what may be shown of a profile.
type profileJSON struct {
	Name     string   `json:"name"`
	Current  bool     `json:"current"`
	Flow     string   `json:"flow,omitempty"`
	ClientID string   `json:"client_id,omitempty"`
	BaseURL  string   `json:"base_url,omitempty"`
	UserID   string   `json:"user_id,omitempty"`
	Region   string   `json:"region,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	Actions  []string `json:"actions,omitempty"`
	Allowed  []string `json:"allow_remotes,omitempty"`
	Hub      string   `json:"hub,omitempty"`
	SignedIn bool     `json:"signed_in"`
}

func (a *app) profileJSON(home config.Home, name, current string) (profileJSON, error) {
	p, err := config.LoadProfile(home, name)
	if err != nil {
		return profileJSON{}, err
	}

	set, err := a.vault(home).Load(name, config.Origin(p.BaseURL))
	if err != nil {
		return profileJSON{}, err
	}

	return profileJSON{
		Name: name, Current: name == current, Flow: p.Flow, ClientID: p.ClientID, BaseURL: p.BaseURL,
		UserID: p.UserID, Region: p.Region,
		Scopes: p.Scopes, Actions: p.Actions, Allowed: p.AllowRemotes, Hub: p.Hub,
		SignedIn: p.ClientSecret != "" ||
			set.ClientSecret != "" || set.RefreshToken != "" || set.PrivateKey != "",
	}, nil
}

func (a *app) listProfiles() error {
	home, _, current, err := a.loginProfile()
	if err != nil {
		return err
	}

	names, err := config.Profiles(home)
	if err != nil {
		return err
	}

	for _, name := range names {
		p, err := a.profileJSON(home, name, current)
		if err != nil {
			return err
		}

		if a.flags.json {
			if err := a.printJSON(p); err != nil {
				return err
			}

			continue
		}

		mark := " "
		if p.Current {
			mark = "*"
		}

		a.printf("%s %s  %s\n", mark, name, p.Flow)
	}

	if len(names) == 0 && !a.flags.json && !a.flags.quiet {
		a.printf("no profiles; \"hoist login\" makes one\n")
	}

	return nil
}

func (a *app) showProfile(_ context.Context, home config.Home, name string) error {
	_, _, current, err := a.loginProfile()
	if err != nil {
		return err
	}

	p, err := a.profileJSON(home, name, current)
	if err != nil {
		return err
	}

	if a.flags.json {
		return a.printJSON(p)
	}

	data, err := os.ReadFile(home.ProfileFile(name))
	if err != nil {
		return fail(problem.Failure, err, "")
	}

	stored, err := config.LoadProfile(home, name)
	if err != nil {
		return err
	}

	if stored.ClientSecret != "" { // a person wrote it there
		a.printf("name = %q\nclient-id = %q\nclient-secret = redacted\n", name, stored.ClientID)
		return nil
	}

	a.printf("# profile %s, signed in: %v\n%s", name, p.SignedIn, data)

	return nil
}

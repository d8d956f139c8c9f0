package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/statusfile"
)

func newConfigCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration, or show what holds and where it comes from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return problem.Usagef("config needs a subcommand: check or show")
		},
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "Look for mistakes in config.toml, the profiles and the watches",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.configCheck() },
	}
	var origin bool
	show := &cobra.Command{
		Use:   "show",
		Short: "Show the settings that hold: flag over environment over profile over file over default",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.configShow(origin) },
	}
	show.Flags().BoolVar(&origin, "origin", false, "say where each comes from")
	cmd.AddCommand(check, show)

	return cmd
}

// mistake is what config check prints with --json.
type mistake struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Key     string `json:"key,omitempty"`
	Problem string `json:"problem"`
}

func (a *app) configCheck() error {
	home, err := a.findHome(config.ReadEnv(a.getenv))
	if err != nil {
		return err
	}

	problems := append(config.Problems(home), furtherProblems(home)...)
	for _, p := range problems {
		if a.flags.json {
			if err := a.printJSON(mistake{File: p.File, Line: p.Line, Key: p.Key,
				Problem: p.Msg}); err != nil {
				return err
			}

			continue
		}

		a.printf("%s\n", printable(oneLine(p.Error())))
	}

	if n := len(problems); n > 0 {
		return fail(problem.Usage, fmt.Errorf("%s in the configuration", count(n, "mistake", "mistakes")),
			"correct what is listed; see \"hoist help configuration\"")
	}

	if _, err := a.setup(config.Settings{}); err != nil { // what flags and environment say
		return err
	}

	if !a.flags.json && !a.flags.quiet {
		a.printf("%s is right\n", home.ConfigFile())
	}

	return nil
}

// furtherProblems are those of actions, and of the place of the status page. What cannot be read is told by
// [config.Problems].
func furtherProblems(home config.Home) []*config.Error {
	var out []*config.Error
	if file, err := config.Load(home); err == nil && file.StatusFile != "" {
		var roots []string
		for _, w := range file.Watch {
			roots = append(roots, w.Path)
		}

		if err := statusfile.Check(file.StatusFile, roots); err != nil {
			out = append(out, &config.Error{File: home.ConfigFile(), Key: "status_file", Msg: err.Error()})
		}
	}

	names, _ := config.Profiles(home)
	for _, name := range names {
		if p, err := config.LoadProfile(home, name); err == nil {
			if _, err := guide.Expand(p.Actions); err != nil {
				out = append(out, &config.Error{File: home.ProfileFile(name), Key: "actions",
					Msg: err.Error()})
			}
		}
	}

	return out
}

func (a *app) configShow(origin bool) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	profile, err := config.LoadProfile(s.home, s.profile)
	if err != nil {
		return err
	}

	flags := map[string]string{}
	for name, value := range map[string]string{"home": a.flags.home, "profile": a.flags.profile,
		"limits": a.flags.limits} {
		if value != "" {
			flags[name] = value
		}
	}

	values, err := config.Effective(s.home, s.profile, flags, s.env, s.file, profile)
	if err != nil {
		return err
	}

	t := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	for _, v := range values {
		if !origin {
			v.Origin = ""
		}

		if a.flags.json {
			err = errors.Join(err, a.printJSON(v))
			continue
		}

		fmt.Fprintf(t, "%s\t%s", v.Key, printable(v.Value))
		if origin {
			fmt.Fprintf(t, "\t%s", printable(v.Origin))
		}

		fmt.Fprintln(t)
	}

	return errors.Join(err, t.Flush())
}

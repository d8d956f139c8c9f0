package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newWatchCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Folders that the daemon keeps in sync",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return problem.Usagef("watch needs a subcommand: add, list, set, remove, pause, resume, " +
				"scan or put-back")
		},
	}
	cmd.AddCommand(newWatchAddCmd(a), newWatchListCmd(a), newWatchSetCmd(a),
		a.watchVerb(control.Remove, "Stop watching a folder; nothing is deleted, here or in the cloud"),
		a.watchVerb(control.Pause, "Send nothing of a folder until it is resumed"),
		a.watchVerb(control.Resume, "Go on with a paused folder"), newWatchScanCmd(a), newWatchPutBackCmd(a))

	return cmd
}

func newWatchAddCmd(a *app) *cobra.Command {
	var settings config.Settings
	r := control.WatchRequest{Mode: config.ModePush}
	cmd := &cobra.Command{
		Use:     "add PATH REMOTE",
		Short:   "Watch a folder: its contents are kept in sync with a remote folder",
		Example: "  hoist watch add ~/plans \"aps://Studio/Tower/Project Files/Plans\"",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.watchAdd(cmd.Context(), r, settings, args[0], args[1])
		},
	}
	cmd.Flags().StringVar(&r.Mode, "mode", r.Mode, "push: what changes here is sent")
	cmd.Flags().StringVar(&r.Settle, "settle", config.DefaultSettle.String(),
		"how long a file must rest before it is sent")
	cmd.Flags().StringVar(&r.Scan, "scan", "",
		"time between two scans while the system tells of changes, such as 15m (default 1h)")
	cmd.Flags().StringVar(&r.Delete, "delete", "",
		"what becomes online of files that are removed here: keep (the default) or hide")
	completeValues(cmd, "delete", config.DeleteKeep, config.DeleteHide)
	cmd.Flags().StringVar(&r.Open, "open", "",
		"on-save: what was saved is sent though a program has it open (the default); "+
			"on-close: not before it is closed")
	completeValues(cmd, "open", config.OpenOnSave, config.OpenOnClose)
	cmd.Flags().StringVar(&r.Priority, "priority", "",
		"which of the files that wait begin first: high, normal (the default) or low")
	completeValues(cmd, "priority", config.PriorityHigh, config.PriorityNormal, config.PriorityLow)
	cmd.Flags().StringVar(&r.Gate, "gate", "",
		"what becomes of files whose content is doubtful: warn (the default), park or off")
	completeValues(cmd, "gate", config.GateWarn, config.GatePark, config.GateOff)
	cmd.Flags().StringVar(&r.Prefer, "prefer", "",
		"what counts of a file that differs at both ends at first: local (the default), cloud or newer")
	completeValues(cmd, "prefer", "local", "cloud", "newer")
	cmd.Flags().BoolVar(&r.TakeOver, "take-over", false,
		"move the folder here from the home that sends it now, which then sends it no more")
	addFilterFlags(cmd.Flags(), &settings)

	return cmd
}

func (a *app) watchAdd(ctx context.Context, r control.WatchRequest, filter config.Settings, path,
	address string) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	if _, err := remote.ParseAddress(address); err != nil {
		return err
	}

	if r.Mode != config.ModePush {
		return problem.Usagef("--mode %q: only push is there", r.Mode)
	}

	checked, err := checkWatch(r, filter, address)
	if err != nil {
		return err
	}

	if r.Path, err = absPath(path); err != nil {
		return err
	}

	// The patterns of a file are taken over as they are now: the watch does not depend on the file.
	r.Remote, r.Selection = address, filter.Selection
	r.Exclude, r.Include = checked.Exclude, checked.Include
	if s.profile != config.DefaultProfile {
		r.Profile = s.profile
	}

	return a.over(ctx, s, owner.Serving, "watch add", func(api *attached) error {
		done := a.lookingOn(ctx, api)
		added, err := api.AddWatch(ctx, r)
		done()

		if err != nil {
			return err
		}

		a.warnOfRivals(ctx, api, added)
		if a.flags.json {
			return a.printJSON(added)
		}

		a.printf("watch %s: %s -> %s\n", added.ID, printable(added.Path), printable(added.Remote))

		return nil
	})
}

// warnOfRivals names the watches that send into the online folder of a new one, or that it sends into theirs.
func (a *app) warnOfRivals(ctx context.Context, api control.API, added control.WatchAdded) {
	list, err := api.Watches(ctx)
	if err != nil {
		return // it is added, which is what was asked for
	}

	for _, w := range list {
		one, other := w.Remote+"/", added.Remote+"/"
		if w.ID != added.ID && (strings.HasPrefix(one, other) || strings.HasPrefix(other, one)) {
			fmt.Fprintf(a.stderr,
				"hoist: warning: watch %s sends %s to %s too: files of one name become versions "+
					"of each other\n", w.ID, printable(w.Path), printable(w.Remote))
		}
	}
}

// checkWatch names every mistake in the flags of a new watch.
func checkWatch(r control.WatchRequest, filter config.Settings, address string) (config.Filter, error) {
	var all []error
	w := config.Watch{Remote: address, Settle: r.Settle, Scan: r.Scan, Delete: r.Delete, Open: r.Open,
		Priority: r.Priority, Gate: r.Gate, Prefer: r.Prefer}
	w.CheckWords(func(key, msg string) { all = append(all, &config.Error{Key: "--" + key, Msg: msg}) })

	checked, err := filter.Filter("")

	return checked, errors.Join(append(all, err)...)
}

func newWatchListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the watched folders",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), "watch list", func(api control.API) error {
				list, err := api.Watches(cmd.Context())
				if err != nil {
					return err
				}

				for _, w := range list {
					if a.flags.json {
						if err := a.printJSON(w); err != nil {
							return err
						}

						continue
					}

					a.printf("%s  %s -> %s  %s\n", w.ID, printable(w.Path), printable(w.Remote), watchText(w))
				}

				return nil
			})
		},
	}
}

func (a *app) watchVerb(verb control.Verb, short string) *cobra.Command {
	return &cobra.Command{
		Use:   string(verb) + " ID|PATH|REMOTE",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, w, err := a.watchNamed(args[0])
			if err != nil {
				return err
			}

			return a.over(cmd.Context(), s, owner.Passive, "watch "+string(verb), func(api *attached) error {
				done, err := api.ChangeWatch(cmd.Context(), w.ID, verb)
				if err != nil {
					return err
				}

				if a.flags.json {
					return a.printJSON(done)
				}

				// what no daemon looks at has no state
				a.printf("watch %s: %s\n", done.ID, cmp.Or(done.State, string(verb)+"d"))

				return nil
			})
		},
	}
}

func newWatchSetCmd(a *app) *cobra.Command {
	var pattern string
	cmd := &cobra.Command{
		Use:   "set ID|PATH|REMOTE KEY=VALUE…",
		Short: "Change the settings of a watch, also while it runs",
		Long: `Change the settings of a watch in config.toml, also while it runs: they hold at once.

The keys are those of a [[watch]] table ("hoist help configuration"). A key that holds a list is given once
per value and replaces the whole list; KEY= goes back to the default. With --pattern the keys are those of
the [[watch.pattern]] table with that match, which is added if there is none, and goes with its last key.`,
		Example: "  hoist watch set ~/plans settle=30s exclude='*.bak' exclude='old/'\n" +
			"  hoist watch set ~/plans --pattern '*.rvt' open=on-close settle=1m priority=high",
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, w, err := a.watchNamed(args[0])
			if err != nil {
				return err
			}

			set := map[string][]string{}
			for _, pair := range args[1:] {
				key, value, ok := strings.Cut(pair, "=")
				if !ok {
					return problem.Usagef("%q is not KEY=VALUE", pair)
				}

				set[key] = append(set[key], value)
			}

			return a.over(cmd.Context(), s, owner.Passive, "watch set", func(api *attached) error {
				done, err := api.SetWatch(cmd.Context(), w.ID,
					control.WatchSettings{Set: set, Pattern: pattern})
				if err != nil {
					return err
				}

				if a.flags.json {
					return a.printJSON(done)
				}

				a.printf("watch %s: set\n", done.ID)

				return nil
			})
		},
	}
	cmd.Flags().StringVar(&pattern, "pattern", "",
		"set keys of the files that match, as in .gitignore, alone")

	return cmd
}

func newWatchScanCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "scan [ID|PATH]",
		Short: "Look at all watched folders now, or at one, or at a path in it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.setup(config.Settings{})
			if err != nil {
				return err
			}

			which, err := scanTargets(s.file.Watch, args)
			if err != nil {
				return err
			}

			return a.over(cmd.Context(), s, owner.Passive, "watch scan", func(api *attached) error {
				for _, one := range which {
					done, err := api.ChangeWatch(cmd.Context(), one, control.Scan)
					switch {
					case err != nil:
						return err
					case a.flags.json:
						err = a.printJSON(done)
					default:
						a.printf("watch %s: %s\n", done.ID, done.State)
					}

					if err != nil {
						return err
					}
				}

				return nil
			})
		},
	}
}

// scanTargets are the watches, or the one path, that a scan is asked for.
func scanTargets(list []config.Watch, args []string) (which []string, err error) {
	if len(args) == 0 {
		for _, w := range list {
			which = append(which, w.ID)
		}

		return which, nil
	}

	w, err := whichWatch(list, args[0])
	if err == nil {
		return []string{w.ID}, nil
	}

	if path, e := resolvedPath(args[0], list); e == nil && config.WatchOf(list, path) != nil {
		return []string{path}, nil
	}

	return nil, err
}

// watchNamed is the set-up of a command, with the watch that its argument names.
func (a *app) watchNamed(arg string) (*setup, config.Watch, error) {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return nil, config.Watch{}, err
	}

	w, err := whichWatch(s.file.Watch, arg)

	return s, w, err
}

// whichWatch finds a watch by its id, its folder or its remote.
func whichWatch(list []config.Watch, arg string) (config.Watch, error) {
	abs, err := absPath(arg)
	if err != nil {
		return config.Watch{}, err
	}

	for _, w := range list {
		if w.ID == arg || w.Path == abs || w.Remote == arg {
			return w, nil
		}
	}

	if resolved, err := local.Resolve(abs); err == nil {
		for _, w := range list {
			if w.Path == resolved {
				return w, nil
			}
		}
	}

	return config.Watch{},
		fail(problem.NotFound, fmt.Errorf("no watch %q", arg), "\"hoist watch list\" lists them")
}

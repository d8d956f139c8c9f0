package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/watcher"
)

func newFilterCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "filter",
		Short: "Which files are left out, and by which rule",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return problem.Usagef("filter needs a subcommand: list or test")
		},
	}
	var settings config.Settings
	list := &cobra.Command{
		Use:   "list [WATCH]",
		Short: "List the ignore patterns, the weakest first: of a watch, or those that hold everywhere",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			which := ""
			if len(args) > 0 {
				which = args[0]
			}

			return a.filterList(which, settings)
		},
	}
	addFilterFlags(list.Flags(), &settings)
	var tested config.Settings
	test := &cobra.Command{
		Use:   "test PATH…",
		Short: "Tell whether files or folders are taken, and which rule leaves them out",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				if err := a.filterTest(cmd.Context(), arg, tested); err != nil {
					return err
				}
			}

			return nil
		},
	}
	addFilterFlags(test.Flags(), &tested)
	cmd.AddCommand(list, test)

	return cmd
}

func (a *app) filterList(which string, given config.Settings) error {
	s, err := a.setup(given)
	if err != nil {
		return err
	}

	if _, err := s.filter(); err != nil {
		return err
	}

	var own config.Selection
	if which != "" {
		w, err := whichWatch(s.file.Watch, which)
		if err != nil {
			return err
		}

		own = w.Selection
	}

	rules, err := local.WatchRules(own, s.settings)
	if err != nil {
		return err
	}

	for _, p := range rules.Patterns() {
		origin := s.ruleOrigin(p, own)
		if a.flags.json {
			if err := a.printJSON(map[string]string{"pattern": p, "origin": origin}); err != nil {
				return err
			}

			continue
		}

		a.printf("%s\t%s\n", printable(p), printable(origin))
	}

	return nil
}

// filtered is what filter test prints with --json.
type filtered struct {
	Path    string `json:"path"`
	Ignored bool   `json:"ignored"`
	Rule    string `json:"rule,omitempty"`
	Origin  string `json:"origin,omitempty"` // where the rule comes from, unless it says so itself
	Watch   string `json:"watch,omitempty"`

	holds string // what else keeps it from being taken; told as a rule
}

// filterTest judges a path in the watch it lies in, else as a push would of the outermost folder
// above it that has a rule file, or of its own folder. It need not be there.
func (a *app) filterTest(ctx context.Context, arg string, given config.Settings) error {
	s, err := a.setup(given)
	if err != nil {
		return err
	}

	if _, err := s.filter(); err != nil {
		return err
	}

	path, err := resolvedPath(arg, s.file.Watch)
	if err != nil {
		return err
	}

	out, own, dir := filtered{Path: path}, config.Selection{}, os.IsPathSeparator(arg[len(arg)-1])
	if w := config.WatchOf(s.file.Watch, path); w != nil {
		own, out.Watch = w.Selection, w.ID
		err = a.filterInWatch(ctx, &out, s, w, dir)
	} else {
		var found local.Finding
		var rules *watcher.Rules
		if found, rules, err = local.FindOutside(path, s.settings, dir); err == nil {
			out.Rule, out.holds = found.Rule, found.Holds(rules)
		}
	}

	if err != nil {
		return err
	}

	if out.Rule != "" {
		out.Origin = s.ruleOrigin(out.Rule, own)
	}

	out.Rule = cmp.Or(out.Rule, out.holds)
	out.Ignored = out.Rule != ""

	switch {
	case a.flags.json:
		return a.printJSON(out)
	case out.Ignored:
		a.printf("%s: ignored by %s%s\n", printable(path), printable(out.Rule), originText(out.Origin))
	default:
		a.printf("%s: taken\n", printable(path))
	}

	return nil
}

// filterInWatch asks who has the home open, whose rules the watch goes by; with rules on the
// command line, and of what is not there, it finds what would be.
func (a *app) filterInWatch(ctx context.Context, out *filtered, s *setup, w *config.Watch, dir bool) error {
	_, noState := os.Stat(s.home.StateFile()) // when there is none nobody knows more, and a look makes none
	if _, err := os.Lstat(out.Path); err == nil && noState == nil && reflect.ValueOf(s.flags).IsZero() {
		return a.with(ctx, "filter test", func(api control.API) error {
			e, err := api.Explain(ctx, out.Path)
			out.Rule, out.holds = e.Rule, e.Holds

			return err
		})
	}

	rel, err := filepath.Rel(w.Path, out.Path)
	if err != nil {
		return err
	}

	rules, err := local.WatchRules(w.Selection, s.settings)
	if err != nil {
		return err
	}

	book, err := watcher.NewBook(w.Path, rules, 0, nil)
	if err != nil {
		return err
	}

	found := local.Finding{Finding: book.Find(filepath.ToSlash(rel), dir)}
	out.Rule, out.holds = found.Rule, found.Holds(rules)

	return nil
}

// originText is where a rule comes from, for people.
func originText(origin string) string {
	if origin == "" {
		return ""
	}

	return " (" + printable(origin) + ")"
}

// ruleOrigin says where a rule comes from that leaves something out: the strongest place first, as
// the rules have it. own is what the watch chooses; a .hoistignore names itself.
func (s *setup) ruleOrigin(rule string, own config.Selection) string {
	if rule == "" || strings.Contains(rule, watcher.IgnoreFile+": ") {
		return ""
	}

	key, value, _ := strings.Cut(rule, " ")
	for _, from := range []struct {
		where string
		is    config.Selection
	}{
		{"a flag", s.flags.Selection}, {"the watch, in config.toml", own},
		{filepath.Base(s.home.ProfileFile(s.profile)) + " of the profile", s.profileSettings.Selection},
		{"config.toml", s.file.Selection},
	} {
		sizes := map[string]string{"min-size": from.is.MinSize, "max-size": from.is.MaxSize,
			"min-age": from.is.MinAge}
		switch {
		case slices.Contains(from.is.Exclude, rule),
			sizes[key] != "",
			key == "exclude-if-present" && slices.Contains(from.is.ExcludeIfPresent, value),
			key == "exclude-caches" && from.is.ExcludeCaches != nil,
			key == "one-file-system" && from.is.OneFileSystem != nil,
			rule == "not included" && len(from.is.Include) > 0:
			return from.where
		}
	}

	if from := s.settings.ExcludeFrom; from != "" {
		f, err := config.Settings{ExcludeFrom: from}.Filter("")
		if err == nil && slices.Contains(f.Exclude, rule) {
			return from
		}
	}

	return "built-in"
}

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/watcher"
	"hoist/watcher/disk"
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
		RunE: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				if err := a.filterTest(arg, tested); err != nil {
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
}

// filterTest judges a path in the watch it lies in, else as a push would of the outermost folder
// above it that has a rule file, or of its own folder. It need not be there.
func (a *app) filterTest(arg string, given config.Settings) error {
	s, err := a.setup(given)
	if err != nil {
		return err
	}

	if _, err := s.filter(); err != nil {
		return err
	}

	path, err := resolvedPath(arg)
	if err != nil {
		return err
	}

	out := filtered{Path: path}
	root, own := outermost(filepath.Dir(path)), config.Selection{}
	if w := config.WatchOf(s.file.Watch, path); w != nil {
		root, own, out.Watch = w.Path, w.Selection, w.ID
	}

	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}

	rules, err := local.WatchRules(own, s.settings)
	if err != nil {
		return err
	}

	book, err := watcher.NewBook(root, rules, 0, nil)
	if err != nil {
		return err
	}

	found := book.Find(filepath.ToSlash(rel), os.IsPathSeparator(arg[len(arg)-1]))
	switch {
	case found.Err != nil:
		out.Rule = found.Err.Error()
	case found.Held != nil && found.Held.Err != nil:
		out.Rule = found.Held.Error()
	case found.Wait > 0:
		out.Rule = "min-age " + rules.MinAge().String()
	default:
		out.Rule = found.Rule
	}

	out.Ignored = out.Rule != ""
	if out.Ignored {
		out.Origin = s.ruleOrigin(found.Rule, own)
	}

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

// outermost is the outermost folder at or above dir that has a rule file; dir where none has.
func outermost(dir string) string {
	found := dir
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := disk.Ask(at, disk.Patience, func() (fs.FileInfo, error) {
			return os.Lstat(filepath.Join(at, watcher.IgnoreFile))
		}); err == nil {
			found = at
		}

		if at == filepath.Dir(at) {
			return found
		}
	}
}

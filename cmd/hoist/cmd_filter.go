package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
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

	var own config.Settings
	if which != "" {
		id, err := whichWatch(s.file.Watch, which)
		if err != nil {
			return err
		}

		for _, w := range s.file.Watch {
			if w.ID == id {
				own = w.Settings()
			}
		}
	}

	rules, err := local.WatchRules(own, s.settings)
	if err != nil {
		return err
	}

	for _, p := range rules.Patterns() {
		if a.flags.json {
			if err := a.printJSON(map[string]string{"pattern": p}); err != nil {
				return err
			}

			continue
		}

		a.printf("%s\n", printable(p))
	}

	return nil
}

// filtered is what filter test prints with --json.
type filtered struct {
	Path    string `json:"path"`
	Ignored bool   `json:"ignored"`
	Rule    string `json:"rule,omitempty"`
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
	root, own := outermost(filepath.Dir(path)), config.Settings{}
	if w := config.WatchOf(s.file.Watch, path); w != nil {
		root, own, out.Watch = w.Path, w.Settings(), w.ID
	}

	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}

	rules, err := local.WatchRules(own, s.settings)
	if err != nil {
		return err
	}

	info, err := os.Stat(path)
	dir := err == nil && info.IsDir()
	var snap *state.Snapshot
	if err == nil && info.Mode().IsRegular() {
		if one, err := state.SnapshotPath(path); err == nil { // one that is gone by now has no size
			snap = &one
		}
	}

	book, err := watcher.NewBook(root, rules, 0, nil)
	if err != nil {
		return err
	}

	out.Rule = local.Against(book, filepath.ToSlash(rel), dir, snap)
	out.Ignored = out.Rule != ""
	switch {
	case a.flags.json:
		return a.printJSON(out)
	case out.Ignored:
		a.printf("%s: ignored by %s\n", printable(path), printable(out.Rule))
	default:
		a.printf("%s: taken\n", printable(path))
	}

	return nil
}

// outermost is the outermost folder at or above dir that has a rule file; dir where none has.
func outermost(dir string) string {
	found := dir
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, watcher.IgnoreFile)); err == nil {
			found = at
		}

		if at == filepath.Dir(at) {
			return found
		}
	}
}

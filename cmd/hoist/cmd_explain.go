package main

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/watcher/content"
	"hoist/watcher/disk"
)

func newExplainCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain PATH",
		Short: "Why a file is in its state",
		Long: `explain tells of one file which watch it lies in, which rule leaves it out, what
was last published of it, the job that is on it, what that waits for, when it is
tried again and which command would fix it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args[0]) },
	}
}

func (a *app) explain(ctx context.Context, arg string) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	path, err := resolvedPath(arg, s.file.Watch)
	if err != nil {
		return err
	}

	return a.with(ctx, "explain", func(api control.API) error {
		e, err := api.Explain(ctx, path)
		if err != nil {
			return err
		}

		if e.Rule != "" {
			e.Origin = s.explainedOrigin(e)
		}

		if a.flags.json {
			return a.printJSON(e)
		}

		a.printExplanation(api, e)

		return nil
	})
}

// resolvedPath is a path absolute and with the links of its folder resolved, as watches have
// theirs; a link below a watched folder stays, as it is not followed there. The file need not be there.
func resolvedPath(arg string, watches []config.Watch) (string, error) {
	path, err := absPath(arg)
	if err != nil {
		return "", err
	}

	dir, err := local.Resolve(filepath.Dir(path))
	if err == nil && dir == filepath.Dir(path) {
		return path, nil
	}

	for at := range above(path) {
		root, e := local.Resolve(at)
		if errors.Is(e, disk.ErrSilent) {
			break
		}

		if w := config.WatchOf(watches, root); e == nil && w != nil && w.Path == root {
			return filepath.Join(root, path[len(at):]), nil
		}
	}

	if err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}

	return path, nil
}

// above yields the folders that a path lies in, the outermost first.
func above(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(path) {
			if i > 0 && os.IsPathSeparator(path[i]) && !yield(path[:i]) {
				return
			}
		}
	}
}

// explainedOrigin says where the rule comes from that leaves a file out.
func (s *setup) explainedOrigin(e control.Explanation) string {
	var own config.Selection
	if w := config.WatchOf(s.file.Watch, e.Path); w != nil {
		own = w.Selection
	}

	return s.ruleOrigin(e.Rule, own)
}

func (a *app) printExplanation(api control.API, e control.Explanation) {
	a.printf("%s: %s\n", printable(e.Path), e.State)
	a.printf("  %s%s\n", printable(oneLine(e.Detail)), originText(e.Origin))
	if e.Reason != "" {
		a.printf("  reason: %s", e.Reason)
		if e.Sentence != "" {
			a.printf(": %s", e.Sentence)
		}

		a.printf("\n")
	}

	if e.NextAttempt != nil {
		a.printf("  next attempt: %s\n", nextText(api, *e.NextAttempt))
	}

	if e.Fix != "" {
		a.printf("  fix: %s\n", printable(e.Fix))
	}

	if e.Remote != "" {
		a.printf("  remote: %s\n", printable(e.Remote))
	}

	if e.Watch != nil {
		a.printf("  watch: %s %s: %s\n", e.Watch.ID, printable(e.Watch.Path), watchText(*e.Watch))
	}

	if r := e.Record; r != nil {
		a.printf("  last published: %s", count(int(r.Size), "byte", "bytes"))
		if r.VersionNumber > 0 {
			a.printf(", version %d", r.VersionNumber)
		}

		if r.Published != nil {
			a.printf(", %s", r.Published.Local().Format(time.DateTime))
		}

		a.printf("\n")
		if r.Unproven {
			a.printf("  adopted: name and size are equal at both ends, the contents are compared when " +
				"there is time\n")
		}

		if r.Sign != "" {
			a.printf("  doubtful: %s\n", content.Sign(r.Sign).Sentence())
		}
	}
}

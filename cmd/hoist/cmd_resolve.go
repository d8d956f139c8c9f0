package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer/remote"
)

type resolveOptions struct {
	transferFlags
	keep      string
	asVersion bool
}

func newResolveCmd(a *app) *cobra.Command {
	var o resolveOptions
	cmd := &cobra.Command{
		Use:         "resolve PATH --keep mine|theirs|both",
		Annotations: sumsUp,
		Short:       "Go on with a file that was changed at both ends",
		Long: `resolve decides a conflict of "hoist conflicts".

mine: this file becomes the newest version; theirs stays as the one before.
theirs: the cloud's version comes here; this file is kept as NAME~DATE-TIME.EXT.
both: this file is kept beside as "NAME (conflict WHO YYYY-MM-DD HHMM).EXT", here
and in the cloud, and the cloud's version comes here; with --as-version it
becomes a version of the same file instead, below theirs.

Nothing that anyone saved is lost by any of them.`,
		Example: "  hoist resolve plans/tower.rvt --keep both\n  hoist resolve plans/tower.rvt --keep theirs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch o.keep {
			case keepMine, keepTheirs, keepBoth:
			case "":
				return problem.Usagef("say which to keep: --keep mine, theirs or both")
			default:
				return problem.Usagef("--keep %q is none of mine, theirs and both", o.keep)
			}

			if o.asVersion && o.keep != keepBoth {
				return problem.Usagef("--as-version goes with --keep both")
			}

			return a.resolve(cmd.Context(), o, args[0])
		},
	}
	cmd.Flags().StringVar(&o.keep, "keep", "", "which content the name has afterwards: mine, theirs or both")
	cmd.Flags().BoolVar(&o.asVersion, "as-version", false,
		"with both: ours becomes a version, not a file beside")
	completeValues(cmd, "keep", keepMine, keepTheirs, keepBoth)

	return cmd
}

// What resolve keeps.
const (
	keepMine   = "mine"
	keepTheirs = "theirs"
	keepBoth   = "both"
)

func (a *app) resolve(ctx context.Context, o resolveOptions, arg string) error {
	path, err := absPath(arg)
	if err != nil {
		return err
	}

	found, err := a.findConflicts(ctx, func(p string) bool { return p == path })
	if err != nil {
		return err
	}

	if len(found) == 0 {
		return fail(problem.NotFound, fmt.Errorf("%s is not in conflict", path),
			`"hoist conflicts" lists what is`)
	}

	c := found[0]
	address, err := remote.ParseAddress(c.Remote)
	if err != nil {
		return err
	}

	if o.keep != keepTheirs {
		if _, err := a.mayChange(ctx, c.Remote); err != nil {
			return err
		}
	}

	// A push goes on with the job that waits for the decision; anything else takes its place.
	push := o.keep == keepMine || o.asVersion
	if !push || c.kind == string(state.Download) {
		if err := a.with(ctx, "resolve", func(api control.API) error {
			_, err := api.Act(ctx, c.ID, control.Cancel)
			return err
		}); err != nil {
			return err
		}
	}

	switch {
	case o.keep == keepMine:
		return a.sendAs(ctx, o, c.Path, address)
	case o.keep == keepTheirs:
		return a.fetchTheirs(ctx, o, c, true)
	case o.asVersion:
		return a.stackBoth(ctx, o, c, address)
	}

	return a.keepBeside(ctx, o, c, address)
}

// sendAs makes a local file the newest version of a remote one.
func (a *app) sendAs(ctx context.Context, o resolveOptions, path string, at remote.Address) error {
	t, err := a.newTransfer("resolve", o.transferFlags, at.Parent().String())
	if err != nil {
		return err
	}

	req := control.PushRequest{Profile: t.s.profile, Paths: []string{path}, Remote: at.Parent().String(),
		Force: true, Batch: t.batch}
	if filepath.Base(path) != at.Base() {
		req.As = at.Base()
	}

	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) { return api.Push(ctx, req) }

	return t.run(ctx)
}

// fetchTheirs brings the cloud's content here.
func (a *app) fetchTheirs(ctx context.Context, o resolveOptions, c conflict, overwrite bool) error {
	t, err := a.newTransfer("resolve", o.transferFlags, c.Remote)
	if err != nil {
		return err
	}

	req := control.PullRequest{Profile: t.s.profile, Remote: t.remote.String(), Path: c.Path,
		Overwrite: overwrite, Force: true, Batch: t.batch}
	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) { return api.Pull(ctx, req) }

	return t.run(ctx)
}

// stackBoth publishes ours on top of theirs, makes theirs the newest again, and brings it here.
func (a *app) stackBoth(ctx context.Context, o resolveOptions, c conflict, at remote.Address) error {
	found := []conflict{c}
	if err := a.lookAtTheirs(ctx, found); err != nil {
		return err
	}

	theirs := found[0].Theirs
	if theirs == nil || theirs.Version == 0 {
		return problem.Usagef("%s has no versions: keep both without --as-version", c.Remote)
	}

	if err := a.sendAs(ctx, o, c.Path, at); err != nil {
		return err
	}

	if err := a.restore(ctx, c.Remote, theirs.Version); err != nil {
		return err
	}

	return a.fetchTheirs(ctx, o, c, true)
}

// keepBeside gives our file a name that tells, and brings theirs under the old one. The file beside
// goes to the cloud too: by its watch, or here.
func (a *app) keepBeside(ctx context.Context, o resolveOptions, c conflict, at remote.Address) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	info, err := os.Stat(c.Path)
	if err != nil {
		return err
	}

	beside, err := freeName(c.Path, whoAmI(), info.ModTime())
	if err != nil {
		return err
	}

	if err := os.Rename(c.Path, beside); err != nil {
		return err
	}

	if err := a.fetchTheirs(ctx, o, c, false); err != nil {
		if _, gone := os.Lstat(c.Path); errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, os.Rename(beside, c.Path))
		}

		return err
	}

	if !a.flags.quiet {
		fmt.Fprintf(a.stderr, "ours is kept as %s\n", printable(beside))
	}

	if config.WatchOf(s.file.Watch, c.Path) != nil {
		return nil
	}

	return a.sendAs(ctx, o, beside, at.Parent().Join(filepath.Base(beside)))
}

// freeName is the name of ours beside a file of which theirs stays.
func freeName(path, who string, at time.Time) (string, error) {
	ext := filepath.Ext(path)
	base := fmt.Sprintf("%s (conflict %s %s)", strings.TrimSuffix(path, ext), who,
		at.Format("2006-01-02 1504"))
	for n := 1; n < 100; n++ {
		name := base + ext
		if n > 1 {
			name = fmt.Sprintf("%s %d%s", base, n, ext)
		}

		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}

	return "", fmt.Errorf("%s: a hundred conflicts of it lie beside it", path)
}

// whoAmI is the user of this machine, as part of a file name.
func whoAmI() string {
	u, err := user.Current()
	if err != nil {
		return "here"
	}

	name := u.Username[strings.LastIndexAny(u.Username, `\/`)+1:] // DOMAIN\user

	return cmp.Or(remote.MapName(name), "here")
}

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
)

// filesFrom0 is the flag for a list whose paths may hold anything.
const filesFrom0 = "files-from0"

type pushOptions struct {
	transferFlags
	as        string
	filesFrom string
	from0     string
	immutable bool
}

func newPushCmd(a *app) *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use:         "push PATH… REMOTE",
		Annotations: sumsUp,
		Aliases:     []string{"upload"},
		Short:       "Upload files and folders; resumable, and nothing that is unchanged is sent",
		Long: `Upload files and folders to a remote folder (aps://HUB/PROJECT/FOLDER…) or key
prefix (oss://BUCKET/PREFIX).

A file lands under its name; --as renames a single one. A folder lands under its
name too, its contents do where the path ends in a slash: "push plans
aps://…/Files" makes …/Files/plans/…, "push plans/ aps://…/Files" does not.
What is interrupted is kept: "hoist resume" goes on with it, and so does the
same push. "push - oss://B/K" sends standard input while it comes, and makes the
object at its end; that cannot be gone on with.`,
		Example: "  hoist push plans/ \"aps://Studio/Tower/Project Files/Plans\"\n  hoist push model.rvt " +
			"--as tower.rvt aps://Studio/Tower/Models",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && o.filesFrom == "" && o.from0 == "" {
				return errors.New("no PATH or no REMOTE") // explainArgs says it
			}

			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.push(cmd.Context(), o, args) },
	}
	o.addAll(cmd)
	f := cmd.Flags()
	f.StringVar(&o.as, "as", "", "name at the remote end, for a single file")
	f.StringVar(&o.filesFrom, "files-from", "",
		"file with paths to push, one a line (-: standard input); below PATH where a folder is given")
	f.StringVar(&o.from0, filesFrom0, "",
		"the same, with a zero byte after each path, as find -print0 writes")
	cmd.MarkFlagsMutuallyExclusive("files-from", filesFrom0)
	f.BoolVar(&o.ahead, "forecast", false,
		"do nothing, and say when each file would be done; with --until or --max-duration also what "+
			"would not be by then (exit 7)")
	f.BoolVar(&o.immutable, "immutable", false,
		"files that are there already stay as they are, whatever they hold")
	addMapNames(f, &o.settings)

	return cmd
}

func (a *app) push(ctx context.Context, o pushOptions, args []string) error {
	o.dryRun = o.dryRun || o.ahead
	if err := a.awaitConfiguration(ctx); err != nil {
		return err
	}

	t, err := a.newTransfer("push", o.transferFlags, args[len(args)-1])
	if err != nil {
		return err
	}

	ctx, cancel, err := o.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()

	most, cautious, err := o.most()
	if err != nil {
		return err
	}

	req := control.PushRequest{
		Profile: t.s.profile, Remote: t.remote.String(), As: o.as, Force: o.force, Keep: o.immutable,
		MapNames: t.s.settings.MapsNames(), OrderBy: o.orderBy, Most: most, Cautious: cautious,
		DryRun: o.dryRun, When: o.ahead, Filter: t.filter, Batch: t.batch,
	}
	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) { return api.Push(ctx, req) }
	if o.dryRun {
		t.forecast = func(ctx context.Context, api control.API) (control.PreflightReport, error) {
			return api.Preflight(ctx, req)
		}
	}

	if o.ahead {
		if t.by, err = o.end(); err != nil {
			return err
		}
	}

	if o.immutable && o.force {
		return problem.Usagef("--immutable and --force contradict each other")
	}

	paths := args[:len(args)-1]
	if slices.Contains(paths, "-") {
		if len(paths) > 1 || o.filesFrom != "" || o.from0 != "" {
			return problem.Usagef("standard input (-) goes alone: push - oss://BUCKET/KEY")
		}

		return a.pushStdin(ctx, t, req)
	}

	if err := a.pushPaths(&req, o, paths); err != nil {
		return err
	}

	t.send = func(ctx context.Context, at *owner.Owner, to owner.Sending) error {
		return at.Send(ctx, req, to)
	}

	return t.run(ctx)
}

// pushPaths fills in what is to be pushed.
func (a *app) pushPaths(req *control.PushRequest, o pushOptions, paths []string) error {
	flag, name := "files-from", o.filesFrom
	if o.from0 != "" {
		flag, name = filesFrom0, o.from0
	}

	var listed []string
	if name != "" {
		var err error
		if listed, err = a.readList(flag, name); err != nil {
			return err
		}

		switch {
		case len(listed) == 0:
			return problem.Usagef("nothing to push: %s lists no files", name)
		case len(paths) == 0:
			paths, listed, req.Listed = listed, nil, true
		case len(paths) > 1:
			return problem.Usagef("--%s goes with one folder or none, not with %d paths", flag, len(paths))
		}

		if info, err := os.Stat(paths[0]); len(listed) > 0 && err == nil && !info.IsDir() {
			return problem.Usagef("--%s goes with one folder or none, and %s is a file", flag, paths[0])
		}
	}

	for _, p := range paths {
		abs, err := absolute(p)
		if err != nil {
			return err
		}

		req.Paths = append(req.Paths, abs)
	}

	req.Files = listed

	return nil
}

// absolute keeps what a trailing slash says: the contents of a folder rather than the folder.
func absolute(p string) (string, error) {
	abs, err := absPath(p)
	if err != nil {
		return "", err
	}

	contents := os.IsPathSeparator(p[len(p)-1])
	if base := filepath.Base(p); p == "." || base == "." || strings.HasSuffix(filepath.ToSlash(p), "/.") ||
		p == ".." || base == ".." {
		contents = true
	}

	if contents && !os.IsPathSeparator(abs[len(abs)-1]) {
		abs += string(filepath.Separator)
	}

	return abs, nil
}

package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
)

type pullOptions struct {
	transferFlags
	version   int
	overwrite bool
	noMtime   bool
	single    bool // of copyto
}

func newPullCmd(a *app) *cobra.Command {
	var o pullOptions
	cmd := &cobra.Command{
		Use:         "pull REMOTE PATH",
		Annotations: sumsUp,
		Aliases:     []string{"download"},
		Short:       "Download files and folders; resumable and verified",
		Long: `Download a remote file or folder.

A folder's contents go into PATH, which is made if missing; a file becomes PATH,
or PATH/NAME where PATH is a folder. PATH "-" writes a file to standard output
while it is fetched.
A local file that differs from what was last synced stays as it is and is
reported (exit 3); --overwrite replaces it and keeps the old one as
NAME~DATE-TIME.EXT. A file has the time of its version, unless --no-mtime.`,
		Example: "  hoist pull \"aps://Studio/Tower/Project Files/Plans\" plans\n  hoist pull " +
			"aps://Studio/Tower/Models/tower.rvt --version 3 .",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("version") && o.version < 1 {
				return problem.Usagef("--version %d: versions count from 1", o.version)
			}

			return a.pull(cmd.Context(), o, args[0], args[1])
		},
	}
	o.addAll(cmd)
	f := cmd.Flags()
	f.IntVar(&o.version, "version", 0, "version of a file (default: the newest)")
	f.BoolVar(&o.overwrite, "overwrite", false,
		"replace local files that differ, keeping the old ones beside")
	addNoMtime(f, &o)
	addMapNames(f, &o.settings)
	f.Lookup("map-names").Usage = "as of push; names that this system cannot hold are mapped in any case"

	return cmd
}

func addNoMtime(f *pflag.FlagSet, o *pullOptions) {
	f.BoolVar(&o.noMtime, "no-mtime", false,
		"files get the time when they came, not that of their versions")
}

func (a *app) pull(ctx context.Context, o pullOptions, from, path string) error {
	t, err := a.newTransfer("pull", o.transferFlags, from)
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

	req := control.PullRequest{
		Profile: t.s.profile, Remote: t.remote.String(), Version: o.version, Overwrite: o.overwrite,
		OwnTime: o.noMtime, Single: o.single, OrderBy: o.orderBy, Most: most, Cautious: cautious,
		Force: o.force, DryRun: o.dryRun, Filter: t.filter, Batch: t.batch,
	}
	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) { return api.Pull(ctx, req) }
	if path == "-" {
		return a.pullStdout(ctx, t, req)
	}

	if req.Path, err = absPath(path); err != nil {
		return err
	}

	if os.IsPathSeparator(path[len(path)-1]) {
		req.Path += string(filepath.Separator)
	}

	t.send = func(ctx context.Context, at *owner.Owner, to owner.Sending) error {
		return at.Fetch(ctx, req, to)
	}

	return t.run(ctx)
}

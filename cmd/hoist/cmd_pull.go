package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
)

type pullOptions struct {
	transferFlags
	version   int
	overwrite bool
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
or PATH/NAME where PATH is a folder. PATH "-" writes a file to standard output.
A local file that differs from what was last synced stays as it is and is
reported (exit 3); --overwrite replaces it and keeps the old one as
NAME~DATE-TIME.EXT.`,
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

	return cmd
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
	req := control.PullRequest{
		Profile: t.s.profile, Remote: t.remote.String(), Version: o.version, Overwrite: o.overwrite,
		Force: o.force, DryRun: o.dryRun, Filter: t.filter, Batch: t.batch,
	}
	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) { return api.Pull(ctx, req) }
	if path == "-" {
		return a.pullStdout(ctx, t, &req)
	}

	if req.Path, err = absPath(path); err != nil {
		return err
	}

	if os.IsPathSeparator(path[len(path)-1]) {
		req.Path += string(filepath.Separator)
	}

	return t.run(ctx)
}

// pullStdout fetches a file into the home and copies it to standard output once it is whole and
// verified.
func (a *app) pullStdout(ctx context.Context, t *transferRun, req *control.PullRequest) error {
	if t.detach || req.DryRun {
		return problem.Usagef("standard output takes neither --detach nor --dry-run")
	}

	if err := t.s.home.Ensure(); err != nil {
		return err
	}

	req.Path = filepath.Join(t.s.home.Streams(), "stdout-"+req.Batch)
	req.Filter = control.Filter{}
	t.silent = true
	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) {
		look := *req
		look.DryRun = true
		plan, err := api.Pull(ctx, look)
		if err != nil {
			return plan, err
		}

		if len(plan.Files) != 1 || plan.Files[0].Path != req.Path {
			return plan, problem.Usagef("%s is a folder: standard output takes a single file", req.Remote)
		}

		return api.Pull(ctx, *req)
	}
	err := t.run(ctx)
	if err == nil {
		err = a.copyOut(req.Path)
	}

	if e := os.Remove(req.Path); !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}

	return err
}

func (a *app) copyOut(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(a.stdout, f); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}

	return nil
}

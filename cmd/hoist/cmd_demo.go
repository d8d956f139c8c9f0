package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/demo"
	"hoist/cmd/hoist/internal/problem"
)

func newDemoCmd(a *app) *cobra.Command {
	var size string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch the main job run offline: upload, kill, resume, download, compare",
		Long: `demo starts a local APS, makes a set of drawings, and lets a daemon publish
them; saves over some, kills the daemon in the middle of a large one, starts it
again, and pulls everything back. Each step is said and checked. It needs no
account and no network, ignores APS_* and HOIST_*, takes less than two minutes
and about 2 GB of the temporary folder, and leaves nothing behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			large, err := config.ParseSize(size)
			if err != nil || large < demo.MinLarge {
				return problem.Usagef("--size %q: it is at least %dM", size, demo.MinLarge>>20)
			}

			binary, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}

			err = demo.Run(cmd.Context(),
				demo.Config{Binary: binary, Environ: a.environ, Out: a.stdout, Large: large})
			if errors.Is(err, problem.ErrInterrupted) {
				return fail(problem.Interrupted, err,
					"the demonstration left nothing behind; run it again when you like")
			}

			return err
		},
	}
	cmd.Flags().StringVar(&size, "size", fmt.Sprintf("%dM", demo.DefaultLarge>>20),
		"size of the large drawing")

	return cmd
}

package main

import (
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
)

func newCatCmd(a *app) *cobra.Command {
	var o pullOptions
	cmd := &cobra.Command{
		Use:   "cat REMOTE",
		Short: "Write the content of a remote file to standard output",
		Long: `cat is "hoist pull REMOTE -": the content is written while it is fetched, and
compared with what the service says of it at the end.`,
		Example: "  hoist cat oss://my-bucket/backup.tar | tar t",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("version") && o.version < 1 {
				return problem.Usagef("--version %d: versions count from 1", o.version)
			}

			a.flags.quiet = true

			return a.pull(cmd.Context(), o, args[0], "-")
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.version, "version", 0, "version of a file (default: the newest)")
	f.StringVar(&o.settings.BWLimit, "bwlimit", "", "bandwidth, as of pull")
	o.addTime(f)

	return cmd
}

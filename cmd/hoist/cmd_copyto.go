package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newCopytoCmd(a *app) *cobra.Command {
	var o pushOptions
	var p pullOptions
	cmd := &cobra.Command{
		Use:         "copyto SRC DST",
		Annotations: sumsUp,
		Short:       "Send or fetch one file under another name",
		Long: `copyto sends the file SRC to the remote DST, or fetches the remote SRC to the file
DST: DST is the whole new name, not a folder. It is "hoist push --as" and "hoist
pull" in one form. A local path inside a watch stands for its remote where the
other one lies in none.`,
		Example: "  hoist copyto model.rvt aps://Studio/Tower/Models/tower.rvt\n  hoist copyto " +
			"oss://my-bucket/a.zip b.zip",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.transferFlags = o.transferFlags
			return a.copyto(cmd.Context(), o, p, args[0], args[1])
		},
	}
	o.addAll(cmd)
	cmd.Flags().BoolVar(&p.overwrite, "overwrite", false,
		"replace a local file that differs, keeping the old one beside")
	addNoMtime(cmd.Flags(), &p)
	addMapNames(cmd.Flags(), &o.settings)

	return cmd
}

func (a *app) copyto(ctx context.Context, o pushOptions, p pullOptions, from, to string) error {
	named := to
	if !strings.Contains(from+to, "://") {
		var err error
		if from, to, err = a.oneRemote(from, to); err != nil {
			return err
		}
	}

	up, down := strings.Contains(to, "://"), strings.Contains(from, "://")
	switch {
	case up == down:
		return problem.Usagef("copyto takes a local file and a remote, one of each")
	case strings.HasSuffix(named, "/") ||
		!strings.Contains(named, "://") && named != "" && os.IsPathSeparator(named[len(named)-1]):
		return problem.Usagef("%s is a folder: copyto takes the whole new name", named)
	case up:
		address, err := remote.ParseAddress(to)
		if err != nil {
			return err
		}

		if info, err := os.Stat(from); err == nil && info.IsDir() {
			return problem.Usagef("%s is a folder: copyto takes one file", from)
		}

		if p.overwrite || p.noMtime {
			return problem.Usagef("--overwrite and --no-mtime are for what is fetched")
		}

		o.as = address.Base()

		return a.push(ctx, o, []string{from, address.Parent().String()})
	}

	if info, err := os.Stat(to); err == nil && info.IsDir() {
		return problem.Usagef("%s is a folder: copyto takes the whole new name", to)
	}

	p.single = true

	return a.pull(ctx, p, from, to)
}

// oneRemote finds which of two local paths stands for its remote: the one that lies in a watch, when the
// other does not.
func (a *app) oneRemote(from, to string) (string, string, error) {
	set, err := a.setup(config.Settings{})
	if err != nil {
		return from, to, err
	}

	var ends [2]string
	for i, arg := range []string{from, to} {
		path, err := absPath(arg)
		if err != nil {
			return from, to, err
		}

		address, ok, err := mapped(set.file.Watch, path)
		if err != nil {
			return from, to, err
		}

		if ok {
			ends[i] = address.String()
		}
	}

	switch {
	case ends[0] != "" && ends[1] == "":
		from = ends[0]
	case ends[0] == "" && ends[1] != "":
		to = ends[1]
	}

	return from, to, nil
}

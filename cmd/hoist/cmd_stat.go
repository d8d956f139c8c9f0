package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newStatCmd(a *app) *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:   "stat REMOTE",
		Short: "Show ids, size, version and times of one remote thing",
		Long: `stat shows what is known of a hub, project, folder, file, bucket or object: its
ids, and of a file its size, version and storage. A local path inside a watch
stands for its remote.`,
		Example: `  hoist stat "aps://My Account/My Project/Project Files/plan.dwg"`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.stat(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.BoolVarP(&o.long, "long", "l", false, "in one line: type, size, version, time and name")
	f.BoolVar(&o.allVersions, "all-versions", false, "and every version of a file, the newest first")

	return cmd
}

func (a *app) stat(ctx context.Context, address string, o lsOptions) error {
	l, err := a.look(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()
	if k := l.place.Kind; k == remote.KindRoot || k == remote.KindBuckets {
		return fail(problem.Usage, fmt.Errorf("%s is no one thing", address),
			"\"hoist ls "+address+"\" lists what is there; stat shows one of it")
	}

	e := l.place.Entry()
	out := a.newListing(o.long)
	defer out.flush()

	if a.flags.json || o.long {
		err = out.add(e, e.Name)
	} else {
		err = a.statRows(e)
	}

	if err != nil || !o.allVersions {
		return err
	}

	return l.addVersions(ctx, out, e, "  ")
}

// statRows prints what is known of one thing, a row each.
func (a *app) statRows(e remote.Entry) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, printable(value))
		}
	}
	row("name", e.Name)
	row("type", typeName(e.Type))
	row("remote", e.Place.Address.String())
	row("id", e.ID)
	if e.Size >= 0 && hasSize(e.Type) {
		row("size", fmt.Sprintf("%s (%d bytes)", humanize.IBytes(uint64(e.Size)), e.Size))
	}

	if e.VersionNumber > 0 {
		row("version", fmt.Sprintf("%d", e.VersionNumber))
	}

	row("version id", e.VersionID)
	row("storage id", e.StorageID)
	row("sha1", e.SHA1)
	row("modified", rfc3339(e.Modified))
	if e.Hidden {
		row("hidden", "yes")
	}

	return w.Flush()
}

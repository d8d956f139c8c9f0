package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hoist/cmd/hoist/internal/config"
	"hoist/transfer/remote"
)

type lsOptions struct {
	long        bool // type, size, version and time beside the name
	allVersions bool // every version of a file, the newest first
}

func newLsCmd(a *app) *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:   "ls [REMOTE]",
		Short: "List hubs, projects, folders, files, buckets and objects",
		Long: `ls lists what is at REMOTE: the hubs at aps:// (also without REMOTE, unless the
profile names a hub), the buckets at oss://, else what a hub, project, folder,
bucket or key prefix holds. A local path inside a watch stands for its remote.
Hidden things are not shown.`,
		Example: `  hoist ls aps://
  hoist ls -l "aps://My Account/My Project/Project Files"
  hoist ls oss://my-bucket/drawings`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := a.defaultRemote(args)
			if err != nil {
				return err
			}

			return a.ls(cmd.Context(), address, o)
		},
	}
	o.add(cmd.Flags())

	return cmd
}

func (o *lsOptions) add(f *pflag.FlagSet) {
	f.BoolVarP(&o.long, "long", "l", false, "type, size, version and time of each")
	f.BoolVar(&o.allVersions, "all-versions", false, "every version of each file, the newest first")
}

// defaultRemote is the REMOTE that was given, else the hub of the profile, else all hubs.
func (a *app) defaultRemote(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}

	s, err := a.setup(config.Settings{})
	if err != nil {
		return "", err
	}

	p, err := config.LoadProfile(s.home, s.profile)
	if err != nil || p.Hub == "" {
		return remote.Address{Scheme: remote.SchemeAPS}.String(), err
	}

	return remote.Address{Scheme: remote.SchemeAPS, Steps: []string{p.Hub}}.String(), nil
}

func (a *app) ls(ctx context.Context, address string, o lsOptions) error {
	l, err := a.look(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()

	out := a.newListing(o.long)
	defer out.flush()

	for e, err := range inOrder(ctx, l.Resolver, l.place) {
		if err != nil {
			return err
		}

		if err := out.add(e, e.Name); err != nil {
			return err
		}

		if o.allVersions {
			if err := l.addVersions(ctx, out, e, "  "); err != nil {
				return err
			}
		}
	}

	return nil
}

// addVersions adds the versions of a file to a listing, the newest first; nothing else has any.
func (l *looked) addVersions(ctx context.Context, out *listing, e remote.Entry, indent string) error {
	if e.Type != remote.KindItem {
		return nil
	}

	for v, err := range l.client.Items.Versions(ctx, e.Place.Project.ID, e.Place.Item.ID) {
		if err != nil {
			return fmt.Errorf("%s: %w", e.Place.Address, err)
		}

		name := fmt.Sprintf("%sversion %d", indent, v.Number)
		if err := out.add(remote.VersionEntry(e.Place, v), name); err != nil {
			return err
		}
	}

	return nil
}

// inOrder is what is directly in a place, by name whatever its letter case. Objects come sorted from
// the service, and may be too many to wait for.
func inOrder(ctx context.Context, r *remote.Resolver, p remote.Place) iter.Seq2[remote.Entry, error] {
	all := r.List(ctx, p)
	if p.Address.OSS() {
		return all
	}

	return func(yield func(remote.Entry, error) bool) {
		var entries []remote.Entry
		for e, err := range all {
			if err != nil {
				yield(e, err)
				return
			}

			entries = append(entries, e)
		}

		slices.SortStableFunc(entries, func(a, b remote.Entry) int {
			return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)),
				strings.Compare(a.Name, b.Name))
		})

		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/apsclient"
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
		Long: `ls lists what is at REMOTE: the hubs at aps:// (also without REMOTE, unless the profile names a hub), the buckets at oss://, else what a hub, project, folder, bucket
or key prefix holds. A local path inside a watch stands for its remote. Hidden things are not shown.`,
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
	f := cmd.Flags()
	f.BoolVarP(&o.long, "long", "l", false, "type, size, version and time of each")
	f.BoolVar(&o.allVersions, "all-versions", false, "every version of each file, the newest first")

	return cmd
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
		return "aps://", err
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

	for e, err := range l.List(ctx, l.place) {
		if err != nil {
			return err
		}

		if err := out.add(e, e.Name); err != nil {
			return err
		}

		if !o.allVersions || e.Type != remote.KindItem {
			continue
		}

		for v, err := range l.client.Items.Versions(ctx, e.Place.Project.ID, e.Place.Item.ID) {
			if err != nil {
				return fmt.Errorf("list the versions of %s: %w", e.Place.Address, err)
			}

			if err := out.add(remote.VersionEntry(e.Place, v),
				fmt.Sprintf("  version %d", v.Number)); err != nil {
				return err
			}
		}
	}

	return nil
}

// looked is a remote that was looked up, and what it takes to look further. The caller calls done
// in the end.
type looked struct {
	*remote.Resolver
	client *apsclient.Client
	log    *slog.Logger
	place  remote.Place
	done   func()
}

// look resolves what a person wrote for a remote.
func (a *app) look(ctx context.Context, arg string) (*looked, error) {
	address, err := a.remoteAddress(arg)
	if err != nil {
		return nil, err
	}

	c, done, err := a.client(ctx)
	if err != nil {
		return nil, err
	}

	l := &looked{Resolver: remote.NewResolver(c, a.log), client: c, log: a.log, done: done}
	if l.place, err = l.Resolve(ctx, address); err != nil {
		done()
		return nil, err
	}

	return l, nil
}

// entryJSON is one line of ls, tree, stat and versions with --json: what is unknown or does not
// apply is absent.
type entryJSON struct {
	Name          string `json:"name"`
	Type          string `json:"type"`
	ID            string `json:"id,omitempty"`
	Remote        string `json:"remote,omitempty"`
	Size          *int64 `json:"size,omitempty"` // bytes
	VersionID     string `json:"version_id,omitempty"`
	VersionNumber int    `json:"version_number,omitempty"`
	StorageID     string `json:"storage_id,omitempty"`
	SHA1          string `json:"sha1,omitempty"`
	Modified      string `json:"modified,omitempty"`
	Hidden        *bool  `json:"hidden,omitempty"`
}

func newEntryJSON(e remote.Entry) entryJSON {
	j := entryJSON{Name: e.Name, Type: typeName(e.Type), ID: e.ID, Remote: e.Place.Address.String(),
		VersionID: e.VersionID, VersionNumber: e.VersionNumber,
		StorageID: e.StorageID, SHA1: e.SHA1, Modified: rfc3339(e.Modified)}
	if e.Size >= 0 && hasSize(e.Type) {
		j.Size = &e.Size
	}

	if canHide(e.Type) {
		j.Hidden = &e.Hidden
	}

	return j
}

// typeName is the contract's word for a kind of entry: a key prefix is to people what a folder is.
func typeName(kind string) string {
	if kind == remote.KindPrefix {
		return remote.KindFolder
	}

	return kind
}

func hasSize(kind string) bool {
	return kind == remote.KindItem || kind == remote.KindObject || kind == "version"
}

func canHide(kind string) bool { return kind == remote.KindItem || kind == remote.KindFolder }

// listing prints entries, as a table or as JSON lines.
type listing struct {
	app   *app
	long  bool
	table *tabwriter.Writer
}

func (a *app) newListing(long bool) *listing {
	return &listing{app: a, long: long, table: tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)}
}

// add prints one entry under the label that people see.
func (l *listing) add(e remote.Entry, label string) error {
	if l.app.flags.json {
		return l.app.printJSON(newEntryJSON(e))
	}

	label = printable(label)
	if isContainer(e.Type) {
		label += "/"
	}

	if !l.long {
		l.app.printf("%s\n", label)
		return nil
	}

	size, version := "-", "-"
	if e.Size >= 0 && hasSize(e.Type) {
		size = humanize.IBytes(uint64(e.Size))
	}

	if e.VersionNumber > 0 {
		version = "v" + strconv.Itoa(e.VersionNumber)
	}

	fmt.Fprintf(l.table, "%s\t%s\t%s\t%s\t%s\n", typeName(e.Type), size, version, localTime(e.Modified),
		label)

	return nil
}

func (l *listing) flush() { l.table.Flush() }

func isContainer(kind string) bool {
	switch kind {
	case remote.KindHub, remote.KindProject, remote.KindFolder, remote.KindBucket,
		remote.KindPrefix:
		return true
	}

	return false
}

// localTime shows a time to a person, in the local zone; "-" where it is unknown.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}

	return t.Local().Format("2006-01-02 15:04")
}

// printable takes from a remote name what could paint a terminal: control characters and direction
// marks show as U+FFFD.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}

		return unicode.ReplacementChar
	}, name)
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}

	return t.UTC().Format(time.RFC3339)
}

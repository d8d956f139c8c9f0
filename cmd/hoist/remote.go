package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

// remoteAddress reads what a user wrote for a remote: an address, or a local path inside a watch,
// which stands for its remote. The local path need not be there.
func (a *app) remoteAddress(arg string) (remote.Address, error) {
	if strings.Contains(arg, "://") { // also another scheme, which is then said
		return remote.ParseAddress(arg)
	}

	path, err := absPath(arg)
	if err != nil {
		return remote.Address{}, err
	}

	set, err := a.setup(config.Settings{})
	if err != nil {
		return remote.Address{}, err
	}

	if address, ok, err := mapped(set.file.Watch, path); ok || err != nil {
		return address, err
	}

	hint := "write a remote as aps://HUB/PROJECT/FOLDER/… or oss://BUCKET/KEY; a local path stands for " +
		"its remote only inside a watch (see \"hoist watch list\")"
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return remote.Address{}, fail(problem.NotFound,
			fmt.Errorf("%q is no remote address, and there is no such local path", arg), hint)
	}

	return remote.Address{}, fail(problem.Usage,
		fmt.Errorf("%q is no remote address, and lies in no watch", arg), hint)
}

// absPath is a local path that a user wrote, made absolute. An empty one, which an unset variable
// leaves, is not the working folder.
func absPath(arg string) (string, error) {
	if arg == "" {
		return "", problem.Usagef("an empty path")
	}

	path, err := filepath.Abs(arg)
	if err != nil {
		return "", fmt.Errorf("find %q: %w", arg, err)
	}

	return path, nil
}

// mapped is the remote of a local path that is or lies in the folder of a watch.
func mapped(watches []config.Watch, path string) (remote.Address, bool, error) {
	w := config.WatchOf(watches, path)
	if w == nil {
		return remote.Address{}, false, nil
	}

	address, err := remote.ParseAddress(w.Remote)
	if err != nil {
		return remote.Address{}, false, err
	}

	rel, err := filepath.Rel(w.Path, path)
	if err == nil && rel != "." {
		address = address.Join(strings.Split(filepath.ToSlash(rel), "/")...)
	}

	return address, true, err
}

// aKind is the kind of a place with its article.
func aKind(kind string) string {
	if strings.ContainsAny(kind[:1], "aeiou") {
		return "an " + kind
	}

	return "a " + kind
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

// look resolves what a user wrote for a remote.
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

func isContainer(kind string) bool {
	switch kind {
	case remote.KindHub, remote.KindProject, remote.KindFolder, remote.KindBucket,
		remote.KindPrefix:
		return true
	}

	return false
}

// listing prints entries, as a table or as JSON lines.
type listing struct {
	app   *app
	long  bool
	table *tabwriter.Writer
}

func (a *app) newListing(long bool) *listing {
	return &listing{app: a, long: long, table: tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)}
}

// add prints one entry under the label that users see.
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

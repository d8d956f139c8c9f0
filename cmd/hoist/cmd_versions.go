package main

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newVersionsCmd(a *app) *cobra.Command {
	var long bool
	cmd := &cobra.Command{
		Use:     "versions REMOTE",
		Short:   "List the versions of a file, the newest first",
		Example: `  hoist versions "aps://My Account/My Project/Project Files/plan.dwg"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.versions(cmd.Context(), args[0], long)
		},
	}
	cmd.Flags().BoolVarP(&long, "long", "l", false, "type, size, version and time of each")

	return cmd
}

func (a *app) versions(ctx context.Context, address string, long bool) error {
	l, err := a.lookItem(ctx, address, "versions")
	if err != nil {
		return err
	}
	defer l.done()

	out := a.newListing(long)
	defer out.flush()

	for v, err := range l.client.Items.Versions(ctx, l.place.Project.ID, l.place.Item.ID) {
		if err != nil {
			return fmt.Errorf("%s: %w", l.place.Address, err)
		}

		if err := out.add(remote.VersionEntry(l.place, v),
			fmt.Sprintf("version %d  %s  %s", v.Number, localTime(v.Modified), v.Name)); err != nil {
			return err
		}
	}

	return nil
}

// lookItem is look for what only a file in a project has.
func (a *app) lookItem(ctx context.Context, address, what string) (*looked, error) {
	l, err := a.look(ctx, address)
	if err != nil {
		return nil, err
	}

	if l.place.Kind != remote.KindItem {
		l.done()
		return nil, problem.Usagef("%s is %s: only a file in a project has %s", l.place.Address,
			aKind(l.place.Kind), what)
	}

	return l, nil
}

func newURLCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "url REMOTE",
		Short:   "Print the web link of a project, folder or file",
		Example: `  hoist url "aps://My Account/My Project/Project Files/plan.dwg"`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.url(cmd.Context(), args[0]) },
	}
}

func (a *app) url(ctx context.Context, address string) error {
	l, err := a.look(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()
	link, err := webLink(l.place)
	if err != nil {
		return err
	}

	if a.flags.json {
		return a.printJSON(map[string]string{"remote": l.place.Address.String(), "url": link})
	}

	a.printf("%s\n", link)

	return nil
}

// webLink is the page of a place in Autodesk's web application: the service's own link if it
// gave one, else the form that the Files tool of ACC uses.
func webLink(p remote.Place) (string, error) {
	if p.Kind == remote.KindItem && p.Item.Tip != nil {
		if link := cleanLink(p.Item.Tip.WebURL); link != "" {
			return link, nil
		}
	}

	if p.Project.ID == "" || p.Core {
		return "", problem.Usagef("%s has no web link that is known", p.Address)
	}

	link := url.URL{Scheme: "https", Host: "acc.autodesk.com",
		Path: "/docs/files/projects/" + strings.TrimPrefix(string(p.Project.ID), "b.")}
	q := url.Values{}
	if p.Folder.ID != "" {
		q.Set("folderUrn", string(p.Folder.ID))
	}

	if p.Kind == remote.KindItem {
		q.Set("entityId", string(p.Item.ID))
	}

	link.RawQuery = q.Encode()

	return link.String(), nil
}

// linkSecret recognises query parameters that would let in whoever has the link.
var linkSecret = regexp.MustCompile(`(?i)token|secret|signature|credential|password|^(sig|code|x-amz-.*)$`)

// cleanLink is a link of the service that can be shown and handed on: no control characters, no
// credentials. It is "" when the link is none of the web.
func cleanLink(link string) string {
	u, err := url.Parse(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return -1
		}

		return r
	}, strings.TrimSpace(link)))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}

	u.User = nil

	var kept []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && !linkSecret.MatchString(plain) {
			kept = append(kept, strings.ReplaceAll(pair, " ", "%20"))
		}
	}

	u.RawQuery = strings.Join(kept, "&")
	if linkSecret.MatchString(u.Fragment) {
		u.Fragment, u.RawFragment = "", ""
	}

	return u.String()
}

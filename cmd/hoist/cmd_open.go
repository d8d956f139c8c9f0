package main

import (
	"context"
	"fmt"
	"html"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
)

func newOpenCmd(a *app) *cobra.Command {
	var noBrowser bool
	cmd := &cobra.Command{
		Use:   "open",
		Short: "Show what moves, what waits and what needs you in a browser",
		Long: `Open the page of the daemon in a browser: what moves, what waits for what and
what needs a person, the watches, the queue with the story of each file, and the
guide. The link is printed too; it works once, within a minute, on this machine.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.open(cmd.Context(), noBrowser) },
	}
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "print the link and open nothing")

	return cmd
}

func (a *app) open(ctx context.Context, noBrowser bool) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	c, err := a.daemonOnly(ctx, s, "open")
	if err != nil {
		return err
	}
	defer c.Close()
	link, err := c.Open(ctx)
	if err != nil {
		return err
	}

	if a.flags.json {
		err = a.printJSON(link)
	} else {
		a.printf("%s\n", link.URL)
	}

	if noBrowser || err != nil {
		return err
	}

	// Everybody on this machine can see the arguments of the browser: it is given a private file.
	path := filepath.Join(s.home.State, "open.html")
	page := fmt.Sprintf("<!doctype html><title>hoist</title><meta http-equiv=\"refresh\" "+
		"content=\"0;url=%[1]s\"><p><a href=\"%[1]s\">Go on to hoist</a>", html.EscapeString(link.URL))
	if err := config.WriteFile(path, []byte(page)); err != nil {
		return err
	}

	there := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")}
	openBrowser(ctx, there.String())

	return nil
}

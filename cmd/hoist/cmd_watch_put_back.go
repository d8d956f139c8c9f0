package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
)

func newWatchPutBackCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "put-back ID|PATH|REMOTE",
		Short: "Make the versions before a mass change the newest again",
		Long: `put-back takes back what was sent of a watch before a mass change stopped it: of
each of those files the version before becomes the newest again, in the cloud.
Nothing is lost by it, and nothing changes here. A file whose newest version has
that content already is left as it is. The watch stays stopped; when
the files here are as they should be, "hoist watch resume" goes on.`,
		Example: "  hoist watch put-back ~/plans",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.putBack(cmd.Context(), args[0]) },
	}
}

func (a *app) putBack(ctx context.Context, which string) error {
	_, named, err := a.watchNamed(which)
	if err != nil {
		return err
	}

	var sent []control.SentVersion
	stopped := false
	err = a.with(ctx, "watch put-back", func(api control.API) error {
		list, err := api.Watches(ctx)
		for _, w := range list {
			if w.ID == named.ID && w.Brake != nil {
				sent, stopped = w.Brake.Sent, true
			}
		}

		return err
	})

	switch {
	case err != nil:
		return err
	case !stopped:
		return fail(problem.Usage, fmt.Errorf("watch %s was not stopped by a mass change", named.ID),
			"\"hoist restore --version N\" brings back an older version of one file")
	}

	var all []error
	for _, v := range sent {
		all = append(all, a.putBackOne(ctx, v))
	}

	return errors.Join(all...)
}

func (a *app) putBackOne(ctx context.Context, v control.SentVersion) error {
	address, err := a.remoteAddress(v.Remote)
	if err != nil {
		return err
	}

	err = a.restoreAs(ctx, address, address.Base(), restoring{version: v.Version, compare: true})
	if errors.Is(err, errIsTip) {
		return a.reportChange(address, "unchanged")
	}

	return err
}

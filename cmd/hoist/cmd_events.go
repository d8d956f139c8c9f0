package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
)

func newEventsCmd(a *app) *cobra.Command {
	var follow bool
	var since uint64
	cmd := &cobra.Command{
		Use:   "events",
		Short: "What changes, as it changes",
		Long: `Print what changed after --since INDEX, or where things stand, and end; with
--follow, go on with what changes from then on, until interrupted. Each event has
an index, from which a later run goes on: no change is told twice or left out.
What lies further back than is remembered is told as lost: list the jobs then.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if follow {
				if !cmd.Flags().Changed("since") {
					since = control.FromNow
				}

				return a.followEvents(cmd.Context(), since)
			}

			return a.with(cmd.Context(), "events", func(api control.API) error {
				return a.events(cmd.Context(), api, since)
			})
		},
	}
	cmd.Flags().BoolVar(&follow, "follow", false, "go on until interrupted; needs a daemon or another "+
		"command that has the home")
	cmd.Flags().Uint64Var(&since, "since", 0, "index of the last event that is known")

	return cmd
}

// events prints what came after an index, or nothing when nothing did.
func (a *app) events(ctx context.Context, api control.API, since uint64) error {
	e, err := api.Changes(ctx, 0) // where things stand
	if err == nil && since > 0 {
		if e.Index <= since {
			return nil
		}

		e, err = api.Changes(ctx, since)
	}

	if err != nil {
		return err
	}

	return a.printEvent(e)
}

func (a *app) followEvents(ctx context.Context, since uint64) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	c, err := a.dial(ctx, s)
	if err == nil {
		defer c.Close()

		err = c.Events(ctx, since, a.printEvent)
	}

	if errors.Is(err, control.ErrNoOwner) {
		return fail(problem.NoDaemon, errors.New("events --follow needs a daemon, and none runs"),
			"start one with \"hoist daemon\"")
	}

	return err
}

func (a *app) printEvent(e control.Event) error {
	if a.flags.json {
		return a.printJSON(e)
	}

	if e.Lost {
		a.printf("%d\t%s\n", e.Index, countsText(e.Counts))
	}

	for _, j := range e.Jobs {
		a.printf("%d\t%s\t%s\t%s\t%s", e.Index, j.UpdatedAt.Local().Format(time.TimeOnly), j.State, j.Phase,
			printable(j.Path))
		if j.Reason != "" {
			a.printf("\t%s", j.Reason)
		}

		a.printf("\n")
	}

	return nil
}

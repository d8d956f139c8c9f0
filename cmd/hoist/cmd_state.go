package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/audit"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

func newStateCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Check the state file, repair it, or build it anew",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return problem.Usagef("state needs a subcommand: backup, check, repair or rebuild")
		},
	}
	backup := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a copy of the state to a new file, also while a daemon runs",
		Long: `backup writes a compact copy of HOME/state.db, of one moment, to a file that is
not there yet. In place of state.db, while nothing has the home open, it is the
state of that moment; what happened since is compared before anything is sent.`,
		Example: "  hoist state backup /backup/hoist-state.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := absPath(args[0])
			if err != nil {
				return err
			}

			return a.with(cmd.Context(), "state", func(api control.API) error {
				if err := api.BackupState(cmd.Context(), path); err != nil || a.flags.quiet {
					return err
				}

				if a.flags.json {
					return a.printJSON(map[string]string{"path": path})
				}

				a.printf("the state is in %s\n", printable(path))

				return nil
			})
		},
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "Look at the whole state file; changes nothing",
		Long: `check reads every page and every record of HOME/state.db and how they refer to
one another, also while a daemon runs. The exit code is 0 for a sound state, 3
where single records are wrong and hoist can work with the rest, and 1 where it
cannot.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stateCheck(cmd.Context()) },
	}
	repair := &cobra.Command{
		Use:   "repair",
		Short: "Make a sound state of a damaged one; the damaged file is kept",
		Long: `repair keeps every record that can be read, fills what cannot from the commit
before and from the copy beside the state, and takes receipts that are missing
from HOME/receipts. The damaged file is kept under another name. Jobs whose
newest form is lost wait for a person; before anything is sent for them the
cloud is looked at. It needs a home that no process has open.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stateRepair(cmd.Context()) },
	}
	var yes bool
	rebuild := &cobra.Command{
		Use:   "rebuild",
		Short: "Make a new state from disk, receipts and cloud; the old one is kept",
		Long: `rebuild compares every file of the watches, and every file that a receipt tells
of, with the cloud: by its receipt, else by size and SHA-1. What is equal is
recorded as published; what differs is left to the next scan or push. Where the
size is equal and the service tells no SHA-1, it asks whether to take the files
as equal; --yes answers beforehand. Jobs that were open are gone: the next scan,
or the same push, queues their files again. The old state is kept beside the new
one. It needs a home that no process has open.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stateRebuild(cmd.Context(), yes) },
	}
	rebuild.Flags().BoolVarP(&yes, "yes", "y", false, "take files as equal where nothing can prove it")
	cmd.AddCommand(backup, check, repair, rebuild)

	return cmd
}

func (a *app) stateCheck(ctx context.Context) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	report, err := a.lookAtState(ctx, s)
	if errors.Is(err, fs.ErrNotExist) {
		if !a.flags.json {
			a.printf("nothing was recorded in %s yet\n", s.home.State)
			return nil
		}

		return a.printJSON(control.StateReport{Path: s.home.StateFile(), Sound: true, Usable: true,
			Problems: []string{}, Notes: []string{}})
	}

	if err != nil {
		return err
	}

	if a.flags.json {
		err = a.printJSON(report)
	} else {
		a.printStateReport(report)
	}

	switch {
	case err != nil:
		return err
	case report.Sound:
		return nil
	case report.Usable:
		return fail(problem.Attention,
			fmt.Errorf("state %s: %s", report.Path,
				count(len(report.Problems), "record is wrong", "records are wrong")),
			"end the daemon where one runs, then \"hoist state repair\" drops or restores them; the file "+
				"is kept")
	}

	return fail(problem.Failure, &state.DamagedError{Path: report.Path, Detail: report.Problems[0]},
		"\"hoist state repair\" saves what can be read; the file is kept")
}

// lookAtState asks the owner, or looks itself when there is none.
func (a *app) lookAtState(ctx context.Context, s *setup) (control.StateReport, error) {
	c, err := a.dial(ctx, s)
	if err == nil {
		defer c.Close()
		end := a.waits.begin("waiting for the process that has the home open, which reads the whole state")
		report, err := c.CheckState(ctx)
		end()

		if !errors.Is(err, control.ErrNoOwner) {
			return report, err
		}
	} else if !errors.Is(err, control.ErrNoOwner) {
		return control.StateReport{}, err
	}

	return holding(ctx, a, "reading the whole state", func() (control.StateReport, error) {
		r, err := state.Check(s.home.StateFile())
		return owner.StateReportOf(r), err
	})
}

func (a *app) printStateReport(r control.StateReport) {
	a.printf("%s: %s, schema %d, %s (%d open)\n", r.Path, humanize.IBytes(uint64(r.Size)), r.Schema,
		count(r.Jobs, "job", "jobs"), r.OpenJobs)

	for _, p := range r.Problems {
		a.printf("problem: %s\n", printable(p))
	}

	for _, n := range r.Notes {
		a.printf("note: %s\n", printable(n))
	}

	if r.Sound {
		a.printf("sound\n")
	}
}

// repaired is what state repair prints with --json.
type repaired struct {
	Path     string         `json:"path"`
	Repaired bool           `json:"repaired"` // false: it was sound and is as it was
	Damaged  string         `json:"damaged,omitempty"`
	Problems []string       `json:"problems"`
	Kept     map[string]int `json:"kept,omitempty"` // records by bucket
	Restored int            `json:"restored"`       // records that came from an older commit or the copy
	Parked   []string       `json:"parked"`         // jobs that wait for a person
	Receipts int            `json:"receipts"`       // taken from the exported files
	Notes    []string       `json:"notes"`
}

func (a *app) stateRepair(ctx context.Context) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	r, err := holding(ctx, a, "reading the whole state, to make a sound one of it",
		func() (state.RepairReport, error) { return state.Repair(s.home.StateFile()) })
	if errors.Is(err, fs.ErrNotExist) {
		return fail(problem.NotFound, fmt.Errorf("there is no state in %s", s.home.State),
			"nothing was recorded yet; where it was deleted, \"hoist state rebuild\" makes a new one")
	}

	if err != nil {
		return err
	}

	out := repaired{Path: s.home.StateFile(), Repaired: r.Repaired, Damaged: r.Damaged, Problems: r.Problems,
		Kept: r.Kept, Restored: r.Restored, Notes: r.Notes, Parked: []string{}}
	for _, id := range r.Parked {
		out.Parked = append(out.Parked, string(id))
	}

	if r.Repaired {
		n, err := audit.RestoreReceipts(s.home)
		if err != nil {
			out.Notes = append(out.Notes, "receipts that were exported are not taken back: "+err.Error())
		}

		out.Receipts = n
	}

	if out.Problems == nil {
		out.Problems = []string{}
	}

	if out.Notes == nil {
		out.Notes = []string{}
	}

	if a.flags.json {
		err = a.printJSON(out)
	} else {
		a.printRepaired(out)
	}

	if err == nil && len(out.Parked) > 0 {
		err = fail(problem.Attention,
			fmt.Errorf("%s lost in its newest form", count(len(out.Parked), "job was", "jobs were")),
			"\"hoist status\" lists them; \"hoist retry\" looks at the cloud first and goes on")
	}

	return err
}

func (a *app) printRepaired(r repaired) {
	if !r.Repaired {
		a.printf("%s is sound: nothing was changed\n", r.Path)
		return
	}

	for _, p := range r.Problems {
		a.printf("problem: %s\n", printable(p))
	}

	for _, name := range slices.Sorted(maps.Keys(r.Kept)) {
		if r.Kept[name] > 0 {
			a.printf("kept: %d in %s\n", r.Kept[name], name)
		}
	}

	if r.Restored > 0 {
		a.printf("%s from an older commit or the copy\n", count(r.Restored, "record came", "records came"))
	}

	if r.Receipts > 0 {
		a.printf("%s back from the exported files\n", count(r.Receipts, "receipt came", "receipts came"))
	}

	for _, id := range r.Parked {
		a.printf("needs you: job %s\n", id)
	}

	for _, n := range r.Notes {
		a.printf("note: %s\n", printable(n))
	}

	if r.Damaged != "" {
		a.printf("the damaged file is kept as %s\n", r.Damaged)
	}

	a.printf("repaired\n")
}

func (a *app) stateRebuild(ctx context.Context, yes bool) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	asked := func(unproven []string) (bool, error) {
		if yes {
			return true, nil
		}

		if !a.canAsk() {
			return false, fail(problem.Usage, fmt.Errorf("%s equal in size to the cloud's and nothing "+
				"proves more, such as %s; there is no terminal to ask at",
				count(len(unproven), "file is", "files are"), unproven[0]),
				"add --yes to take them as equal; the state is as it was")
		}

		for _, path := range unproven {
			fmt.Fprintln(a.stderr, printable(path))
		}

		return a.ask(fmt.Sprintf("Take %s as equal to the cloud's? (No: the next scan sends them again.)",
			count(len(unproven), "this file", "these files")))
	}
	const doing = "building a new state from disk, receipts and cloud"
	r, err := holding(ctx, a, doing, func() (audit.RebuildReport, error) {
		return audit.Rebuild(ctx, s.home, func(home config.Home) (*audit.Auditor, func() error, error) {
			options := a.ownerOptions(s, "state rebuild")
			options.Home = home
			own, err := owner.Open(ctx, owner.Passive, options)
			if err != nil {
				return nil, nil, err
			}

			return own.Auditor(), own.Close, nil
		}, asked)
	})
	if err != nil {
		return err
	}

	if a.flags.json {
		return a.printJSON(r)
	}

	a.printf("%s compared: %d as published, %d by a receipt of an earlier state, %d left to the next scan "+
		"or push\n", count(r.Files, "file", "files"), r.Equal, r.Based, r.Left)
	if r.Assumed > 0 {
		a.printf("%s as equal without a proof\n", count(r.Assumed, "file was taken", "files were taken"))
	}

	a.printf("%s kept\n", count(r.Receipts, "receipt", "receipts"))

	for _, n := range r.Notes {
		a.printf("note: %s\n", printable(n))
	}

	if r.Old != "" {
		a.printf("the old state is kept as %s\n", r.Old)
	}

	return nil
}

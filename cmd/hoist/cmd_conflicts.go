package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// conflict is a file that was changed at both ends, or whose item somebody else has reserved.
type conflict struct {
	ID     string       `json:"id"`
	Path   string       `json:"path"`
	Remote string       `json:"remote"`
	Reason string       `json:"reason"`
	Detail string       `json:"detail"`
	Since  *time.Time   `json:"since,omitempty"`
	Base   int          `json:"base_version,omitempty"` // that both ends once had
	Ours   *conflictEnd `json:"ours,omitempty"`
	Theirs *conflictEnd `json:"theirs,omitempty"`
	Fix    string       `json:"fix"`

	kind string
}

// conflictEnd is what one end has.
type conflictEnd struct {
	Size     *int64     `json:"size,omitempty"` // bytes
	Modified *time.Time `json:"modified,omitempty"`
	By       string     `json:"by,omitempty"`
	Version  int        `json:"version_number,omitempty"`
}

func newConflictsCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "conflicts [WATCH]",
		Short: "List the files that were changed at both ends, with who and when",
		Long: `conflicts lists the files that wait since both ends have a content of their own:
who made the cloud's version and when, which version this file is based on, and
what is here. "hoist resolve" goes on with one.`,
		Example: "  hoist conflicts\n  hoist conflicts ~/plans --json",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.conflicts(cmd.Context(), args) },
	}
}

func (a *app) conflicts(ctx context.Context, args []string) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	below := ""
	if len(args) > 0 {
		w, err := whichWatch(s.file.Watch, args[0])
		if err != nil {
			return err
		}

		below = w.Path
	}

	found, err := a.findConflicts(ctx, func(path string) bool {
		return below == "" || config.Within(below, path)
	})
	if err != nil || len(found) == 0 {
		if err == nil && !a.flags.json && !a.flags.quiet {
			a.printf("no conflicts\n")
		}

		return err
	}

	if err := a.lookAtTheirs(ctx, found); err != nil {
		return err
	}

	for _, c := range found {
		if a.flags.json {
			if err := a.printJSON(c); err != nil {
				return err
			}

			continue
		}

		a.printf("%s\n  %s\n", printable(c.Path), printable(oneLine(c.Detail)))
		a.printf("  theirs: %s\n  ours:   %s\n  fix: %s\n", endText(c.Theirs), endText(c.Ours),
			printable(c.Fix))
	}

	return nil
}

// findConflicts lists the jobs that wait for a decision between two contents, with our end.
func (a *app) findConflicts(ctx context.Context, takes func(path string) bool) ([]conflict, error) {
	var out []conflict
	err := a.with(ctx, "conflicts", func(api control.API) error {
		out = nil
		jobs, err := api.Jobs(ctx, control.JobQuery{States: []state.Status{state.StatusAttention}})
		if err != nil {
			return err
		}

		for _, j := range jobs {
			if j.Reason != transfer.ReasonConflict && j.Reason != transfer.ReasonLocalDiffers ||
				!takes(j.Path) {
				continue
			}

			c := conflict{ID: j.ID, Path: j.Path, Remote: j.Remote, Reason: j.Reason, Detail: j.Error,
				Fix: "hoist resolve " + transfer.Quote(j.Path) + " --keep both", kind: j.Kind}
			if info, err := local.Look(j.Path); err == nil {
				c.Ours = &conflictEnd{Size: new(info.Size()), Modified: new(info.ModTime().UTC())}
			}

			if e, err := api.Explain(ctx, j.Path); err == nil {
				c.Since = e.Since
				if e.Record != nil {
					c.Base = e.Record.VersionNumber
				}
			}

			out = append(out, c)
		}

		return nil
	})

	return out, err
}

// lookAtTheirs adds the cloud's end, as far as it can be seen: a conflict is listed without it too.
func (a *app) lookAtTheirs(ctx context.Context, found []conflict) error {
	r, done, err := a.resolver(ctx)
	if err != nil {
		return err
	}
	defer done()

	for i := range found {
		address, err := remote.ParseAddress(found[i].Remote)
		if err != nil {
			continue
		}

		place, err := r.Resolve(ctx, address)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}

		if err != nil {
			a.log.Info("the cloud's end cannot be seen", "remote", found[i].Remote, "error", err)
			continue
		}

		e := place.Entry()
		theirs := conflictEnd{Version: e.VersionNumber, Modified: control.Known(e.Modified)}
		if e.Size >= 0 {
			theirs.Size = &e.Size
		}

		if place.Item.Tip != nil {
			theirs.By = place.Item.Tip.CreatedBy
		}

		found[i].Theirs = &theirs
	}

	return nil
}

func endText(e *conflictEnd) string {
	if e == nil {
		return "unknown"
	}

	text := sizeText(e.Size)
	if e.Version > 0 {
		text = fmt.Sprintf("version %d, %s", e.Version, text)
	}

	if e.By != "" {
		text += ", by " + printable(e.By)
	}

	if e.Modified != nil {
		text += fmt.Sprintf(", %s (%s)", localTime(*e.Modified), humanize.Time(*e.Modified))
	}

	return text
}

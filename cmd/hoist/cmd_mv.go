package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newMvCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "mv REMOTE NEWNAME",
		Short: "Rename a file or folder of a project",
		Long: `mv gives a file or folder another name where it is. In ACC and BIM 360 a renamed
file gets a new version with the same content. Objects in buckets have no names
apart from their keys and cannot be renamed.`,
		Example: `  hoist mv "aps://My Account/My Project/Project Files/plan.dwg" plan-A.dwg`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.mv(cmd.Context(), args[0], args[1])
		},
	}
}

func (a *app) mv(ctx context.Context, address, name string) error {
	if name == "" || strings.Contains(name, "/") {
		return problem.Usagef("NEWNAME %q: it is a name, not a path; things stay in their folder", name)
	}

	ctx, l, err := a.lookToChange(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()

	p := l.place
	if why := remote.RefusedName(name); why != "" && !p.Address.OSS() {
		return problem.Usagef("NEWNAME %q: %s", name, why)
	}

	renamed := p.Address.Parent().Join(name)
	if _, err := a.mayChange(ctx, renamed.String()); err != nil {
		return err
	}

	switch p.Kind {
	case remote.KindItem:
		if err = l.mustBeFree(ctx, renamed); err == nil {
			err = l.renameItem(ctx, name)
		}
	case remote.KindFolder:
		if err := l.mayBeChanged(); err != nil {
			return err
		}

		if err = l.mustBeFree(ctx, renamed); err == nil {
			err = l.changeFolder(ctx, apsclient.FolderUpdate{Name: &name},
				func(f apsclient.Folder) bool { return f.Name == name })
		}
	default:
		return problem.Usagef("%s is %s: mv renames files and folders of projects", p.Address, aKind(p.Kind))
	}

	if err != nil {
		return fmt.Errorf("rename %s: %w", p.Address, err)
	}

	return a.reportChange(renamed, "renamed")
}

// renameItem copies the tip under the new name, the only way that ACC has; other hubs rename the
// item itself.
func (l *looked) renameItem(ctx context.Context, name string) error {
	p := l.place
	if p.Core {
		return l.changeItem(ctx, func(ctx context.Context) error {
			_, err := l.client.Items.Update(ctx, p.Project.ID, p.Item.ID,
				apsclient.ItemUpdate{Name: &name, Core: true})
			return err
		}, func(it apsclient.Item) bool { return it.Name == name })
	}

	return l.changeItem(ctx, func(ctx context.Context) error {
		_, err := l.client.Versions.Create(ctx, p.Project.ID,
			apsclient.NewVersion{Item: p.Item.ID, CopyFrom: p.Item.TipID, Name: name,
				Document: p.Item.Tip != nil && p.Item.Tip.Document()})
		return err
	}, func(it apsclient.Item) bool { return it.Tip != nil && it.Tip.Name == name })
}

// mustBeFree is a usage error when something visible has the address.
func (l *looked) mustBeFree(ctx context.Context, address remote.Address) error {
	place, err := l.ResolveFolder(ctx, address)
	if _, file := errors.AsType[*remote.UsageError](err); file || err == nil && len(place.Missing) == 0 {
		return fail(problem.Usage, fmt.Errorf("%s is there already", address),
			"choose another name, or rename or remove that first")
	}

	return err
}

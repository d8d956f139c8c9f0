package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/exit"
	"hoist/transfer"
)

func newRestoreCmd(a *app) *cobra.Command {
	var version int
	cmd := &cobra.Command{
		Use:   "restore REMOTE",
		Short: "Bring back a hidden file or folder, or an older version of a file",
		Long: `restore brings back what "hoist rm" hid. With --version N the content of that version becomes the newest version again, of a hidden file as
of a visible one. Nothing is lost by it: the versions in between stay.`,
		Example: "  hoist restore \"aps://My Account/My Project/Project Files/old.dwg\"\n  hoist restore --version 3 aps://Studio/Tower/Files/plan.dwg",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("version") && version < 1 {
				return exit.Usagef("--version %d: versions are counted from 1", version)
			}
			return a.restore(cmd.Context(), args[0], version)
		},
	}
	cmd.Flags().IntVar(&version, "version", 0, "number of the version (default: the last with content)")
	return cmd
}

func (a *app) restore(ctx context.Context, remote string, version int) error {
	address, err := a.remoteAddress(remote)
	if err != nil {
		return err
	}
	if address.Scheme != transfer.SchemeAPS || len(address.Steps) < 4 {
		return exit.Usagef("%s: restore takes a file or folder below a top folder of a project", address)
	}
	l, err := a.look(ctx, address.Parent().String())
	if err != nil {
		return err
	}
	defer l.done()
	item, err := l.restorable(ctx, address.Base())
	if err != nil {
		return err
	}
	if item == nil { // a folder, brought back already
		return a.reportChange(address, "restored")
	}
	if !item.Hidden && version == 0 {
		return exit.With(exit.Usage, fmt.Errorf("%s is not hidden", address), "name the version that should be the newest again: --version N")
	}
	if err := l.restoreItem(ctx, *item, address.Base(), version); err != nil {
		return fmt.Errorf("restore %s: %w", address, err)
	}
	return a.reportChange(address, "restored")
}

// restorable finds what is meant by a name in the folder of l: a visible item, a hidden one whose name it was, or a hidden folder,
// which is restored here and now and returned as nil.
func (l *looked) restorable(ctx context.Context, name string) (*apsclient.Item, error) {
	var hidden []apsclient.Item
	var ids []string
	for e, err := range l.client.Folders.Contents(ctx, l.place.Project.ID, l.place.Folder.ID, apsclient.ContentsOptions{IncludeHidden: true}) {
		switch {
		case err != nil:
			return nil, err
		case e.Folder != nil && e.Folder.Hidden && string(e.Folder.ID) == name:
			visible := false
			l.place.Folder = *e.Folder
			_, err := l.client.Folders.Update(ctx, l.place.Project.ID, e.Folder.ID, apsclient.FolderUpdate{Hidden: &visible})
			return nil, l.settleFolder(ctx, err, func(f apsclient.Folder) bool { return !f.Hidden })
		case e.Item == nil:
		case !e.Item.Hidden && (e.Item.Name == name || string(e.Item.ID) == name):
			return e.Item, nil
		case e.Item.Hidden && (string(e.Item.ID) == name || e.Item.Tip != nil && e.Item.Tip.OriginalName == name):
			hidden = append(hidden, *e.Item)
			ids = append(ids, string(e.Item.ID))
		}
	}
	switch len(hidden) {
	case 0:
		return nil, &transfer.NotFoundError{What: "hidden file", Name: name, In: l.place.Address.String()}
	case 1:
		return &hidden[0], nil
	}
	return nil, &transfer.AmbiguousError{What: "hidden file", Name: name, In: l.place.Address.String(), IDs: ids}
}

// restoreItem makes an older version the newest again.
func (l *looked) restoreItem(ctx context.Context, item apsclient.Item, name string, number int) error {
	var from *apsclient.Version
	for v, err := range l.client.Items.Versions(ctx, l.place.Project.ID, item.ID) {
		if err != nil {
			return err
		}
		if number == 0 && v.Storage != "" && (from == nil || v.Number > from.Number) || number != 0 && v.Number == number {
			from = &v
		}
	}
	if from == nil || from.Storage == "" {
		what := "a version with content"
		if number != 0 {
			what = fmt.Sprintf("version %d with content", number)
		}
		return &transfer.NotFoundError{What: what, Name: name, In: l.place.Address.String()}
	}
	l.place.Item = item
	next := apsclient.NewVersion{CopyFrom: from.ID}
	if from.Name != name && string(item.ID) != name { // it was renamed since: it keeps its name
		next.Name = name
	}
	_, err := l.client.Versions.Create(ctx, l.place.Project.ID, next)
	return l.settleItem(ctx, err, func(it apsclient.Item) bool { return it.TipID != item.TipID && !it.Hidden })
}

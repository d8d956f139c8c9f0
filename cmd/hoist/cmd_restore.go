package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer/remote"
)

func newRestoreCmd(a *app) *cobra.Command {
	var version int
	var hiddenBy string
	cmd := &cobra.Command{
		Use:   "restore REMOTE | restore --hidden-by ID|PATH",
		Short: "Bring back a hidden file or folder, or an older version of a file",
		Long: `restore brings back what "hoist rm" hid. With --version N the content of that
version becomes the newest version again, of a hidden file as of a visible one.
Nothing is lost by it: the versions in between stay. A folder that was hidden
elsewhere, in the browser or from another home, has lost its name and is named
by its id. --hidden-by brings back all that a watch hid because it was removed
here, as far back as "hoist jobs --kind hide" tells; what was brought back
already is left alone.`,
		Example: "  hoist restore \"aps://My Account/My Project/Project Files/old.dwg\"\n  hoist restore " +
			"--version 3 aps://Studio/Tower/Files/plan.dwg\n  hoist restore --hidden-by ~/plans",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (hiddenBy == "") != (len(args) == 1) || hiddenBy != "" && cmd.Flags().Changed("version") {
				return problem.Usagef("restore takes a remote, or --hidden-by with a watch and nothing else")
			}

			if hiddenBy != "" {
				return a.restoreHidden(cmd.Context(), hiddenBy)
			}

			if cmd.Flags().Changed("version") && version < 1 {
				return problem.Usagef("--version %d: versions are counted from 1", version)
			}

			return a.restore(cmd.Context(), args[0], version)
		},
	}
	cmd.Flags().IntVar(&version, "version", 0, "number of the version (default: the last with content)")
	cmd.Flags().StringVar(&hiddenBy, "hidden-by", "", "id or folder of a watch: all that it hid")

	return cmd
}

// restoreHidden brings back what a watch hid.
func (a *app) restoreHidden(ctx context.Context, which string) error {
	_, w, err := a.watchNamed(which)
	if err != nil {
		return err
	}

	hidden := map[string]control.Job{} // by item
	err = a.with(ctx, "restore", func(api control.API) error {
		for j, err := range eachJob(ctx, api, control.JobQuery{States: []state.Status{state.StatusDone}}) {
			if err != nil {
				return err
			}

			if j.Kind == string(state.Hide) && j.Result == state.ResultHidden &&
				config.Within(w.Path, j.Path) {
				hidden[j.ItemID] = j
			}
		}

		return nil
	})
	if err != nil {
		return err
	}

	if len(hidden) == 0 && !a.flags.quiet && !a.flags.json {
		a.printf("the watch of %s hid nothing\n", printable(w.Path))
	}

	var all []error
	for _, item := range slices.SortedFunc(maps.Keys(hidden), func(x, y string) int {
		return strings.Compare(hidden[x].Path, hidden[y].Path)
	}) {
		address, err := a.remoteAddress(hidden[item].Remote)
		if err == nil {
			err = a.restoreAs(ctx, address, item, restoring{})
		}

		if !errors.Is(err, errNotHidden) {
			all = append(all, err)
		}
	}

	return errors.Join(all...)
}

var (
	errNotHidden = errors.New("it is not hidden")
	errIsTip     = errors.New("its newest version has that content already")
)

// restoring says which version is restored.
type restoring struct {
	version int  // 0: the last with content
	compare bool // errIsTip when the newest version is that, or has its content
}

func (a *app) restore(ctx context.Context, arg string, version int) error {
	address, err := a.remoteAddress(arg)
	if err != nil {
		return err
	}

	return a.restoreAs(ctx, address, address.Base(), restoring{version: version})
}

// restoreAs restores what is known by a name or an id in the folder of an address.
func (a *app) restoreAs(ctx context.Context, address remote.Address, name string, r restoring) error {
	var err error

	if address.OSS() || len(address.Steps) < 4 {
		return problem.Usagef("%s: restore takes a file or folder below a top folder of a project", address)
	}

	if ctx, err = a.mayChange(ctx, address.String()); err != nil {
		return err
	}

	l, err := a.look(ctx, address.Parent().String())
	if err != nil {
		return err
	}
	defer l.done()
	if !l.place.Hub.Hides() {
		return fail(
			problem.Usage,
			fmt.Errorf("%s is in a personal hub, which hides and restores nothing", address),
			"look for it in the browser",
		)
	}

	names, err := a.hiddenNames()
	if err != nil {
		return err
	}

	found, err := l.restorable(ctx, name, names)
	if err != nil {
		return err
	}

	switch item := found.Item; {
	case item == nil:
		if err = l.mustBeFree(ctx, address); err == nil {
			err = l.restoreFolder(ctx, *found.Folder, names[found.Folder.ID])
		}
	case !item.Hidden && r.version == 0:
		return fail(problem.Usage, fmt.Errorf("%s: %w", address, errNotHidden),
			"name the version that should be the newest again: --version N")
	default:
		err = l.restoreItem(ctx, *item, address.Base(), r)
	}

	if err != nil {
		return fmt.Errorf("restore %s: %w", address, err)
	}

	return a.reportChange(address, "restored")
}

// restorable finds what is meant by a name in the folder of l: a visible item, a hidden one whose
// name it was, or a hidden folder, whose name is known by names alone.
func (l *looked) restorable(ctx context.Context, name string,
	names map[apsclient.FolderID]string) (apsclient.Entry, error) {
	var hidden []apsclient.Entry
	var ids, nameless []string
	for e, err := range l.client.Folders.Contents(ctx, l.place.Project.ID, l.place.Folder.ID,
		apsclient.ContentsOptions{IncludeHidden: true}) {
		switch {
		case err != nil:
			return e, err
		case e.Folder != nil && e.Folder.Hidden &&
			(string(e.Folder.ID) == name || names[e.Folder.ID] == name):
			hidden, ids = append(hidden, e), append(ids, string(e.Folder.ID))
		case e.Folder != nil && e.Folder.Hidden && names[e.Folder.ID] == "":
			nameless = append(nameless, string(e.Folder.ID))
		case e.Item == nil:
		case !e.Item.Hidden && (e.Item.Name == name || string(e.Item.ID) == name):
			return e, nil
		case e.Item.Hidden && (string(e.Item.ID) == name ||
			e.Item.Tip != nil && e.Item.Tip.OriginalName == name):
			hidden, ids = append(hidden, e), append(ids, string(e.Item.ID))
		}
	}

	switch len(hidden) {
	case 0:
		err := &remote.NotFoundError{What: "hidden file or folder", Name: name,
			In: l.place.Address.String()}
		if len(nameless) == 0 {
			return apsclient.Entry{}, err
		}

		return apsclient.Entry{}, fail(problem.NotFound, err,
			"folders that were hidden elsewhere have lost their names, give the id in place of it: "+
				strings.Join(nameless, ", "))
	case 1:
		return hidden[0], nil
	}

	return apsclient.Entry{}, &remote.AmbiguousError{What: "hidden file or folder", Name: name,
		In: l.place.Address.String(), IDs: ids}
}

// restoreFolder shows a folder again, under the name that it had when that is known.
func (l *looked) restoreFolder(ctx context.Context, f apsclient.Folder, name string) error {
	visible := false
	change := apsclient.FolderUpdate{Hidden: &visible}
	if name != "" {
		change.Name = &name
	}

	l.place.Folder = f

	return l.changeFolder(ctx, change, func(f apsclient.Folder) bool {
		return !f.Hidden && (name == "" || f.Name == name)
	})
}

// restoreItem makes an older version the newest again.
func (l *looked) restoreItem(ctx context.Context, item apsclient.Item, name string, r restoring) error {
	number := r.version
	var from, tip *apsclient.Version
	for v, err := range l.client.Items.Versions(ctx, l.place.Project.ID, item.ID) {
		if err != nil {
			return err
		}

		if number == 0 && v.Storage != "" && (from == nil || v.Number > from.Number) ||
			number != 0 && v.Number == number {
			from = &v
		}

		if v.ID == item.TipID {
			tip = &v
		}
	}

	if from == nil || from.Storage == "" {
		what := "a version with content"
		if number != 0 {
			what = fmt.Sprintf("version %d with content", number)
		}

		return &remote.NotFoundError{What: what, Name: name, In: l.place.Address.String()}
	}

	if r.compare && tip != nil && !item.Hidden {
		same, err := l.sameContent(ctx, *from, *tip)
		if err != nil {
			return err
		} else if same {
			return errIsTip
		}
	}

	l.place.Item = item
	next := apsclient.NewVersion{CopyFrom: from.ID, Core: l.place.Core, Document: from.Document()}
	if from.Name != name && string(item.ID) != name { // it was renamed since: it keeps its name
		next.Name = name
	}

	return l.changeItem(ctx, func(ctx context.Context) error {
		_, err := l.client.Versions.Create(ctx, l.place.Project.ID, next)
		return err
	}, func(it apsclient.Item) bool { return it.TipID != item.TipID && !it.Hidden })
}

// sameContent reports whether two versions are of the same bytes, as far as the service tells.
func (l *looked) sameContent(ctx context.Context, a, b apsclient.Version) (bool, error) {
	switch {
	case a.Storage == b.Storage:
		return true, nil
	case a.Size != b.Size || b.Storage == "":
		return false, nil
	}

	one, err := l.client.Objects.Details(ctx, a.Storage)
	if err != nil {
		return false, err
	}

	other, err := l.client.Objects.Details(ctx, b.Storage)

	return err == nil && one.SHA1 != "" && strings.EqualFold(one.SHA1, other.SHA1), err
}

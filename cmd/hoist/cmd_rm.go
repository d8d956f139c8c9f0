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

func newRmCmd(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "rm REMOTE",
		Short: "Hide a file or folder of a project, or delete an object or bucket for good",
		Long: `rm hides a file or folder of a project: "hoist restore" brings it back. In
app-owned buckets (oss://) it deletes an object, or an empty bucket, for good.
It says which and asks; --yes answers beforehand.`,
		Example: "  hoist rm \"aps://My Account/My Project/Project Files/old.dwg\"\n  hoist rm --yes " +
			"oss://my-bucket/tmp/a.zip",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.rm(cmd.Context(), args[0], yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")

	return cmd
}

func (a *app) rm(ctx context.Context, address string, yes bool) error {
	if !yes && !a.canAsk() {
		does := "hides something"
		if remote.IsOSS(address) {
			does = "deletes something for good"
		}

		return fail(problem.Usage,
			fmt.Errorf("rm asks before it %s, and there is no terminal to ask at", does),
			"add --yes where that is meant")
	}

	ctx, l, err := a.lookToChange(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()

	p := l.place
	verb, do, err := a.removal(ctx, l)
	if err != nil {
		return err
	}

	if !yes {
		agreed, err := a.ask(fmt.Sprintf("%s: %s?", printable(p.Address.String()), verb))
		if err != nil {
			return err
		}

		if !agreed {
			return fail(problem.Usage, errors.New("nothing was removed"), "answer y, or add --yes")
		}
	}

	if err := do(); err != nil {
		return fmt.Errorf("remove %s: %w", p.Address, err)
	}

	if p.Address.OSS() {
		return a.reportChange(p.Address, "deleted", "for good")
	}

	return a.reportChange(p.Address, "hidden", "\"hoist restore\" brings it back")
}

// removal says what rm does to a place, and returns what does it.
func (a *app) removal(ctx context.Context, l *looked) (verb string, do func() error, err error) {
	p := l.place
	if p.Address.Scheme == remote.SchemeAPS && !p.Hub.Hides() {
		return "", nil, fail(problem.Usage,
			fmt.Errorf("%s is in a personal hub, whose files and folders cannot be hidden", p.Address),
			"delete it in the browser")
	}

	switch p.Kind {
	case remote.KindItem:
		return "hide (recoverable with \"hoist restore\")", func() error { return l.hideItem(ctx) }, nil
	case remote.KindFolder:
		return "hide with all that is in it (recoverable with \"hoist restore\")", func() error {
			if err := a.rememberHidden(p.Folder); err != nil {
				return err
			}

			hidden := true

			return l.changeFolder(ctx, apsclient.FolderUpdate{Hidden: &hidden},
				func(f apsclient.Folder) bool { return f.Hidden })
		}, l.mayBeChanged()
	case remote.KindObject:
		id := apsclient.NewObjectID(p.Bucket, p.Key)

		return "delete for good", func() error {
			return l.remove(ctx, func(ctx context.Context) error {
				return l.client.Objects.Delete(ctx, id)
			}, func(ctx context.Context) error {
				_, err := l.client.Objects.Details(ctx, id)
				return err
			})
		}, nil
	case remote.KindBucket:
		return "delete for good", func() error {
			return l.remove(ctx, func(ctx context.Context) error {
				return l.client.Buckets.Delete(ctx, p.Bucket)
			}, func(ctx context.Context) error {
				_, err := l.client.Buckets.Details(ctx, p.Bucket)
				return err
			})
		}, l.mustBeEmpty(ctx)
	default:
		return "", nil,
			problem.Usagef("%s is %s: rm takes a file, folder, object or bucket", p.Address, aKind(p.Kind))
	}
}

func (l *looked) mustBeEmpty(ctx context.Context) error {
	for _, err := range l.client.Objects.List(ctx, l.place.Bucket, "") {
		if err != nil {
			return err
		}

		return fail(problem.Usage, fmt.Errorf("%s is not empty", l.place.Address),
			"remove its objects first, one by one")
	}

	return nil
}

// hideItem publishes the version that hides the item.
func (l *looked) hideItem(ctx context.Context) error {
	p := l.place

	return l.changeItem(ctx, func(ctx context.Context) error {
		_, err := l.client.Versions.Create(ctx, p.Project.ID,
			apsclient.NewVersion{Item: p.Item.ID, Deleted: true, Core: p.Core})
		return err
	}, func(it apsclient.Item) bool { return it.Hidden })
}

// reportChange says what was done to a remote; notes are for people.
func (a *app) reportChange(address remote.Address, did string, notes ...string) error {
	if a.flags.json {
		return a.printJSON(map[string]string{"remote": address.String(), "result": did})
	}

	if !a.flags.quiet {
		a.printf("%s\n", strings.Join(append([]string{did + " " + printable(address.String())}, notes...),
			": "))
	}

	return nil
}

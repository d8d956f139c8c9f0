package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

func newRmCmd(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "rm REMOTE",
		Short: "Hide a file or folder of a project, or delete an object or bucket for good",
		Long: `rm hides a file or folder of a project: "hoist restore" brings it back. In app-owned buckets (oss://) it deletes an object, or an empty
bucket, for good. It says which and asks; --yes answers beforehand.`,
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
		if strings.HasPrefix(address, remote.SchemeOSS+"://") {
			does = "deletes something for good"
		}

		return fail(problem.Usage,
			fmt.Errorf("rm asks before it %s, and there is no terminal to ask at", does),
			"add --yes where that is meant")
	}

	l, err := a.look(ctx, address)
	if err != nil {
		return err
	}
	defer l.done()
	p := l.place

	var verb string
	var do func() error
	switch p.Kind {
	case remote.KindItem:
		verb, do = "hide (recoverable with \"hoist restore\")", func() error { return l.hideItem(ctx) }
	case remote.KindFolder:
		if p.Folder.IsRoot || len(p.Address.Steps) <= 3 {
			return problem.Usagef("%s is a top folder: those belong to the project", p.Address)
		}

		verb, do = "hide with all that is in it (recoverable with \"hoist restore\")", func() error {
			if err := a.rememberHidden(p.Folder); err != nil {
				return err
			}

			hidden := true
			_, err := l.client.Folders.Update(ctx, p.Project.ID, p.Folder.ID,
				apsclient.FolderUpdate{Hidden: &hidden})

			return l.settleFolder(ctx, err, func(f apsclient.Folder) bool { return f.Hidden })
		}
	case remote.KindObject:
		verb, do = "delete for good", func() error {
			return goneIsDone(l.client.Objects.Delete(ctx, apsclient.NewObjectID(p.Bucket, p.Key)))
		}
	case remote.KindBucket:
		for _, err := range l.client.Objects.List(ctx, p.Bucket, "") {
			if err != nil {
				return err
			}

			return fail(problem.Usage, fmt.Errorf("%s is not empty", p.Address),
				"remove its objects first, one by one")
		}

		verb, do = "delete for good", func() error {
			return goneIsDone(l.client.Buckets.Delete(ctx, p.Bucket))
		}
	default:
		return problem.Usagef("%s is %s: rm takes a file, folder, object or bucket", p.Address, aKind(p.Kind))
	}

	if !yes && !a.ask(fmt.Sprintf("%s: %s?", printable(p.Address.String()), verb)) {
		return fail(problem.Usage, errors.New("nothing was removed"), "answer y, or add --yes")
	}

	if err := do(); err != nil {
		return fmt.Errorf("remove %s: %w", p.Address, err)
	}

	if p.Address.Scheme == remote.SchemeOSS {
		return a.reportChange(p.Address, "deleted", "for good")
	}

	return a.reportChange(p.Address, "hidden", "\"hoist restore\" brings it back")
}

// hideItem publishes the version that hides the item. After a lost reply it looks whether the item
// is hidden.
func (l *looked) hideItem(ctx context.Context) error {
	p := l.place
	_, err := l.client.Versions.Create(ctx, p.Project.ID,
		apsclient.NewVersion{Item: p.Item.ID, Deleted: true, Core: p.Core})
	return l.settleItem(ctx, err, func(it apsclient.Item) bool { return it.Hidden })
}

// settleItem decides what an error of a change that must not happen twice comes to: where the reply
// was lost, the item tells whether the change was made. It is not made again.
func (l *looked) settleItem(ctx context.Context, err error, made func(apsclient.Item) bool) error {
	if err == nil || !apsclient.MaybeApplied(err) {
		return err
	}

	if it, look := l.client.Items.Item(ctx, l.place.Project.ID, l.place.Item.ID); look == nil && made(it) {
		return nil
	}

	return err
}

// settleFolder is settleItem for a folder.
func (l *looked) settleFolder(ctx context.Context, err error, made func(apsclient.Folder) bool) error {
	if err == nil || !apsclient.MaybeApplied(err) {
		return err
	}

	if f, look := l.client.Folders.Folder(ctx, l.place.Project.ID, l.place.Folder.ID); look == nil &&
		made(f) {
		return nil
	}

	return err
}

// goneIsDone: what was looked up a moment ago and is not there now was removed by this call, whose
// first reply was lost.
func goneIsDone(err error) error {
	if errors.Is(err, apsclient.ErrNotFound) {
		return nil
	}

	return err
}

// canAsk reports whether a person sits at standard input.
func (a *app) canAsk() bool {
	f, ok := a.stdin.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ask asks a question on standard error; only y and yes agree.
func (a *app) ask(question string) bool {
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	line, _ := bufio.NewReader(a.stdin).ReadString('\n') // an end of input is a no
	answer := strings.ToLower(strings.TrimSpace(line))

	return answer == "y" || answer == "yes"
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

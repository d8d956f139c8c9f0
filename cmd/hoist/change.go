package main

import (
	"context"
	"errors"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
)

// mayChange refuses a remote that the profile may not change. Calls with the context that it returns
// say that they are for that remote.
func (a *app) mayChange(ctx context.Context, arg string) (context.Context, error) {
	address, err := a.remoteAddress(arg)
	if err != nil {
		return nil, err
	}

	s, err := a.setup(config.Settings{})
	if err != nil {
		return nil, err
	}

	return control.WithRemote(ctx, address.String()), config.MayChange(s.home, s.profile, address)
}

// lookToChange resolves a remote that the profile may change; see [app.mayChange] for the context. The
// caller calls done of what was looked up in the end.
func (a *app) lookToChange(ctx context.Context, arg string) (context.Context, *looked, error) {
	ctx, err := a.mayChange(ctx, arg)
	if err != nil {
		return nil, nil, err
	}

	l, err := a.look(ctx, arg)

	return ctx, l, err
}

// mayBeChanged is a usage error when the folder at hand is one that the project itself has.
func (l *looked) mayBeChanged() error {
	if l.place.Folder.IsRoot || len(l.place.Address.Steps) <= 3 {
		return problem.Usagef("%s is a top folder: those belong to the project", l.place.Address)
	}

	return nil
}

// changeFolder sets values of the folder at hand. made reports whether a folder has them.
func (l *looked) changeFolder(ctx context.Context, u apsclient.FolderUpdate,
	made func(apsclient.Folder) bool) error {
	project, id := l.place.Project.ID, l.place.Folder.ID
	_, err := apsclient.Doubt[apsclient.Folder]{
		Harmless: true,
		Call: func(ctx context.Context) (apsclient.Folder, error) {
			return l.client.Folders.Update(ctx, project, id, u)
		},
		Look: func(ctx context.Context) (apsclient.Folder, bool, error) {
			f, err := l.client.Folders.Folder(ctx, project, id)
			return f, err == nil && made(f), err
		},
		Logger: l.log,
	}.Do(ctx)

	return err
}

// changeItem makes a change of the item at hand that must not happen twice. made reports whether
// the item shows it.
func (l *looked) changeItem(ctx context.Context, change func(context.Context) error,
	made func(apsclient.Item) bool) error {
	_, err := apsclient.Doubt[apsclient.Item]{
		Call: func(ctx context.Context) (it apsclient.Item, err error) { return it, change(ctx) },
		Look: func(ctx context.Context) (apsclient.Item, bool, error) {
			it, err := l.client.Items.Item(ctx, l.place.Project.ID, l.place.Item.ID)
			return it, err == nil && made(it), err
		},
		Logger: l.log,
	}.Do(ctx)

	return err
}

// remove deletes something for good. What was there a moment ago and is not found now is gone: by
// this call, or by somebody else's.
func (l *looked) remove(ctx context.Context, call, look func(context.Context) error) error {
	_, err := apsclient.Doubt[struct{}]{
		Harmless: true,
		Shared:   true,
		Call:     func(ctx context.Context) (none struct{}, err error) { return none, call(ctx) },
		Look: func(ctx context.Context) (none struct{}, gone bool, err error) {
			if err = look(ctx); errors.Is(err, apsclient.ErrNotFound) {
				return none, true, nil
			}

			return none, false, err
		},
		Ours:   func(err error) bool { return errors.Is(err, apsclient.ErrNotFound) },
		Logger: l.log,
	}.Do(ctx)

	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/exit"
	"hoist/state"
	"hoist/transfer"
)

// uploadInFolder is the action upload-file-in-project-folder: a push of one file into a folder that is known by its id.
func (a *app) uploadInFolder(ctx context.Context, r apsclient.Request, o apiOptions) error {
	if o.body == "-" {
		return exit.Usagef("--body - does not work here: the upload can be resumed, so it takes a file")
	}
	path, err := filepath.Abs(o.body)
	if err != nil {
		return fmt.Errorf("find %q: %w", o.body, err)
	}
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}
	folder, err := a.folderAddress(ctx, apsclient.ProjectID(withB(r.Params["project_id"])), r.Params["folder_id"])
	if err != nil {
		return err
	}
	name := r.Params["name"]
	if name == "" {
		name = filepath.Base(path)
	}
	if r.Params["conflict"] == "skip" {
		if skipped, err := a.skipExisting(ctx, folder, name, path); skipped || err != nil {
			return err
		}
	}
	json := a.flags.json
	a.flags.json = true // the answer of an action is JSON
	defer func() { a.flags.json = json }()
	req := control.PushRequest{Profile: s.profile, Remote: folder.String(), As: name, Paths: []string{path}, Batch: string(state.NewJobID())}
	t := &transferRun{a: a, s: s, command: "api"}
	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) { return api.Push(ctx, req) }
	return t.run(ctx)
}

// folderAddress finds the hub that a project is in, which an address begins with.
func (a *app) folderAddress(ctx context.Context, project apsclient.ProjectID, folder string) (transfer.Address, error) {
	c, done, err := a.client(ctx)
	if err != nil {
		return transfer.Address{}, err
	}
	defer done()
	c = c.WithScopes(apsclient.TransferScopes...)
	hubs, _, err := c.Hubs.List(ctx)
	if err != nil {
		return transfer.Address{}, err
	}
	for _, h := range hubs {
		_, err := c.Projects.Project(ctx, h.ID, project)
		if errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrForbidden) || errors.Is(err, apsclient.ErrBadRequest) {
			continue
		}
		if err != nil {
			return transfer.Address{}, err
		}
		return transfer.Address{Scheme: transfer.SchemeAPS, Steps: []string{string(h.ID), string(project), folder}}, nil
	}
	return transfer.Address{}, &transfer.NotFoundError{What: "project", Name: string(project), In: "the hubs that this application sees"}
}

// skipExisting reports an item of the name as unchanged, where there is one.
func (a *app) skipExisting(ctx context.Context, folder transfer.Address, name, path string) (bool, error) {
	r, done, err := a.resolver(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	place, err := r.Resolve(ctx, folder)
	if err != nil {
		return false, err
	}
	item, found, err := r.Find(ctx, place.Project.ID, place.Folder.ID, name)
	if err != nil || !found {
		return false, err
	}
	result := control.FileResult{Path: path, Remote: place.Address.Join(name).String(), Result: control.ResultUnchanged, ItemID: string(item.ID), VersionID: string(item.TipID)}
	if item.Tip != nil {
		result.StorageID = string(item.Tip.Storage)
	}
	return true, a.printJSON(result)
}

// withB is a project id as Data Management writes it.
func withB(id string) string {
	if strings.HasPrefix(id, "b.") || strings.HasPrefix(id, "a.") {
		return id
	}
	return "b." + id
}

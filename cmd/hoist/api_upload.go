package main

import (
	"context"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// uploadAction queues a file as a push does.
const uploadAction = "upload-file-in-project-folder"

// uploadInFolder is the action upload-file-in-project-folder: a push of one file into a folder that
// is known by its id.
func (a *app) uploadInFolder(ctx context.Context, r apsclient.Request, o apiOptions) error {
	if o.body == "-" {
		return problem.Usagef("--body - does not work here: the upload can be resumed, so it takes a file")
	}

	path, err := absPath(o.body)
	if err != nil {
		return err
	}

	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	req, err := a.uploadRequest(ctx, path, r.Params)
	if err != nil {
		return err
	}

	req.Profile, req.Batch = s.profile, string(state.NewJobID())

	json := a.flags.json
	a.flags.json = true // the answer of an action is JSON
	defer func() { a.flags.json = json }()
	t := &transferRun{a: a, s: s, command: "api"}
	t.plan = func(ctx context.Context, api control.API) (control.Plan, error) { return api.Push(ctx, req) }

	return t.run(ctx)
}

func (a *app) uploadRequest(ctx context.Context, path string, params map[string]string) (control.PushRequest,
	error) {
	c, done, err := a.client(ctx)
	if err != nil {
		return control.PushRequest{}, err
	}
	defer done()

	return control.UploadRequest(ctx, c.WithScopes(apsclient.TransferScopes...), path, params)
}

package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// uploadInFolder is the action upload-file-in-project-folder: the upload of one file of this
// machine into a folder that is known by its id. It waits until the file is there or needs a
// person; the upload goes on when the asker leaves.
func (s server) uploadInFolder(ctx context.Context, profile, path string,
	params map[string]string) (FileResult, error) {
	if !filepath.IsAbs(path) {
		return FileResult{}, problem.Usagef("upload-file-in-project-folder: body takes the absolute path " +
			"of a file of this machine, as a string")
	}

	c, err := apsclient.New(apsclient.Config{Chain: Forwarder{API: s.api, Profile: profile},
		Scopes: apsclient.TransferScopes})
	if err != nil {
		return FileResult{}, err
	}
	defer c.Close()
	req, err := UploadRequest(ctx, c, path, params)
	if err != nil {
		return FileResult{}, err
	}

	req.Profile = profile
	plan, err := s.api.Push(ctx, req)
	if err != nil {
		return FileResult{}, err
	}

	if len(plan.Files) != 1 {
		return FileResult{}, fmt.Errorf("upload %s: the plan names %d files", path, len(plan.Files))
	}

	result := plan.Files[0].FileResult
	if result.Result != "" || plan.Files[0].Job == "" {
		return result, nil
	}

	err = s.api.Follow(ctx, []string{plan.Files[0].Job}, func(u Update) error {
		if u.Job != nil {
			result = ResultOf(result, *u.Job)
		}

		return nil
	})

	return result, err
}

// UploadRequest is the push of one file that the action upload-file-in-project-folder asks for; c
// finds the hub that the project is in, which an address begins with.
func UploadRequest(ctx context.Context, c *apsclient.Client, path string,
	params map[string]string) (PushRequest, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return PushRequest{}, problem.Usagef(
			"%s is a folder: upload-file-in-project-folder takes a file; \"hoist push\" sends folders", path)
	}

	project, name := params["project_id"], params["name"]
	if !strings.HasPrefix(project, "a.") && !strings.HasPrefix(project, "b.") {
		project = "b." + project
	}

	if name == "" {
		name = filepath.Base(path)
	}

	hub, err := hubOf(ctx, c, apsclient.ProjectID(project))
	if err != nil {
		return PushRequest{}, err
	}

	escape := strings.NewReplacer("%", "%25", "/", "%2F").Replace

	return PushRequest{
		Paths: []string{path}, As: name, Keep: params["conflict"] == "skip",
		Remote: "aps://" + escape(string(hub)) + "/" + escape(project) + "/" + escape(params["folder_id"]),
	}, nil
}

// hubOf finds the hub that a project is in.
func hubOf(ctx context.Context, c *apsclient.Client, project apsclient.ProjectID) (apsclient.HubID, error) {
	hubs, warnings, err := c.Hubs.List(ctx)
	if err != nil {
		return "", err
	}

	if len(hubs) == 0 {
		return "", fmt.Errorf("project %s: %w", project, problem.NoHub(warnings))
	}

	for _, h := range hubs {
		_, err := c.Projects.Project(ctx, h.ID, project)
		if err == nil {
			return h.ID, nil
		}

		if !errors.Is(err, apsclient.ErrNotFound) && !errors.Is(err, apsclient.ErrForbidden) &&
			!errors.Is(err, apsclient.ErrBadRequest) {
			return "", err
		}
	}

	return "", problem.With(problem.NotFound,
		fmt.Errorf("no project %s in the hubs that this application sees", project), problem.Fix{})
}

// ResultOf completes what is known of a file with what its job came to.
func ResultOf(r FileResult, j Job) FileResult {
	r.Result, r.ItemID, r.VersionID, r.StorageID = j.Result, j.ItemID, j.VersionID, j.StorageID
	if j.Size != nil {
		r.Bytes = j.Size
	}

	r.Warning = cmp.Or(j.Warning, r.Warning)
	if j.State != state.StatusDone {
		r.Result, r.Reason, r.Detail, r.Fix = ResultAttention, j.Reason, j.Error, j.Fix
		if r.Reason == "" {
			r.Reason = string(j.State)
		}
	}

	return r
}

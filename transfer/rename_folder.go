package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/remote"
)

// folderStep makes the one remote effect of a folder's rename: all that is published below moves with
// it, whatever it holds.
func (e *Engine) folderStep(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	c, err := e.clientFor(job)
	if err != nil {
		return nil, err
	}

	records, err := e.store.PublishedBelow(job.Root, job.From)
	if err != nil {
		return nil, err
	}

	from, ok := folderAddress(job.From, records)
	if !ok {
		return dropped("what is below it was not published to one place"), nil
	}

	switch job.Phase {
	case state.PhaseQueued:
		return e.intendFolder(ctx, r, job, from)
	case state.PhaseRenaming:
		return e.renameFolder(ctx, r, c, job, from)
	}

	return nil, fmt.Errorf("a folder's rename has no step for phase %q", job.Phase)
}

// folderAddress is where a folder was published, by what is below it; false: nowhere, or not in one
// place.
func folderAddress(folder string, records []state.PublishedRecord) (at remote.Address, ok bool) {
	for i, rec := range records {
		below := strings.Count(strings.TrimPrefix(rec.Rel, folder+"/"), "/") + 1
		address, err := remote.ParseAddress(rec.Remote)
		if err != nil || address.OSS() || len(address.Steps) < below+4 {
			return at, false
		}

		for range below {
			address = address.Parent()
		}

		if i > 0 && address.String() != at.String() {
			return at, false
		}

		at = address
	}

	return at, len(records) > 0
}

// intendFolder looks at both ends, and makes the intent durable.
func (e *Engine) intendFolder(ctx context.Context, r *run, job state.Job, from remote.Address) ([]state.Event,
	error) {
	below, err := e.store.JobsBelow(job.Root, job.From)
	if err != nil {
		return nil, err
	}

	for _, j := range below {
		switch {
		case j.Kind == state.Upload && j.Phase == state.PhaseQueued:
			continue // it waits for this one, see behind
		case !j.Attention && !j.Paused:
			return nil, &waitError{Code: ReasonBehindRename, After: behindAgain,
				Err: fmt.Errorf("%q waits for job %s of %q", job.Path, j.ID, j.Path)}
		case j.Intent != nil:
			return dropped("nobody knows what became of %q", j.Path), nil
		}
	}

	root := rootOf(job)
	if names, err := namesOf(root); err != nil || len(names) == 0 {
		return nil, &waitError{Code: ReasonFolderAway, After: backoff(job.Streak+1, backoffCap),
			Err: errors.Join(fmt.Errorf("the watched folder %q is not there", root), err)}
	}

	if !hasLeft(job) {
		return dropped("its old name is there"), nil
	}

	if info, err := os.Lstat(job.Path); err != nil || !info.IsDir() {
		return dropped("it is not there any more"), nil //nolint:nilerr // what is below is looked at again
	}

	res, err := e.Resolver(job.Profile)
	if err != nil {
		return nil, err
	}

	res.Refresh()
	old, err := res.ResolveFolder(ctx, from)
	_, usage := errors.AsType[*remote.UsageError](err)
	switch {
	case usage, isNotThere(err), err == nil && (old.Kind != remote.KindFolder || len(old.Missing) > 0):
		return dropped("%s is not there any more", from), nil
	case err != nil:
		return nil, fmt.Errorf("folder %s: %w", from, err)
	}

	at, err := e.ensureFolder(ctx, res, job)
	if err != nil {
		return nil, err
	}

	err = res.Clash(ctx, apsclient.ProjectID(at.Project), apsclient.FolderID(at.Folder),
		job.Target.Name, true)
	clash, _ := errors.AsType[*remote.NameClashError](err)
	switch {
	case clash != nil && clash.Other == from.Base() && string(old.Folder.Parent) == at.Folder: // letter case
	case clash != nil:
		//nolint:nilerr // it is told
		return dropped("something has the name %s already", job.Target.Address), nil
	case err != nil:
		return nil, fmt.Errorf("look for %s: %w", job.Target.Address, err)
	}

	r.freshIntent = true

	return []state.Event{at, state.Intended{Intent: state.Intent{Kind: intentFolder, Parent: at.Folder,
		Name: job.Target.Name, TipBefore: string(old.Folder.ID), User: e.userOf(job),
		Time: time.Now().UTC()}}}, nil
}

// isNotThere reports whether something of an address is missing.
func isNotThere(err error) bool {
	_, missing := errors.AsType[*remote.NotFoundError](err)
	_, ambiguous := errors.AsType[*remote.AmbiguousError](err)

	return missing || ambiguous || errors.Is(err, apsclient.ErrNotFound)
}

// renameFolder carries the intent out. A repeat sets the same values, and is harmless.
func (e *Engine) renameFolder(ctx context.Context, r *run, c *apsclient.Client, job state.Job,
	from remote.Address) ([]state.Event, error) {
	in := job.Intent
	if in == nil {
		return nil, fmt.Errorf("rename %q: the intent is missing", job.Path)
	}

	to, err := remote.ParseAddress(job.Target.Address)
	if err != nil {
		return nil, err
	}

	p, id, parent := apsclient.ProjectID(job.Target.Project), apsclient.FolderID(in.TipBefore),
		apsclient.FolderID(in.Parent)
	change := apsclient.FolderUpdate{}
	if from.Base() != to.Base() {
		change.Name = &in.Name
	}

	if from.Parent().String() != to.Parent().String() {
		change.Parent = &parent
	}

	f, err := askOnce(ctx, e, r, job, apsclient.Doubt[apsclient.Folder]{
		Harmless: true,
		Call: func(ctx context.Context) (apsclient.Folder, error) {
			return c.Folders.Update(ctx, p, id, change)
		},
		Look: func(ctx context.Context) (apsclient.Folder, bool, error) {
			f, err := c.Folders.Folder(ctx, p, id)
			return f, err == nil && f.Name == in.Name && (f.Parent == parent || change.Parent == nil), err
		},
	})

	res, lookErr := e.Resolver(job.Profile)
	switch {
	case lookErr != nil:
		return nil, lookErr
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}

	res.Refresh() // names below the old folder are others now
	switch {
	case err != nil && isNotCarried(err):
		return dropped("the service does not rename it: %v", err), nil
	case err != nil:
		return nil, fmt.Errorf("rename %s to %s: %w", from, to, err)
	}

	f.Parent = parent
	res.Note(p, parent, apsclient.Entry{Folder: &f})

	return []state.Event{state.Renamed{From: from.String()}}, nil
}

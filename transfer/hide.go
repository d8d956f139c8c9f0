package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// intentHide is a version that hides its item.
const intentHide = "hide"

// hideStep makes the one remote effect of hiding the item of a file that was removed.
func (e *Engine) hideStep(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	c, err := e.clientFor(job)
	if err != nil {
		return nil, err
	}

	switch job.Phase {
	case state.PhaseQueued:
		return e.intendHide(ctx, r, c, job)
	case state.PhaseHiding:
		return e.hide(ctx, r, c, job)
	}

	return nil, fmt.Errorf("hide has no step for phase %q", job.Phase)
}

// intendHide looks whether the file is gone and its item as it was published, and makes the intent
// durable. In doubt nothing is hidden.
func (e *Engine) intendHide(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	rec, known, err := e.store.Published(job.Root, job.Rel)
	if err != nil {
		return nil, err
	}

	switch {
	case !known || rec.Item == "" || rec.Remote != job.Target.Address:
		return dropped("nothing of it is published"), nil
	case rec.Unproven:
		return dropped("it was adopted, and nothing has proved that the cloud has what was here"), nil
	}

	why, err := e.stillThere(job)
	if err != nil {
		return nil, err
	}

	if why != "" {
		return []state.Event{state.Dropped{Why: why, Again: true}}, nil
	}

	address, err := remote.ParseAddress(rec.Remote)
	if err != nil {
		return nil, err
	}

	res, err := e.Resolver(job.Profile)
	if err != nil {
		return nil, err
	}

	at, err := res.ResolveFolder(ctx, address.Parent())
	switch {
	case isNotThere(err), err == nil && len(at.Missing) > 0:
		return dropped("its folder is not in the cloud any more"), nil
	case err != nil:
		return nil, fmt.Errorf("folder of %s: %w", rec.Remote, err)
	}

	item, err := c.Items.Item(ctx, at.Project.ID, apsclient.ItemID(rec.Item))
	in := state.Intended{Intent: state.Intent{Kind: intentHide, Parent: rec.Item, TipBefore: rec.Version,
		User: e.userOf(job), Time: time.Now().UTC()}}
	found := state.FolderFound{Project: string(at.Project.ID), Core: at.Core, Folder: string(at.Folder.ID)}
	switch {
	case errors.Is(err, apsclient.ErrNotFound):
		return dropped("its item is not there any more"), nil
	case err != nil:
		return nil, fmt.Errorf("item of %s: %w", rec.Remote, err)
	case item.Hidden:
		return []state.Event{found, in, state.Hidden{}}, nil
	case !plan.IsShown(rec.Base(rec.Remote), plan.TipOf(item, true)):
		return dropped("somebody else has made a version of it"), nil
	case item.Reserved && (item.ReservedBy == "" || item.ReservedBy != e.userOf(job)):
		return dropped("its item is reserved by somebody else"), nil
	}

	r.freshIntent = true

	return []state.Event{found, in}, nil
}

// stillThere says why a file does not count as removed, "" when it does.
func (e *Engine) stillThere(job state.Job) (why string, err error) {
	root := rootOf(job)
	if names, err := namesOf(root); err != nil || len(names) == 0 {
		return "", &waitError{Code: ReasonFolderAway, After: backoff(job.Streak+1, backoffCap),
			Err: errors.Join(fmt.Errorf("the watched folder %q is not there", root), err)}
	}

	if _, err := os.Lstat(job.Path); !errors.Is(err, fs.ErrNotExist) {
		return "the file is there", nil //nolint:nilerr // as far as anybody can say
	}

	if e.cfg.Rules != nil {
		if rule, _, err := e.cfg.Rules(job); rule != "" || err != nil {
			return "a rule leaves it out", nil //nolint:nilerr // what is excluded stays
		}
	}

	return "", nil
}

// hide carries the intent out, see askOnce.
func (e *Engine) hide(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	in := job.Intent
	if in == nil {
		return nil, fmt.Errorf("hide %s: the intent is missing", job.Target.Address)
	}

	p, id := apsclient.ProjectID(job.Target.Project), apsclient.ItemID(in.Parent)
	_, err := askOnce(ctx, e, r, job, apsclient.Doubt[apsclient.ItemID]{
		Call: func(ctx context.Context) (apsclient.ItemID, error) {
			_, err := c.Versions.Create(ctx, p, apsclient.NewVersion{Item: id, Deleted: true,
				Core: job.Target.Core})
			return id, err
		},
		Look: func(ctx context.Context) (apsclient.ItemID, bool, error) {
			item, err := c.Items.Item(ctx, p, id)
			return id, err == nil && item.Hidden, err
		},
	})

	switch {
	case err == nil:
		e.forgetRenamed(job)
		return []state.Event{state.Hidden{}}, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case isNotCarried(err):
		return dropped("the service does not hide it: %v", err), nil
	}

	return nil, fmt.Errorf("hide %s: %w", job.Target.Address, err)
}

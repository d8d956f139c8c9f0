package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/plan"
)

// Kinds of an intent.
const (
	intentItem    = "item"
	intentVersion = "version"
)

// createdMargin allows for clocks that differ when a version is recognised by its time.
const createdMargin = 5 * time.Minute

// intend looks at the file and at the tip that is to be replaced, and makes the intent durable. No
// create was asked for yet.
func (e *Engine) intend(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	if err := e.sourceStillSame(ctx, r, job); err != nil {
		return nil, err
	}

	was := job.Target.Folder
	in, item, err := e.intentFor(ctx, c, job)
	if errors.Is(err, apsclient.ErrNotFound) {
		if err = e.folderAgain(ctx, &job); err == nil {
			in, item, err = e.intentFor(ctx, c, job)
		}
	}

	if there, lookErr := e.isTip(ctx, c, job, item, !r.looked); there != nil || lookErr != nil {
		return there, lookErr
	}

	if err != nil {
		return nil, err
	}

	r.freshIntent = true
	events := []state.Event{state.Intended{Intent: in}}
	if job.Target.Folder != was {
		events = slices.Insert(events, 0, state.Event(state.FolderFound{Folder: job.Target.Folder}))
	}

	return events, nil
}

// isTip ends a job whose content another home, or a person, has made the newest version since this
// one looked; with own also what this one published itself, which is compared before the upload
// only if the service showed it. Only the service's SHA-1 proves it.
func (e *Engine) isTip(ctx context.Context, c *apsclient.Client, job state.Job, item apsclient.Item,
	own bool) ([]state.Event, error) {
	tip := plan.TipOf(item, true)
	if tip.Storage == "" || tip.Size != job.Snapshot.Size || job.Force {
		return nil, nil
	}

	_, base, err := e.baseOf(job)
	if err != nil || !own && plan.IsShown(base, tip) {
		return nil, err
	}

	same, err := sameContent(ctx, c, apsclient.ObjectID(tip.Storage), apsclient.ObjectID(job.Object))
	if same == "" || err != nil {
		return nil, err
	}

	return []state.Event{unchanged(job, item, same)}, nil
}

// unchanged ends a job whose content is that of the item's newest version.
func unchanged(job state.Job, item apsclient.Item, sha1 string) state.Unchanged {
	tip := item.Tip
	rec := recordOf(job, string(tip.Storage), sha1)
	rec.Item, rec.Version, rec.Number = string(item.ID), string(tip.ID), tip.Number

	return state.Unchanged{Item: rec.Item, Version: rec.Version, Number: rec.Number, Record: rec}
}

// intentFor decides between a new item and a version of the one that is there, which it returns
// too, and refuses to replace what somebody else holds or has changed.
func (e *Engine) intentFor(ctx context.Context, c *apsclient.Client, job state.Job) (in state.Intent,
	now apsclient.Item, err error) {
	p, folder := apsclient.ProjectID(job.Target.Project), apsclient.FolderID(job.Target.Folder)
	res, err := e.Resolver(job.Profile)
	if err != nil {
		return in, now, err
	}

	in = state.Intent{Kind: intentItem, Parent: string(folder), Name: job.Target.Name, User: e.userOf(job),
		Time: time.Now().UTC()}
	item, found, err := res.Find(ctx, p, folder, job.Target.Name)
	if err != nil {
		return in, now, fmt.Errorf("look for %s: %w", job.Target.Address, err)
	}

	if !found {
		return in, now, nil
	}

	now, err = c.Items.Item(ctx, p, item.ID)
	if errors.Is(err, apsclient.ErrNotFound) {
		res.Forget(p, folder)
		return in, now, &waitError{Code: ReasonServiceTrouble, After: backoff(job.Streak, backoffCap),
			Err: fmt.Errorf("item of %s: %w", job.Target.Address, err)}
	}

	if err != nil {
		return in, now, fmt.Errorf("item of %s: %w", job.Target.Address, err)
	}

	// deleted since the listing: a hidden item counts as absent
	if now.Hidden || now.Tip != nil && now.Tip.Deleted() {
		res.Forget(p, folder)
		return in, apsclient.Item{}, nil
	}

	_, base, err := e.baseOf(job)
	if err != nil {
		return in, now, err
	}

	if err := e.mayReplace(ctx, c, job, now, base); err != nil {
		return in, now, err
	}

	in.Kind, in.Parent, in.TipBefore = intentVersion, string(now.ID), string(now.TipID)
	if plan.IsShown(base, plan.TipOf(now, true)) {
		in.TipBefore = base.Version
	}

	return in, now, nil
}

// mayReplace parks a job whose item is reserved by somebody else, or whose tip has not the content
// of the version this file is based on.
func (e *Engine) mayReplace(ctx context.Context, c *apsclient.Client, job state.Job, item apsclient.Item,
	base compare.Base) error {
	if item.Reserved && (item.ReservedBy == "" || item.ReservedBy != e.userOf(job)) {
		holder := item.ReservedBy
		if holder == "" {
			holder = "somebody else"
		}

		return needsPerson(ReasonConflict, "replace %s: it is reserved by %s", job.Target.Address, holder)
	}

	if why := otherKind(item); why != "" && !job.Force {
		return needsPerson(ReasonOtherKind, "replace %s: %s", job.Target.Address, why)
	}

	tip := plan.TipOf(item, true)
	there := compare.Judge(compare.Local{}, base, tip).There
	if job.Force || base.Version == "" || tip.Version == "" || there != compare.SideChanged {
		return nil
	}

	if tip.Size == base.Size && tip.Storage != "" && base.Storage != "" {
		same, err := sameContent(ctx, c, apsclient.ObjectID(tip.Storage), apsclient.ObjectID(base.Storage))
		if same != "" || err != nil {
			return err
		}
	}

	by := "somebody else"
	if item.Tip != nil && item.Tip.CreatedBy != "" {
		by = item.Tip.CreatedBy
	}

	return needsPerson(ReasonConflict,
		"replace %s: its newest version was made by %s after the one this file is based on (version %d)",
		job.Target.Address, by, base.Number)
}

// userOf is who the service will name as the creator, "" when that is not known.
func (e *Engine) userOf(job state.Job) string {
	if e.cfg.UserID == nil {
		return ""
	}

	return e.cfg.UserID(job.Profile)
}

// publish creates the item or version of the intent, see askOnce.
func (e *Engine) publish(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	in := job.Intent
	if in == nil {
		return nil, fmt.Errorf("publish %s: the intent is missing", job.Target.Address)
	}

	done, err := askOnce(ctx, e, r, job, apsclient.Doubt[[]state.Event]{
		Call: func(ctx context.Context) ([]state.Event, error) {
			made, err := e.create(ctx, c, job, in)
			r.unclear(err, job)

			return []state.Event{made}, err
		},
		Look: func(ctx context.Context) ([]state.Event, bool, error) {
			found, err := e.look(ctx, c, job)
			r.looksFor(found == nil && err == nil)

			return found, found != nil, err
		},
	})
	if err == nil {
		if made, ok := done[0].(state.Published); ok {
			e.notePublished(job, made)
			return e.published(ctx, r, job, made)
		}

		return done, nil
	}

	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}

	_, unsettled := errors.AsType[*apsclient.UnsettledError](err)
	switch {
	case unsettled:
	case errors.Is(err, apsclient.ErrNotFound):
		// what answered so may have stood behind a create that was done: that is not another's item
		if done, lookErr := e.look(ctx, c, job); done != nil && lookErr == nil {
			return done, nil
		}

		// the item or its folder was deleted meanwhile; what is hidden counts as absent
		if lookErr := e.folderAgain(ctx, &job); lookErr != nil {
			return nil, lookErr
		}

		next, _, lookErr := e.intentFor(ctx, c, job)
		if lookErr != nil {
			return nil, lookErr
		}

		if next.Parent != in.Parent {
			return []state.Event{state.FolderFound{Folder: job.Target.Folder}, state.Intended{Intent: next}},
				nil
		}
	case errors.Is(err, apsclient.ErrConflict):
		done, lookErr := e.look(ctx, c, job)
		if done != nil || lookErr != nil {
			return done, lookErr
		}

		if in.Kind == intentItem {
			res, lookErr := e.Resolver(job.Profile)
			if lookErr == nil {
				lookErr = res.Clash(ctx, apsclient.ProjectID(job.Target.Project),
					apsclient.FolderID(in.Parent), in.Name,
					true)
			}

			if lookErr != nil {
				return nil, clashThere(lookErr, job, false)
			}
		}
	}

	return nil, fmt.Errorf("%s: %w", job.Target.Address, err)
}

// folderAgain finds or makes the folder of a job whose folder the service does not know any more.
func (e *Engine) folderAgain(ctx context.Context, job *state.Job) error {
	res, err := e.Resolver(job.Profile)
	if err != nil {
		return err
	}

	res.Gone(apsclient.ProjectID(job.Target.Project), apsclient.FolderID(job.Target.Folder))
	at, err := e.ensureFolder(ctx, res, *job)
	job.Target.Folder = at.Folder

	return err
}

// create makes what is intended. A folder may take another type of files than most: it is asked when that
// was not seen before and the usual one is refused.
func (e *Engine) create(ctx context.Context, c *apsclient.Client, job state.Job,
	in *state.Intent) (state.Published, error) {
	res, err := e.Resolver(job.Profile)
	if err != nil {
		return state.Published{}, err
	}

	p, folder := apsclient.ProjectID(job.Target.Project), apsclient.FolderID(job.Target.Folder)
	document := res.Documents(p, folder)
	made, err := e.createAs(ctx, c, job, in, document)
	if !document && !job.Target.Core && errors.Is(err, apsclient.ErrBadRequest) {
		if other, lookErr := res.AskDocuments(ctx, p, folder); lookErr == nil && other {
			return e.createAs(ctx, c, job, in, true)
		}
	}

	return made, err
}

func (e *Engine) createAs(ctx context.Context, c *apsclient.Client, job state.Job,
	in *state.Intent, document bool) (state.Published, error) {
	p, storage := apsclient.ProjectID(job.Target.Project), apsclient.ObjectID(job.Object)
	if in.Kind == intentVersion {
		v, err := c.Versions.Create(ctx, p,
			apsclient.NewVersion{Item: apsclient.ItemID(in.Parent), Name: in.Name, Storage: storage,
				Core: job.Target.Core, Document: document})

		return e.tellHeld(job, state.Published{Item: in.Parent, Version: string(v.ID), Number: v.Number,
			Held: v.Held}), err
	}

	item, err := c.Items.Create(ctx, p,
		apsclient.NewItem{Folder: apsclient.FolderID(in.Parent), Name: in.Name, Storage: storage,
			Core: job.Target.Core, Document: document})
	out := state.Published{Item: string(item.ID), Version: string(item.TipID), Number: 1}
	if item.Tip != nil && item.Tip.Number > 0 {
		out.Number, out.Held = item.Tip.Number, item.Tip.Held
	}

	return e.tellHeld(job, out), err
}

// HeldBack warns of a version that the service took and holds back.
const HeldBack = "published into the holding area: its name breaks the naming standard of the folder"

// tellHeld logs that what was published is not where people look for it.
func (e *Engine) tellHeld(job state.Job, p state.Published) state.Published {
	if p.Held {
		e.log.Warn(HeldBack, "job", string(job.ID), "path", job.Path, "remote", job.Target.Address, "fix",
			"rename it, or correct its attributes in the holding area in the browser")
	}

	return p
}

// notePublished applies our own change to the cached listing, so that it need not be read again.
func (e *Engine) notePublished(job state.Job, pub state.Published) {
	res, err := e.Resolver(job.Profile)
	if err != nil {
		return
	}

	p, folder := apsclient.ProjectID(job.Target.Project), apsclient.FolderID(job.Target.Folder)
	tip := apsclient.Version{
		ID: apsclient.VersionID(pub.Version), Item: apsclient.ItemID(pub.Item), Name: job.Target.Name,
		Number: pub.Number,
		Size:   job.Snapshot.Size, Storage: apsclient.ObjectID(job.Object), Created: time.Now().UTC(),
		CreatedBy: e.userOf(job),
	}
	item := apsclient.Item{ID: tip.Item, Name: job.Target.Name, Parent: folder, TipID: tip.ID, Tip: &tip}
	res.Note(p, folder, apsclient.Entry{Item: &item})
}

// look finds out whether the create of the job's intent took effect. It answers with Published,
// with another intent if the name was taken by somebody else meanwhile, or with nothing.
func (e *Engine) look(ctx context.Context, c *apsclient.Client, job state.Job) ([]state.Event, error) {
	p, in := apsclient.ProjectID(job.Target.Project), job.Intent
	if in.Kind == intentVersion {
		return e.lookInItem(ctx, c, job, apsclient.ItemID(in.Parent))
	}

	res, err := e.Resolver(job.Profile)
	if err != nil {
		return nil, err
	}

	folder := apsclient.FolderID(in.Parent)
	res.Forget(p, folder)
	item, found, err := res.Find(ctx, p, folder, in.Name)
	if err != nil || !found {
		if err != nil {
			err = fmt.Errorf("look for %s: %w", job.Target.Address, err)
		}

		return nil, err
	}

	if done, err := e.lookInItem(ctx, c, job, item.ID); done != nil || err != nil {
		return done, err
	}

	// the name is taken: by the time of this look it is an item to be versioned
	next, now, err := e.intentFor(ctx, c, job)
	if there, lookErr := e.isTip(ctx, c, job, now, true); there != nil || lookErr != nil {
		return there, lookErr
	}

	if err != nil {
		return nil, err
	}

	if next.Kind == in.Kind {
		return nil, nil
	}

	return []state.Event{state.Intended{Intent: next}}, nil
}

// lookInItem searches the versions newer than the tip before the intent for ours.
func (e *Engine) lookInItem(ctx context.Context, c *apsclient.Client, job state.Job,
	item apsclient.ItemID) ([]state.Event, error) {
	var newer []apsclient.Version
	for v, err := range c.Items.Versions(ctx, apsclient.ProjectID(job.Target.Project), item) {
		if err != nil {
			return nil, fmt.Errorf("look at the versions of %s: %w", job.Target.Address, err)
		}

		newer = append(newer, v)
	}

	if len(newer) == 0 { // an item has versions: this page was half a truth, and settles nothing
		return nil, &waitError{Code: ReasonServiceTrouble, After: backoff(job.Streak, backoffCap),
			Err: fmt.Errorf("look at the versions of %s: the service shows none", job.Target.Address)}
	}

	i := slices.IndexFunc(newer, func(v apsclient.Version) bool {
		return string(v.ID) == job.Intent.TipBefore
	})
	before := 0
	if i >= 0 {
		before = newer[i].Number
	}

	base, known, err := e.store.Published(job.Root, job.Rel)
	if err != nil {
		return nil, err
	}

	if known && base.Item == string(item) && !base.Snapshot.Same(job.Snapshot) {
		before = max(before, base.Number) // published for another state of the file
	}

	if before > 0 {
		newer = slices.DeleteFunc(newer, func(v apsclient.Version) bool { return v.Number <= before })
	}

	for _, v := range newer {
		ours, err := e.isOurs(ctx, c, job, v, before > 0)
		if err != nil {
			return nil, err
		}

		if ours {
			return []state.Event{state.Published{Item: string(item), Version: string(v.ID),
				Number: v.Number}}, nil
		}
	}

	return nil, nil
}

// isOurs recognises a version that may be the one of the intent: by its storage, or, when the
// service names another one or none, by name, user when known, size and content when the service
// tells them. Its time, by the clock of the service, counts only when nothing else says that it is
// new.
func (e *Engine) isOurs(ctx context.Context, c *apsclient.Client, job state.Job, v apsclient.Version,
	isNew bool) (bool, error) {
	if string(v.Storage) == job.Object {
		return true, nil
	}

	in := job.Intent
	// not known until the service has looked at it
	sizeDiffers := func(size int64) bool { return size >= 0 && size != job.Snapshot.Size }
	if v.Deleted() || v.Name != in.Name || sizeDiffers(v.Size) || in.User != "" && v.CreatedBy != in.User {
		return false, nil
	}

	if v.Storage != "" {
		theirs, err := lookAtContent(ctx, c, v.Storage)
		if err != nil {
			return false, err
		}

		mine, err := lookAtContent(ctx, c, apsclient.ObjectID(job.Object))
		if err != nil {
			return false, err
		}

		if sizeDiffers(theirs.Size) {
			return false, nil
		}

		if theirs.SHA1 != "" && mine.SHA1 != "" {
			return strings.EqualFold(theirs.SHA1, mine.SHA1), nil
		}
	}

	return isNew || v.Created.IsZero() || !v.Created.Before(in.Time.Add(-createdMargin)), nil
}

// lookAtContent describes an object; one that is gone or not for us to see has nothing known.
func lookAtContent(ctx context.Context, c *apsclient.Client, id apsclient.ObjectID) (apsclient.Object,
	error) {
	o, err := c.Objects.Details(ctx, id)
	switch {
	case errors.Is(err, apsclient.ErrNotFound), errors.Is(err, apsclient.ErrForbidden):
		return apsclient.Object{Size: -1}, nil
	case err != nil:
		return o, fmt.Errorf("look at the content of %s: %w", id, err)
	}

	return o, nil
}

// sameContent returns the SHA-1 that the service gives for both of two objects, "" when they
// differ or it has none.
func sameContent(ctx context.Context, c *apsclient.Client, a, b apsclient.ObjectID) (string, error) {
	one, err := lookAtContent(ctx, c, a)
	if err != nil || one.SHA1 == "" {
		return "", err
	}

	other, err := lookAtContent(ctx, c, b)
	if err != nil || !strings.EqualFold(one.SHA1, other.SHA1) {
		return "", err
	}

	return one.SHA1, nil
}

// published says which version it is and ends the job, in one commit.
func (e *Engine) published(ctx context.Context, r *run, job state.Job, pub state.Published) ([]state.Event,
	error) {
	return then(job, pub, func(job state.Job) ([]state.Event, error) { return e.finish(ctx, r, job) })
}

// finish ends the job: published record, receipt and history in one commit.
func (e *Engine) finish(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	rec := recordOf(job, job.Object, cmp.Or(job.SHA1, r.sha1))
	before, known, err := e.store.Published(job.Root, job.Rel)
	if err != nil {
		return nil, err
	}

	// a look found what an earlier job has published: it has its receipt
	if known && !job.Target.OSS() && before.Version == job.Version {
		return []state.Event{state.Finished{Result: state.ResultUnchanged, Record: &before}}, nil
	}

	// of a key, which has no version numbers
	replaced := r.existed || known && before.Remote == job.Target.Address
	result := state.ResultCreated
	if job.Target.OSS() && replaced || job.Intent != nil && job.Intent.Kind == intentVersion ||
		job.VersionNumber > 1 {
		result = state.ResultVersioned
	}

	var receipt []byte // what the state does not know itself
	if sum := e.receiptSHA256(ctx, r, job); sum != "" {
		receipt = fmt.Appendf(nil, `{"sha256":%q}`, sum)
	}

	return []state.Event{state.Finished{Result: result, Record: rec, Receipt: receipt}}, nil
}

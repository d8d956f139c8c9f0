package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// Kinds of an intent of a rename.
const (
	intentRename = "rename" // a version that is a copy of the tip, with the new name
	intentName   = "name"   // the item's own name, when the hub can change that
	intentCopy   = "copy"   // an item in another folder that is a copy of the tip
	intentFolder = "folder" // name and parent of a folder
)

const (
	behindAgain  = 2 * time.Second
	freshListing = 30 * time.Second // how old a listing may be that says that nobody else made a version
)

// behind is why a job waits: something under an old name comes first.
func (e *Engine) behind(job state.Job) error {
	if !job.Watched() {
		return nil
	}

	wait := func(for_ state.Job) error {
		return &waitError{Code: ReasonBehindRename, After: behindAgain,
			Err: fmt.Errorf("%q waits for job %s of %q", job.Path, for_.ID, for_.Path)}
	}

	folders, err := e.store.FolderRenames(job.Root)
	if err != nil {
		return err
	}

	for _, f := range folders {
		if why, _ := ReasonByCode(f.Reason); f.Attention && why.NeedsDecision() {
			continue // nobody knows when
		}

		if isBelow(f.Rel, job.Rel) || isBelow(f.From, job.Rel) {
			return wait(f)
		}
	}

	if job.From == "" {
		return nil
	}

	old, found, err := e.store.JobOf(job.Root, job.From)
	if found && !old.Attention && !old.Paused {
		return wait(old)
	}

	return err
}

func isBelow(folder, rel string) bool { return strings.HasPrefix(rel, folder+"/") }

// SameFileElsewhere reports whether a file has the size, the time and the file id that it had under
// its old name. Its change time moved with the rename, and its device may have another number since a
// restart.
func SameFileElsewhere(was, now state.Snapshot) bool {
	_, a, _ := strings.Cut(was.FileID, ":")
	_, b, _ := strings.Cut(now.FileID, ":")

	return was.SameContentLikely(now) && a != "" && a == b
}

// rootOf is the local folder that a watched job's path is below.
func rootOf(job state.Job) string {
	return strings.TrimSuffix(job.Path, string(filepath.Separator)+filepath.FromSlash(job.Rel))
}

// dropped gives up a rename: the file is sent like any other.
func dropped(format string, args ...any) []state.Event {
	return []state.Event{state.Dropped{Why: bounded(fmt.Sprintf(format, args...), 1000)}}
}

// intendRename looks whether the item of a file that was renamed can get its new name, and makes the
// intent durable. Whatever speaks against it leaves a plain upload.
func (e *Engine) intendRename(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	rec, known, err := e.store.Published(job.Root, job.From)
	switch {
	case err != nil:
		return nil, err
	case job.Force || job.Doubt || job.Target.OSS():
		return dropped("it is sent anew"), nil
	case !known || rec.Item == "" || rec.Version == "":
		return dropped("nothing was published under the old name"), nil
	case !SameFileElsewhere(rec.Snapshot, job.Snapshot) && !inLettersAlone(job):
		return dropped("it is not as it was published under the old name"), nil
	}

	if err := checkPath(job, func() (bool, error) { return false, nil }); err != nil {
		return nil, err
	}

	if !hasLeft(job) {
		return dropped("%q is there too", filepath.Join(rootOf(job), filepath.FromSlash(job.From))), nil
	}

	if rec.Unproven {
		same, err := e.proves(ctx, r, c, job, rec)
		if err != nil {
			return nil, err
		}

		if !same {
			return dropped("it was adopted, and the cloud has other content"), nil
		}

		rec.Unproven = false
	}

	from, err := remote.ParseAddress(rec.Remote)
	to, err2 := remote.ParseAddress(job.Target.Address)
	res, err3 := e.Resolver(job.Profile)
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, err
	}

	at, err := e.ensureFolder(ctx, res, job)
	if err != nil {
		return nil, err
	}

	here := from.Parent().String() == to.Parent().String()
	in, events, err := e.renameIntent(ctx, res, c, job, rec, at, from.Base(), here)
	if events != nil || err != nil {
		return events, err
	}

	r.freshIntent = true

	return []state.Event{at, state.Intended{Intent: in}}, nil
}

// inLettersAlone reports whether a file has another name in letter case or Unicode form alone. Then its item
// is in the way of any other, so the item follows also a file that was written to since.
func inLettersAlone(job state.Job) bool { return remote.Fold(job.From) == remote.Fold(job.Rel) }

// followLetters is the way of a file that was renamed in letter case alone and written to, so that its watch
// tells of no rename: what it clashes with is its own item, which gets the new name. None when that is not
// certain.
func (w *reserving) followLetters(ctx context.Context, err error) ([]state.Event, error) {
	clash, _ := errors.AsType[*remote.NameClashError](err)
	job := w.job
	if clash == nil || clash.Other == clash.Name || !job.Watched() || path.Base(job.Rel) != job.Target.Name {
		return nil, nil
	}

	job.From = path.Join(path.Dir(job.Rel), clash.Other)
	_, waits, err := w.e.store.JobOf(job.Root, job.From)
	if err != nil || waits {
		return nil, err
	}

	events, err := w.e.intendRename(ctx, w.r, w.c, job)
	for i, ev := range events {
		if in, ok := ev.(state.Intended); ok {
			in.From = job.From
			events[i] = in

			return events, nil
		}
	}

	return nil, err
}

// proves compares the content of a file that was adopted under its old name.
func (e *Engine) proves(ctx context.Context, r *run, c *apsclient.Client, job state.Job,
	rec state.PublishedRecord) (bool, error) {
	src, err := r.source(ctx, e, job)
	if err != nil {
		return false, err
	}

	job.Doubt = true // when the service tells no SHA-1 the bytes do
	same, err := e.sameObject(ctx, r, c, apsclient.ObjectID(rec.Storage), src, job)
	r.looked = false // what has the new name is another object
	if errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrForbidden) {
		return false, nil
	}

	return same != "", err
}

// renameIntent asks the cloud: the item is as it was published, and nothing has the new name.
func (e *Engine) renameIntent(ctx context.Context, res *remote.Resolver, c *apsclient.Client, job state.Job,
	rec state.PublishedRecord, at state.FolderFound, oldName string, here bool) (in state.Intent,
	drop []state.Event, err error) {
	p, folder := apsclient.ProjectID(at.Project), apsclient.FolderID(at.Folder)
	res.Younger(p, folder, freshListing)

	var item apsclient.Item
	found := false
	if here {
		if item, found, err = res.Find(ctx, p, folder, oldName); err == nil && !found {
			item, found, err = res.FindByID(ctx, p, folder, oldName, apsclient.ItemID(rec.Item))
		}
	} else {
		item, err = c.Items.Item(ctx, p, apsclient.ItemID(rec.Item))
		found = err == nil && !item.Hidden
	}

	ambiguous, _ := errors.AsType[*remote.AmbiguousError](err)
	switch {
	case ambiguous != nil, errors.Is(err, apsclient.ErrNotFound), err == nil && !found:
		return in, dropped("its item is not under the old name any more"), nil //nolint:nilerr // it is told
	case err != nil:
		return in, nil, fmt.Errorf("item of %s: %w", rec.Remote, err)
	case string(item.ID) != rec.Item || !plan.IsShown(rec.Base(rec.Remote), plan.TipOf(item, true)):
		return in, dropped("somebody else has made a version of it"), nil
	case item.Reserved && (item.ReservedBy == "" || item.ReservedBy != e.userOf(job)):
		return in, dropped("its item is reserved by somebody else"), nil
	}

	_, taken, err := res.Find(ctx, p, folder, job.Target.Name)
	if err == nil && !taken {
		err = res.Clash(ctx, p, folder, job.Target.Name, true)
	}

	clash, _ := errors.AsType[*remote.NameClashError](err)
	ambiguous, _ = errors.AsType[*remote.AmbiguousError](err)
	switch {
	case clash != nil && here && clash.Other == oldName: // letter case alone
	case taken || clash != nil || ambiguous != nil:
		return in, dropped("something has the new name already"), nil //nolint:nilerr // it is told
	case err != nil:
		return in, nil, fmt.Errorf("look for %s: %w", job.Target.Address, err)
	}

	in = state.Intent{Kind: intentRename, Parent: rec.Item, Name: job.Target.Name, TipBefore: rec.Version,
		User: e.userOf(job), Time: time.Now().UTC()}
	switch {
	case !here:
		in.Kind, in.Parent = intentCopy, at.Folder
	case at.Core:
		in.Kind = intentName
	}

	return in, nil, nil
}

// rename carries an intent out, see askOnce.
func (e *Engine) rename(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	in := job.Intent
	rec, known, err := e.store.Published(job.Root, job.From)
	if err != nil || in == nil || !known {
		return nil, errors.Join(err, fmt.Errorf("rename %q: the intent or the record is missing", job.Path))
	}

	done, err := askOnce(ctx, e, r, job, apsclient.Doubt[state.Renamed]{
		Harmless: in.Kind == intentName,
		Call: func(ctx context.Context) (state.Renamed, error) {
			return e.callRename(ctx, c, job, rec)
		},
		Look: func(ctx context.Context) (state.Renamed, bool, error) {
			return e.lookRenamed(ctx, c, job, rec)
		},
	})

	switch {
	case err == nil:
		done.Changed = !SameFileElsewhere(rec.Snapshot, job.Snapshot)
		e.noteRenamed(job, rec, done)
		return []state.Event{done}, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case isNotCarried(err):
		e.forgetRenamed(job)
		return dropped("the service does not rename it: %v", err), nil
	}

	return nil, fmt.Errorf("rename %s to %s: %w", rec.Remote, job.Target.Address, err)
}

// isNotCarried reports whether the service has refused a rename, so that another way is to be taken.
func isNotCarried(err error) bool {
	if _, is := errors.AsType[*apsclient.UnsettledError](err); is {
		return false
	}

	if _, is := errors.AsType[*apsclient.IgnoredError](err); is {
		return true
	}

	e, is := errors.AsType[*apsclient.Error](err)
	if !is || apsclient.MaybeApplied(err) {
		return false
	}

	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusConflict, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	}

	return false
}

func (e *Engine) callRename(ctx context.Context, c *apsclient.Client, job state.Job,
	rec state.PublishedRecord) (state.Renamed, error) {
	res, err := e.Resolver(job.Profile)
	if err != nil {
		return state.Renamed{}, err
	}

	p, in := apsclient.ProjectID(job.Target.Project), job.Intent
	from := apsclient.VersionID(in.TipBefore)
	done := state.Renamed{Item: rec.Item, Version: rec.Version, Number: rec.Number, Storage: rec.Storage,
		From: rec.Remote}
	switch in.Kind {
	case intentName:
		_, err := c.Items.Update(ctx, p, apsclient.ItemID(in.Parent), apsclient.ItemUpdate{Name: &in.Name,
			Core: true})

		return done, err
	case intentCopy:
		item, err := c.Items.Create(ctx, p, apsclient.NewItem{Folder: apsclient.FolderID(in.Parent),
			Name: in.Name, CopyFrom: from, Core: job.Target.Core,
			Document: res.Documents(p, apsclient.FolderID(in.Parent))})

		return copied(done, item), err
	}

	v, err := c.Versions.Create(ctx, p, apsclient.NewVersion{Item: apsclient.ItemID(in.Parent), Name: in.Name,
		CopyFrom: from, Core: job.Target.Core,
		Document: res.Documents(p, apsclient.FolderID(job.Target.Folder))})

	return renamedTo(done, v), err
}

func renamedTo(done state.Renamed, v apsclient.Version) state.Renamed {
	done.Version, done.Number = string(v.ID), v.Number
	if v.Storage != "" {
		done.Storage = string(v.Storage)
	}

	return done
}

func copied(done state.Renamed, item apsclient.Item) state.Renamed {
	done.Item, done.Version, done.Number, done.Copied = string(item.ID), string(item.TipID), 1, true
	if item.Tip != nil {
		done = renamedTo(done, *item.Tip)
	}

	return done
}

// lookRenamed finds out whether a rename took effect.
func (e *Engine) lookRenamed(ctx context.Context, c *apsclient.Client, job state.Job,
	rec state.PublishedRecord) (done state.Renamed, there bool, err error) {
	p, in := apsclient.ProjectID(job.Target.Project), job.Intent
	done = state.Renamed{Item: rec.Item, Version: rec.Version, Number: rec.Number, Storage: rec.Storage,
		From: rec.Remote}
	isCopy := func(v apsclient.Version) bool {
		return v.Name == in.Name && (string(v.Storage) == rec.Storage || v.Size == rec.Snapshot.Size &&
			(in.User == "" || v.CreatedBy == in.User) && !v.Created.Before(in.Time.Add(-createdMargin)))
	}

	switch in.Kind {
	case intentName:
		item, err := c.Items.Item(ctx, p, apsclient.ItemID(in.Parent))
		return done, err == nil && item.Name == in.Name && !item.Hidden, err
	case intentCopy:
		res, err := e.Resolver(job.Profile)
		if err != nil {
			return done, false, err
		}

		res.Forget(p, apsclient.FolderID(in.Parent))
		item, found, err := res.Find(ctx, p, apsclient.FolderID(in.Parent), in.Name)
		if err != nil || !found || item.Tip == nil || !isCopy(*item.Tip) {
			return done, false, err
		}

		return copied(done, item), true, nil
	}

	for v, err := range c.Items.Versions(ctx, p, apsclient.ItemID(in.Parent)) {
		if err != nil {
			return done, false, err
		}

		if string(v.ID) == in.TipBefore {
			break // newest first
		}

		if isCopy(v) && v.Number > rec.Number {
			done, there = renamedTo(done, v), true
		}
	}

	return done, there, nil
}

// noteRenamed applies our own change to the listings that are kept.
func (e *Engine) noteRenamed(job state.Job, rec state.PublishedRecord, done state.Renamed) {
	res, err := e.Resolver(job.Profile)
	if err != nil {
		return
	}

	tip := apsclient.Version{ID: apsclient.VersionID(done.Version), Item: apsclient.ItemID(done.Item),
		Name: job.Target.Name, Number: done.Number, Size: rec.Snapshot.Size,
		Storage: apsclient.ObjectID(done.Storage), Created: time.Now().UTC(), CreatedBy: e.userOf(job)}
	item := apsclient.Item{ID: tip.Item, Name: job.Target.Name, Parent: apsclient.FolderID(job.Target.Folder),
		TipID: tip.ID, Tip: &tip}
	res.Note(apsclient.ProjectID(job.Target.Project), item.Parent, apsclient.Entry{Item: &item})
}

// forgetRenamed has a folder read again: something in it is not as it was seen.
func (e *Engine) forgetRenamed(job state.Job) {
	if res, err := e.Resolver(job.Profile); err == nil {
		res.Forget(apsclient.ProjectID(job.Target.Project), apsclient.FolderID(job.Target.Folder))
	}
}

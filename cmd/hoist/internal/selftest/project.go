package selftest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hoist/apsclient"
)

// projectFacts are about folders, items and versions.
var projectFacts = []fact{
	{"list-lag", "Does a new item show in its folder at once?", "at once", (*run).listLag},
	{"rollup-lag", "Does the roll-up time of a folder move at once?", "at once", (*run).rollupLag},
	{"storage-kept", "Does a version keep the storage that it was made with?", "yes", (*run).storageKept},
	{"storage-reuse", "May two items be made of one storage?", "accepted", (*run).storageReuse},
	{"same-name", "May two items of a folder have one name?", "refused", (*run).sameName},
	{"name-case", "May two names differ in their case only?", "accepted", (*run).nameCase},
	{"copy-from", "Can a version be made by copyFrom?", "accepted", (*run).copyFrom},
	{"delete", "Does a Deleted version hide its item?", "yes", (*run).deleteItem},
}

const itemName = "First.txt"

// makeFolder makes the scratch in the folder of the place, and looks for it when nobody answers.
func (r *run) makeFolder(ctx context.Context) error {
	p, parent := r.Place.Project.ID, r.Place.Folder
	f, err := apsclient.Doubt[apsclient.Folder]{
		Call: func(ctx context.Context) (apsclient.Folder, error) {
			return r.Client.Folders.Create(ctx, p, parent, r.name)
		},
		Look: func(ctx context.Context) (apsclient.Folder, bool, error) {
			for e, err := range r.Client.Folders.Contents(ctx, p, parent.ID, apsclient.ContentsOptions{}) {
				if err != nil {
					return apsclient.Folder{}, false, err
				}

				if e.Folder != nil && e.Folder.Name == r.name {
					return *e.Folder, true, nil
				}
			}

			return apsclient.Folder{}, false, nil
		},
	}.Do(ctx)
	if err != nil {
		return err
	}

	r.scratch, r.object = f, r.storage
	r.log("made the folder " + r.name)

	return nil
}

func (r *run) log(text string) {
	if r.Log != nil {
		r.Log(text)
	}
}

func (r *run) storage(ctx context.Context, name string) (apsclient.ObjectID, error) {
	return r.Client.Items.CreateStorage(ctx, r.Place.Project.ID, r.scratch.ID, name)
}

func (r *run) newItem(ctx context.Context, name string, from apsclient.ObjectID) (apsclient.Item, error) {
	return r.Client.Items.Create(ctx, r.Place.Project.ID, apsclient.NewItem{Folder: r.scratch.ID, Name: name,
		Storage: from, Core: r.Place.Core, Document: r.scratch.Documents()})
}

// lag is how long effects took to show; negative: they did not within the time.
type lag struct{ list, rollup time.Duration }

const never = time.Duration(-1)

// pauses are the times between looks for an effect; the last one is repeated.
var pauses = []time.Duration{0, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute}

// listLag makes the item that the facts are about and looks for it, and for the roll-up time of its
// folder, until both show or the time is over.
func (r *run) listLag(ctx context.Context) (seen, note string, err error) {
	if !r.first.done {
		return "", "", errNothing
	}

	p := r.Place.Project.ID
	f, err := r.Client.Folders.Folder(ctx, p, r.scratch.ID)
	if err != nil {
		return "", "", err
	}

	if err := apsclient.Sleep(ctx, time.Second); err != nil { // so that the time can move
		return "", "", err
	}

	if r.item, err = r.newItem(ctx, itemName, r.first.object); err != nil {
		return "", "", err
	}

	made := time.Now()
	r.lag = lag{never, never}
	for n := 0; r.lag.list < 0 || r.lag.rollup < 0; n++ {
		pause := pauses[min(n, len(pauses)-1)]
		if n > 0 && time.Since(made)+pause > r.Wait {
			break
		}

		if err := apsclient.Sleep(ctx, pause); err != nil {
			return "", "", err
		}

		if err := r.look(ctx, f, time.Since(made)); err != nil {
			return "", "", err
		}
	}

	return shown(r.lag.list, r.Wait)
}

func (r *run) look(ctx context.Context, before apsclient.Folder, since time.Duration) error {
	p := r.Place.Project.ID
	if r.lag.list < 0 {
		for e, err := range r.Client.Folders.Contents(ctx, p, r.scratch.ID, apsclient.ContentsOptions{}) {
			if err != nil {
				return err
			}

			if e.Item != nil && e.Item.ID == r.item.ID {
				r.lag.list = since
			}
		}
	}

	if r.lag.rollup < 0 {
		f, err := r.Client.Folders.Folder(ctx, p, r.scratch.ID)
		if err != nil {
			return err
		}

		if f.ModifiedRollup.After(before.ModifiedRollup) {
			r.lag.rollup = since
		}
	}

	return nil
}

// shown says whether an effect showed at the first look.
func shown(d, wait time.Duration) (seen, note string, err error) {
	switch {
	case d < 0:
		return "not seen", fmt.Sprintf("within %s", wait), nil
	case d < 2*time.Second:
		return "at once", "", nil
	}

	return "late", fmt.Sprintf("after %s", d.Round(time.Second)), nil
}

func (r *run) rollupLag(context.Context) (seen, note string, err error) {
	if r.item.ID == "" {
		return "", "", errNothing
	}

	return shown(r.lag.rollup, r.Wait)
}

func (r *run) storageKept(ctx context.Context) (seen, note string, err error) {
	if r.item.TipID == "" {
		return "", "", errNothing
	}

	v, err := r.Client.Versions.Version(ctx, r.Place.Project.ID, r.item.TipID)

	return yes(v.Storage == r.first.object), "", err
}

func (r *run) storageReuse(ctx context.Context) (seen, note string, err error) {
	if r.item.ID == "" {
		return "", "", errNothing
	}

	_, err = r.newItem(ctx, "Second.txt", r.first.object)

	return refusal(err)
}

// another uploads the bytes of a further item, once for all facts.
func (r *run) another(ctx context.Context) (apsclient.ObjectID, error) {
	if r.item.ID == "" {
		return "", errNothing
	}

	u, err := r.put(ctx, itemName, sample, "")
	if err == nil {
		err = r.complete(ctx, &u)
	}

	return u.object, err
}

func (r *run) sameName(ctx context.Context) (seen, note string, err error) {
	at, err := r.another(ctx)
	if err != nil {
		return "", "", err
	}

	_, err = r.newItem(ctx, itemName, at)

	return refusal(err)
}

func (r *run) nameCase(ctx context.Context) (seen, note string, err error) {
	at, err := r.another(ctx)
	if err != nil {
		return "", "", err
	}

	_, err = r.newItem(ctx, "FIRST.txt", at)

	return refusal(err)
}

func (r *run) copyFrom(ctx context.Context) (seen, note string, err error) {
	if r.item.TipID == "" {
		return "", "", errNothing
	}

	_, err = r.Client.Versions.Create(ctx, r.Place.Project.ID, apsclient.NewVersion{Item: r.item.ID,
		CopyFrom: r.item.TipID, Name: itemName, Core: r.Place.Core})

	return refusal(err)
}

func (r *run) deleteItem(ctx context.Context) (seen, note string, err error) {
	if r.item.ID == "" {
		return "", "", errNothing
	}

	_, err = r.Client.Versions.Create(ctx, r.Place.Project.ID,
		apsclient.NewVersion{Item: r.item.ID, Deleted: true, Core: r.Place.Core})
	if seen, note, err := refusal(err); seen != "accepted" {
		return seen, note, err
	}

	it, err := r.Client.Items.Item(ctx, r.Place.Project.ID, r.item.ID)

	return yes(it.Hidden), "", err
}

// ErrLeft says that the scratch is still there.
var ErrLeft = errors.New("the scratch could not be taken away: remove it by hand")

// hideFolder takes the scratch away, which is a fact of its own.
func (r *run) hideFolder(ctx context.Context) (Result, error) {
	if r.scratch.ID == "" {
		return Result{}, nil
	}

	out := Result{Fact: "hide-folder", Question: "Can a folder be hidden?", Expected: "yes", Verdict: Untried}
	hidden := true
	f, err := r.Client.Folders.Update(ctx, r.Place.Project.ID, r.scratch.ID,
		apsclient.FolderUpdate{Hidden: &hidden})
	seen, note, err := refusal(err)
	if err != nil {
		out.Note = said(err)
		return out, ErrLeft
	}

	if seen == "accepted" {
		seen = yes(f.Hidden)
	}

	out.Seen, out.Note, out.Verdict = seen, note, verdict(seen, out.Expected)
	if seen != "yes" {
		return out, ErrLeft
	}

	return out, nil
}

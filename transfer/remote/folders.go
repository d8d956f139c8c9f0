package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hoist/apsclient"
)

// IntentStore keeps a note across a call that must not be repeated blindly and belongs to no job.
// *state.Store is one.
type IntentStore interface {
	Intent(key string) ([]byte, bool, error)
	PutIntent(key string, data []byte) error
	DeleteIntent(key string) error
}

type noIntents struct{}

func (noIntents) Intent(string) ([]byte, bool, error) { return nil, false, nil }
func (noIntents) PutIntent(string, []byte) error      { return nil }
func (noIntents) DeleteIntent(string) error           { return nil }

// folderIntent is what PutIntent keeps; its presence is what counts.
type folderIntent struct {
	Parent string    `json:"parent"`
	Name   string    `json:"name"`
	Time   time.Time `json:"time"`
}

type createKey struct {
	folderKey
	name string
}

// EnsureFolder returns the folder that dirs name below base, creating what is missing. An intent is
// kept around each creation (nil: none is kept, for callers without a store): after a lost reply, a
// crash or a 409 it looks before it repeats, so that no folder is ever made twice. Callers that
// want the same folder share one creation.
func (r *Resolver) EnsureFolder(ctx context.Context, p apsclient.ProjectID, base apsclient.FolderID,
	dirs []string, intents IntentStore) (apsclient.FolderID, error) {
	if intents == nil {
		intents = noIntents{}
	}

	at := base
	for _, name := range dirs {
		next, err := r.ensureOne(ctx, p, at, name, intents)
		if err != nil {
			return "", err
		}

		at = next
	}

	return at, nil
}

func (r *Resolver) ensureOne(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID,
	name string, intents IntentStore) (apsclient.FolderID, error) {
	id, ok, err := r.folderID(ctx, p, parent, name)
	if ok || err != nil {
		return id, err
	}

	// One creator at a time for a name in whatever case; those who waited find it in the listing.
	key := createKey{folderKey{p, parent}, Fold(name)}
	err = r.once(ctx, key, func() bool { return false }, func() (err error) {
		if id, ok, err = r.folderID(ctx, p, parent, name); ok || err != nil {
			return err
		}

		if err = r.Clash(ctx, p, parent, name, false); err == nil {
			id, err = r.createFolder(ctx, p, parent, name, intents)
		}

		return err
	})

	return id, err
}

func (r *Resolver) folderID(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID,
	name string) (apsclient.FolderID, bool, error) {
	f, ok, err := r.FindFolder(ctx, p, parent, name)
	return f.ID, ok, err
}

func (r *Resolver) createFolder(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID,
	name string, intents IntentStore) (apsclient.FolderID, error) {
	key := "folder " + string(p) + " " + string(parent) + " " + name
	_, asked, err := intents.Intent(key)
	if err != nil {
		return "", err
	}

	note, err := json.Marshal(folderIntent{Parent: string(parent), Name: name, Time: time.Now().UTC()})
	if err != nil {
		return "", err
	}

	if err := intents.PutIntent(key, note); err != nil {
		return "", err
	}

	f, err := apsclient.Doubt[apsclient.Folder]{
		Asked:  asked,
		Shared: true,
		Call: func(ctx context.Context) (apsclient.Folder, error) {
			return r.makeFolder(ctx, p, parent, name)
		},
		Look: func(ctx context.Context) (apsclient.Folder, bool, error) {
			r.Forget(p, parent)
			f, ok, err := r.FindFolder(ctx, p, parent, name)
			if !ok && err == nil {
				err = r.Clash(ctx, p, parent, name, true)
			}

			return f, ok, err
		},
		Logger: r.log,
	}.Do(ctx)
	if err != nil {
		err = fmt.Errorf("folder %q: %w", name, err)
		if apsclient.MaybeApplied(err) || errors.Is(err, apsclient.ErrConflict) || ctx.Err() != nil {
			return "", err // the intent stays: the next attempt looks first
		}
	}

	return f.ID, errors.Join(err, intents.DeleteIntent(key))
}

// makeFolder makes a folder of its parent's type, and applies the change to the cached listings.
func (r *Resolver) makeFolder(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID,
	name string) (apsclient.Folder, error) {
	up, err := r.folder(ctx, p, parent)
	if err != nil {
		return up, err
	}

	f, err := r.c.Folders.Create(ctx, p, up, name)
	if err == nil {
		if f.Name == "" {
			f.Name = name
		}

		r.Note(p, parent, apsclient.Entry{Folder: &f})
		r.noteEmpty(folderKey{p, f.ID})
	}

	return f, err
}

// noteEmpty spares the listing of a folder that was made just now.
func (r *Resolver) noteEmpty(key folderKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.folders[key]; !ok && r.reading[key] == nil {
		l := newListing()
		l.until = time.Now().Add(listingFor)
		r.folders[key] = l
	}
}

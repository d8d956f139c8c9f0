package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// Waits between the looks for a folder whose creation is in doubt; the service may show it late.
var folderLooks = []time.Duration{0, time.Second, 3 * time.Second, 6 * time.Second}

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
	var id apsclient.FolderID
	look := func() (bool, error) {
		f, ok, err := r.FindFolder(ctx, p, parent, name)
		if ok {
			id = f.ID
		}

		return ok, err
	}
	if ok, err := look(); ok || err != nil {
		return id, err
	}

	// One creator at a time for a name; those who waited find it in the listing.
	err := r.once(ctx, createKey{folderKey{p, parent}, name}, func() bool { return false }, func() error {
		ok, err := look()
		if ok || err != nil {
			return err
		}

		return r.createFolder(ctx, p, parent, name, intents, look, &id)
	})

	return id, err
}

func (r *Resolver) createFolder(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID,
	name string, intents IntentStore, look func() (bool, error), id *apsclient.FolderID) error {
	key := "folder " + string(p) + " " + string(parent) + " " + name
	settle := func() (bool, error) { // looks until the folder shows or patience ends
		for _, wait := range folderLooks {
			if err := sleep(ctx, wait); err != nil {
				return false, err
			}

			r.Forget(p, parent)
			if ok, err := look(); ok || err != nil {
				return ok, err
			}

			if _, taken, err := r.Find(ctx, p, parent, name); err != nil {
				return false, err
			} else if taken {
				return false, &NameTakenError{Name: name, By: "a file"}
			}
		}

		return false, nil
	}
	done := func() error { return intents.DeleteIntent(key) }

	if _, doubt, err := intents.Intent(key); err != nil {
		return err
	} else if doubt {
		if ok, err := settle(); err != nil {
			return err
		} else if ok {
			return done()
		}
	}

	note, err := json.Marshal(folderIntent{Parent: string(parent), Name: name, Time: time.Now().UTC()})
	if err != nil {
		return err
	}

	if err := intents.PutIntent(key, note); err != nil {
		return err
	}

	up, err := r.folder(ctx, p, parent)
	if err != nil {
		return err
	}

	f, err := r.c.Folders.Create(ctx, p, up, name)
	switch {
	case err == nil:
		*id = f.ID
		if f.Name == "" {
			f.Name = name
		}

		r.Note(p, parent, apsclient.Entry{Folder: &f})
		r.noteEmpty(folderKey{p, f.ID})

		return done()
	case errors.Is(err, apsclient.ErrConflict), apsclient.MaybeApplied(err):
		ok, lookErr := settle()
		if lookErr != nil {
			return lookErr
		}

		// taken by a name that differs in case alone: that folder is the one
		if !ok && errors.Is(err, apsclient.ErrConflict) {
			if *id, ok, lookErr = r.foldedFolder(ctx, p, parent, name); lookErr != nil {
				return lookErr
			}
		}

		if ok {
			return done()
		}

		return fmt.Errorf("create folder %q: %w", name, err) // the intent stays: the next attempt looks first
	case ctx.Err() != nil:
		return err
	}

	if err := done(); err != nil {
		return err
	}

	return fmt.Errorf("create folder %q: %w", name, err)
}

// foldedFolder finds the one folder whose name differs from name in case alone.
func (r *Resolver) foldedFolder(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID,
	name string) (id apsclient.FolderID, ok bool, err error) {
	var found []apsclient.FolderID
	err = r.view(ctx, p, parent, func(l *listing) {
		found = nil
		for other, at := range l.folders {
			if strings.EqualFold(other, name) {
				for _, i := range at {
					found = append(found, l.entries[i].Folder.ID)
				}
			}
		}
	})
	if err != nil || len(found) != 1 {
		return "", false, err
	}

	return found[0], true, nil
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

// sleep waits for d or the end of ctx, whose cause is the error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

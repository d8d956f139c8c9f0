package remote

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"hoist/apsclient"
)

// folderKey names one listing.
type folderKey struct {
	project apsclient.ProjectID
	folder  apsclient.FolderID
}

// listing is a folder's visible contents, by name and in the service's order.
type listing struct {
	entries []apsclient.Entry
	folders map[string][]int // indexes into entries
	items   map[string][]int
	folded  map[string][]int // of both, by the name as a service that folds names may see it
	ids     map[string]int   // index into entries by id
	read    time.Time
	until   time.Time // read again after
}

// Others work in the same folders: what was read is believed for this long, and a folder that took
// long to read for listingWorth times what it cost. A 409 or a command of a person reads again at
// once.
const (
	listingFor   = 10 * time.Minute
	listingWorth = 100
)

// reading is a listing on its way.
type reading struct {
	forgotten bool              // since it began: it has to be read again
	noted     []apsclient.Entry // our own changes since it began
}

func newListing() *listing {
	return &listing{folders: map[string][]int{}, items: map[string][]int{}, folded: map[string][]int{},
		ids: map[string]int{}, read: time.Now()}
}

// ItemName is what names a file: the tip's name, which the documentation calls the authoritative
// one in ACC and BIM 360; elsewhere, and without a tip, the display name.
func ItemName(it apsclient.Item) string {
	core := strings.HasPrefix(it.Type, "items:autodesk.core:") && it.Name != ""
	if !core && it.Tip != nil && it.Tip.Name != "" {
		return it.Tip.Name
	}

	return it.Name
}

// TipID is the id of an item's newest version.
func TipID(it apsclient.Item) apsclient.VersionID {
	if it.Tip != nil && it.Tip.ID != "" {
		return it.Tip.ID
	}

	return it.TipID
}

// put adds an entry, or replaces the one with the same id.
func (l *listing) put(e apsclient.Entry) {
	id, name, names := describe(l, e)
	i, old := l.ids[id]
	if old {
		_, was, _ := describe(l, l.entries[i])
		unname(names, was, i)
		unname(l.folded, Fold(was), i)
		l.entries[i] = e
	} else {
		i = len(l.entries)
		l.ids[id] = i
		l.entries = append(l.entries, e)
	}

	if !hidden(e) {
		names[name] = append(names[name], i)
		fold := Fold(name)
		l.folded[fold] = append(l.folded[fold], i)
	}
}

func describe(l *listing, e apsclient.Entry) (id, name string, names map[string][]int) {
	if e.Item != nil {
		return string(e.Item.ID), ItemName(*e.Item), l.items
	}

	return string(e.Folder.ID), e.Folder.Name, l.folders
}

func hidden(e apsclient.Entry) bool {
	return e.Item != nil && e.Item.Hidden || e.Folder != nil && e.Folder.Hidden
}

func unname(names map[string][]int, name string, i int) {
	if rest := slices.DeleteFunc(names[name], func(j int) bool { return j == i }); len(rest) > 0 {
		names[name] = rest
	} else {
		delete(names, name)
	}
}

// visible returns the entries that are not hidden.
func (l *listing) visible() []apsclient.Entry {
	out := make([]apsclient.Entry, 0, len(l.entries))
	for _, e := range l.entries {
		if !hidden(e) {
			out = append(out, e)
		}
	}

	return out
}

// names returns the visible names, of folders alone or of everything.
func (l *listing) names(foldersOnly bool) []string {
	var out []string
	for n := range l.folders {
		out = append(out, n)
	}

	if !foldersOnly {
		for n := range l.items {
			out = append(out, n)
		}
	}

	slices.Sort(out)

	return out
}

// once runs load unless cached reports true, one caller at a time for each key; the others wait and
// look again. cached is called under mu.
func (r *Resolver) once(ctx context.Context, key any, cached func() bool, load func() error) error {
	for {
		r.mu.Lock()
		if cached() {
			r.mu.Unlock()
			return nil
		}

		busy, taken := r.busy[key]
		if !taken {
			busy = make(chan struct{})
			r.busy[key] = busy
			r.mu.Unlock()
			err := load()
			r.mu.Lock()
			delete(r.busy, key)
			r.mu.Unlock()
			close(busy)

			return err
		}

		r.mu.Unlock()

		select {
		case <-busy:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

type hubsKey struct{}
type projectsKey struct{ hub apsclient.HubID }
type topsKey struct{ project apsclient.ProjectID }

// hubList returns all hubs, with the warnings that came with them.
func (r *Resolver) hubList(ctx context.Context) (hubs []apsclient.Hub, warnings []apsclient.Warning,
	err error) {
	err = r.once(ctx, hubsKey{}, func() bool {
		hubs, warnings = r.hubs, r.warnings
		return r.haveHubs
	}, func() error {
		h, w, err := r.c.Hubs.List(ctx)
		if err != nil {
			return err
		}

		hubs, warnings = h, w
		r.mu.Lock()
		defer r.mu.Unlock()
		// an empty answer is asked again: the app may be added meanwhile
		r.hubs, r.warnings, r.haveHubs = h, w, len(h) > 0
		r.readPlaces()

		return nil
	})

	return hubs, warnings, err
}

// projectList returns all projects of a hub.
func (r *Resolver) projectList(ctx context.Context, hub apsclient.HubID) (list []apsclient.Project,
	err error) {
	err = r.once(ctx, projectsKey{hub}, func() (ok bool) {
		list, ok = r.projects[hub]
		return ok
	}, func() error {
		var all []apsclient.Project
		for p, err := range r.c.Projects.List(ctx, hub) {
			if err != nil {
				return err
			}

			all = append(all, p)
		}

		list = all
		r.mu.Lock()
		defer r.mu.Unlock()
		r.projects[hub] = all
		r.readPlaces()

		return nil
	})

	return list, err
}

// topFolders returns the visible top folders of a project.
func (r *Resolver) topFolders(ctx context.Context, hub apsclient.HubID,
	p apsclient.ProjectID) (list []apsclient.Folder, err error) {
	err = r.once(ctx, topsKey{p}, func() (ok bool) { list, ok = r.tops[p]; return ok }, func() error {
		all, err := r.c.Projects.TopFolders(ctx, hub, p)
		if err != nil {
			return err
		}

		all = slices.DeleteFunc(all, func(f apsclient.Folder) bool { return f.Hidden })
		list = all
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tops[p] = all
		r.readPlaces()

		for _, f := range all {
			r.known[folderKey{p, f.ID}] = f
		}

		return nil
	})

	return list, err
}

// view runs look under the lock on a folder's listing, which is read first when it is not at hand.
func (r *Resolver) view(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID,
	look func(*listing)) error {
	key := folderKey{p, f}

	return r.once(ctx, key, func() bool {
		l, ok := r.folders[key]
		if !ok || time.Now().After(l.until) {
			return false
		}

		look(l)

		return true
	}, func() error {
		for {
			now := &reading{}
			r.mu.Lock()
			r.reading[key] = now
			r.mu.Unlock()
			l := newListing()
			began := time.Now()
			err := r.load(ctx, p, f, l)
			l.until = time.Now().Add(max(listingFor, listingWorth*time.Since(began)))
			r.mu.Lock()
			delete(r.reading, key)
			if err != nil {
				r.mu.Unlock()
				return err
			}

			if now.forgotten {
				r.mu.Unlock()
				continue
			}

			for _, e := range now.noted {
				l.put(e)
			}

			for _, e := range l.entries {
				if e.Folder != nil {
					r.known[folderKey{p, e.Folder.ID}] = *e.Folder
				}
			}

			r.dropOld()
			r.folders[key] = l
			look(l)
			r.mu.Unlock()

			return nil
		}
	})
}

// dropOld frees, from time to time, the listings that would be read again anyway; the caller holds
// mu.
func (r *Resolver) dropOld() {
	now := time.Now()
	if now.Sub(r.dropped) < listingFor {
		return
	}

	r.dropped = now
	maps.DeleteFunc(r.folders, func(_ folderKey, l *listing) bool { return now.After(l.until) })
}

func (r *Resolver) load(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID, l *listing) error {
	for e, err := range r.c.Folders.Contents(ctx, p, f, apsclient.ContentsOptions{}) {
		if err != nil {
			return err
		}

		l.put(e)
	}

	return nil
}

// Read has a folder's listing at hand for the questions that follow.
func (r *Resolver) Read(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID) error {
	return r.view(ctx, p, f, func(*listing) {})
}

// Find looks a file up by its exact name; a hidden one is absent. Two of one name are an
// *AmbiguousError.
func (r *Resolver) Find(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID,
	name string) (apsclient.Item, bool, error) {
	e, ok, err := r.oneOf(ctx, p, f, "file", name, func(l *listing) []int { return l.items[name] })
	if !ok {
		return apsclient.Item{}, false, err
	}

	return *e.Item, true, nil
}

// FindByID looks a file up by the id it had: it is there while the item is visible, in the folder
// and under the name. Unlike Find it asks the service, which shows an item before its listing does.
func (r *Resolver) FindByID(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID, name string,
	id apsclient.ItemID) (apsclient.Item, bool, error) {
	it, err := r.c.Items.Item(ctx, p, id)
	if errors.Is(err, apsclient.ErrNotFound) {
		return it, false, nil
	}

	there := !it.Hidden && it.Parent == f && ItemName(it) == name && (it.Tip == nil || !it.Tip.Deleted())

	return it, err == nil && there, err
}

// FindFolder is Find for a folder.
func (r *Resolver) FindFolder(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID,
	name string) (apsclient.Folder, bool, error) {
	e, ok, err := r.oneOf(ctx, p, parent, "folder", name, func(l *listing) []int { return l.folders[name] })
	if !ok {
		return apsclient.Folder{}, false, err
	}

	return *e.Folder, true, nil
}

// Clash is a *NameClashError when a folder shows no such name, and another one that a service
// without regard to case or Unicode form may take for it. Ask it before something of that name is
// made. With refused the service has refused to make it: then something of another kind under the
// very name is in the way too. A clash that was there is gone when two listings in a row lack it:
// one may be cut short.
func (r *Resolver) Clash(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID, name string,
	refused bool) error {
	var clash *NameClashError
	var old bool
	look := func(l *listing) {
		clash, old = nil, time.Since(l.read) > placesDoubt
		for _, i := range l.folded[Fold(name)] {
			_, other, _ := describe(l, l.entries[i])
			if other == name && !refused {
				clash = nil
				return
			}

			clash = &NameClashError{Name: name, Other: other, Kind: "file"}
			if l.entries[i].Folder != nil {
				clash.Kind = "folder"
			}
		}
	}

	key := createKey{folderKey{p, f}, Fold(name)}
	was := r.clashed(key)
	err := r.view(ctx, p, f, look)
	if err == nil && clash != nil && old { // perhaps somebody has put it right
		was = true
		r.Forget(p, f)
		err = r.view(ctx, p, f, look)
	}

	if err == nil && clash == nil && was {
		r.Forget(p, f)
		err = r.view(ctx, p, f, look)
	}

	if err != nil {
		return err
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if clash == nil {
		delete(r.clashes, key)
		return nil
	}

	r.clashes[key] = true

	return clash
}

// clashed reports whether a name clashed when it was looked for last.
func (r *Resolver) clashed(key createKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clashes[key]
}

// MayUpload asks the service whether the account may put files into a folder.
func (r *Resolver) MayUpload(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID) (bool, error) {
	return r.c.Folders.MayUpload(ctx, p, f)
}

// oneOf is the one entry of a listing that where leads to.
func (r *Resolver) oneOf(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID, what, name string,
	where func(*listing) []int) (e apsclient.Entry, ok bool, err error) {
	var ids []string
	err = r.view(ctx, p, f, func(l *listing) {
		ids = nil
		for _, i := range where(l) {
			e = l.entries[i]
			id, _, _ := describe(l, e)
			ids = append(ids, id)
		}
	})
	if err == nil && len(ids) > 1 {
		err = &AmbiguousError{What: what, Name: name, In: "folder " + string(f), IDs: ids}
	}

	return e, err == nil && len(ids) == 1, err
}

// Note records a change that we made ourselves, so that the listing need not be read again: a new
// folder or item, or one with a new tip.
func (r *Resolver) Note(p apsclient.ProjectID, f apsclient.FolderID, e apsclient.Entry) {
	key := folderKey{p, f}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Folder != nil {
		r.known[folderKey{p, e.Folder.ID}] = *e.Folder
	}

	if l := r.folders[key]; l != nil {
		l.put(e)
	}

	if now := r.reading[key]; now != nil {
		now.noted = append(now.noted, e)
	}
}

// Forget drops a folder's listing: the next question reads it again. Call it after a 409 or in
// doubt.
func (r *Resolver) Forget(p apsclient.ProjectID, f apsclient.FolderID) {
	key := folderKey{p, f}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.folders, key)
	if now := r.reading[key]; now != nil {
		now.forgotten = true
	}
}

// Younger is Forget for a listing that was read longer ago than age.
func (r *Resolver) Younger(p apsclient.ProjectID, f apsclient.FolderID, age time.Duration) {
	r.mu.Lock()
	l := r.folders[folderKey{p, f}]
	r.mu.Unlock()
	if l != nil && time.Since(l.read) > age {
		r.Forget(p, f)
	}
}

// Gone is Forget for a folder that the service does not know any more, and for those above it: one
// of their listings shows what has been hidden or removed since.
func (r *Resolver) Gone(p apsclient.ProjectID, f apsclient.FolderID) {
	for range maxDepth {
		r.Forget(p, f)
		r.mu.Lock()
		key := folderKey{p, f}
		f = r.known[key].Parent
		delete(r.known, key)
		r.mu.Unlock()
		if f == "" {
			return
		}
	}
}

// readPlaces notes when hubs, projects or top folders were read first since they were forgotten;
// the caller holds mu.
func (r *Resolver) readPlaces() {
	if r.placesRead.IsZero() {
		r.placesRead = time.Now()
	}
}

// forgetPlaces drops hubs, projects and top folders that were read longer ago than age, and reports
// whether it did.
func (r *Resolver) forgetPlaces(age time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.ways, func(_ string, w way) bool { return time.Since(w.Asked) >= age })
	if r.placesRead.IsZero() || time.Since(r.placesRead) < age {
		return false
	}

	clear(r.projects)
	clear(r.tops)
	r.hubs, r.warnings, r.haveHubs, r.placesRead = nil, nil, false, time.Time{}

	return true
}

// Refresh makes the next questions see what others did meanwhile: all folder listings are dropped,
// and what is older than listingFor of the rest.
func (r *Resolver) Refresh() {
	r.forgetPlaces(listingFor)
	r.mu.Lock()
	defer r.mu.Unlock()

	for _, now := range r.reading {
		now.forgotten = true
	}

	clear(r.folders)
	clear(r.known)
}

// folder returns a folder by id, from what was seen before when possible.
func (r *Resolver) folder(ctx context.Context, p apsclient.ProjectID,
	id apsclient.FolderID) (apsclient.Folder, error) {
	r.mu.Lock()
	f, ok := r.known[folderKey{p, id}]
	r.mu.Unlock()
	if ok {
		return f, nil
	}

	f, err := r.c.Folders.Folder(ctx, p, id)
	if err != nil {
		return f, err
	}

	r.mu.Lock()
	r.known[folderKey{p, id}] = f
	r.mu.Unlock()

	return f, nil
}

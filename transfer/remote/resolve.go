package remote

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/apsclient"
)

// Kinds of a Place.
const (
	KindRoot    = "root"    // aps://
	KindHub     = "hub"     // aps://HUB
	KindProject = "project" // aps://HUB/PROJECT
	KindFolder  = "folder"  // a folder below a project
	KindItem    = "item"    // a file in a folder
	KindBuckets = "buckets" // oss://
	KindBucket  = "bucket"  // oss://BUCKET
	KindPrefix  = "prefix"  // keys that begin with Key
	KindObject  = "object"  // one key
)

// Place is an address that was looked up.
type Place struct {
	Kind    string
	Address Address // in names, as far as the service told them; without Missing
	Hub     apsclient.Hub
	Project apsclient.Project
	Folder  apsclient.Folder // of a folder: itself; of an item: its parent
	Item    apsclient.Item
	Version *apsclient.Version // set when the address named a version by its id
	Bucket  string
	Key     string // of an object; of a prefix with its last "/"
	Object  *apsclient.Object
	Missing []string // ResolveFolder: names below Address that are not there yet
	Core    bool     // a hub that uses autodesk.core types (neither ACC nor BIM 360 nor Forma)
}

// Resolver turns addresses into ids with as few calls as it can: a listing is kept for some time
// (listingFor) with our own changes applied, and read again in doubt. Safe for concurrent use;
// callers that want the same listing share one call.
type Resolver struct {
	c *apsclient.Client
	// same core; its token holds bucket:read too, so that a whole transfer to oss:// takes one
	// token
	oss *apsclient.Client
	log *slog.Logger

	mu         sync.Mutex
	busy       map[any]chan struct{} // being read now; closed when it is over
	hubs       []apsclient.Hub
	warnings   []apsclient.Warning
	haveHubs   bool
	projects   map[apsclient.HubID][]apsclient.Project
	tops       map[apsclient.ProjectID][]apsclient.Folder
	folders    map[folderKey]*listing
	dropped    time.Time                      // when old ones of folders were last freed
	placesRead time.Time                      // when the oldest of hubs, projects and tops was read
	known      map[folderKey]apsclient.Folder // every folder seen, by its own id
	reading    map[folderKey]*reading
	clashes    map[createKey]bool // names that clashed when they were looked for last
	ways       map[string]way     // to top folders, by address
	memory     Memory             // of ways; nil: none
}

// NewResolver returns a resolver with nothing cached. A client with a scope set is widened for what
// is in buckets; one without asks for exactly what each look needs. A nil logger discards.
func NewResolver(c *apsclient.Client, log *slog.Logger) *Resolver {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}

	oss := c
	if c.Scopes() != nil {
		oss = c.WithScopes(apsclient.TransferScopesOSS...)
	}

	return &Resolver{
		c: c, oss: oss, log: log,
		busy: map[any]chan struct{}{}, projects: map[apsclient.HubID][]apsclient.Project{},
		tops:    map[apsclient.ProjectID][]apsclient.Folder{},
		folders: map[folderKey]*listing{}, known: map[folderKey]apsclient.Folder{},
		reading: map[folderKey]*reading{}, clashes: map[createKey]bool{}, ways: map[string]way{},
	}
}

// Allowed reports, as an error, that the account's token may not make a call, before anything is
// looked at.
func (r *Resolver) Allowed(action string) error { return r.c.Allowed(action) }

// Resolve looks an address up; all of it must exist and be visible. Errors: *NotFoundError,
// *AmbiguousError, those of the client.
func (r *Resolver) Resolve(ctx context.Context, a Address) (Place, error) {
	if a.OSS() {
		return r.resolveObject(ctx, a)
	}

	return r.walkFresh(ctx, a, false)
}

// placesDoubt is the age from which hubs, projects and top folders are read again before something
// is called missing.
const placesDoubt = 10 * time.Second

// walkFresh is walk; when that finds nothing by what was read some time ago, it reads again.
func (r *Resolver) walkFresh(ctx context.Context, a Address, asFolder bool) (Place, error) {
	p, err := r.walk(ctx, a, asFolder)
	_, missing := errors.AsType[*NotFoundError](err)
	refused := errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrForbidden)
	if !missing && !refused && len(p.Missing) == 0 {
		return p, err
	}

	stale := r.forgetRecalled()
	if missing && r.forgetPlaces(placesDoubt) || stale {
		return r.walk(ctx, a, asFolder)
	}

	return p, err
}

// ResolveFolder looks up a place for files: the deepest folder that exists, with the names below it
// that do not in Missing. Hub, project and top folder, or the bucket, must exist. A file in the way
// is a *UsageError, and so is a name that is missing and that the service would refuse.
func (r *Resolver) ResolveFolder(ctx context.Context, a Address) (Place, error) {
	if !a.OSS() {
		p, err := r.walkFresh(ctx, a, true)
		for _, n := range p.Missing {
			if problem := RefusedName(n); err == nil && problem != "" {
				err = Usagef("%s: %s", a, problem)
			}
		}

		return p, err
	}

	if a.Bucket() == "" {
		return Place{Kind: KindBuckets, Address: a}, nil
	}

	if err := r.bucket(ctx, a.Bucket()); err != nil {
		return Place{}, err
	}

	return Prefix(a), nil
}

// Prefix is the place for objects that an oss address with a bucket stands for, without a look.
func Prefix(a Address) Place {
	p := Place{Kind: KindBucket, Address: Address{Scheme: SchemeOSS, Steps: []string{a.Bucket()}},
		Bucket: a.Bucket()}
	if key := a.Key(); key != "" {
		p.Kind, p.Key, p.Address = KindPrefix, strings.TrimSuffix(key, "/")+"/", a
	}

	return p
}

// walk follows the steps of an aps address.
func (r *Resolver) walk(ctx context.Context, a Address, asFolder bool) (Place, error) {
	p, known, ok := r.wayAlong(a)
	if ok && !known.told { // the ids may be stale: what is below them shows whether they are
		if err := r.view(ctx, p.Project.ID, p.Folder.ID, func(*listing) {}); err != nil {
			return p, err
		}
	}

	if !ok {
		var err error
		if p, err = r.begin(ctx, a, asFolder); err != nil || len(a.Steps) <= 3 {
			return p, err
		}
	}

	p, err := r.descend(ctx, p, a.Steps[min(3, len(a.Steps)):], asFolder)
	if ok && !known.told && err == nil && len(p.Missing) == 0 {
		r.toldWay(known.Address)
	}

	return p, err
}

// begin follows the first three steps of an address: hub, project, and a folder or file.
func (r *Resolver) begin(ctx context.Context, a Address, asFolder bool) (Place, error) {
	p := Place{Kind: KindRoot, Address: Address{Scheme: SchemeAPS}}
	if len(a.Steps) == 0 {
		return p, nil
	}

	var err error
	if p.Hub, err = r.hub(ctx, a.Steps[0]); err != nil {
		return p, err
	}

	p.Kind, p.Address, p.Core = KindHub, p.Address.Join(p.Hub.Name), p.Hub.Core()
	if len(a.Steps) == 1 {
		return p, nil
	}

	if p.Project, err = r.project(ctx, p.Hub, a.Steps[1], p.Address); err != nil {
		return p, err
	}

	p.Kind, p.Address = KindProject, p.Address.Join(p.Project.Name)
	if len(a.Steps) == 2 {
		return p, nil
	}

	switch first := a.Steps[2]; {
	case lineageIDForm().MatchString(first), versionIDForm().MatchString(first):
		if len(a.Steps) > 3 || asFolder {
			return p, Usagef("%s names a file, not a folder", a)
		}

		return r.itemByID(ctx, p, first)
	case folderIDForm().MatchString(first):
		return r.folderByID(ctx, p, apsclient.FolderID(first))
	}

	tops, err := r.topFolders(ctx, p.Hub.ID, p.Project.ID)
	if err != nil {
		return p, err
	}

	f, err := pick("folder", a.Steps[2], p.Address, tops, func(f apsclient.Folder) (string, string) {
		return string(f.ID), f.Name
	}, nil)
	if err != nil {
		return p, err
	}

	p.Kind, p.Folder, p.Address = KindFolder, f, p.Address.Join(f.Name)
	r.learnWay(a, p)

	return p, nil
}

// descend follows the steps below a folder.
func (r *Resolver) descend(ctx context.Context, p Place, steps []string, asFolder bool) (Place, error) {
	for i, step := range steps {
		last := i == len(steps)-1
		next, err := r.child(ctx, p, step, last && !asFolder)
		if nf, ok := errors.AsType[*NotFoundError](err); ok && asFolder && nf.What == "folder" {
			if _, isFile, err := r.Find(ctx, p.Project.ID, p.Folder.ID, step); err != nil {
				return p, err
			} else if isFile {
				return p, Usagef("%s is a file, not a folder", p.Address.Join(step))
			}

			p.Missing = slices.Clone(steps[i:])
			if slices.ContainsFunc(p.Missing, isID) {
				return p, err
			}

			return p, nil
		}

		if err != nil {
			return p, err
		}

		p = next
	}

	return p, nil
}

func isID(step string) bool {
	return folderIDForm().MatchString(step) || lineageIDForm().MatchString(step) ||
		versionIDForm().MatchString(step)
}

// child is the folder, or with orItem also the file, that step names in the folder p.
func (r *Resolver) child(ctx context.Context, p Place, step string, orItem bool) (Place, error) {
	var folders []apsclient.Folder
	var items []apsclient.Item
	var near []string
	err := r.view(ctx, p.Project.ID, p.Folder.ID, func(l *listing) {
		folders, items, near = nil, nil, nil
		if isID(step) {
			if i, ok := l.ids[step]; ok {
				if e := l.entries[i]; e.Folder != nil {
					folders = []apsclient.Folder{*e.Folder}
				} else {
					items = []apsclient.Item{*e.Item}
				}
			}

			return
		}

		for _, i := range l.folders[step] {
			folders = append(folders, *l.entries[i].Folder)
		}

		for _, i := range l.items[step] {
			items = append(items, *l.entries[i].Item)
		}

		if len(folders) == 0 && (len(items) == 0 || !orItem) {
			near = l.names(!orItem)
		}
	})
	if err != nil {
		return p, err
	}

	what := "folder"
	if !orItem {
		items = nil
	} else {
		what = "file or folder"
	}

	var ids []string
	for _, f := range folders {
		ids = append(ids, string(f.ID))
	}

	for _, it := range items {
		ids = append(ids, string(it.ID))
	}

	switch {
	case len(ids) > 1:
		return p, &AmbiguousError{What: what, Name: step, In: p.Address.String(), IDs: ids}
	case len(ids) == 0:
		return p, &NotFoundError{What: what, Name: step, In: p.Address.String(),
			Near: apsclient.Nearest(step, near)}
	case len(folders) == 1:
		p.Folder, p.Address = folders[0], p.Address.Join(folders[0].Name)
	default:
		p.Kind, p.Item, p.Address = KindItem, items[0], p.Address.Join(ItemName(items[0]))
	}

	return p, nil
}

// pick finds the one of list that step names, by id when it has the form of one (ids are tried
// first for every step: a.… ids have no sharp form).
func pick[T any](what, step string, in Address, list []T, ident func(T) (id, name string),
	warnings []apsclient.Warning) (T, error) {
	var found []T
	var ids, names []string
	for _, v := range list {
		id, name := ident(v)
		if id == step {
			return v, nil
		}

		if name == step {
			found, ids = append(found, v), append(ids, id)
		}

		names = append(names, name)
	}

	var zero T
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return zero, &NotFoundError{What: what, Name: step, In: in.String(),
			Near:     apsclient.Nearest(step, names),
			Warnings: warnings}
	}

	return zero, &AmbiguousError{What: what, Name: step, In: in.String(), IDs: ids}
}

func (r *Resolver) hub(ctx context.Context, step string) (apsclient.Hub, error) {
	hubs, warnings, err := r.hubList(ctx)
	if err != nil {
		return apsclient.Hub{}, err
	}

	h, err := pick("hub", step, Address{Scheme: SchemeAPS}, hubs, func(h apsclient.Hub) (string, string) {
		return string(h.ID), h.Name
	}, warnings)
	if err != nil {
		if nf, ok := errors.AsType[*NotFoundError](err); ok {
			nf.In, nf.NoneVisible = "", len(hubs) == 0
		}
	}

	return h, err
}

func (r *Resolver) project(ctx context.Context, hub apsclient.Hub, step string,
	in Address) (apsclient.Project, error) {
	r.mu.Lock()
	_, listed := r.projects[hub.ID]
	r.mu.Unlock()
	if !listed && hubIDForm().MatchString(step) {
		p, err := r.c.Projects.Project(ctx, hub.ID, apsclient.ProjectID(step))
		if err == nil {
			p.Hub = hub.ID
			return p, nil
		}

		if !errors.Is(err, apsclient.ErrNotFound) && !errors.Is(err, apsclient.ErrBadRequest) {
			return p, err
		}
	}

	list, err := r.projectList(ctx, hub.ID)
	if err != nil {
		return apsclient.Project{}, err
	}

	return pick("project", step, in, list, func(p apsclient.Project) (string, string) {
		return string(p.ID), p.Name
	}, nil)
}

// folderByID finds a folder anywhere in the project and the names on the way to it.
func (r *Resolver) folderByID(ctx context.Context, p Place, id apsclient.FolderID) (Place, error) {
	f, err := r.folder(ctx, p.Project.ID, id)
	if errors.Is(err, apsclient.ErrNotFound) || err == nil && f.Hidden {
		return p, &NotFoundError{What: "folder", Name: string(id), In: p.Address.String()}
	}

	if err != nil {
		return p, err
	}

	names := []string{f.Name}
	for at := f; at.Parent != "" && at.Parent != p.Project.RootFolder && !at.IsRoot &&
		len(names) < maxDepth; {
		up, err := r.folder(ctx, p.Project.ID, at.Parent)
		if errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrForbidden) {
			break // the project's root is not shown to everybody
		}

		if err != nil {
			return p, err
		}

		// the project's root itself, which addresses leave out; top folders are those marked IsRoot
		if up.Parent == "" && !up.IsRoot {
			break
		}

		names = append(names, up.Name)
		at = up
	}

	slices.Reverse(names)
	p.Kind, p.Folder, p.Address = KindFolder, f, p.Address.Join(names...)

	return p, nil
}

// maxDepth bounds a walk towards the root.
const maxDepth = MaxDepth + 15

func (r *Resolver) itemByID(ctx context.Context, p Place, id string) (Place, error) {
	var version *apsclient.Version
	item := apsclient.ItemID(id)
	if versionIDForm().MatchString(id) {
		v, err := r.c.Versions.Version(ctx, p.Project.ID, apsclient.VersionID(id))
		if errors.Is(err, apsclient.ErrNotFound) {
			return p, &NotFoundError{What: "version", Name: id, In: p.Address.String()}
		}

		if err != nil {
			return p, err
		}

		version, item = &v, v.Item
	}

	it, err := r.c.Items.Item(ctx, p.Project.ID, item)
	if errors.Is(err, apsclient.ErrNotFound) || err == nil && it.Hidden {
		return p, &NotFoundError{What: "file", Name: id, In: p.Address.String()}
	}

	if err != nil {
		return p, err
	}

	if p, err = r.folderByID(ctx, p, it.Parent); err != nil {
		return p, err
	}

	p.Kind, p.Item, p.Version, p.Address = KindItem, it, version, p.Address.Join(ItemName(it))

	return p, nil
}

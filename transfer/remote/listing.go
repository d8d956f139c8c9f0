package remote

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"hoist/apsclient"
)

// Entry is one line of ls, tree and stat.
type Entry struct {
	Name          string // display name; of an object its whole key
	Type          string // hub project folder item version bucket object
	ID            string
	Size          int64 // bytes, -1 unknown or inapplicable
	VersionID     string
	VersionNumber int
	StorageID     string
	SHA1          string
	Modified      time.Time // zero: unknown
	Hidden        bool
	Place         Place // to descend into it without looking it up again
}

// Entry is the line of the place itself.
func (p Place) Entry() Entry {
	e := Entry{Type: p.Kind, Size: -1, Place: p, Name: p.Address.Base()}
	switch p.Kind {
	case KindHub:
		e.ID, e.Name = string(p.Hub.ID), p.Hub.Name
	case KindProject:
		e.ID, e.Name = string(p.Project.ID), p.Project.Name
	case KindFolder:
		e.ID, e.Name, e.Modified, e.Hidden = string(p.Folder.ID), p.Folder.Name, p.Folder.Modified,
			p.Folder.Hidden
	case KindItem:
		e.ID, e.Name, e.Modified, e.Hidden = string(p.Item.ID), ItemName(p.Item), p.Item.Modified,
			p.Item.Hidden
		v := p.Version
		if v == nil {
			v = p.Item.Tip
		}

		if v != nil {
			e.Size, e.VersionID, e.VersionNumber, e.StorageID = v.Size, string(v.ID), v.Number,
				string(v.Storage)
			if !v.Modified.IsZero() {
				e.Modified = v.Modified
			}
		} else {
			e.VersionID = string(p.Item.TipID)
		}
	case KindBucket:
		e.ID, e.Name = p.Bucket, p.Bucket
	case KindPrefix:
		e.Name = p.Key
	case KindObject:
		e.Name = p.Key
		if p.Object != nil {
			e.ID, e.StorageID, e.Size, e.SHA1, e.Modified = string(p.Object.ID), string(p.Object.ID),
				p.Object.Size, p.Object.SHA1, p.Object.Modified
		}
	}

	return e
}

// Name is the remote name of a file or object, without what leads to it.
func (p Place) Name() string {
	if p.Kind == KindObject {
		return p.Key[strings.LastIndexByte(p.Key, '/')+1:]
	}

	return ItemName(p.Item)
}

// VersionEntry is the line of one version of the item p.
func VersionEntry(p Place, v apsclient.Version) Entry {
	return Entry{
		Name: v.Name, Type: "version", ID: string(v.ID), Size: v.Size, VersionID: string(v.ID),
		VersionNumber: v.Number,
		StorageID:     string(v.Storage), Modified: v.Modified, Hidden: v.Hidden, Place: p,
	}
}

// List yields what is directly in a place: hubs, projects, top folders, a folder's contents,
// buckets, or every object below a bucket or prefix (keys have no folders). An item or object
// yields itself. Hidden things are left out. It stops after yielding an error.
func (r *Resolver) List(ctx context.Context, p Place) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := r.list(ctx, p, func(q Place) bool { return yield(q.Entry(), nil) }); err != nil {
			yield(Entry{}, err)
		}
	}
}

func (r *Resolver) list(ctx context.Context, p Place, yield func(Place) bool) error {
	switch p.Kind {
	case KindBuckets:
		for b, err := range r.oss.Buckets.All(ctx) {
			if err != nil {
				return err
			}

			if !yield(Place{Kind: KindBucket, Address: p.Address.Join(b.Key), Bucket: b.Key}) {
				return nil
			}
		}

		return nil
	case KindBucket, KindPrefix:
		prefix := p.Key
		if p.Kind == KindPrefix && !strings.HasSuffix(prefix, "/") {
			prefix += "/"
		}

		for o, err := range r.oss.Objects.List(ctx, p.Bucket, prefix) {
			if err != nil {
				return err
			}

			q := p
			q.Kind, q.Key, q.Object, q.Address = KindObject, o.Key, &o, objectAddress(p.Bucket, o.Key)
			if !yield(q) {
				return nil
			}
		}

		return nil
	}

	places, err := r.children(ctx, p)
	for _, q := range places {
		if !yield(q) {
			break
		}
	}

	return err
}

// children are the places directly in one of aps://; a file is its own.
func (r *Resolver) children(ctx context.Context, p Place) ([]Place, error) {
	var out []Place
	add := func(kind, name string) *Place {
		q := p
		q.Kind, q.Address = kind, p.Address.Join(name)
		out = append(out, q)

		return &out[len(out)-1]
	}
	switch p.Kind {
	case KindRoot:
		hubs, warnings, err := r.hubList(ctx)
		if err != nil {
			return nil, err
		}

		for _, w := range apsclient.Refusals(warnings) {
			r.log.Warn("the service did not show all hubs", "regions", w)
		}

		if len(hubs) == 0 {
			return nil, &NotFoundError{What: "hub", NoneVisible: true, Warnings: warnings}
		}

		for _, h := range hubs {
			q := add(KindHub, h.Name)
			q.Hub, q.Core = h, h.Core()
		}
	case KindHub:
		projects, err := r.projectList(ctx, p.Hub.ID)
		if err != nil {
			return nil, err
		}

		for _, project := range projects {
			add(KindProject, project.Name).Project = project
		}
	case KindProject:
		tops, err := r.topFolders(ctx, p.Hub.ID, p.Project.ID)
		if err != nil {
			return nil, err
		}

		for _, f := range tops {
			add(KindFolder, f.Name).Folder = f
		}
	case KindFolder:
		var entries []apsclient.Entry
		if err := r.view(ctx, p.Project.ID, p.Folder.ID, func(l *listing) {
			entries = l.visible()
		}); err != nil {
			return nil, err
		}

		for _, e := range entries {
			if e.Folder != nil {
				add(KindFolder, e.Folder.Name).Folder = *e.Folder
			} else {
				add(KindItem, ItemName(*e.Item)).Item = *e.Item
			}
		}
	case KindItem, KindObject:
		out = []Place{p}
	}

	return out, nil
}

// AtVersion puts the wanted version of an item in place.Version; 0 is the one the address named, or
// the tip. An object has none to choose from.
func (r *Resolver) AtVersion(ctx context.Context, p Place, number int) (Place, error) {
	if p.Kind == KindObject {
		if number > 0 {
			return p, Usagef("%s has no versions", p.Address)
		}

		return p, nil
	}

	if number == 0 {
		if p.Version == nil {
			p.Version = p.Item.Tip
		}

		if p.Version == nil {
			v, err := r.c.Versions.Version(ctx, p.Project.ID, p.Item.TipID)
			if err != nil {
				return p, err
			}

			p.Version = &v
		}

		return p, nil
	}

	for v, err := range r.c.Items.Versions(ctx, p.Project.ID, p.Item.ID) {
		if err != nil {
			return p, err
		}

		if v.Number == number {
			p.Version = &v
			return p, nil
		}
	}

	return p, &NotFoundError{What: "version", Name: fmt.Sprint(number), In: p.Address.String()}
}

func objectAddress(bucket, key string) Address {
	return Address{Scheme: SchemeOSS, Steps: append([]string{bucket}, strings.Split(key, "/")...)}
}

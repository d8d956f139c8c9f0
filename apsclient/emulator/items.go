package emulator

import (
	"net/http"
	"path"
	"strings"
)

func (c *call) createStorage() {
	in := c.payload("objects", false)
	var d obj
	c.inProject(func(m *model, p *project) *problem {
		name := in.Data.Attributes.Name
		target := in.Data.Relationships.Target.Data
		switch {
		case name == nil:
			return invalid("data.attributes.name is missing")
		case nameProblem(*name) != "":
			return invalid(nameProblem(*name))
		case target == nil || target.Type != "folders" && target.Type != "items":
			return invalid("relationships.target.data must name a folder or an item")
		}

		if target.Type == "folders" {
			if _, bad := landing(m, p, target); bad != nil {
				return bad
			}
		} else if i := m.items.get(target.ID); i == nil || i.Project != p.ID {
			return noItem
		}

		ext := strings.ToLower(path.Ext(*name))
		if strings.ContainsAny(ext, " +%#&") {
			ext = ""
		}

		store := m.storeOf(p.ID)
		urn := objectURN(store, uuid()+ext)
		m.reservations.put(urn, &reservation{Client: c.tok.Client, Project: p.ID, Target: target.ID,
			Name: *name})
		related := c.relatedTo(dataPath(p.ID, target.Type, target.ID), target.Type, target.ID)
		_, key, _ := splitURN(urn)
		d = c.document(obj{"type": "objects", "id": urn, "relationships": obj{"target": related}}, nil)
		d["links"] = obj{"self": c.link("/oss/v2/buckets/" + store + "/objects/" + key)}

		return nil
	})
	c.json(http.StatusCreated, d)
}

var noItem = noSuch("ITEM_NOT_FOUND", "the item does not exist in this project")

// stored is what a storage relationship names: an object whose upload was completed.
func (c *call) stored(m *model, p *project, r *resource, name string) (content, *problem) {
	none := content{}
	if r == nil || r.Type != "objects" {
		return none, invalid("relationships.storage.data must name an object")
	}

	bucketKey, key, ok := splitURN(r.ID)
	if !ok {
		return none, invalid("the storage id is not an object URN")
	}

	if bucketKey != m.storeOf(p.ID) {
		return none, invalid("the storage was not made by POST storage")
	}

	res := m.reservations.get(r.ID)
	switch {
	case res == nil:
		return none, noSuch("STORAGE_NOT_FOUND", "the storage location does not exist")
	case res.Client != c.tok.Client:
		return none, forbidden("the storage location belongs to another application")
	case !sameExtension(res.Name, name):
		return none, invalid("the file extension differs from the one the storage was made for")
	}

	if c.knob.Facts.StorageOnce && m.stores(r.ID) {
		return none, invalid("the storage location has a version already")
	}

	o := m.objects.get(bucketKey + "/" + key)
	if o == nil {
		return none, invalid("the upload to the storage location was not completed")
	}

	return content{name, r.ID, o.Size}, nil
}

// stores reports whether a version has its bytes at a storage location.
func (m *model) stores(urn string) bool {
	for _, v := range m.versions.m {
		if v.Storage == urn {
			return true
		}
	}

	return false
}

// typesFor are the item and version types that a folder takes.
func typesFor(f *folder) (itemType, versionType string) {
	switch {
	case f.Core:
		return typeItemCore, typeVersionCore
	case f.FolderType == "plan":
		return typeItemPlan, typeVersionPlan
	}

	return typeItem360, typeVersion360
}

func (c *call) createItem() {
	in := c.payload("items", false)
	var d obj
	c.inProject(func(m *model, p *project) *problem {
		parent, bad := landing(m, p, in.Data.Relationships.Parent.Data)
		if bad != nil {
			return bad
		}

		a := in.Data.Attributes
		wantItem, wantVersion := typesFor(parent)
		var what content
		if from := c.q.Get("copyFrom"); from != "" {
			if what, bad = c.copySource(m, p, from); bad != nil {
				return bad
			}

			if a.DisplayName != nil {
				what.name = *a.DisplayName
			}

			if len(in.Included) > 0 && in.Included[0].Attributes.Name != nil {
				what.name = *in.Included[0].Attributes.Name
			}
		} else {
			first, bad := firstVersion(in, wantVersion)
			if bad != nil {
				return bad
			}

			name := *first.Attributes.Name
			switch {
			case a.Extension.Type != wantItem || a.Extension.Version != "1.0":
				return invalid("the extension type must be " + wantItem + " version 1.0")
			case a.DisplayName == nil || !parent.Core && *a.DisplayName != name:
				return invalid("displayName must equal the name of the first version")
			}

			if what, bad = c.stored(m, p, first.Relationships.Storage.Data, name); bad != nil {
				return bad
			}
		}

		if bad := c.nameFree(m, parent.ID, what.name, ""); bad != nil {
			return bad
		}

		i, v := m.addItem(parent, what, c.deed())
		m.child(parent.ID).take(what.name, i.ID)
		c.rewriteStorage(m, v)
		m.touch(parent.ID, c.deed())
		c.s.announce(m, "dm.version.added", parent, i, v, c.deed())
		d = c.document(c.itemResource(m, i, v), list{c.versionResource(m, v)})
		d["meta"] = obj{"bim360DmCommandId": uuid()}

		return nil
	})
	c.json(http.StatusCreated, d)
}

// firstVersion checks the included version of a new item.
func firstVersion(in *payload, want string) (*resource, *problem) {
	tip := in.Data.Relationships.Tip.Data
	switch {
	case len(in.Included) != 1 || in.Included[0].Type != "versions":
		return nil, invalid("included must hold one version")
	case tip == nil || tip.Type != "versions" || tip.ID != in.Included[0].ID:
		return nil, invalid("relationships.tip.data must name the included version")
	case in.Included[0].Attributes.Name == nil:
		return nil, invalid("included[0].attributes.name is missing")
	}

	ext := in.Included[0].Attributes.Extension
	if ext.Type != want || ext.Version != "1.0" {
		return nil, invalid("the extension type of the version must be " + want + " version 1.0")
	}

	return &in.Included[0], nil
}

// content is what a version holds.
type content struct {
	name, storage string
	size          int64
}

// addItem makes an item with its first version and stores both. The caller takes the name.
func (m *model) addItem(parent *folder, what content, d deed) (*item, *version) {
	itemType, versionType := typesFor(parent)
	i := &item{ID: spaceOf(parent.ID) + "dm.lineage:" + randomID(), Project: parent.Project,
		Folder: parent.ID, Name: what.name, ExtType: itemType, CreatedBy: d.by, Created: d.at,
		VisibleAt: d.shown(), numbered: m.seq()}
	m.child(parent.ID).items = append(m.child(parent.ID).items, i.ID)

	return i, m.addVersion(i, what, versionType, d)
}

// addVersion puts a version on top of an item and stores both.
func (m *model) addVersion(i *item, what content, kind string, d deed) *version {
	n := len(i.Versions) + 1
	v := &version{ID: strings.Replace(i.ID, "dm.lineage:", "fs.file:vf.", 1) + "?version=" + itoa(n),
		Item: i.ID, Project: i.Project, Name: what.name, Storage: what.storage, ExtType: kind, Number: n,
		Size: what.size, CreatedBy: d.by, Created: d.at, VisibleAt: d.shown()}
	i.Versions = append(i.Versions, v.ID)
	i.Modified, i.ModifiedBy = d.at, d.by
	m.versions.put(v.ID, v)
	m.items.put(i.ID, i)

	return v
}

// rewriteStorage gives a version's object another name, when the knob says so.
func (c *call) rewriteStorage(m *model, v *version) {
	if !c.knob.RewriteStorage || v.Storage == "" {
		return
	}

	bucketKey, key, _ := splitURN(v.Storage)
	o := m.objects.get(bucketKey + "/" + key)
	if o == nil {
		return
	}

	cp := *o
	cp.Key = uuid() + path.Ext(key)
	m.putObject(&cp)
	v.Storage = objectURN(cp.Bucket, cp.Key)
	m.versions.put(v.ID, v)
}

// itemOf finds an item of the project.
func (m *model) itemOf(p *project, id string) *item {
	if i := m.items.get(id); i != nil && i.Project == p.ID {
		return i
	}

	return nil
}

// inItem runs fn with the item of the path.
func (c *call) inItem(fn func(*model, *project, *item) *problem) {
	c.inProject(func(m *model, p *project) *problem {
		i := m.itemOf(p, c.p["item"])
		if i == nil {
			return noItem
		}

		return fn(m, p, i)
	})
}

func (c *call) getItem() {
	withPath := c.boolean("includePathInProject", false)
	var d obj
	c.inItem(func(m *model, p *project, i *item) *problem {
		tip := m.versions.get(i.tip())
		r := c.itemResource(m, i, tip)
		if withPath && p.Platform != PlatformCore {
			r["attributes"].(obj)["pathInProject"] = "/" + m.folderPath(i.Folder)
		}

		d = c.document(r, list{c.versionResource(m, tip)})

		return nil
	})
	c.ok(d)
}

// folderPath is the names from the top folder down, with slashes.
func (m *model) folderPath(id string) string {
	var names []string
	for f := m.folders.get(id); f != nil && f.Parent != ""; f = m.folders.get(f.Parent) {
		names = append([]string{f.Name}, names...)
	}

	return strings.Join(names, "/")
}

func (c *call) updateItem() {
	in := c.payload("items", false)
	var d obj
	c.inItem(func(m *model, p *project, i *item) *problem {
		switch {
		case in.Data.ID != i.ID:
			return invalid("data.id differs from the item of the address")
		case i.Reserved && i.ReservedBy != c.actor():
			return lockedBy(i)
		}

		a := in.Data.Attributes
		if a.DisplayName != nil && *a.DisplayName != i.Name {
			if p.Platform != PlatformCore {
				return invalid("displayName cannot be changed in this kind of project")
			}

			if bad := c.nameFree(m, i.Folder, *a.DisplayName, i.ID); bad != nil {
				return bad
			}

			m.child(i.Folder).drop(i.Name)
			i.Name = *a.DisplayName
			m.child(i.Folder).take(i.Name, i.ID)
		}

		if bad := in.Data.describe(&i.Description); bad != nil {
			return bad
		}

		if in.Data.Relationships.Parent.Data != nil {
			if p.Platform != PlatformCore {
				return invalid("an item cannot move in this kind of project")
			}

			to, bad := landing(m, p, in.Data.Relationships.Parent.Data)
			if bad != nil {
				return bad
			}

			if to.ID != i.Folder {
				if bad := c.nameFree(m, to.ID, i.Name, i.ID); bad != nil {
					return bad
				}

				m.child(i.Folder).drop(i.Name)
				m.child(i.Folder).items = without(m.child(i.Folder).items, i.ID)
				i.Folder = to.ID
				m.child(to.ID).items = append(m.child(to.ID).items, i.ID)
				m.child(to.ID).take(i.Name, i.ID)
			}
		}

		i.Modified, i.ModifiedBy = c.now, c.actor()
		m.items.put(i.ID, i)
		m.touch(i.Folder, c.deed())
		tip := m.versions.get(i.tip())
		c.s.announce(m, "dm.lineage.updated", m.folders.get(i.Folder), i, tip, c.deed())
		d = c.document(c.itemResource(m, i, tip), list{c.versionResource(m, tip)})

		return nil
	})
	c.ok(d)
}

func lockedBy(i *item) *problem {
	return &problem{http.StatusLocked, "", "the item is reserved by " + i.ReservedBy}
}

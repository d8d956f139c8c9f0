package emulator

import (
	"net/http"
	"path"
	"strings"
	"time"
)

func (c *call) createStorage() {
	in, ok := c.payload("objects", false)
	if !ok {
		return
	}

	var d obj
	c.inProject(true, func(m *model, p *project) *problem {
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

		urn := objectURN(wipBucket, uuid()+ext)
		m.reservations.put(urn, &reservation{Client: c.tok.Client, Project: p.ID, Target: target.ID,
			Name: *name})
		related := c.related(dataPath(p.ID, target.Type, target.ID))
		related["data"] = ref(target.Type, target.ID)
		_, key, _ := splitURN(urn)
		d = c.document(obj{"type": "objects", "id": urn, "relationships": obj{"target": related}}, nil)
		d["links"] = obj{"self": c.link("/oss/v2/buckets/" + wipBucket + "/objects/" + key)}

		return nil
	})
	if d != nil {
		c.json(http.StatusCreated, d)
	}
}

var noItem = missing("ITEM_NOT_FOUND", "the item does not exist in this project")

// storedObject checks that a storage relationship names an object whose upload was completed.
func (c *call) storedObject(m *model, r *resource, name string) (*object, *problem) {
	if r == nil || r.Type != "objects" {
		return nil, invalid("relationships.storage.data must name an object")
	}

	bucketKey, key, ok := splitURN(r.ID)
	if !ok {
		return nil, invalid("the storage id is not an object URN")
	}

	if bucketKey != wipBucket {
		return nil, invalid("the storage was not made by POST storage")
	}

	res := m.reservations.get(r.ID)
	switch {
	case res == nil:
		return nil, missing("STORAGE_NOT_FOUND", "the storage location does not exist")
	case res.Client != c.tok.Client:
		return nil, &problem{http.StatusForbidden, "FORBIDDEN",
			"the storage location belongs to another application"}
	case !sameExtension(res.Name, name):
		return nil, invalid("the file extension differs from the one the storage was made for")
	}

	o := m.objects.get(bucketKey + "/" + key)
	if o == nil {
		return nil, invalid("the upload to the storage location was not completed")
	}

	return o, nil
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
	in, ok := c.payload("items", false)
	if !ok {
		return
	}

	var d obj
	c.inProject(true, func(m *model, p *project) *problem {
		parent, bad := landing(m, p, in.Data.Relationships.Parent.Data)
		if bad != nil {
			return bad
		}

		a := in.Data.Attributes
		wantItem, wantVersion := typesFor(parent)
		var name, storage string
		var size int64
		if from := c.q.Get("copyFrom"); from != "" {
			src, bad := c.copySource(m, p, from)
			if bad != nil {
				return bad
			}

			name, storage, size = src.Name, src.Storage, src.Size
			if a.DisplayName != nil {
				name = *a.DisplayName
			}

			if len(in.Included) > 0 && in.Included[0].Attributes.Name != nil {
				name = *in.Included[0].Attributes.Name
			}
		} else {
			first, bad := firstVersion(in, wantVersion)
			if bad != nil {
				return bad
			}

			name = *first.Attributes.Name
			switch {
			case a.Extension.Type != wantItem || a.Extension.Version != "1.0":
				return invalid("the extension type must be " + wantItem + " version 1.0")
			case a.DisplayName == nil || !parent.Core && *a.DisplayName != name:
				return invalid("displayName must equal the name of the first version")
			}

			if why := nameProblem(name); why != "" {
				return invalid(why)
			}

			o, bad := c.storedObject(m, first.Relationships.Storage.Data, name)
			if bad != nil {
				return bad
			}

			storage, size = objectURN(o.Bucket, o.Key), o.Size
		}

		if why := nameProblem(name); why != "" {
			return invalid(why)
		}

		if !c.nameFree(m, parent.ID, name) {
			return conflict(nameTaken)
		}

		i, v := m.addItem(parent, name, storage, size, c.actor(), c.now, c.s.cfg.Visibility)
		c.takeName(m, parent.ID, name, i.ID)
		c.rewriteStorage(m, v)
		m.touch(parent.ID, c.actor(), c.now)
		c.s.announce(m, "dm.version.added", parent, i, v, c.actor(), c.now)
		d = c.document(c.itemResource(m, i, v), list{c.versionResource(m, v)})
		d["meta"] = obj{"bim360DmCommandId": uuid()}

		return nil
	})
	if d != nil {
		c.json(http.StatusCreated, d)
	}
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

// addItem makes an item with its first version and stores both. The caller takes the name.
func (m *model) addItem(parent *folder, name, storage string, size int64, by string, now time.Time,
	delay time.Duration) (*item, *version) {
	itemType, versionType := typesFor(parent)
	id := randomID()
	i := &item{ID: "urn:adsk.wipprod:dm.lineage:" + id, Project: parent.Project, Folder: parent.ID,
		Name: name, ExtType: itemType,
		CreatedBy: by, ModifiedBy: by, Created: now, Modified: now, VisibleAt: now.Add(delay), Seq: m.seq()}
	m.child(parent.ID).items = append(m.child(parent.ID).items, i.ID)
	v := m.addVersion(i, name, storage, size, versionType, by, now, delay)

	return i, v
}

// addVersion puts a version on top of an item and stores both.
func (m *model) addVersion(i *item, name, storage string, size int64, kind, by string, now time.Time,
	delay time.Duration) *version {
	n := len(i.Versions) + 1
	v := &version{ID: strings.Replace(i.ID, "dm.lineage:", "fs.file:vf.", 1) + "?version=" + itoa(n),
		Item: i.ID, Project: i.Project, Name: name,
		Storage: storage, ExtType: kind, Number: n, Size: size, CreatedBy: by, Created: now,
		VisibleAt: now.Add(delay)}
	i.Versions = append(i.Versions, v.ID)
	i.Modified, i.ModifiedBy = now, by
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

func (c *call) getItem() {
	withPath, ok := c.boolean("includePathInProject", false)
	if !ok {
		return
	}

	var d obj
	c.inProject(false, func(m *model, p *project) *problem {
		i := m.itemOf(p, c.p["item"])
		if i == nil {
			return noItem
		}

		tip := m.versions.get(i.tip())
		r := c.itemResource(m, i, tip)
		if withPath && p.Platform != PlatformCore {
			r["attributes"].(obj)["pathInProject"] = "/" + m.folderPath(i.Folder)
		}

		d = c.document(r, list{c.versionResource(m, tip)})

		return nil
	})
	if d != nil {
		c.json(http.StatusOK, d)
	}
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
	in, ok := c.payload("items", false)
	if !ok {
		return
	}

	var d obj
	c.inProject(true, func(m *model, p *project) *problem {
		i := m.itemOf(p, c.p["item"])
		switch {
		case i == nil:
			return noItem
		case in.Data.ID != i.ID:
			return invalid("data.id differs from the item of the address")
		case i.Reserved && i.ReservedBy != c.actor():
			return lockedBy(i)
		}

		a := in.Data.Attributes
		if a.DisplayName != nil && *a.DisplayName != i.Name {
			why := nameProblem(*a.DisplayName)
			switch {
			case p.Platform != PlatformCore:
				return invalid("displayName cannot be changed in this kind of project")
			case why != "":
				return invalid(why)
			case !c.nameFree(m, i.Folder, *a.DisplayName):
				return conflict(nameTaken)
			}

			c.dropName(m, i.Folder, i.Name)
			i.Name = *a.DisplayName
			c.takeName(m, i.Folder, i.Name, i.ID)
		}

		if t := a.Extension.Data.Description; t != nil {
			if len(*t) > 255 {
				return invalid("the description is longer than 255 characters")
			}

			i.Description = *t
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
				if !c.nameFree(m, to.ID, i.Name) {
					return conflict(nameTaken)
				}

				c.dropName(m, i.Folder, i.Name)
				m.child(i.Folder).items = without(m.child(i.Folder).items, i.ID)
				i.Folder = to.ID
				m.child(to.ID).items = append(m.child(to.ID).items, i.ID)
				c.takeName(m, to.ID, i.Name, i.ID)
			}
		}

		i.Modified, i.ModifiedBy = c.now, c.actor()
		m.items.put(i.ID, i)
		m.touch(i.Folder, c.actor(), c.now)
		tip := m.versions.get(i.tip())
		c.s.announce(m, "dm.lineage.updated", m.folders.get(i.Folder), i, tip, c.actor(), c.now)
		d = c.document(c.itemResource(m, i, tip), list{c.versionResource(m, tip)})

		return nil
	})
	if d != nil {
		c.json(http.StatusOK, d)
	}
}

func lockedBy(i *item) *problem {
	return &problem{http.StatusLocked, "LOCKED", "the item is reserved by " + i.ReservedBy}
}

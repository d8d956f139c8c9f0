package emulator

import (
	"net/http"
	"slices"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

var noVersion = missing("VERSION_NOT_FOUND", "the version does not exist in this project")

func (m *model) versionOf(p *project, id string) *version {
	if v := m.versions.get(id); v != nil && v.Project == p.ID {
		return v
	}

	return nil
}

// copySource finds the version that copyFrom names.
func (c *call) copySource(m *model, p *project, id string) (*version, *problem) {
	v := m.versionOf(p, id)
	switch {
	case v == nil:
		return nil, missing("VERSION_NOT_FOUND", "copyFrom names no version of this project")
	case v.Storage == "":
		return nil, invalid("copyFrom names a version without content")
	}

	return v, nil
}

func (c *call) createVersion() {
	from := c.q.Get("copyFrom")
	in, ok := c.payload("versions", from != "")
	if !ok {
		return
	}

	var d obj
	c.inProject(true, func(m *model, p *project) *problem {
		i, v, bad := c.newVersion(m, p, in.Data, from)
		if bad != nil {
			return bad
		}

		d = c.document(c.versionResource(m, v), list{c.itemResource(m, i, v)})
		d["meta"] = obj{"bim360DmCommandId": uuid()}

		return nil
	})
	if d != nil {
		c.json(http.StatusCreated, d)
	}
}

// newVersion makes the next version of an item: content, a copy, a rename, a restoration or a
// deletion.
func (c *call) newVersion(m *model, p *project, in *resource, from string) (*item, *version, *problem) {
	refuse := func(p *problem) (*item, *version, *problem) { return nil, nil, p }
	var src *version
	target := in.Relationships.Item.Data
	if from != "" {
		var bad *problem
		if src, bad = c.copySource(m, p, from); bad != nil {
			return refuse(bad)
		}

		if target == nil {
			target = &resource{Type: "items", ID: src.Item}
		}
	}

	if target == nil || target.Type != "items" {
		return refuse(invalid("relationships.item.data must name an item"))
	}

	i := m.itemOf(p, target.ID)
	switch {
	case i == nil:
		return refuse(noItem)
	case i.Reserved && i.ReservedBy != c.actor():
		return refuse(lockedBy(i))
	}

	parent := m.folders.get(i.Folder)
	_, want := typesFor(parent)
	kind := in.Attributes.Extension.Type
	if kind == typeDeleted && src == nil {
		return c.deleteItem(m, i, in)
	}

	var name, storage string
	var size int64
	if src != nil {
		name, storage, size = src.Name, src.Storage, src.Size
		if in.Attributes.Name != nil {
			name = *in.Attributes.Name
		} else if src.Item != i.ID {
			name = i.Name
		}
	} else {
		switch {
		case i.Hidden:
			return refuse(missing("ITEM_NOT_FOUND", "the item is deleted: restore it with copyFrom"))
		case in.Attributes.Name == nil:
			return refuse(invalid("data.attributes.name is missing"))
		case kind != want || in.Attributes.Extension.Version != "1.0":
			return refuse(invalid("the extension type must be " + want + " version 1.0"))
		}

		name = *in.Attributes.Name
		o, bad := c.storedObject(m, in.Relationships.Storage.Data, name)
		if bad != nil {
			return refuse(bad)
		}

		storage, size = objectURN(o.Bucket, o.Key), o.Size
	}

	if why := nameProblem(name); why != "" {
		return refuse(invalid(why))
	}

	if holder, taken := m.child(i.Folder).names[foldName(name, c.knob.CaseInsensitiveNames)]; taken &&
		holder != i.ID {
		return refuse(conflict(nameTaken))
	}

	if !i.Hidden {
		c.dropName(m, i.Folder, i.Name)
	}

	i.Hidden, i.Name = false, name
	c.takeName(m, i.Folder, name, i.ID)
	v := m.addVersion(i, name, storage, size, want, c.actor(), c.now, c.s.cfg.Visibility)
	c.rewriteStorage(m, v)
	m.touch(i.Folder, c.actor(), c.now)
	event := "dm.version.added"
	if src != nil {
		event = "dm.version.copied"
	}

	c.s.announce(m, event, parent, i, v, c.actor(), c.now)

	return i, v, nil
}

// deleteItem adds the marker that hides an item.
func (c *call) deleteItem(m *model, i *item, in *resource) (*item, *version, *problem) {
	switch {
	case in.Relationships.Storage.Data != nil:
		return nil, nil, invalid("a deletion has no storage")
	case i.Hidden:
		return nil, nil, conflict("the item is deleted already")
	case in.Attributes.Extension.Version != "1.0":
		return nil, nil, invalid("the extension version must be 1.0")
	}

	c.dropName(m, i.Folder, i.Name)
	old := i.Name
	i.Hidden, i.Name = true, uuid()
	v := m.addVersion(i, i.Name, "", 0, typeDeleted, c.actor(), c.now, c.s.cfg.Visibility)
	v.OriginalName = old
	m.versions.put(v.ID, v)
	m.touch(i.Folder, c.actor(), c.now)
	c.s.announce(m, "dm.version.deleted", m.folders.get(i.Folder), i, v, c.actor(), c.now)

	return i, v, nil
}

func (c *call) itemTip() {
	var d obj
	c.inProject(false, func(m *model, p *project) *problem {
		i := m.itemOf(p, c.p["item"])
		if i == nil {
			return noItem
		}

		d = c.document(c.versionResource(m, m.versions.get(i.tip())), nil)

		return nil
	})
	if d != nil {
		c.json(http.StatusOK, d)
	}
}

func (c *call) itemVersions() {
	fs, err := filters(c.q)
	if err != nil {
		c.fail(http.StatusBadRequest, "BAD_INPUT", err.Error())
		return
	}

	pg, ok := c.page()
	if !ok {
		return
	}

	var d obj
	c.inProject(false, func(m *model, p *project) *problem {
		i := m.itemOf(p, c.p["item"])
		if i == nil {
			return noItem
		}

		var all []*version // newest first
		for _, v := range slices.Backward(i.Versions) {
			if v := m.versions.get(v); !c.now.Before(v.VisibleAt) {
				all = append(all, v)
			}
		}

		from, to, more := pg.cut(len(all))
		data := list{}
		for _, v := range all[from:to] {
			if r := c.versionResource(m, v); matchAll(fs, r) {
				data = append(data, r)
			}
		}

		d = c.document(data, nil)
		d["links"] = c.pageLinks(pg, more)

		return nil
	})
	if d != nil {
		c.json(http.StatusOK, d)
	}
}

// withVersion answers what fn makes of the version of the path.
func (c *call) withVersion(fn func(*model, *project, *version) obj) {
	var d obj
	c.inProject(false, func(m *model, p *project) *problem {
		v := m.versionOf(p, c.p["version"])
		if v == nil {
			return noVersion
		}

		d = fn(m, p, v)

		return nil
	})
	if d != nil {
		c.json(http.StatusOK, d)
	}
}

func (c *call) getVersion() {
	c.withVersion(func(m *model, _ *project, v *version) obj {
		return c.document(c.versionResource(m, v), nil)
	})
}

func (c *call) downloadFormats() {
	c.withVersion(func(_ *model, _ *project, v *version) obj {
		formats := list{}
		switch fileType(v.Name) {
		case "dwg", "dwf", "rvt":
			formats = list{obj{"fileType": "pdf"}, obj{"fileType": "dwg"}}
		case "f3d":
			formats = list{obj{"fileType": "step"}, obj{"fileType": "iges"}}
		}

		return c.document(obj{"type": "downloadFormats", "id": uuid(), "attributes": obj{"formats": formats}},
			nil)
	})
}

// downloads lists finished conversions: for a drawing, its PDF, whose bytes are those of the
// drawing.
func (c *call) downloads() {
	fs, err := filters(c.q)
	if err != nil {
		c.fail(http.StatusBadRequest, "BAD_INPUT", err.Error())
		return
	}

	c.withVersion(func(_ *model, p *project, v *version) obj {
		data := list{}
		if fileType(v.Name) == "dwg" && v.Storage != "" {
			id := "dl-" + v.ID[len(v.ID)-4:] + "-pdf"
			source := c.related(dataPath(p.ID, "versions", v.ID))
			source["data"] = ref("versions", v.ID)
			bucketKey, key, _ := splitURN(v.Storage)
			r := obj{"type": "downloads", "id": id, "attributes": obj{"format": obj{"fileType": "pdf"}},
				"links": obj{"self": c.link("/data/v1/projects/" + p.ID + "/downloads/" + id)},
				"relationships": obj{"source": source, "storage": obj{"data": ref("objects", v.Storage),
					"meta": obj{"link": c.link("/oss/v2/buckets/" + bucketKey + "/objects/" + key)}}}}
			if matchAll(fs, r) {
				data = append(data, r)
			}
		}

		return c.document(data, nil)
	})
}

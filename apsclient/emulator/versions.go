package emulator

import (
	"net/http"
	"slices"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

var noVersion = noSuch("VERSION_NOT_FOUND", "the version does not exist in this project")

func (m *model) versionOf(p *project, id string) *version {
	if v := m.versions.get(id); v != nil && v.Project == p.ID {
		return v
	}

	return nil
}

// copySource is the content of the version that copyFrom names.
func (c *call) copySource(m *model, p *project, id string) (content, *problem) {
	v := m.versionOf(p, id)
	switch {
	case v == nil:
		return content{}, noSuch("VERSION_NOT_FOUND", "copyFrom names no version of this project")
	case v.Storage == "":
		return content{}, invalid("copyFrom names a version without content")
	}

	return content{v.Name, v.Storage, v.Size}, nil
}

func (c *call) createVersion() {
	from := c.q.Get("copyFrom")
	in := c.payload("versions", from != "")
	if from != "" && c.knob.Facts.RefuseCopy {
		c.refuse(invalid("copyFrom is not supported"))
	}

	var d obj
	c.inProject(func(m *model, p *project) *problem {
		i, v, bad := c.newVersion(m, p, in.Data, from)
		if bad != nil {
			return bad
		}

		d = c.document(c.versionResource(m, v), list{c.itemResource(m, i, v)})
		d["meta"] = obj{"bim360DmCommandId": uuid()}

		return nil
	})
	c.json(http.StatusCreated, d)
}

// newVersion makes the next version of an item: content, a copy, a rename, a restoration or a
// deletion.
func (c *call) newVersion(m *model, p *project, in *resource, from string) (*item, *version, *problem) {
	refuse := func(p *problem) (*item, *version, *problem) { return nil, nil, p }
	var what content
	var bad *problem
	target := in.Relationships.Item.Data
	if from != "" {
		if what, bad = c.copySource(m, p, from); bad != nil {
			return refuse(bad)
		}

		if target == nil {
			target = &resource{Type: "items", ID: m.versions.get(from).Item}
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
	if in.Attributes.Extension.Type == typeDeleted && from == "" {
		if m.personal(p) {
			return refuse(invalid("One or more input values in the request were bad"))
		}

		return c.deleteItem(m, i, in)
	}

	if from != "" {
		if given := in.Attributes.Extension.Type; given != "" && given != want {
			return refuse(invalid("the extension type must be " + want))
		}

		what.name = copyName(m, i, in, from, what.name)
	} else if what, bad = c.newContent(m, p, i, in, want); bad != nil {
		return refuse(bad)
	}

	name := what.name
	if bad := c.nameFree(m, i.Folder, name, i.ID); bad != nil {
		return refuse(bad)
	}

	if !i.Hidden {
		m.child(i.Folder).drop(i.Name)
	}

	i.Hidden, i.Name = false, name
	m.child(i.Folder).take(name, i.ID)
	v := m.addVersion(i, what, want, c.deed())
	c.rewriteStorage(m, v)
	m.touch(i.Folder, c.deed())
	event := "dm.version.added"
	if from != "" {
		event = "dm.version.copied"
	}

	c.s.announce(m, event, parent, i, v, c.deed())

	return i, v, nil
}

// copyName is the name of a version that is a copy of another, whose own name is was.
func copyName(m *model, i *item, in *resource, from, was string) string {
	switch given := in.Attributes.Name; {
	case given != nil:
		return *given
	case m.versions.get(from).Item != i.ID:
		return i.Name
	}

	return was
}

// newContent is what a version of that type gets that is no copy.
func (c *call) newContent(m *model, p *project, i *item, in *resource, want string) (content, *problem) {
	a := in.Attributes
	switch {
	case i.Hidden:
		return content{}, noSuch("ITEM_NOT_FOUND", "the item is deleted: restore it with copyFrom")
	case a.Name == nil:
		return content{}, invalid("data.attributes.name is missing")
	case a.Extension.Type != want || a.Extension.Version != "1.0":
		return content{}, invalid("the extension type must be " + want + " version 1.0")
	}

	what, bad := c.stored(m, p, in.Relationships.Storage.Data, *a.Name)
	what.name = *a.Name

	return what, bad
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

	m.child(i.Folder).drop(i.Name)
	old := i.Name
	i.Hidden, i.Name = true, uuid()
	v := m.addVersion(i, content{name: i.Name}, typeDeleted, c.deed())
	v.OriginalName = old
	m.versions.put(v.ID, v)
	m.touch(i.Folder, c.deed())
	c.s.announce(m, "dm.version.deleted", m.folders.get(i.Folder), i, v, c.deed())

	return i, v, nil
}

func (c *call) itemTip() {
	var d obj
	c.inItem(func(m *model, p *project, i *item) *problem {
		d = c.document(c.versionResource(m, m.versions.get(i.tip())), nil)

		return nil
	})
	c.ok(d)
}

func (c *call) itemVersions() {
	fs := c.filters()
	pg := c.page()
	var d obj
	c.inItem(func(m *model, p *project, i *item) *problem {
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
	c.ok(d)
}

// withVersion answers what fn makes of the version of the path.
func (c *call) withVersion(fn func(*model, *project, *version) obj) {
	var d obj
	c.inProject(func(m *model, p *project) *problem {
		v := m.versionOf(p, c.p["version"])
		if v == nil {
			return noVersion
		}

		d = fn(m, p, v)

		return nil
	})
	c.ok(d)
}

func (c *call) getVersion() {
	c.withVersion(func(m *model, _ *project, v *version) obj {
		return c.document(c.versionResource(m, v), nil)
	})
}

func (c *call) downloadFormats() {
	c.withVersion(func(_ *model, _ *project, v *version) obj {
		formats := list{}
		for _, f := range formatsOf(v) {
			formats = append(formats, obj{"fileType": f})
		}

		return c.document(obj{"type": "downloadFormats", "id": uuid(), "attributes": obj{"formats": formats}},
			nil)
	})
}

// downloads lists finished conversions: for a drawing, its PDF.
func (c *call) downloads() {
	fs := c.filters()
	c.withVersion(func(_ *model, _ *project, v *version) obj {
		data := list{}
		if fileType(v.Name) == "dwg" && v.Storage != "" {
			if r := c.downloadResource(v, "pdf"); matchAll(fs, r) {
				data = append(data, r)
			}
		}

		return c.document(data, nil)
	})
}

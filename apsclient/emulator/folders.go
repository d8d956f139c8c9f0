package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

func dataRoutes() []route {
	const base = "/data/v1/projects/{project}"
	row := func(op, method, pattern string, scopes []string, perMinute int, h func(*call)) route {
		return route{op: op, method: method, pattern: base + pattern, family: famDM, scopes: scopes,
			class: op, perMinute: perMinute, user: userOptional, handle: h}
	}
	get, post, patch := http.MethodGet, http.MethodPost, http.MethodPatch

	return []route{
		row("get-folder", get, "/folders/{folder}", scopeRead, 300, (*call).getFolder),
		row("list-folder-contents", get, "/folders/{folder}/contents", scopeRead, 300,
			(*call).folderContents),
		row("search-folder", get, "/folders/{folder}/search", scopeSearch, 300, (*call).searchFolder),
		row("create-folder", post, "/folders", scopeCreate, 50, (*call).createFolder),
		row("update-folder", patch, "/folders/{folder}", scopeWrite, 50, (*call).updateFolder),
		row("create-storage", post, "/storage", scopeCreate, 300, (*call).createStorage),
		row("create-item", post, "/items", scopeCreate, 50, (*call).createItem),
		row("get-item", get, "/items/{item}", scopeRead, 300, (*call).getItem),
		row("update-item", patch, "/items/{item}", scopeWrite, 50, (*call).updateItem),
		row("get-item-tip-version", get, "/items/{item}/tip", scopeRead, 50, (*call).itemTip),
		row("list-item-versions", get, "/items/{item}/versions", scopeRead, 800, (*call).itemVersions),
		row("create-version", post, "/versions", scopeCreate, 300, (*call).createVersion),
		row("get-version", get, "/versions/{version}", scopeRead, 300, (*call).getVersion),
		row("get-version-download-formats", get, "/versions/{version}/downloadFormats", scopeRead, 50,
			(*call).downloadFormats),
		row("get-version-downloads", get, "/versions/{version}/downloads", scopeRead, 50, (*call).downloads),
	}
}

// resource is a JSON:API resource as a client sends it; also a reference.
type resource struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Attributes struct {
		Name        *string `json:"name"`
		DisplayName *string `json:"displayName"`
		Hidden      *bool   `json:"hidden"`
		Extension   struct {
			Type    string `json:"type"`
			Version string `json:"version"`
			Data    struct {
				Description *string `json:"description"`
			} `json:"data"`
		} `json:"extension"`
	} `json:"attributes"`
	Relationships struct {
		Parent, Target, Tip, Storage, Item struct {
			Data *resource `json:"data"`
		}
	} `json:"relationships"`
}

// describe takes a description over, if there is one.
func (r *resource) describe(into *string) *problem {
	switch d := r.Attributes.Extension.Data.Description; {
	case d == nil:
	case len(*d) > 255:
		return invalid("the description is longer than 255 characters")
	default:
		*into = *d
	}

	return nil
}

type payload struct {
	JSONAPI struct {
		Version string `json:"version"`
	} `json:"jsonapi"`
	Data     *resource  `json:"data"`
	Included []resource `json:"included"`
	Meta     *struct {
		Workflow          string `json:"workflow"`
		WorkflowAttribute any    `json:"workflowAttribute"`
	} `json:"meta"`
}

var nameTaken = conflict("Another object with the same name already exists in this container")

// payload reads a JSON:API body of the given resource type.
func (c *call) payload(kind string, lenient bool) *payload {
	p := body[payload](c)
	switch {
	case p.JSONAPI.Version != "1.0" && (!lenient || p.JSONAPI.Version != ""):
		c.refuse(invalid("jsonapi.version must be 1.0"))
	case p.Data == nil || p.Data.Type != kind:
		c.refuse(invalid("data.type must be " + kind))
	case p.Meta != nil && !workflowForm(p.Meta.Workflow):
		c.refuse(invalid("meta.workflow must be up to 36 letters, digits and hyphens"))
	}

	return &p
}

func workflowForm(s string) bool {
	for _, r := range s {
		if !(r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}

	return len(s) <= 36
}

// folderOf finds a folder of the project.
func (m *model) folderOf(p *project, id string) *folder {
	if f := m.folders.get(id); f != nil && f.Project == p.ID {
		return f
	}

	return nil
}

var noFolder = noSuch("FOLDER_NOT_FOUND", "the folder does not exist in this project")

// deed says who does something and when, and how long it takes until it shows.
type deed struct {
	by    string
	at    time.Time
	delay time.Duration
	quiet bool // the roll-up times of folders stay
}

func (d deed) shown() time.Time { return d.at.Add(d.delay) }

func (c *call) deed() deed { return deed{c.actor(), c.now, c.s.cfg.Visibility, c.knob.Facts.NoRollup} }

// actor is whom a change is recorded for.
func (c *call) actor() string {
	if c.user != "" {
		return c.user
	}

	return c.tok.Client
}

// inFolder runs fn with the folder of the path.
func (c *call) inFolder(fn func(*model, *project, *folder) *problem) {
	c.inProject(func(m *model, p *project) *problem {
		f := m.folderOf(p, c.p["folder"])
		if f == nil {
			return noFolder
		}

		return fn(m, p, f)
	})
}

func (c *call) getFolder() {
	var r obj
	c.inFolder(func(m *model, _ *project, f *folder) *problem {
		since, ok := readTime(c.r.Header.Get("If-Modified-Since"))
		if !ok || f.Rollup.Truncate(time.Second).After(since) {
			r = c.folderResource(m, f)
		}

		return nil
	})

	if r == nil {
		c.empty(http.StatusNotModified)
	} else {
		c.ok(c.document(r, nil))
	}
}

func readTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z", http.TimeFormat} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}

	return time.Time{}, false
}

func (c *call) folderContents() {
	fs := c.filters()
	p := c.page()
	hidden := c.boolean("includeHidden", false)
	hidden = hidden || hasFilter(fs, "hidden")
	var d obj
	c.inFolder(func(m *model, _ *project, f *folder) *problem {
		folders, items := m.child(f.ID).folders, m.child(f.ID).items
		folders = slices.DeleteFunc(slices.Clone(folders), func(id string) bool {
			return c.now.Before(m.folders.get(id).VisibleAt)
		})
		items = slices.DeleteFunc(slices.Clone(items), func(id string) bool {
			return c.now.Before(m.items.get(id).VisibleAt)
		})

		from, to, more := p.cut(len(folders) + len(items)) // before anything is filtered
		data, included := list{}, list{}
		for _, id := range slices.Concat(folders, items)[from:to] {
			if f := m.folders.get(id); f != nil {
				if r := c.folderResource(m, f); (hidden || !f.Hidden) && matchAll(fs, r) {
					data = append(data, r)
				}

				continue
			}

			i := m.items.get(id)
			tip := c.shownTip(m, i)
			if r := c.itemResource(m, i, tip); (hidden || !i.Hidden) && matchAll(fs, r) {
				data = append(data, r)
				included = append(included, c.versionResource(m, tip))
			}
		}

		d = c.document(data, included)
		d["links"] = c.pageLinks(p, more)

		return nil
	})
	c.ok(d)
}

func (c *call) searchFolder() {
	fs := c.filters()
	n := c.number("page[number]", 0, 0, 49)
	p := page{n, 200}
	var d obj
	c.inFolder(func(m *model, _ *project, top *folder) *problem {
		var hits []*item
		var walk func(id string)
		walk = func(id string) {
			for _, iid := range m.child(id).items {
				i := m.items.get(iid)
				if !i.Hidden && !c.now.Before(i.VisibleAt) &&
					matchAll(fs, c.versionResource(m, c.shownTip(m, i))) {
					hits = append(hits, i)
				}
			}

			for _, fid := range m.child(id).folders {
				if !m.folders.get(fid).Hidden {
					walk(fid)
				}
			}
		}
		walk(top.ID)

		from, to, more := p.cut(len(hits))
		data, included := list{}, list{}
		for _, i := range hits[from:to] {
			tip := c.shownTip(m, i)
			data = append(data, c.versionResource(m, tip))
			included = append(included, c.itemResource(m, i, tip))
		}

		d = c.document(data, included)
		d["links"] = c.pageLinks(p, more && n < 49)
		d["meta"] = obj{"approximateNumberOfPages": (len(hits) + p.limit - 1) / p.limit}

		return nil
	})
	c.ok(d)
}

// touch moves the times of a folder and the roll-up of all above it.
func (m *model) touch(id string, d deed) {
	f := m.folders.get(id)
	if f == nil {
		return
	}

	f.Modified, f.ModifiedBy = d.at, d.by
	for ; f != nil; f = m.folders.get(f.Parent) {
		if !d.quiet {
			f.Rollup = d.at
		}

		m.folders.put(f.ID, f)
	}
}

// nameFree refuses a name in a folder that something else than self has.
func (c *call) nameFree(m *model, folderID, name, self string) *problem {
	why := nameProblem(name)
	if why != "" {
		return invalid(why)
	}

	holder := m.child(folderID).holder(name, c.knob.CaseInsensitiveNames)
	if holder != "" && holder != self && !c.knob.Facts.TwinNames {
		return nameTaken
	}

	return nil
}

// landing finds the folder that something is put into.
func landing(m *model, p *project, r *resource) (*folder, *problem) {
	if r == nil || r.Type != "folders" {
		return nil, invalid("relationships.parent.data must name a folder")
	}

	f := m.folderOf(p, r.ID)
	switch {
	case f == nil || f.Hidden:
		return nil, noFolder
	case f.Parent == "":
		return nil, invalid("the root folder of a project takes no members")
	}

	return f, nil
}

func (c *call) createFolder() {
	in := c.payload("folders", false)
	var r obj
	c.inProject(func(m *model, p *project) *problem {
		parent, bad := landing(m, p, in.Data.Relationships.Parent.Data)
		if bad != nil {
			return bad
		}

		a := in.Data.Attributes
		if a.Name == nil {
			return invalid("data.attributes.name is missing")
		}

		want := typeFolder360
		if parent.Core {
			want = typeFolderCore
		}

		var description string
		if bad := cmp.Or(in.Data.describe(&description), c.nameFree(m, parent.ID, *a.Name, "")); bad != nil {
			return bad
		}

		switch {
		case a.Extension.Type != want || a.Extension.Version != "1.0":
			return invalid("the extension type must be " + want + " version 1.0")
		case m.depth(parent) >= maxDepth:
			return invalid("folders nest at most 25 levels")
		}

		f := m.addFolder(parent, *a.Name, c.deed())
		f.Description = description
		m.child(parent.ID).take(f.Name, f.ID)
		m.folders.put(f.ID, f)
		m.touch(parent.ID, c.deed())
		c.s.announce(m, "dm.folder.added", f, nil, nil, c.deed())
		r = c.folderResource(m, f)

		return nil
	})
	c.json(http.StatusCreated, c.document(r, nil))
}

// addFolder makes a folder; the caller stores it and takes its name.
func (m *model) addFolder(parent *folder, name string, d deed) *folder {
	f := &folder{ID: spaceOf(parent.ID) + "fs.folder:co." + randomID(), Project: parent.Project,
		Parent: parent.ID, Name: name, Core: parent.Core, CreatedBy: d.by, ModifiedBy: d.by,
		Created: d.at, Modified: d.at, Rollup: d.at, VisibleAt: d.shown(), numbered: m.seq()}
	m.child(parent.ID).folders = append(m.child(parent.ID).folders, f.ID)

	return f
}

func (c *call) updateFolder() {
	in := c.payload("folders", false)
	var r obj
	c.inFolder(func(m *model, p *project, f *folder) *problem {
		switch {
		case in.Data.ID != f.ID:
			return invalid("data.id differs from the folder of the address")
		case f.Parent == "" || m.folders.get(f.Parent).Parent == "":
			return forbidden("top folders cannot be changed")
		}

		if bad := c.changeFolder(m, p, f, in.Data); bad != nil {
			return bad
		}

		f.Modified, f.ModifiedBy = c.now, c.actor()
		m.folders.put(f.ID, f)
		m.touch(f.Parent, c.deed())
		r = c.folderResource(m, f)

		return nil
	})
	c.ok(c.document(r, nil))
}

// changeFolder checks everything first, then applies it.
func (c *call) changeFolder(m *model, p *project, f *folder, d *resource) *problem {
	name, hidden, parent := f.Name, f.Hidden, m.folders.get(f.Parent)
	if d.Attributes.Hidden != nil && !m.personal(p) { // a personal hub takes it and does nothing
		hidden = *d.Attributes.Hidden
	}

	if f.Hidden && !hidden && f.OriginalName != "" {
		name = f.OriginalName
	}

	if d.Attributes.Name != nil {
		name = *d.Attributes.Name
	}

	if d.Relationships.Parent.Data != nil {
		to, bad := landing(m, p, d.Relationships.Parent.Data)
		if bad != nil {
			return bad
		}

		for a := to; a != nil; a = m.folders.get(a.Parent) {
			if a.ID == f.ID {
				return invalid("a folder cannot move into itself")
			}
		}

		parent = to
	}

	moved := parent.ID != f.Parent
	if !hidden && (f.Hidden || moved || name != f.Name) {
		if bad := c.nameFree(m, parent.ID, name, f.ID); bad != nil {
			return bad
		}
	}

	if bad := d.describe(&f.Description); bad != nil {
		return bad
	}

	event := "dm.folder.modified"
	if !f.Hidden {
		m.child(f.Parent).drop(f.Name)
	}

	if moved {
		old := m.child(f.Parent)
		old.folders = without(old.folders, f.ID)
		m.touch(f.Parent, c.deed())
		f.Parent = parent.ID
		m.child(parent.ID).folders = append(m.child(parent.ID).folders, f.ID)
		event = "dm.folder.moved"
	}

	switch {
	case hidden && !f.Hidden:
		f.OriginalName, f.Name, f.Hidden = name, uuid(), true
		event = "dm.folder.deleted"
	case hidden:
		if d.Attributes.Name != nil {
			f.OriginalName = name
		}
	default:
		f.OriginalName, f.Name, f.Hidden = "", name, false
		m.child(f.Parent).take(name, f.ID)
	}

	c.s.announce(m, event, f, nil, nil, c.deed())

	return nil
}

func without(ids []string, id string) []string {
	return slices.DeleteFunc(ids, func(v string) bool { return v == id })
}

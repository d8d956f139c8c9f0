package emulator

import (
	"net/http"
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

func invalid(detail string) *problem { return &problem{http.StatusBadRequest, "BAD_INPUT", detail} }
func missing(code, detail string) *problem {
	return &problem{http.StatusNotFound, code, detail}
}
func conflict(detail string) *problem { return &problem{http.StatusConflict, "CONFLICT", detail} }

const nameTaken = "Another object with the same name already exists in this container"

// payload reads a JSON:API body of the given resource type.
func (c *call) payload(kind string, lenient bool) (*payload, bool) {
	var p payload
	if !c.decode(&p) {
		return nil, false
	}

	switch {
	case p.JSONAPI.Version != "1.0" && (!lenient || p.JSONAPI.Version != ""):
		c.fail(http.StatusBadRequest, "BAD_INPUT", "jsonapi.version must be 1.0")
	case p.Data == nil || p.Data.Type != kind:
		c.fail(http.StatusBadRequest, "BAD_INPUT", "data.type must be "+kind)
	case p.Meta != nil && !workflowForm(p.Meta.Workflow):
		c.fail(http.StatusBadRequest, "BAD_INPUT",
			"meta.workflow must be up to 36 letters, digits and hyphens")
	default:
		return &p, true
	}

	return nil, false
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

var noFolder = missing("FOLDER_NOT_FOUND", "the folder does not exist in this project")

// actor is whom a change is recorded for.
func (c *call) actor() string {
	if c.user != "" {
		return c.user
	}

	return c.tok.Client
}

func (c *call) getFolder() {
	var r obj
	c.inProject(false, func(m *model, p *project) *problem {
		f := m.folderOf(p, c.p["folder"])
		if f == nil {
			return noFolder
		}

		if since, ok := readTime(c.r.Header.Get("If-Modified-Since")); ok &&
			!f.Rollup.Truncate(time.Second).After(since) {
			r = obj{}
			return nil
		}

		r = c.folderResource(m, f)

		return nil
	})

	switch {
	case r == nil:
	case len(r) == 0:
		c.empty(http.StatusNotModified)
	default:
		c.json(http.StatusOK, c.document(r, nil))
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

// member is a folder or an item in a listing.
type member struct {
	f *folder
	i *item
}

func (c *call) folderContents() {
	fs, err := filters(c.q)
	if err != nil {
		c.fail(http.StatusBadRequest, "BAD_INPUT", err.Error())
		return
	}

	p, ok := c.page()
	if !ok {
		return
	}

	hidden, ok := c.boolean("includeHidden", false)
	if !ok {
		return
	}

	hidden = hidden || hasFilter(fs, "hidden")
	var d obj
	c.inProject(false, func(m *model, pr *project) *problem {
		f := m.folderOf(pr, c.p["folder"])
		if f == nil {
			return noFolder
		}

		var all []member
		for _, id := range m.child(f.ID).folders {
			if s := m.folders.get(id); !c.now.Before(s.VisibleAt) {
				all = append(all, member{f: s})
			}
		}

		for _, id := range m.child(f.ID).items {
			if i := m.items.get(id); !c.now.Before(i.VisibleAt) {
				all = append(all, member{i: i})
			}
		}

		from, to, more := p.cut(len(all)) // pages are cut before anything is filtered
		data, included := list{}, list{}
		for _, e := range all[from:to] {
			switch {
			case e.f != nil:
				if e.f.Hidden && !hidden {
					continue
				}

				if r := c.folderResource(m, e.f); matchAll(fs, r) {
					data = append(data, r)
				}
			default:
				if e.i.Hidden && !hidden {
					continue
				}

				tip := c.shownTip(m, e.i)
				if r := c.itemResource(m, e.i, tip); matchAll(fs, r) {
					data = append(data, r)
					included = append(included, c.versionResource(m, tip))
				}
			}
		}

		d = c.document(data, included)
		d["links"] = c.pageLinks(p, more)

		return nil
	})
	if d != nil {
		c.json(http.StatusOK, d)
	}
}

func (c *call) searchFolder() {
	fs, err := filters(c.q)
	if err != nil {
		c.fail(http.StatusBadRequest, "BAD_INPUT", err.Error())
		return
	}

	n, ok := c.number("page[number]", 0, 0, 49)
	if !ok {
		return
	}

	p := page{n, 200}
	var d obj
	c.inProject(false, func(m *model, pr *project) *problem {
		top := m.folderOf(pr, c.p["folder"])
		if top == nil {
			return noFolder
		}

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
	if d != nil {
		c.json(http.StatusOK, d)
	}
}

// touch moves the times of a folder and the roll-up of all above it.
func (m *model) touch(id, by string, now time.Time) {
	f := m.folders.get(id)
	if f == nil {
		return
	}

	f.Modified, f.ModifiedBy = now, by
	for f != nil {
		f.Rollup = now
		m.folders.put(f.ID, f)
		f = m.folders.get(f.Parent)
	}
}

// nameFree reports whether a name may be taken in a folder.
func (c *call) nameFree(m *model, folderID, name string) bool {
	_, taken := m.child(folderID).names[foldName(name, c.knob.CaseInsensitiveNames)]
	return !taken
}

func (c *call) takeName(m *model, folderID, name, id string) {
	m.child(folderID).names[foldName(name, c.knob.CaseInsensitiveNames)] = id
}

func (c *call) dropName(m *model, folderID, name string) {
	delete(m.child(folderID).names, foldName(name, c.knob.CaseInsensitiveNames))
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
	in, ok := c.payload("folders", false)
	if !ok {
		return
	}

	var r obj
	c.inProject(true, func(m *model, p *project) *problem {
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

		why := nameProblem(*a.Name)
		description := ""
		if a.Extension.Data.Description != nil {
			description = *a.Extension.Data.Description
		}

		switch {
		case why != "":
			return invalid(why)
		case a.Extension.Type != want || a.Extension.Version != "1.0":
			return invalid("the extension type must be " + want + " version 1.0")
		case len(description) > 255:
			return invalid("the description is longer than 255 characters")
		case m.depth(parent) >= maxDepth:
			return invalid("folders nest at most 25 levels")
		case !c.nameFree(m, parent.ID, *a.Name):
			return conflict(nameTaken)
		}

		f := m.addFolder(parent, *a.Name, c.actor(), c.now, c.s.cfg.Visibility)
		f.Description = description
		c.takeName(m, parent.ID, f.Name, f.ID)
		m.folders.put(f.ID, f)
		m.touch(parent.ID, c.actor(), c.now)
		c.s.announce(m, "dm.folder.added", f, nil, nil, c.actor(), c.now)
		r = c.folderResource(m, f)

		return nil
	})
	if r != nil {
		c.json(http.StatusCreated, c.document(r, nil))
	}
}

// addFolder makes a folder; the caller stores it and takes its name.
func (m *model) addFolder(parent *folder, name, by string, now time.Time, delay time.Duration) *folder {
	f := &folder{ID: "urn:adsk.wipprod:fs.folder:co." + randomID(), Project: parent.Project,
		Parent: parent.ID, Name: name, Core: parent.Core,
		CreatedBy: by, ModifiedBy: by, Created: now, Modified: now, Rollup: now, VisibleAt: now.Add(delay),
		Seq: m.seq()}
	m.child(parent.ID).folders = append(m.child(parent.ID).folders, f.ID)

	return f
}

func (c *call) updateFolder() {
	in, ok := c.payload("folders", false)
	if !ok {
		return
	}

	var r obj
	c.inProject(true, func(m *model, p *project) *problem {
		f := m.folderOf(p, c.p["folder"])
		switch {
		case f == nil:
			return noFolder
		case in.Data.ID != f.ID:
			return invalid("data.id differs from the folder of the address")
		case f.Parent == "" || m.folders.get(f.Parent).Parent == "":
			return &problem{http.StatusForbidden, "FORBIDDEN", "top folders cannot be changed"}
		}

		if bad := c.changeFolder(m, p, f, in.Data); bad != nil {
			return bad
		}

		f.Modified, f.ModifiedBy = c.now, c.actor()
		m.folders.put(f.ID, f)
		m.touch(f.Parent, c.actor(), c.now)
		r = c.folderResource(m, f)

		return nil
	})
	if r != nil {
		c.json(http.StatusOK, c.document(r, nil))
	}
}

// changeFolder checks everything first, then applies it.
func (c *call) changeFolder(m *model, p *project, f *folder, d *resource) *problem {
	name, hidden, parent := f.Name, f.Hidden, m.folders.get(f.Parent)
	if d.Attributes.Hidden != nil {
		hidden = *d.Attributes.Hidden
	}

	if f.Hidden && !hidden && f.OriginalName != "" {
		name = f.OriginalName
	}

	if d.Attributes.Name != nil {
		name = *d.Attributes.Name
		if why := nameProblem(name); why != "" {
			return invalid(why)
		}
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
		if holder, taken := m.child(parent.ID).names[foldName(name, c.knob.CaseInsensitiveNames)]; taken &&
			holder != f.ID {
			return conflict(nameTaken)
		}
	}

	description := d.Attributes.Extension.Data.Description
	if description != nil {
		if len(*description) > 255 {
			return invalid("the description is longer than 255 characters")
		}

		f.Description = *description
	}

	event := "dm.folder.modified"
	if !f.Hidden {
		c.dropName(m, f.Parent, f.Name)
	}

	if moved {
		old := m.child(f.Parent)
		old.folders = without(old.folders, f.ID)
		m.touch(f.Parent, c.actor(), c.now)
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
		c.takeName(m, f.Parent, name, f.ID)
	}

	c.s.announce(m, event, f, nil, nil, c.actor(), c.now)

	return nil
}

func without(ids []string, id string) []string {
	out := make([]string, 0, len(ids))
	for _, v := range ids {
		if v != id {
			out = append(out, v)
		}
	}

	return out
}

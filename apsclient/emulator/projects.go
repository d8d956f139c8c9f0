package emulator

import "net/http"

var (
	scopeRead   = []string{"data:read"}
	scopeSearch = []string{"data:read", "data:search"}
	scopeCreate = []string{"data:create"}
	scopeWrite  = []string{"data:write"}
)

func projectRoutes() []route {
	get := func(op, pattern string, perMinute int, h func(*call)) route {
		return route{op: op, method: http.MethodGet, pattern: pattern, family: famDM, scopes: scopeRead,
			class: op, perMinute: perMinute, user: userOptional, handle: h}
	}

	return []route{
		get("list-hubs", "/project/v1/hubs", 50, (*call).listHubs),
		get("get-hub", "/project/v1/hubs/{hub}", 50, (*call).getHub),
		get("list-projects", "/project/v1/hubs/{hub}/projects", 50, (*call).listProjects),
		get("get-project", "/project/v1/hubs/{hub}/projects/{project}", 50, (*call).getProject),
		get("list-top-folders", "/project/v1/hubs/{hub}/projects/{project}/topFolders", 300,
			(*call).topFolders),
	}
}

func (c *call) listHubs() {
	fs, err := filters(c.q)
	if err != nil {
		c.fail(http.StatusBadRequest, "BAD_INPUT", err.Error())
		return
	}

	data, warnings := list{}, list{}
	c.s.read(func(m *model) {
		for _, h := range sortedBySeq(m.hubs.m, func(h *hub) int64 { return h.Seq }) {
			if r := c.hubResource(h); !c.knob.HideHubs && matchAll(fs, r) {
				data = append(data, r)
			}
		}
	})
	if c.knob.HideHubs {
		for _, region := range []string{"US", "EMEA"} {
			warnings = append(warnings, obj{"Id": nil, "HttpStatusCode": "403", "ErrorCode": "BIM360DM_ERROR",
				"Title":  "Unable to get hubs from BIM360DM " + region + ".",
				"Detail": "You don't have permission to access this API", "AboutLink": nil, "Source": list{},
				"meta": list{}})
		}
	}

	d := c.document(data, nil)
	d["meta"] = obj{"warnings": warnings}
	c.json(http.StatusOK, d)
}

// hub finds the hub of the path or answers 404.
func (c *call) hub(m *model) *hub {
	if h := m.hubs.get(c.p["hub"]); h != nil && !c.knob.HideHubs {
		return h
	}

	return nil
}

func (c *call) getHub() {
	var r obj
	c.s.read(func(m *model) {
		if h := c.hub(m); h != nil {
			r = c.hubResource(h)
		}
	})
	if r == nil {
		c.fail(http.StatusNotFound, "HUB_NOT_FOUND", "the hub does not exist or is not visible to the caller")
		return
	}

	c.json(http.StatusOK, c.document(r, nil))
}

func (c *call) listProjects() {
	fs, err := filters(c.q)
	if err != nil {
		c.fail(http.StatusBadRequest, "BAD_INPUT", err.Error())
		return
	}

	p, ok := c.page()
	if !ok {
		return
	}

	data, found, more := list{}, false, false
	c.s.read(func(m *model) {
		h := c.hub(m)
		if h == nil {
			return
		}

		found = true

		var all []*project
		for _, pr := range sortedBySeq(m.projects.m, func(p *project) int64 { return p.Seq }) {
			if pr.Hub == h.ID && !pr.Inactive {
				all = append(all, pr)
			}
		}

		var from, to int
		from, to, more = p.cut(len(all))
		for _, pr := range all[from:to] {
			if r := c.projectResource(pr); matchAll(fs, r) {
				data = append(data, r)
			}
		}
	})
	if !found {
		c.fail(http.StatusNotFound, "HUB_NOT_FOUND", "the hub does not exist or is not visible to the caller")
		return
	}

	d := c.document(data, nil)
	d["links"] = c.pageLinks(p, more)
	c.json(http.StatusOK, d)
}

// inProject runs fn with the project of the path; it answers when the project cannot be used.
func (c *call) inProject(change bool, fn func(*model, *project) *problem) {
	var bad *problem
	run := func(m *model) {
		p := m.projects.get(c.p["project"])
		switch {
		case p == nil || c.p["hub"] != "" && p.Hub != c.p["hub"] || c.knob.HideHubs:
			bad = &problem{http.StatusNotFound, "PROJECT_NOT_FOUND",
				"the project does not exist or is not visible to the caller"}
		case p.Inactive:
			bad = &problem{http.StatusForbidden, "BIM360DM_ERROR", "Project is not active: " + p.ID}
		default:
			bad = fn(m, p)
		}
	}
	if change {
		c.s.update(run)
	} else {
		c.s.read(run)
	}

	if bad != nil {
		c.fail(bad.status, bad.code, bad.detail)
	}
}

// problem is why a call is refused.
type problem struct {
	status       int
	code, detail string
}

func (c *call) getProject() {
	var r obj
	c.inProject(false, func(_ *model, p *project) *problem {
		r = c.projectResource(p)
		return nil
	})
	if r != nil {
		c.json(http.StatusOK, c.document(r, nil))
	}
}

func (c *call) topFolders() {
	excludeDeleted, ok := c.boolean("excludeDeleted", false)
	if !ok {
		return
	}

	filesOnly, ok := c.boolean("projectFilesOnly", false)
	if !ok {
		return
	}

	if c.user == "" { // both need a user context
		excludeDeleted, filesOnly = false, false
	}

	var data list
	c.inProject(false, func(m *model, p *project) *problem {
		data = list{}
		for _, id := range m.child(p.Root).folders {
			f := m.folders.get(id)
			if f.Hidden && excludeDeleted || filesOnly && f.Name != "Project Files" ||
				c.now.Before(f.VisibleAt) {
				continue
			}

			data = append(data, c.folderResource(m, f))
		}

		return nil
	})
	if data != nil {
		c.json(http.StatusOK, c.document(data, nil))
	}
}

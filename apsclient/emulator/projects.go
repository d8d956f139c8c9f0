package emulator

import (
	"net/http"
	"slices"
)

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
	fs := c.filters()
	data, warnings := list{}, list{}
	c.s.read(func(m *model) {
		for _, h := range inOrder(m.hubs.m) {
			if r := c.hubResource(h); !c.knob.HideHubs && matchAll(fs, r) {
				data = append(data, r)
			}
		}
	})
	if c.knob.HideHubs || c.knob.RegionWarnings {
		for _, region := range hookRegions {
			warnings = append(warnings, obj{"Id": nil, "HttpStatusCode": "403", "ErrorCode": "BIM360DM_ERROR",
				"Title":  "Unable to get hubs from BIM360DM " + region + ".",
				"Detail": "You don't have permission to access this API", "AboutLink": nil, "Source": list{},
				"meta": list{}})
		}
	}

	d := c.document(data, nil)
	d["meta"] = obj{"warnings": warnings}
	c.ok(d)
}

// inHub runs fn with the hub of the path.
func (c *call) inHub(fn func(*model, *hub)) {
	c.inWorld(func(m *model) *problem {
		h := m.hubs.get(c.p["hub"])
		if h == nil || c.knob.HideHubs {
			return noSuch("HUB_NOT_FOUND", "the hub does not exist or is not visible to the caller")
		}

		fn(m, h)

		return nil
	})
}

func (c *call) getHub() {
	var r obj
	c.inHub(func(_ *model, h *hub) { r = c.hubResource(h) })
	c.ok(c.document(r, nil))
}

func (c *call) listProjects() {
	fs := c.filters()
	p := c.page()
	data, more := list{}, false
	c.inHub(func(m *model, h *hub) {
		all := slices.DeleteFunc(inOrder(m.projects.m), func(p *project) bool {
			return p.Hub != h.ID || p.Inactive
		})

		var from, to int
		from, to, more = p.cut(len(all))
		for _, pr := range all[from:to] {
			if r := c.projectResource(pr); matchAll(fs, r) {
				data = append(data, r)
			}
		}
	})
	d := c.document(data, nil)
	d["links"] = c.pageLinks(p, more)
	c.ok(d)
}

// inProject runs fn with the project of the path; it answers when the project cannot be used.
func (c *call) inProject(fn func(*model, *project) *problem) {
	c.inWorld(func(m *model) *problem {
		p := m.projects.get(c.p["project"])
		switch {
		case p == nil || c.p["hub"] != "" && p.Hub != c.p["hub"] || c.knob.HideHubs:
			return noSuch("PROJECT_NOT_FOUND", "the project does not exist or is not visible to the caller")
		case p.Inactive:
			return &problem{http.StatusForbidden, "BIM360DM_ERROR", "Project is not active: " + p.ID}
		}

		return fn(m, p)
	})
}

func (c *call) getProject() {
	var r obj
	c.inProject(func(_ *model, p *project) *problem {
		r = c.projectResource(p)
		return nil
	})
	c.ok(c.document(r, nil))
}

func (c *call) topFolders() {
	excludeDeleted := c.boolean("excludeDeleted", false)
	filesOnly := c.boolean("projectFilesOnly", false)
	if c.user == "" { // both need a user context
		excludeDeleted, filesOnly = false, false
	}

	var data list
	c.inProject(func(m *model, p *project) *problem {
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
	c.ok(c.document(data, nil))
}

package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// hqProjectText are the text fields of a project that a caller may set.
var hqProjectText = []string{"start_date", "end_date", "project_type", "currency", "service_types",
	"job_number", "address_line_1", "address_line_2", "city",
	"state_or_province", "postal_code", "country", "business_unit_id", "timezone", "language",
	"construction_type", "contract_type",
	"template_project_id", "include_companies", "include_locations"}

func hqRoutes() []route {
	var out []route
	for _, prefix := range []string{"", "/regions/eu"} {
		row := func(op, method, version, pattern string, user userRule, h func(*call), scope string) {
			out = append(out, route{op: op, method: method,
				pattern: "/hq/" + version + prefix + "/accounts/{account}" + pattern, family: famHQ,
				scopes: []string{scope}, class: "hq", perMinute: 100, user: user, handle: h})
		}
		const read, write = "account:read", "account:write"
		get, post, patch, put := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut
		row("list-account-projects", get, "v1", "/projects", appOnly, (*call).hqProjects, read)
		row("create-account-project", post, "v1", "/projects", appOnly, (*call).hqCreateProject, write)
		row("get-account-project", get, "v1", "/projects/{project}", appOnly, (*call).hqProject, read)
		row("update-account-project", patch, "v1", "/projects/{project}", appOnly, (*call).hqUpdateProject,
			write)
		row("list-account-users", get, "v1", "/users", appOnly, (*call).hqUsers, read)
		row("search-account-users", get, "v1", "/users/search", appOnly, (*call).hqSearchUsers, read)
		row("create-account-user", post, "v1", "/users", appOnly, (*call).hqCreateUser, write)
		row("import-account-users", post, "v1", "/users/import", appOnly, (*call).hqImportUsers, write)
		row("get-account-user", get, "v1", "/users/{user}", appOnly, (*call).hqUser, read)
		row("update-account-user", patch, "v1", "/users/{user}", appOnly, (*call).hqUpdateUser, write)
		row("list-account-companies", get, "v1", "/companies", appOnly, (*call).hqCompanies, read)
		row("list-business-units", get, "v1", "/business_units_structure", appOnly, (*call).hqUnits, read)
		row("create-business-units", put, "v1", "/business_units_structure", appOnly, (*call).hqPutUnits,
			write)
		row("add-project-user", post, "v2", "/projects/{project}/users/import", userRequired,
			(*call).hqImportMembers, write)
		row("update-project-user", patch, "v2", "/projects/{project}/users/{user}", userRequired,
			(*call).hqUpdateMember, write)
		row("list-project-industry-roles", get, "v2", "/projects/{project}/industry_roles", userOptional,
			(*call).hqRoles, read)
	}

	return out
}

// inAccount runs fn for the account of the path and answers why not.
func (c *call) inAccount(change bool, fn func(*model, string) *problem) bool {
	account := c.p["account"]
	if r := c.r.Header.Get("Region"); r != "" && !slices.Contains(regions, r) {
		c.fail(http.StatusBadRequest, "1001", "region is not known: "+r)
		return false
	}

	var bad *problem
	run := func(m *model) {
		switch {
		case c.knob.NotProvisioned:
			bad = &problem{http.StatusForbidden, "1004",
				"the application is not a custom integration of this account"}
		case m.accountHub(account) == nil:
			bad = &problem{http.StatusNotFound, "1002", "the account does not exist"}
		case c.user != "" && m.accountPerson(account, c.user) == nil:
			bad = &problem{http.StatusForbidden, "1003", "the user is not a member of this account"}
		default:
			bad = fn(m, account)
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

	return bad == nil
}

func (m *model) accountHub(account string) *hub { return m.hubs.get("b." + account) }

// accountProject finds a project of an account by either form of its id.
func (m *model) accountProject(account, id string) *project {
	p := m.projects.get("b." + strings.TrimPrefix(id, "b."))
	if p == nil || p.Hub != "b."+account {
		return nil
	}

	return p
}

func hqInvalid(detail string) *problem { return &problem{http.StatusBadRequest, "1001", detail} }

var hqNoProject = &problem{http.StatusNotFound, "1002",
	"the project does not exist in this account, or is not a BIM 360 project"}

func (p *project) status() string {
	if s, ok := p.Admin["status"].(string); ok {
		return s
	}

	return "active"
}

const hqTime = "2006-01-02T15:04:05.000Z"

func hqProjectRow(p *project) obj {
	out := obj{"id": strings.TrimPrefix(p.ID, "b."), "account_id": strings.TrimPrefix(p.Hub, "b."),
		"name": p.Name, "status": p.status(), "project_type": "Office",
		"start_date": "2026-01-01", "end_date": "2027-12-31", "value": 0, "currency": "USD", "language": "en",
		"timezone": "Etc/UTC"}
	maps.Copy(out, p.Admin)

	return out
}

// bimProject finds the BIM 360 project of the path.
func (c *call) bimProject(m *model, account string) *project {
	p := m.accountProject(account, c.p["project"])
	if p == nil || p.Platform != PlatformBIM360 {
		return nil
	}

	return p
}

func (c *call) hqProjects() {
	var rows []obj
	if c.inAccount(false, func(m *model, account string) *problem {
		for _, p := range sortedBySeq(m.projects.m, func(p *project) int64 { return p.Seq }) {
			if p.Hub == "b."+account && p.Platform == PlatformBIM360 {
				rows = append(rows, hqProjectRow(p))
			}
		}

		return nil
	}) {
		c.hqList(rows)
	}
}

func (c *call) hqProject() {
	var out obj
	if c.inAccount(false, func(m *model, account string) *problem {
		p := c.bimProject(m, account)
		if p == nil {
			return hqNoProject
		}

		out = hqProjectRow(p)

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

// projectFields checks the fields of a project and copies them. whole: a new project, with what is
// required.
func projectFields(in, into obj, whole bool) string {
	if bad := unknownField(in, hqProjectText, []string{"name", "value", "status"}); bad != "" {
		return bad + " is not a field of a project"
	}

	if why := take(into, in, hqProjectText...); why != "" {
		return why
	}

	if v, ok := in["value"]; ok {
		if _, num := v.(float64); !num {
			return "value must be a number"
		}

		into["value"] = v
	}

	if whole {
		for _, n := range []string{"name", "start_date", "end_date", "project_type"} {
			if s, _ := in[n].(string); s == "" {
				return n + " is missing"
			}
		}
	}

	if j, _ := in["job_number"].(string); len(j) > 100 {
		return "job_number is longer than 100 characters"
	}

	start, bad1 := date(into["start_date"])
	end, bad2 := date(into["end_date"])
	switch {
	case bad1 || bad2:
		return "start_date and end_date must be of the form YYYY-MM-DD"
	case !start.IsZero() && !end.IsZero() && !start.Before(end):
		return "start_date must be before end_date"
	}

	for _, s := range splitList([]string{text(in["service_types"])}) {
		if !slices.Contains([]string{"field", "glue", "schedule", "plan", "doc_manager"}, s) {
			return "service_types holds an unknown service: " + s
		}
	}

	return ""
}

func date(v any) (t time.Time, bad bool) {
	s, ok := v.(string)
	if !ok || s == "" {
		return time.Time{}, false
	}

	t, err := time.Parse(time.DateOnly, s)

	return t, err != nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func projectName(in obj) (name, why string) {
	name = text(in["name"])
	switch {
	case name == "":
		return "", "name must be text of 1 to 255 characters"
	case len([]rune(name)) > 255:
		return "", "name is longer than 255 characters"
	case strings.ContainsAny(name, `\/?[]>*:<"|,.`):
		return "", `name holds one of the reserved characters \ / ? [ ] > * : < " | , .`
	}

	return name, ""
}

func (m *model) projectNamed(hubID, name string, but *project) bool {
	for _, p := range m.projects.m {
		if p.Hub == hubID && p.Name == name && p != but {
			return true
		}
	}

	return false
}

func (c *call) hqCreateProject() {
	var in obj
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.inAccount(true, func(m *model, account string) *problem {
		fields := obj{}
		name, why := projectName(in)
		if why == "" {
			why = projectFields(in, fields, true)
		}

		switch {
		case why != "":
			return hqInvalid(why)
		case in["status"] != nil:
			return hqInvalid("status cannot be given for a new project")
		case m.projectNamed("b."+account, name, nil):
			return &problem{http.StatusConflict, "1005", "a project of this name exists"}
		}

		p := m.addProject("b."+uuid(), m.accountHub(account), name, PlatformBIM360, c.now)
		fields["status"] = "pending" // until there is a project administrator
		fields["created_at"], fields["updated_at"] = c.now.UTC().Format(hqTime), c.now.UTC().Format(hqTime)
		p.Admin, p.Inactive = fields, true
		m.projects.put(p.ID, p)
		out = hqProjectRow(p)

		return nil
	}) {
		c.json(http.StatusCreated, out)
	}
}

func (c *call) hqUpdateProject() {
	var in obj
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.inAccount(true, func(m *model, account string) *problem {
		p := c.bimProject(m, account)
		if p == nil {
			return hqNoProject
		}

		fields := obj{}
		maps.Copy(fields, p.Admin)
		name := p.Name
		if _, ok := in["name"]; ok {
			var why string
			if name, why = projectName(in); why != "" {
				return hqInvalid(why)
			}
		}

		if why := projectFields(in, fields, false); why != "" {
			return hqInvalid(why)
		}

		if m.projectNamed(p.Hub, name, p) {
			return &problem{http.StatusConflict, "1005", "a project of this name exists"}
		}

		if v, ok := in["status"]; ok {
			s := text(v)
			switch {
			case !slices.Contains([]string{"active", "inactive", "archived"}, s):
				return hqInvalid("status must be active, inactive or archived")
			case p.status() == "pending":
				return &problem{http.StatusUnprocessableEntity, "1006",
					"the project is pending: add a project administrator"}
			}

			fields["status"] = s
			p.Inactive = s != "active"
		}

		fields["updated_at"] = c.now.UTC().Format(hqTime)
		p.Name, p.Admin = name, fields
		m.projects.put(p.ID, p)
		out = hqProjectRow(p)

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

func (c *call) hqUnits() {
	var out list
	if c.inAccount(false, func(m *model, account string) *problem {
		out = m.unitRows(account)
		return nil
	}) {
		c.json(http.StatusOK, obj{"business_units": out})
	}
}

func (m *model) unitRows(account string) list {
	out := list{}
	for _, r := range sortedBySeq(m.units.m, func(r *record) int64 { return r.Seq }) {
		if r.Fields["account_id"] == account {
			out = append(out, r.Fields)
		}
	}

	return out
}

// hqPutUnits redefines the whole tree: units that are left out are gone.
func (c *call) hqPutUnits() {
	var in struct {
		Units []struct {
			ID          string  `json:"id"`
			ParentID    *string `json:"parent_id"`
			Name        string  `json:"name"`
			Description *string `json:"description"`
		} `json:"business_units"`
	}
	if !c.decode(&in) {
		return
	}

	ids := map[string]bool{}
	for i, u := range in.Units {
		if u.ID == "" {
			in.Units[i].ID = uuid()
		}

		if u.Name == "" || len(u.Name) > 255 {
			c.fail(http.StatusBadRequest, "1001", "every business unit needs a name of 1 to 255 characters")
			return
		}

		if ids[in.Units[i].ID] {
			c.fail(http.StatusBadRequest, "1001", "two business units have one id: "+u.ID)
			return
		}

		ids[in.Units[i].ID] = true
	}

	for _, u := range in.Units {
		if u.ParentID != nil && (!ids[*u.ParentID] || *u.ParentID == u.ID) {
			c.fail(http.StatusBadRequest, "1001",
				"parent_id names no business unit of the request: "+*u.ParentID)
			return
		}
	}

	var out list
	if c.inAccount(true, func(m *model, account string) *problem {
		created := map[string]any{}
		for id, r := range m.units.m {
			if r.Fields["account_id"] == account {
				created[text(r.Fields["id"])] = r.Fields["created_at"]
				m.units.del(id)
			}
		}

		now := c.now.UTC().Format(hqTime)
		for _, u := range in.Units {
			f := obj{"id": u.ID, "account_id": account, "name": u.Name, "created_at": now, "updated_at": now}
			if at := created[u.ID]; at != nil {
				f["created_at"] = at
			}

			if u.ParentID != nil {
				f["parent_id"] = *u.ParentID
			}

			if u.Description != nil {
				f["description"] = *u.Description
			}

			m.units.put(account+"/"+u.ID, &record{Seq: m.seq(), Fields: f})
		}

		out = m.unitRows(account)

		return nil
	}) {
		c.json(http.StatusOK, obj{"business_units": out})
	}
}

func (c *call) hqCompanies() {
	var rows []obj
	if c.inAccount(false, func(m *model, account string) *problem {
		for _, r := range sortedBySeq(m.companies.m, func(r *record) int64 { return r.Seq }) {
			if r.Fields["account_id"] == account {
				rows = append(rows, r.Fields)
			}
		}

		return nil
	}) {
		c.hqList(rows)
	}
}

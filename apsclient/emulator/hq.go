package emulator

import (
	"cmp"
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
func (c *call) inAccount(fn func(m *model, account string) *problem) {
	account := c.p["account"]
	if r := c.r.Header.Get("Region"); r != "" && !slices.Contains(regions, r) {
		c.refuse(invalid("region is not known: " + r))
	}

	c.inWorld(func(m *model) *problem {
		switch {
		case c.knob.NotProvisioned:
			return &problem{http.StatusForbidden, "1004",
				"the application is not a custom integration of this account"}
		case m.accountHub(account) == nil:
			return missing("the account does not exist")
		case c.rt.family == famHQ && !c.routed(m.accountHub(account).Region):
			return &problem{http.StatusNotFound, "1004", "Account not found: " + account}
		case c.user != "" && m.accountPerson(account, c.user) == nil:
			return forbidden("the user is not a member of this account")
		}

		return fn(m, account)
	})
}

// routed reports whether a call of hq reaches a region: the United States are the default, others
// are named in the header, EMEA in the path too.
func (c *call) routed(region string) bool {
	asked := c.r.Header.Get("Region")
	if asked == "" && strings.Contains(c.rt.pattern, "/regions/eu/") {
		asked = "EMEA"
	}

	return region == cmp.Or(asked, "US")
}

func (m *model) accountHub(account string) *hub { return m.hubs.get("b." + account) }

// accountProject finds a project of an account by either form of its id.
func (m *model) accountProject(account, id string) *project {
	p := m.projects.get("b." + strings.TrimPrefix(id, "b."))
	if p == nil || p.account() != account {
		return nil
	}

	return p
}

// inBIMProject runs fn with the BIM 360 project of the path.
func (c *call) inBIMProject(fn func(*model, *project) *problem) {
	c.inAccount(func(m *model, account string) *problem {
		p := m.accountProject(account, c.p["project"])
		if p == nil || p.Platform != PlatformBIM360 {
			return missing("the project does not exist in this account, or is not a BIM 360 project")
		}

		return fn(m, p)
	})
}

func (p *project) account() string { return strings.TrimPrefix(p.Hub, "b.") }

func (p *project) status() string {
	if s, ok := p.Admin["status"].(string); ok {
		return s
	}

	return "active"
}

// wake makes a pending project active.
func (m *model) wake(p *project) {
	p.Admin["status"], p.Inactive = "active", false
	m.projects.put(p.ID, p)
}

// adminTime is how account administration writes times.
func adminTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func hqProjectRow(p *project) obj {
	out := obj{"id": strings.TrimPrefix(p.ID, "b."), "account_id": p.account(),
		"name": p.Name, "status": p.status(), "project_type": "Office",
		"start_date": "2026-01-01", "end_date": "2027-12-31", "value": 0, "currency": "USD", "language": "en",
		"timezone": "Etc/UTC"}
	maps.Copy(out, p.Admin)

	return out
}

func (c *call) hqProjects() {
	var rows []obj
	c.inAccount(func(m *model, account string) *problem {
		for _, p := range inOrder(m.projects.m) {
			if p.account() == account && p.Platform == PlatformBIM360 {
				rows = append(rows, hqProjectRow(p))
			}
		}

		return nil
	})
	c.hqList(rows)
}

func (c *call) hqProject() {
	var out obj
	c.inBIMProject(func(_ *model, p *project) *problem {
		out = hqProjectRow(p)
		return nil
	})
	c.ok(out)
}

// projectFields checks the fields of a project and copies them.
func projectFields(in, into obj) *problem {
	if bad := take(into, in, hqProjectText, "name", "value", "status"); bad != nil {
		return bad
	}

	if v, ok := in["value"]; ok {
		if _, num := v.(float64); !num {
			return invalid("value must be a number")
		}

		into["value"] = v
	}

	if j, _ := in["job_number"].(string); len(j) > 100 {
		return invalid("job_number is longer than 100 characters")
	}

	for _, s := range splitList([]string{text(in["service_types"])}) {
		if !slices.Contains([]string{"field", "glue", "schedule", "plan", "doc_manager"}, s) {
			return invalid("service_types holds an unknown service: " + s)
		}
	}

	return span(into, "start_date", "end_date")
}

// span checks that two dates, if given, are dates and in order.
func span(fields obj, from, to string) *problem {
	var at [2]time.Time
	for i, name := range []string{from, to} {
		s := text(fields[name])
		t, err := time.Parse(time.DateOnly, s)
		if s != "" && err != nil {
			return invalid(from + " and " + to + " must be of the form YYYY-MM-DD")
		}

		at[i] = t
	}

	if !at[0].IsZero() && !at[1].IsZero() && !at[0].Before(at[1]) {
		return invalid(from + " must be before " + to)
	}

	return nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// projectName checks the name of a body for a project of an account.
func (m *model) projectName(account string, in obj, but *project) (string, *problem) {
	name := text(in["name"])
	switch {
	case name == "" || len([]rune(name)) > 255:
		return "", invalid("name must be text of 1 to 255 characters")
	case strings.ContainsAny(name, `\/?[]>*:<"|,.`):
		return "", invalid(`name holds one of the reserved characters \ / ? [ ] > * : < " | , .`)
	case m.projectNamed(account, name, but):
		return "", conflict("a project of this name exists")
	}

	return name, nil
}

func (m *model) projectNamed(account, name string, but *project) bool {
	for _, p := range m.projects.m {
		if p.account() == account && p.Name == name && p != but {
			return true
		}
	}

	return false
}

func (c *call) hqCreateProject() {
	in, out := body[obj](c), obj{}
	c.inAccount(func(m *model, account string) *problem {
		name, bad := m.projectName(account, in, nil)
		if bad != nil {
			return bad
		}

		for _, n := range []string{"start_date", "end_date", "project_type"} {
			if text(in[n]) == "" {
				return invalid(n + " is missing")
			}
		}

		if in["status"] != nil {
			return invalid("status cannot be given for a new project")
		}

		at := adminTime(c.now)
		fields := obj{"status": "pending", // until there is a project administrator
			"created_at": at, "updated_at": at}
		if bad := projectFields(in, fields); bad != nil {
			return bad
		}

		p := m.addProject("b."+uuid(), m.accountHub(account), name, PlatformBIM360, c.now)
		p.Admin, p.Inactive = fields, true
		m.projects.put(p.ID, p)
		out = hqProjectRow(p)

		return nil
	})
	c.json(http.StatusCreated, out)
}

func (c *call) hqUpdateProject() {
	in, out := body[obj](c), obj{}
	c.inBIMProject(func(m *model, p *project) *problem {
		name, fields := p.Name, maps.Clone(p.Admin)
		if _, ok := in["name"]; ok {
			var bad *problem
			if name, bad = m.projectName(p.account(), in, p); bad != nil {
				return bad
			}
		}

		if bad := projectFields(in, fields); bad != nil {
			return bad
		}

		if v, ok := in["status"]; ok {
			s := text(v)
			switch {
			case !slices.Contains([]string{"active", "inactive", "archived"}, s):
				return invalid("status must be active, inactive or archived")
			case p.status() == "pending":
				return &problem{http.StatusUnprocessableEntity, "",
					"the project is pending: add a project administrator"}
			}

			fields["status"] = s
			p.Inactive = s != "active"
		}

		fields["updated_at"] = adminTime(c.now)
		p.Name, p.Admin = name, fields
		m.projects.put(p.ID, p)
		out = hqProjectRow(p)

		return nil
	})
	c.ok(out)
}

func (c *call) hqUnits() {
	var out []obj
	c.inAccount(func(m *model, account string) *problem {
		out = of(m.units, account)
		return nil
	})
	c.ok(obj{"business_units": out})
}

// of are the rows of an account.
func of(t *table[record], account string) []obj {
	out := []obj{}
	for _, r := range inOrder(t.m) {
		if r.Fields["account_id"] == account {
			out = append(out, r.Fields)
		}
	}

	return out
}

// businessUnits is the whole tree of an account.
type businessUnits struct {
	Units []struct {
		ID          string  `json:"id"`
		ParentID    *string `json:"parent_id"`
		Name        string  `json:"name"`
		Description *string `json:"description"`
	} `json:"business_units"`
}

// check gives ids to new units and says what is wrong with the tree.
func (b *businessUnits) check() *problem {
	ids := map[string]bool{}
	for i := range b.Units {
		u := &b.Units[i]
		if u.ID == "" {
			u.ID = uuid()
		}

		if u.Name == "" || len(u.Name) > 255 {
			return invalid("every business unit needs a name of 1 to 255 characters")
		}

		if ids[u.ID] {
			return invalid("two business units have one id: " + u.ID)
		}

		ids[u.ID] = true
	}

	for _, u := range b.Units {
		if u.ParentID != nil && (!ids[*u.ParentID] || *u.ParentID == u.ID) {
			return invalid("parent_id names no business unit of the request: " + *u.ParentID)
		}
	}

	return nil
}

// hqPutUnits redefines the whole tree: units that are left out are gone.
func (c *call) hqPutUnits() {
	in := body[businessUnits](c)
	c.refuse(in.check())

	var out []obj
	c.inAccount(func(m *model, account string) *problem {
		created := map[string]any{}
		for _, f := range of(m.units, account) {
			created[text(f["id"])] = f["created_at"]
			m.units.del(account + "/" + text(f["id"]))
		}

		now := adminTime(c.now)
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

			m.units.put(account+"/"+u.ID, &record{numbered: m.seq(), Fields: f})
		}

		out = of(m.units, account)

		return nil
	})
	c.ok(obj{"business_units": out})
}

func (c *call) hqCompanies() {
	var rows []obj
	c.inAccount(func(m *model, account string) *problem {
		rows = of(m.companies, account)
		return nil
	})
	c.hqList(rows)
}

package emulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

func adminRoutes() []route {
	const ca = "/construction/admin/v1"
	const one = "/projects/{project}"
	row := func(op, method, pattern string, user userRule, h func(*call)) route {
		r := route{op: op, method: method, pattern: pattern, family: famCA, scopes: []string{"account:read"},
			class: "construction-admin-read", perMinute: 600, user: user, handle: h}
		if method != http.MethodGet {
			r.scopes, r.class, r.perMinute = []string{"account:write"}, "construction-admin-write", 100
		}

		if strings.HasPrefix(pattern, "/bim360/") {
			r.class, r.perMinute = "bim360-admin", 600
		}

		return r
	}
	get, post, patch, del := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete

	return []route{
		row("list-account-projects", get, ca+"/accounts/{account}/projects", userOptional,
			(*call).caProjects),
		row("create-account-project", post, ca+"/accounts/{account}/projects", userRequired,
			(*call).caCreateProject),
		row("get-account-project", get, ca+one, userOptional, (*call).caProject),
		row("list-account-companies", get, ca+"/accounts/{account}/companies", userOptional,
			(*call).caCompanies),
		row("list-project-users", get, ca+one+"/users", userOptional, (*call).caMembers),
		row("list-project-users", get, "/bim360/admin/v1"+one+"/users", userOptional, (*call).caMembers),
		row("add-project-user", post, ca+one+"/users", userRequired, (*call).caAddMember),
		row("import-project-users", post, "/construction/admin/v2"+one+"/users:import", userRequired,
			(*call).caImportMembers),
		row("get-project-user", get, ca+one+"/users/{user}", userOptional, (*call).caMember),
		row("update-project-user", patch, ca+one+"/users/{user}", userRequired, (*call).caUpdateMember),
		row("remove-project-user", del, ca+one+"/users/{user}", userRequired, (*call).caRemoveMember),
	}
}

// caProjectText are the text fields that a new project may have.
var caProjectText = []string{"name", "type", "startDate", "endDate", "classification", "jobNumber",
	"addressLine1", "addressLine2", "city", "stateOrProvince",
	"postalCode", "country", "latitude", "longitude", "timezone", "constructionType", "deliveryMethod",
	"contractType", "currentPhase", "businessUnitId"}

func caInvalid(detail string) *problem {
	return &problem{http.StatusBadRequest, "BAD_REQUEST", detail}
}

func (c *call) caProjectRow(m *model, p *project) obj {
	account := strings.TrimPrefix(p.Hub, "b.")
	members := 0
	for _, r := range m.members.m {
		if r.Fields["project"] == p.ID {
			members++
		}
	}

	out := obj{"id": strings.TrimPrefix(p.ID, "b."), "accountId": account, "name": p.Name, "type": "Office",
		"classification": "production", "status": p.status(),
		"platform": p.Platform, "timezone": "Etc/UTC", "sheetCount": 0, "companyCount": 1,
		"memberCount": members,
		"products":    list{obj{"key": "docs", "status": p.status(), "name": "Docs"}},
		"createdAt":   m.folders.get(p.Root).Created.UTC().Format(hqTime),
		"updatedAt":   m.folders.get(p.Root).Created.UTC().Format(hqTime)}
	if p.Platform == PlatformACC {
		for k, v := range p.Admin {
			if k != "readyAt" {
				out[k] = v
			}
		}
	}

	return out
}

// settle makes a pending project active when its time has come.
func (m *model) settle(p *project, now time.Time) {
	ready, err := time.Parse(time.RFC3339Nano, text(p.Admin["readyAt"]))
	if err != nil || now.Before(ready) {
		return
	}

	delete(p.Admin, "readyAt")
	p.Admin["status"], p.Inactive = "active", false
	m.projects.put(p.ID, p)
}

func (c *call) caProjects() {
	var rows []obj
	if c.inAccount(true, func(m *model, account string) *problem {
		who := m.accountPerson(account, c.user)
		for _, p := range sortedBySeq(m.projects.m, func(p *project) int64 { return p.Seq }) {
			if p.Hub != "b."+account {
				continue
			}

			if who != nil && who.Role != "account_admin" && m.members.get(p.ID+"/"+who.ID) == nil {
				continue // administrators see all, others their own
			}

			m.settle(p, c.now)
			rows = append(rows, c.caProjectRow(m, p))
		}

		return nil
	}) {
		c.caPage(rows, []string{"name", "jobNumber"})
	}
}

// adminProject runs fn with the project of the path.
func (c *call) adminProject(change bool, fn func(*model, *project, string) *problem) bool {
	var account string
	c.s.read(func(m *model) {
		if p := m.projects.get("b." + strings.TrimPrefix(c.p["project"], "b.")); p != nil {
			account = strings.TrimPrefix(p.Hub, "b.")
		}
	})
	if account == "" {
		c.fail(http.StatusNotFound, "NOT_FOUND", "the project does not exist")
		return false
	}

	c.p["account"] = account

	return c.inAccount(true, func(m *model, account string) *problem {
		p := m.accountProject(account, c.p["project"])
		m.settle(p, c.now)
		if change {
			switch {
			case p.Platform != PlatformACC:
				return &problem{http.StatusForbidden, "FORBIDDEN",
					"this endpoint does not serve BIM 360 projects"}
			case !m.mayAdminister(p, c.user):
				return &problem{http.StatusForbidden, "FORBIDDEN",
					"the user is no administrator of the account or the project"}
			}
		}

		return fn(m, p, account)
	})
}

func (c *call) caProject() {
	var out obj
	if c.adminProject(false, func(m *model, p *project, _ string) *problem {
		out = c.caProjectRow(m, p)
		return nil
	}) {
		if names := splitList(c.q["fields"]); len(names) > 0 {
			out = pick([]obj{out}, names)[0].(obj)
		}

		c.json(http.StatusOK, out)
	}
}

func (c *call) caCreateProject() {
	var in obj
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.inAccount(true, func(m *model, account string) *problem {
		fields := obj{}
		if why := take(fields, in, caProjectText...); why != "" {
			return caInvalid(why)
		}

		name, kind := text(in["name"]), text(in["type"])
		if bad := unknownField(in, caProjectText,
			[]string{"projectValue", "template", "products", "platform"}); bad != "" {
			return caInvalid(bad + " is not a field of a project")
		}

		start, bad1 := date(in["startDate"])

		end, bad2 := date(in["endDate"])
		who := m.accountPerson(account, c.user)
		switch {
		case who.Role != "account_admin":
			return &problem{http.StatusForbidden, "FORBIDDEN", "the user is no administrator of the account"}
		case name == "" || len([]rune(name)) > 255 || kind == "":
			return caInvalid("name and type are needed")
		case bad1 || bad2 || !start.IsZero() && !end.IsZero() && !start.Before(end):
			return caInvalid("startDate and endDate must be of the form YYYY-MM-DD, in this order")
		case fields["classification"] != nil &&
			!slices.Contains([]string{"production", "template", "component", "sample"},
				text(fields["classification"])):
			return caInvalid("classification must be production, template, component or sample")
		case (fields["classification"] == "template") != (kind == "Template Project"):
			return caInvalid(`a template needs classification "template" and type "Template Project"`)
		case m.projectNamed("b."+account, name, nil):
			return &problem{http.StatusConflict, "CONFLICT", "a project of this name exists"}
		}

		if v, ok := in["projectValue"].(obj); ok {
			fields["projectValue"] = v
		}

		delete(fields, "name")
		p := m.addProject("b."+uuid(), m.accountHub(account), name, PlatformACC, c.now)
		fields["status"], fields["readyAt"] = "pending",
			c.now.Add(c.s.cfg.Provisioning).Format(time.RFC3339Nano)
		p.Admin, p.Inactive = fields, true
		m.projects.put(p.ID, p)
		out = c.caProjectRow(m, p)
		if c.s.cfg.Provisioning == 0 {
			m.settle(p, c.now)
		}

		return nil
	}) {
		c.json(http.StatusAccepted, out)
	}
}

func (c *call) caCompanies() {
	var rows []obj
	if c.inAccount(false, func(m *model, account string) *problem {
		for _, r := range sortedBySeq(m.companies.m, func(r *record) int64 { return r.Seq }) {
			if f := r.Fields; f["account_id"] == account {
				rows = append(rows, obj{"id": f["id"], "accountId": account, "name": f["name"],
					"trade": f["trade"], "websiteUrl": f["website_url"], "description": f["description"],
					"erpId": f["erp_id"], "taxId": f["tax_id"], "status": "active",
					"createdAt": f["created_at"], "updatedAt": f["updated_at"], "projectSize": 0,
					"userSize":  0,
					"addresses": list{}})
			}
		}

		return nil
	}) {
		c.caPage(rows, []string{"name", "trade", "erpId", "taxId"})
	}
}

func (c *call) caMembers() {
	var rows []obj
	if c.adminProject(false, func(m *model, p *project, _ string) *problem {
		filtered := c.q.Has("filter[status]")
		for _, r := range sortedBySeq(m.members.m, func(r *record) int64 { return r.Seq }) {
			if r.Fields["project"] == p.ID && (filtered || r.Fields["status"] != "deleted") {
				rows = append(rows, m.memberRow(r))
			}
		}

		return nil
	}) {
		c.caPage(rows, []string{"name", "email", "companyName"})
	}
}

type caMember struct {
	Email     string    `json:"email"`
	CompanyID string    `json:"companyId"`
	RoleIDs   *[]string `json:"roleIds"`
	Products  *[]struct {
		Key    string `json:"key"`
		Access string `json:"access"`
	} `json:"products"`
}

// check says what is wrong with roles, company and products, and returns the products.
func (in *caMember) check(m *model, account string) (list, []string, string) {
	var roles []string
	if in.RoleIDs != nil {
		roles = *in.RoleIDs
	}

	if why := m.checkRefs(account, in.CompanyID, roles); why != "" {
		return nil, nil, why
	}

	products := list{}
	if in.Products == nil {
		return products, roles, ""
	}

	admin, others := false, true
	for _, p := range *in.Products {
		switch {
		case !slices.Contains(productKeys, p.Key):
			return nil, nil, "products holds an unknown key: " + p.Key
		case !slices.Contains([]string{"administrator", "member", "none"}, p.Access):
			return nil, nil, "access must be administrator, member or none"
		case p.Key == "projectAdministration" && p.Access == "member":
			return nil, nil, "projectAdministration cannot be member"
		}

		if p.Key == "projectAdministration" {
			admin = p.Access == "administrator"
		} else {
			others = others && p.Access == "administrator"
		}

		products = append(products, obj{"key": p.Key, "access": p.Access})
	}

	if admin && !others {
		return nil, nil, "with projectAdministration administrator all products must be administrator"
	}

	return products, roles, ""
}

// admit makes a member of a project after checks.
func (c *call) admitMember(m *model, p *project, account string, in caMember) (obj, *problem) {
	products, roles, why := in.check(m, account)
	switch {
	case !goodEmail(in.Email):
		return nil, caInvalid("email is missing or malformed")
	case why != "":
		return nil, caInvalid(why)
	}

	who := m.personByEmail(account, in.Email)
	if who != nil && m.members.get(p.ID+"/"+who.ID) != nil {
		return nil, &problem{http.StatusConflict, "CONFLICT", "the user is a member of the project already"}
	}

	if who == nil {
		who = m.addPerson(account, in.Email, "", "", c.now)
	}

	r := m.addMember(p, who, products, anyList(roles), c.now)
	if in.CompanyID != "" {
		r.Fields["companyId"] = in.CompanyID
		m.members.put(p.ID+"/"+who.ID, r)
	}

	return m.memberRow(r), nil
}

func (c *call) caAddMember() {
	var in caMember
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.adminProject(true, func(m *model, p *project, account string) (bad *problem) {
		if out, bad = c.admitMember(m, p, account, in); bad == nil {
			out["jobId"] = uuid()
		}

		return bad
	}) {
		c.json(http.StatusCreated, out)
	}
}

func (c *call) caImportMembers() {
	var in struct {
		Users []caMember `json:"users"`
	}
	if !c.decode(&in) {
		return
	}

	if len(in.Users) == 0 || len(in.Users) > 200 {
		c.fail(http.StatusBadRequest, "BAD_REQUEST", "1 to 200 users can be imported at once")
		return
	}

	if c.adminProject(true, func(m *model, p *project, account string) *problem {
		for _, one := range in.Users {
			_, _ = c.admitMember(m, p, account, one) // the job's outcome is not shown by this endpoint
		}

		return nil
	}) {
		c.json(http.StatusAccepted, obj{"jobId": uuid()})
	}
}

var caNoMember = &problem{http.StatusNotFound, "NOT_FOUND", "the user is no member of the project"}

func (c *call) caMember() {
	var out obj
	if c.adminProject(false, func(m *model, p *project, _ string) *problem {
		r, _ := m.member(p, c.p["user"])
		if r == nil {
			return caNoMember
		}

		out = m.memberRow(r)

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

func (c *call) caUpdateMember() {
	var in caMember
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.adminProject(true, func(m *model, p *project, account string) *problem {
		r, who := m.member(p, c.p["user"])
		products, roles, why := in.check(m, account)
		switch {
		case r == nil:
			return caNoMember
		case why != "":
			return caInvalid(why)
		}

		out = obj{"id": who.ID}
		if in.CompanyID != "" {
			r.Fields["companyId"] = in.CompanyID
			out["companyId"] = in.CompanyID
		}

		if in.RoleIDs != nil {
			r.Fields["roleIds"] = anyList(roles)
			out["roleIds"] = anyList(roles)
		}

		if in.Products != nil {
			r.Fields["products"] = mergeProducts(asList(r.Fields["products"]), products)
			out["products"] = r.Fields["products"]
		}

		r.Fields["updatedAt"] = c.now.UTC().Format(hqTime)
		m.members.put(p.ID+"/"+who.ID, r)

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

func (c *call) caRemoveMember() {
	if c.adminProject(true, func(m *model, p *project, _ string) *problem {
		r, who := m.member(p, c.p["user"])
		if r == nil {
			return caNoMember
		}

		m.members.del(p.ID + "/" + who.ID)

		return nil
	}) {
		c.empty(http.StatusNoContent)
	}
}

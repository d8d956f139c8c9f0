package emulator

import (
	"maps"
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

func (c *call) caProjectRow(m *model, p *project) obj {
	members := 0
	for _, r := range m.members.m {
		if r.Fields["project"] == p.ID {
			members++
		}
	}

	made := adminTime(m.folders.get(p.Root).Created)
	out := obj{"id": strings.TrimPrefix(p.ID, "b."), "accountId": p.account(), "name": p.Name,
		"type":           "Office",
		"classification": "production", "status": p.status(),
		"platform": p.Platform, "timezone": "Etc/UTC", "sheetCount": 0, "companyCount": 1,
		"memberCount": members,
		"products":    list{obj{"key": "docs", "status": p.status(), "name": "Docs"}},
		"createdAt":   made, "updatedAt": made}
	if p.Platform == PlatformACC {
		maps.Copy(out, p.Admin)
		delete(out, "readyAt")
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
	m.wake(p)
}

func (c *call) caProjects() {
	var rows []obj
	c.inAccount(func(m *model, account string) *problem {
		who := m.accountPerson(account, c.user)
		for _, p := range inOrder(m.projects.m) {
			if p.account() != account {
				continue
			}

			if who != nil && who.Role != "account_admin" && m.members.get(p.ID+"/"+who.ID) == nil {
				continue // administrators see all, others their own
			}

			m.settle(p, c.now)
			rows = append(rows, c.caProjectRow(m, p))
		}

		return nil
	})
	c.caPage(rows, "name", "jobNumber")
}

// adminProject runs fn with the project of the path.
func (c *call) adminProject(change bool, fn func(*model, *project) *problem) {
	c.inWorld(func(m *model) *problem {
		p := m.projects.get("b." + strings.TrimPrefix(c.p["project"], "b."))
		if p == nil {
			return missing("the project does not exist")
		}

		c.p["account"] = p.account()

		return nil
	})
	c.inAccount(func(m *model, account string) *problem {
		p := m.accountProject(account, c.p["project"])
		m.settle(p, c.now)
		if change {
			if p.Platform != PlatformACC {
				return forbidden("this endpoint does not serve BIM 360 projects")
			}

			if bad := m.mayAdminister(p, c.user); bad != nil {
				return bad
			}
		}

		return fn(m, p)
	})
}

func (c *call) caProject() {
	var out obj
	c.adminProject(false, func(m *model, p *project) *problem {
		out = c.caProjectRow(m, p)
		return nil
	})
	c.ok(pick([]obj{out}, splitList(c.q["fields"]))[0])
}

func (c *call) caCreateProject() {
	in, out := body[obj](c), obj{}
	c.inAccount(func(m *model, account string) *problem {
		fields := obj{}
		if bad := take(fields, in, caProjectText, "projectValue", "template", "products",
			"platform"); bad != nil {
			return bad
		}

		if bad := span(fields, "startDate", "endDate"); bad != nil {
			return bad
		}

		name, kind, class := text(in["name"]), text(in["type"]), text(fields["classification"])
		switch {
		case m.accountPerson(account, c.user).Role != "account_admin":
			return forbidden("the user is no administrator of the account")
		case name == "" || len([]rune(name)) > 255 || kind == "":
			return invalid("name and type are needed")
		case !slices.Contains([]string{"", "production", "template", "component", "sample"}, class):
			return invalid("classification must be production, template, component or sample")
		case (class == "template") != (kind == "Template Project"):
			return invalid(`a template needs classification "template" and type "Template Project"`)
		case m.projectNamed(account, name, nil):
			return conflict("a project of this name exists")
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
	})
	c.json(http.StatusAccepted, out)
}

func (c *call) caCompanies() {
	var rows []obj
	c.inAccount(func(m *model, account string) *problem {
		for _, f := range of(m.companies, account) {
			rows = append(rows, obj{"id": f["id"], "accountId": account, "name": f["name"],
				"trade": f["trade"], "websiteUrl": f["website_url"], "description": f["description"],
				"erpId": f["erp_id"], "taxId": f["tax_id"], "status": "active",
				"createdAt": f["created_at"], "updatedAt": f["updated_at"], "projectSize": 0,
				"userSize": 0, "addresses": list{}})
		}

		return nil
	})
	if c.q.Get("filter[status]") == "all" {
		c.q.Del("filter[status]")
	}

	c.caPage(rows, "name", "trade", "erpId", "taxId")
}

func (c *call) caMembers() {
	var rows []obj
	c.adminProject(false, func(m *model, p *project) *problem {
		filtered := c.q.Has("filter[status]")
		for _, r := range inOrder(m.members.m) {
			if r.Fields["project"] == p.ID && (filtered || r.Fields["status"] != "deleted") {
				rows = append(rows, m.memberRow(r))
			}
		}

		return nil
	})
	c.caPage(rows, "name", "email", "companyName")
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

// change checks products.
func (in *caMember) change() (memberChange, *problem) {
	ch := memberChange{Email: in.Email, Company: in.CompanyID, Roles: in.RoleIDs}
	if in.Products == nil {
		return ch, nil
	}

	ch.Products = list{}
	admin, others := false, true
	for _, p := range *in.Products {
		switch {
		case !slices.Contains(productKeys, p.Key):
			return ch, invalid("products holds an unknown key: " + p.Key)
		case !slices.Contains([]string{"administrator", "member", "none"}, p.Access):
			return ch, invalid("access must be administrator, member or none")
		case p.Key == "projectAdministration" && p.Access == "member":
			return ch, invalid("projectAdministration cannot be member")
		case p.Key == "projectAdministration":
			admin = p.Access == "administrator"
		default:
			others = others && p.Access == "administrator"
		}

		ch.Products = append(ch.Products, obj{"key": p.Key, "access": p.Access})
	}

	if admin && !others {
		return ch, invalid("with projectAdministration administrator all products must be administrator")
	}

	return ch, nil
}

func (c *call) caAdmit(m *model, p *project, in caMember) (*record, *problem) {
	ch, bad := in.change()
	if bad != nil {
		return nil, bad
	}

	if ch.Products == nil {
		ch.Products = list{}
	}

	r, _, bad := c.admit(m, p, ch)

	return r, bad
}

func (c *call) caAddMember() {
	in, out := body[caMember](c), obj{}
	c.adminProject(true, func(m *model, p *project) *problem {
		r, bad := c.caAdmit(m, p, in)
		if bad == nil {
			out = m.memberRow(r)
			out["jobId"] = uuid()
		}

		return bad
	})
	c.json(http.StatusCreated, out)
}

func (c *call) caImportMembers() {
	in := body[struct {
		Users []caMember `json:"users"`
	}](c)
	if len(in.Users) == 0 || len(in.Users) > 200 {
		c.refuse(invalid("1 to 200 users can be imported at once"))
	}

	c.adminProject(true, func(m *model, p *project) *problem {
		for _, one := range in.Users {
			_, _ = c.caAdmit(m, p, one) // the job's outcome is not shown by this endpoint
		}

		return nil
	})
	c.json(http.StatusAccepted, obj{"jobId": uuid()})
}

func (c *call) caMember() {
	var out obj
	c.adminProject(false, func(m *model, p *project) *problem {
		r, _ := m.member(p, c.p["user"])
		if r == nil {
			return noMember
		}

		out = m.memberRow(r)

		return nil
	})
	c.ok(out)
}

func (c *call) caUpdateMember() {
	in, out := body[caMember](c), obj{}
	c.adminProject(true, func(m *model, p *project) *problem {
		ch, bad := in.change()
		if bad != nil {
			return bad
		}

		r, who, bad := c.changeMember(m, p, ch)
		if bad != nil {
			return bad
		}

		out["id"] = who.ID
		for name, given := range map[string]bool{"companyId": ch.Company != "", "roleIds": ch.Roles != nil,
			"products": ch.Products != nil} {
			if given {
				out[name] = r.Fields[name]
			}
		}

		return nil
	})
	c.ok(out)
}

func (c *call) caRemoveMember() {
	c.adminProject(true, func(m *model, p *project) *problem {
		r, who := m.member(p, c.p["user"])
		if r == nil {
			return noMember
		}

		m.members.del(p.ID + "/" + who.ID)

		return nil
	})
	c.empty(http.StatusNoContent)
}

package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

var productKeys = []string{"accountAdministration", "autoSpecs", "build", "buildingConnected",
	"capitalPlanning", "cloudWorksharing", "cost", "designCollaboration",
	"docs", "financials", "insight", "modelCoordination", "projectAdministration", "takeoff", "workshopxr",
	"assets", "projectManagement", "fieldManagement", "glue", "plan", "field"}

// addMember makes a person a member of a project.
func (m *model) addMember(p *project, who *person, products list, roleIDs []string, now time.Time) *record {
	at := adminTime(now)
	r := &record{numbered: m.seq(), Fields: obj{"person": who.ID, "account": who.Account, "project": p.ID,
		"products": products, "roleIds": anyList(roleIDs), "status": "active",
		"addedOn": at, "updatedAt": at, "companyId": who.Company}}
	if who.Status != "active" {
		r.Fields["status"] = "pending"
	}

	m.members.put(p.ID+"/"+who.ID, r)

	return r
}

// member finds a member of a project by the account's or Autodesk's id of the person.
func (m *model) member(p *project, uid string) (*record, *person) {
	for _, who := range m.people.m {
		if who.ID == uid || who.UID == uid {
			if r := m.members.get(p.ID + "/" + who.ID); r != nil {
				return r, who
			}
		}
	}

	return nil, nil
}

// memberRow is a member as construction/admin shows it.
func (m *model) memberRow(r *record) obj {
	account := text(r.Fields["account"])

	who := m.people.get(account + "/" + text(r.Fields["person"]))
	roles := list{}
	for _, id := range asList(r.Fields["roleIds"]) {
		if role := m.roles.get(account + "/" + fmt.Sprint(id)); role != nil {
			roles = append(roles, obj{"id": id, "name": role.Fields["name"]})
		}
	}

	out := obj{"id": who.ID, "email": who.Email, "name": who.Name(), "firstName": who.First,
		"lastName": who.Last, "autodeskId": who.UID, "status": r.Fields["status"],
		"accessLevels": obj{"accountAdmin": who.Role == "account_admin", "projectAdmin": administers(r),
			"executive": false}, "roleIds": r.Fields["roleIds"], "roles": roles,
		"products": r.Fields["products"], "addedOn": r.Fields["addedOn"], "updatedAt": r.Fields["updatedAt"]}
	if company := text(r.Fields["companyId"]); company != "" {
		out["companyId"], out["companyName"] = company, m.companyName(account, company)
	}

	return out
}

// administers reports whether a member is a project administrator.
func administers(r *record) bool {
	return slices.ContainsFunc(asList(r.Fields["products"]), func(p any) bool {
		o, _ := p.(obj)
		return o["key"] == "projectAdministration" && o["access"] == "administrator"
	})
}

// mayAdminister refuses whom a project's members are no business of: account and project
// administrators may change them.
func (m *model) mayAdminister(p *project, uid string) *problem {
	if who := m.personByUID(uid); who != nil && who.Role == "account_admin" {
		return nil
	}

	if r, _ := m.member(p, uid); r != nil && administers(r) {
		return nil
	}

	return forbidden("the user is no administrator of the account or the project")
}

// memberChange is what a call asks of a member, in the terms of either API.
type memberChange struct {
	Email, User, Company string
	Roles                *[]string
	Products             list // nil: as they are
}

func (ch *memberChange) roles() []string {
	if ch.Roles == nil {
		return nil
	}

	return *ch.Roles
}

// check checks that company and roles exist in an account.
func (ch *memberChange) check(m *model, account string) *problem {
	if ch.Company != "" && m.companies.get(account+"/"+ch.Company) == nil {
		return invalid("the company does not exist in this account: " + ch.Company)
	}

	for _, id := range ch.roles() {
		if m.roles.get(account+"/"+id) == nil {
			return invalid("the role does not exist in this account: " + id)
		}
	}

	return nil
}

// admit makes a member of a project after checks.
func (c *call) admit(m *model, p *project, ch memberChange) (*record, *person, *problem) {
	account := p.account()
	bad := ch.check(m, account)
	who := m.personByEmail(account, ch.Email)
	if ch.User != "" {
		who = m.accountPerson(account, ch.User)
	}

	switch {
	case bad != nil:
	case who == nil && ch.User != "":
		bad = invalid("user_id names no user of the account")
	case who == nil && !goodEmail(ch.Email):
		bad = invalid("email is missing or malformed")
	case who == nil:
		who = m.addPerson(account, ch.Email, "", "", c.now)
	case m.members.get(p.ID+"/"+who.ID) != nil:
		bad = conflict("the user is a member of the project already")
	}

	if bad != nil {
		return nil, nil, bad
	}

	r := m.addMember(p, who, ch.Products, ch.roles(), c.now)
	if ch.Company != "" {
		r.Fields["companyId"] = ch.Company
		m.members.put(p.ID+"/"+who.ID, r)
	}

	if p.Platform == PlatformBIM360 && p.status() == "pending" && administers(r) {
		m.wake(p)
	}

	return r, who, nil
}

// changeMember applies a change to the member of the path.
func (c *call) changeMember(m *model, p *project, ch memberChange) (*record, *person, *problem) {
	r, who := m.member(p, c.p["user"])
	if r == nil {
		return nil, nil, noMember
	}

	if bad := ch.check(m, p.account()); bad != nil {
		return nil, nil, bad
	}

	if ch.Company != "" {
		r.Fields["companyId"] = ch.Company
	}

	if ch.Roles != nil {
		r.Fields["roleIds"] = anyList(*ch.Roles)
	}

	if ch.Products != nil {
		r.Fields["products"] = mergeProducts(asList(r.Fields["products"]), ch.Products)
	}

	r.Fields["updatedAt"] = adminTime(c.now)
	m.members.put(p.ID+"/"+who.ID, r)

	return r, who, nil
}

var noMember = missing("the user is no member of the project")

// mergeProducts sets the access of products that are named and keeps the others.
func mergeProducts(have, set list) list {
	out := slices.Clone(have)
	for _, s := range set {
		at := slices.IndexFunc(out, func(h any) bool { return h.(obj)["key"] == s.(obj)["key"] })
		if at >= 0 {
			out[at] = s
		} else {
			out = append(out, s)
		}
	}

	return out
}

func anyList(s []string) list {
	out := list{}
	for _, v := range s {
		out = append(out, v)
	}

	return out
}

// serviceProducts are hq's services and what construction/admin calls them.
var serviceProducts = map[string]string{"document_management": "docs",
	"project_administration": "projectAdministration", "design_collaboration": "designCollaboration",
	"model_coordination": "modelCoordination", "project_management": "projectManagement",
	"cost_management": "cost", "field_management": "fieldManagement", "insight": "insight",
	"assets": "assets", "glue": "glue", "plan": "plan", "field": "field"}

type hqMember struct {
	Email         string                       `json:"email"`
	UserID        string                       `json:"user_id"`
	Services      map[string]map[string]string `json:"services"`
	CompanyID     string                       `json:"company_id"`
	IndustryRoles *[]string                    `json:"industry_roles"`
}

// change translates services.
func (h *hqMember) change() (memberChange, *problem) {
	ch := memberChange{Email: h.Email, User: h.UserID, Company: h.CompanyID, Roles: h.IndustryRoles,
		Products: list{}}
	for service, v := range h.Services {
		key, ok := serviceProducts[service]
		if !ok {
			return ch, invalid("services holds an unknown service: " + service)
		}

		access, ok := map[string]string{"admin": "administrator", "user": "member",
			"no_access": "none"}[v["access_level"]]
		if !ok {
			return ch, invalid("access_level must be admin, user or no_access")
		}

		ch.Products = append(ch.Products, obj{"key": key, "access": access})
	}

	return ch, nil
}

// hqMemberRow is a member as hq shows it.
func (c *call) hqMemberRow(r *record, who *person) obj {
	return obj{"email": who.Email, "user_id": who.ID, "company_id": r.Fields["companyId"],
		"industry_roles": r.Fields["roleIds"], "project_id": c.p["project"], "account_id": who.Account,
		"status": r.Fields["status"]}
}

// imported is how hq answers an import of n entries, of which fn does one.
func imported(n int, fn func(i int) (row, failed obj)) (obj, *problem) {
	if n == 0 || n > 50 {
		return nil, invalid("1 to 50 users can be imported at once")
	}

	good, bad := list{}, list{}
	for i := range n {
		if row, failed := fn(i); failed != nil {
			bad = append(bad, failed)
		} else {
			good = append(good, row)
		}
	}

	return obj{"success": len(good), "failure": len(bad), "success_items": good, "failure_items": bad}, nil
}

func (c *call) hqImportMembers() {
	in, out := body[[]hqMember](c), obj{}
	c.inBIMProject(func(m *model, p *project) (bad *problem) {
		if bad = m.mayAdminister(p, c.user); bad != nil {
			return bad
		}

		out, bad = imported(len(in), func(i int) (row, failed obj) {
			var r *record
			var who *person
			ch, bad := in[i].change()
			if bad == nil {
				r, who, bad = c.admit(m, p, ch)
			}

			if bad != nil {
				return nil, obj{"email": ch.Email, "user_id": ch.User, "project_id": c.p["project"],
					"account_id": p.account(),
					"errors":     list{obj{"code": http.StatusBadRequest, "message": bad.detail}}}
			}

			row = c.hqMemberRow(r, who)
			row["services"] = in[i].Services

			return row, nil
		})

		return bad
	})
	c.ok(out)
}

func (c *call) hqUpdateMember() {
	in, out := body[hqMember](c), obj{}
	c.inBIMProject(func(m *model, p *project) *problem {
		if bad := m.mayAdminister(p, c.user); bad != nil {
			return bad
		}

		ch, bad := in.change()
		if bad != nil {
			return bad
		}

		r, who, bad := c.changeMember(m, p, ch)
		if bad == nil {
			out = c.hqMemberRow(r, who)
		}

		return bad
	})
	c.ok(out)
}

func (c *call) hqRoles() {
	out := list{}
	c.inBIMProject(func(m *model, p *project) *problem {
		for _, f := range of(m.roles, p.account()) {
			out = append(out, obj{"id": f["id"], "project_id": c.p["project"], "name": f["name"],
				"services": f["services"], "member_group_id": f["member_group_id"]})
		}

		return nil
	})
	c.ok(out)
}

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
func (m *model) addMember(p *project, who *person, products, roleIDs list, now time.Time) *record {
	if roleIDs == nil {
		roleIDs = list{}
	}

	at := now.UTC().Format(hqTime)
	r := &record{Seq: m.seq(), Fields: obj{"person": who.ID, "account": who.Account, "project": p.ID,
		"products": products, "roleIds": roleIDs, "status": "active",
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
	admin := false
	for _, p := range asList(r.Fields["products"]) {
		if o, ok := p.(obj); ok && o["key"] == "projectAdministration" && o["access"] == "administrator" {
			admin = true
		}
	}

	roles := list{}
	for _, id := range asList(r.Fields["roleIds"]) {
		if role := m.roles.get(account + "/" + fmt.Sprint(id)); role != nil {
			roles = append(roles, obj{"id": id, "name": role.Fields["name"]})
		}
	}

	out := obj{"id": who.ID, "email": who.Email, "name": who.Name(), "firstName": who.First,
		"lastName": who.Last, "autodeskId": who.UID, "status": r.Fields["status"],
		"accessLevels": obj{"accountAdmin": who.Role == "account_admin", "projectAdmin": admin,
			"executive": false}, "roleIds": r.Fields["roleIds"], "roles": roles,
		"products": r.Fields["products"], "addedOn": r.Fields["addedOn"], "updatedAt": r.Fields["updatedAt"]}
	if company := text(r.Fields["companyId"]); company != "" {
		out["companyId"], out["companyName"] = company, m.companyName(account, company)
	}

	return out
}

// mayAdminister reports whether a user may change a project's members: account and project
// administrators may.
func (m *model) mayAdminister(p *project, uid string) bool {
	if who := m.personByUID(uid); who != nil && who.Role == "account_admin" {
		return true
	}

	r, _ := m.member(p, uid)

	return r != nil && m.memberRow(r)["accessLevels"].(obj)["projectAdmin"] == true
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

// products translates services; why says what is wrong with them.
func (h *hqMember) products() (out list, why string) {
	out = list{}
	for service, v := range h.Services {
		key, ok := serviceProducts[service]
		if !ok {
			return nil, "services holds an unknown service: " + service
		}

		access, ok := map[string]string{"admin": "administrator", "user": "member",
			"no_access": "none"}[v["access_level"]]
		if !ok {
			return nil, "access_level must be admin, user or no_access"
		}

		out = append(out, obj{"key": key, "access": access})
	}

	return out, ""
}

// checkRefs checks that a company and roles exist in an account.
func (m *model) checkRefs(account, company string, roleIDs []string) string {
	if company != "" && m.companies.get(account+"/"+company) == nil {
		return "the company does not exist in this account: " + company
	}

	for _, id := range roleIDs {
		if m.roles.get(account+"/"+id) == nil {
			return "the role does not exist in this account: " + id
		}
	}

	return ""
}

func anyList(s []string) list {
	out := list{}
	for _, v := range s {
		out = append(out, v)
	}

	return out
}

func (c *call) hqImportMembers() {
	var in []hqMember
	if !c.decode(&in) {
		return
	}

	if len(in) == 0 || len(in) > 50 {
		c.fail(http.StatusBadRequest, "1001", "1 to 50 users can be imported at once")
		return
	}

	good, failed := list{}, list{}
	if c.inAccount(true, func(m *model, account string) *problem {
		p := c.bimProject(m, account)
		switch {
		case p == nil:
			return hqNoProject
		case !m.mayAdminister(p, c.user):
			return &problem{http.StatusForbidden, "1003",
				"the user is no administrator of the account or the project"}
		}

		for _, one := range in {
			row, why := c.importMember(m, p, account, one)
			if why != "" {
				failed = append(failed, obj{"email": one.Email, "user_id": one.UserID,
					"project_id": c.p["project"], "account_id": account,
					"errors": list{obj{"code": 400, "message": why}}})
			} else {
				good = append(good, row)
			}
		}

		return nil
	}) {
		c.json(http.StatusOK, obj{"success": len(good), "failure": len(failed), "success_items": good,
			"failure_items": failed})
	}
}

func (c *call) importMember(m *model, p *project, account string, in hqMember) (obj, string) {
	products, why := in.products()
	if why != "" {
		return nil, why
	}

	var roles []string
	if in.IndustryRoles != nil {
		roles = *in.IndustryRoles
	}

	if why := m.checkRefs(account, in.CompanyID, roles); why != "" {
		return nil, why
	}

	var who *person
	switch {
	case in.UserID != "":
		if who = m.accountPerson(account, in.UserID); who == nil {
			return nil, "user_id names no user of the account"
		}
	case goodEmail(in.Email):
		if who = m.personByEmail(account, in.Email); who == nil {
			who = m.addPerson(account, in.Email, "", "", c.now)
		}
	default:
		return nil, "email or user_id is needed"
	}

	if m.members.get(p.ID+"/"+who.ID) != nil {
		return nil, "the user is a member of the project already"
	}

	r := m.addMember(p, who, products, anyList(roles), c.now)
	if in.CompanyID != "" {
		r.Fields["companyId"] = in.CompanyID
		m.members.put(p.ID+"/"+who.ID, r)
	}

	if m.memberRow(r)["accessLevels"].(obj)["projectAdmin"] == true && p.status() == "pending" {
		p.Admin["status"], p.Inactive = "active", false
		m.projects.put(p.ID, p)
	}

	return obj{"email": who.Email, "user_id": who.ID, "company_id": r.Fields["companyId"],
		"industry_roles": anyList(roles), "services": in.Services,
		"project_id": c.p["project"], "account_id": account, "status": r.Fields["status"]}, ""
}

func (c *call) hqUpdateMember() {
	var in hqMember
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.inAccount(true, func(m *model, account string) *problem {
		p := c.bimProject(m, account)
		if p == nil {
			return hqNoProject
		}

		r, who := m.member(p, c.p["user"])
		products, why := in.products()
		var roles []string
		if in.IndustryRoles != nil {
			roles = *in.IndustryRoles
		}

		if why == "" {
			why = m.checkRefs(account, in.CompanyID, roles)
		}

		switch {
		case !m.mayAdminister(p, c.user):
			return &problem{http.StatusForbidden, "1003",
				"the user is no administrator of the account or the project"}
		case r == nil:
			return &problem{http.StatusNotFound, "1002", "the user is no member of the project"}
		case why != "":
			return hqInvalid(why)
		}

		if in.CompanyID != "" {
			r.Fields["companyId"] = in.CompanyID
		}

		if in.IndustryRoles != nil {
			r.Fields["roleIds"] = anyList(roles)
		}

		r.Fields["products"] = mergeProducts(asList(r.Fields["products"]), products)
		r.Fields["updatedAt"] = c.now.UTC().Format(hqTime)
		m.members.put(p.ID+"/"+who.ID, r)
		out = obj{"user_id": who.ID, "email": who.Email, "company_id": r.Fields["companyId"],
			"industry_roles": r.Fields["roleIds"], "project_id": c.p["project"],
			"account_id": account, "status": r.Fields["status"]}

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

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

func (c *call) hqRoles() {
	var out list
	if c.inAccount(false, func(m *model, account string) *problem {
		if c.bimProject(m, account) == nil {
			return hqNoProject
		}

		out = list{}
		for _, r := range sortedBySeq(m.roles.m, func(r *record) int64 { return r.Seq }) {
			if r.Fields["account_id"] == account {
				out = append(out, obj{"id": r.Fields["id"], "project_id": c.p["project"],
					"name": r.Fields["name"], "services": r.Fields["services"],
					"member_group_id": r.Fields["member_group_id"]})
			}
		}

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

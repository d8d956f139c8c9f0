package emulator

import (
	"maps"
	"net/http"
	"net/mail"
	"strings"
	"time"
)

// person is a user of an account.
type person struct {
	ID, Account, UID, Email, First, Last string
	Status, Role                         string // active, not_invited ... ; account_admin, account_user
	Company                              string // id
	Created, Updated                     time.Time
	Fields                               map[string]any // nickname, phone, default_role ...
	Seq                                  int64
}

var personText = []string{"nickname", "image_url", "address_line_1", "address_line_2", "city", "postal_code",
	"state_or_province", "country", "phone", "company",
	"job_title", "industry", "about_me", "default_role"}

// Name is first and last name, or the e-mail address.
func (p *person) Name() string {
	switch {
	case p.First != "" && p.Last != "":
		return p.First + " " + p.Last
	case p.First != "":
		return p.First
	}

	return p.Email
}

// personByUID finds a person by Autodesk id or account user id; nil when unknown.
func (m *model) personByUID(uid string) *person {
	if uid == "" {
		return nil
	}

	for _, p := range m.people.m {
		if p.UID == uid || p.ID == uid {
			return p
		}
	}

	return nil
}

// accountPerson is personByUID within one account.
func (m *model) accountPerson(account, uid string) *person {
	for _, p := range m.people.m {
		if p.Account == account && (p.UID == uid || p.ID == uid) {
			return p
		}
	}

	return nil
}

func (m *model) personByEmail(account, email string) *person {
	for _, p := range m.people.m {
		if p.Account == account && strings.EqualFold(p.Email, email) {
			return p
		}
	}

	return nil
}

// signedIn is whom the sign-in page stands for: the person of the hint (an e-mail address), else
// the demonstration administrator.
func (m *model) signedIn(hint string) string {
	for _, p := range m.people.m {
		if hint != "" && p.Email == hint {
			return p.UID
		}
	}

	return demoAdmin
}

func (m *model) addPerson(account, email, first, last string, now time.Time) *person {
	p := &person{ID: uuid(), Account: account, UID: strings.ToUpper(randomHex(6)), Email: email, First: first,
		Last: last, Status: "not_invited", Role: "account_user",
		Created: now, Updated: now, Fields: map[string]any{}, Seq: m.seq()}
	m.people.put(account+"/"+p.ID, p)

	return p
}

// AddUser puts an active person into an account and returns the account's id for it and the
// Autodesk id.
func (s *Server) AddUser(account, email, first, last string, admin bool) (id, uid string) {
	s.update(func(m *model) {
		p := m.addPerson(account, email, first, last, s.now())
		p.Status = "active"
		if admin {
			p.Role = "account_admin"
		}

		m.people.put(account+"/"+p.ID, p)
		id, uid = p.ID, p.UID
	})

	return id, uid
}

// AddCompany puts a company into an account and returns its id.
func (s *Server) AddCompany(account, name, trade string) string {
	var id string
	s.update(func(m *model) { id = m.addCompany(account, name, trade, s.now()) })
	return id
}

func (m *model) addCompany(account, name, trade string, now time.Time) string {
	id := uuid()
	at := now.UTC().Format(hqTime)
	m.companies.put(account+"/"+id,
		&record{Seq: m.seq(), Fields: obj{"id": id, "account_id": account, "name": name, "trade": trade,
			"country":     "United States",
			"website_url": "https://example.com", "description": "", "erp_id": "", "tax_id": "",
			"created_at": at,
			"updated_at": at}})

	return id
}

// demoPeople fills the demonstration account.
func (m *model) demoPeople(now time.Time) {
	company := m.addCompany(demoAccount, "Demo Architects", "Architecture", now)
	m.addCompany(demoAccount, "Demo Concrete", "Concrete", now)

	for _, p := range []person{
		{UID: demoAdmin, Email: "ada.admin@example.com", First: "Ada", Last: "Admin", Role: "account_admin"},
		{UID: demoDrafter, Email: "dan.drafter@example.com", First: "Dan", Last: "Drafter",
			Role: "account_user"},
		{UID: demoRobot, Email: demoRobotEmail, First: "Robot", Role: "account_admin"},
	} {
		p.ID, p.Account, p.Status, p.Created, p.Updated, p.Seq, p.Fields, p.Company = uuid(), demoAccount,
			"active", now, now, m.seq(), map[string]any{}, company
		m.people.put(p.Account+"/"+p.ID, &p)

		for _, id := range []string{"b." + demoProjectID, "b." + demoBIMProject} {
			if p.UID == demoAdmin {
				m.addMember(m.projects.get(id), &p,
					list{obj{"key": "projectAdministration", "access": "administrator"},
						obj{"key": "docs", "access": "administrator"}}, nil, now)
			}
		}
	}

	for _, name := range []string{"Architect", "BIM Manager", "Project Manager"} {
		id := uuid()
		m.roles.put(demoAccount+"/"+id,
			&record{Seq: m.seq(), Fields: obj{"id": id, "account_id": demoAccount, "name": name,
				"member_group_id": strings.ToUpper(randomHex(4)),
				"services":        obj{"document_management": obj{"access_level": "user"}}}})
	}

	id := uuid()
	at := now.UTC().Format(hqTime)
	m.units.put(demoAccount+"/"+id,
		&record{Seq: m.seq(), Fields: obj{"id": id, "account_id": demoAccount, "name": "North America",
			"description": "USA, Canada",
			"created_at":  at, "updated_at": at}})
}

func (m *model) personRow(p *person) obj {
	out := obj{"id": p.ID, "account_id": p.Account, "status": p.Status, "role": p.Role, "email": p.Email,
		"name": p.Name(), "first_name": p.First, "last_name": p.Last,
		"uid": p.UID, "created_at": p.Created.UTC().Format(hqTime),
		"updated_at": p.Updated.UTC().Format(hqTime), "last_sign_in": p.Updated.UTC().Format(hqTime)}
	maps.Copy(out, p.Fields)
	if p.Company != "" {
		out["company_id"] = p.Company
		out["company_name"] = m.companyName(p.Account, p.Company)
	}

	return out
}

func (m *model) companyName(account, id string) string {
	if r := m.companies.get(account + "/" + id); r != nil {
		return text(r.Fields["name"])
	}

	return ""
}

func (m *model) personRows(account string) []obj {
	var rows []obj
	for _, p := range sortedBySeq(m.people.m, func(p *person) int64 { return p.Seq }) {
		if p.Account == account {
			rows = append(rows, m.personRow(p))
		}
	}

	return rows
}

func (c *call) hqUsers() {
	var rows []obj
	if c.inAccount(false, func(m *model, account string) *problem {
		rows = m.personRows(account)
		return nil
	}) {
		c.hqList(rows)
	}
}

func (c *call) hqSearchUsers() {
	partial, ok := c.boolean("partial", true)
	if !ok {
		return
	}

	and := strings.EqualFold(c.q.Get("operator"), "AND")
	var rows []obj
	if c.inAccount(false, func(m *model, account string) *problem {
		for _, r := range m.personRows(account) {
			asked, hits := 0, 0
			for _, name := range []string{"name", "email", "company_name"} {
				want := c.q.Get(name)
				if want == "" {
					continue
				}

				asked++
				how := "equals"
				if partial {
					how = "contains"
				}

				if fieldMatches(r, name, want, how) {
					hits++
				}
			}

			if asked == 0 || hits == asked || hits > 0 && !and {
				rows = append(rows, r)
			}
		}

		return nil
	}) {
		c.hqList(rows)
	}
}

// newPerson checks a body and makes the person.
func (c *call) newPerson(m *model, account string, in obj) (*person, *problem) {
	email := text(in["email"])
	if bad := unknownField(in, personText,
		[]string{"email", "company_id", "first_name", "last_name", "name"}); bad != "" {
		return nil, hqInvalid(bad + " is not a field of a user")
	}

	fields := obj{}
	if why := take(fields, in, append([]string{"first_name", "last_name", "company_id"},
		personText...)...); why != "" {
		return nil, hqInvalid(why)
	}

	company := text(fields["company_id"])
	switch {
	case !goodEmail(email):
		return nil, hqInvalid("email is missing, malformed or longer than 255 characters")
	case company != "" && m.companies.get(account+"/"+company) == nil:
		return nil, hqInvalid("company_id names no company of the account")
	case m.personByEmail(account, email) != nil:
		return nil, &problem{http.StatusConflict, "1005", "a user with this email exists"}
	}

	p := m.addPerson(account, email, text(fields["first_name"]), text(fields["last_name"]), c.now)
	delete(fields, "first_name")
	delete(fields, "last_name")
	delete(fields, "company_id")
	p.Company, p.Fields = company, fields
	m.people.put(account+"/"+p.ID, p)

	return p, nil
}

func goodEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 255
}

func (c *call) hqCreateUser() {
	var in obj
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.inAccount(true, func(m *model, account string) *problem {
		p, bad := c.newPerson(m, account, in)
		if bad == nil {
			out = m.personRow(p)
		}

		return bad
	}) {
		c.json(http.StatusCreated, out)
	}
}

func (c *call) hqImportUsers() {
	var in []obj
	if !c.decode(&in) {
		return
	}

	if len(in) == 0 || len(in) > 50 {
		c.fail(http.StatusBadRequest, "1001", "1 to 50 users can be imported at once")
		return
	}

	good, failed := list{}, list{}
	if c.inAccount(true, func(m *model, account string) *problem {
		for _, one := range in {
			p, bad := c.newPerson(m, account, one)
			if bad != nil {
				failed = append(failed, obj{"item": one,
					"error": obj{"code": bad.code, "message": bad.detail}})
			} else {
				good = append(good, m.personRow(p))
			}
		}

		return nil
	}) {
		c.json(http.StatusCreated, obj{"success": len(good), "failure": len(failed), "success_items": good,
			"failure_items": failed})
	}
}

var hqNoUser = &problem{http.StatusNotFound, "1002", "the user does not exist in this account"}

func (c *call) hqUser() {
	var out obj
	if c.inAccount(false, func(m *model, account string) *problem {
		p := m.accountPerson(account, c.p["user"])
		if p == nil {
			return hqNoUser
		}

		out = m.personRow(p)

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

func (c *call) hqUpdateUser() {
	var in obj
	if !c.decode(&in) {
		return
	}

	var out obj
	if c.inAccount(true, func(m *model, account string) *problem {
		p := m.accountPerson(account, c.p["user"])
		if p == nil {
			return hqNoUser
		}

		fields := obj{}
		if why := take(fields, in, "status", "company_id", "default_role"); why != "" {
			return hqInvalid(why)
		}

		if bad := unknownField(in, []string{"status", "company_id", "default_role"}); bad != "" {
			return hqInvalid(bad + " cannot be changed")
		}

		status, company := text(fields["status"]), text(fields["company_id"])
		switch {
		case status != "" && status != "active" && status != "inactive":
			return hqInvalid("status must be active or inactive")
		case status != "" && (p.Status == "pending" || p.Status == "not_invited"):
			return &problem{http.StatusUnprocessableEntity, "1006",
				"the status of a user who is " + p.Status + " cannot be changed"}
		case company != "" && m.companies.get(account+"/"+company) == nil:
			return hqInvalid("company_id names no company of the account")
		}

		if status != "" {
			p.Status = status
		}

		if company != "" {
			p.Company = company
		}

		if v, ok := fields["default_role"]; ok {
			p.Fields["default_role"] = v
		}

		p.Updated = c.now
		m.people.put(account+"/"+p.ID, p)
		out = m.personRow(p)

		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

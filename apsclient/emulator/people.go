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
	numbered
	ID, Account, UID, Email, First, Last string
	Status, Role                         string // active, not_invited ... ; account_admin, account_user
	Company                              string // id
	Created, Updated                     time.Time
	Fields                               map[string]any // nickname, phone, default_role ...
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
		Created: now, Updated: now, Fields: map[string]any{}, numbered: m.seq()}
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
	at := adminTime(now)
	m.companies.put(account+"/"+id,
		&record{numbered: m.seq(), Fields: obj{"id": id, "account_id": account, "name": name, "trade": trade,
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
		p.ID, p.Account, p.Company, p.Status, p.numbered = uuid(), demoAccount, company, "active", m.seq()
		p.Created, p.Updated, p.Fields = now, now, obj{}
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
			&record{numbered: m.seq(), Fields: obj{"id": id, "account_id": demoAccount, "name": name,
				"member_group_id": strings.ToUpper(randomHex(4)),
				"services":        obj{"document_management": obj{"access_level": "user"}}}})
	}

	id := uuid()
	at := adminTime(now)
	m.units.put(demoAccount+"/"+id,
		&record{numbered: m.seq(), Fields: obj{"id": id, "account_id": demoAccount, "name": "North America",
			"description": "USA, Canada",
			"created_at":  at, "updated_at": at}})
}

func (m *model) personRow(p *person) obj {
	out := obj{"id": p.ID, "account_id": p.Account, "status": p.Status, "role": p.Role, "email": p.Email,
		"name": p.Name(), "first_name": p.First, "last_name": p.Last,
		"uid": p.UID, "created_at": adminTime(p.Created),
		"updated_at": adminTime(p.Updated), "last_sign_in": adminTime(p.Updated)}
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
	for _, p := range inOrder(m.people.m) {
		if p.Account == account {
			rows = append(rows, m.personRow(p))
		}
	}

	return rows
}

func (c *call) hqUsers() {
	var rows []obj
	c.inAccount(func(m *model, account string) *problem {
		rows = m.personRows(account)
		return nil
	})
	c.hqList(rows)
}

func (c *call) hqSearchUsers() {
	var rows []obj
	c.inAccount(func(m *model, account string) *problem {
		rows = c.searched(m.personRows(account), "name", "email", "company_name")
		return nil
	})
	c.hqList(rows)
}

// newPerson checks a body and makes the person.
func (c *call) newPerson(m *model, account string, in obj) (*person, *problem) {
	first := obj{}
	if bad := take(first, in, []string{"email", "first_name", "last_name", "company_id"},
		append([]string{"name"}, personText...)...); bad != nil {
		return nil, bad
	}

	fields := obj{}
	if bad := take(fields, in, personText, "email", "first_name", "last_name", "company_id",
		"name"); bad != nil {
		return nil, bad
	}

	email, company := text(first["email"]), text(first["company_id"])
	switch {
	case !goodEmail(email):
		return nil, invalid("email is missing, malformed or longer than 255 characters")
	case company != "" && m.companies.get(account+"/"+company) == nil:
		return nil, noCompany
	case m.personByEmail(account, email) != nil:
		return nil, conflict("a user with this email exists")
	}

	p := m.addPerson(account, email, text(first["first_name"]), text(first["last_name"]), c.now)
	p.Company, p.Fields = company, fields
	m.people.put(account+"/"+p.ID, p)

	return p, nil
}

var noCompany = invalid("company_id names no company of the account")

func goodEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 255
}

func (c *call) hqCreateUser() {
	in, out := body[obj](c), obj{}
	c.inAccount(func(m *model, account string) *problem {
		p, bad := c.newPerson(m, account, in)
		if bad == nil {
			out = m.personRow(p)
		}

		return bad
	})
	c.json(http.StatusCreated, out)
}

func (c *call) hqImportUsers() {
	in, out := body[[]obj](c), obj{}
	c.inAccount(func(m *model, account string) (bad *problem) {
		out, bad = imported(len(in), func(i int) (row, failed obj) {
			p, bad := c.newPerson(m, account, in[i])
			if bad != nil {
				return nil, obj{"item": in[i],
					"error": obj{"code": codes[famHQ][bad.status], "message": bad.detail}}
			}

			return m.personRow(p), nil
		})

		return bad
	})
	c.json(http.StatusCreated, out)
}

// inPerson runs fn with the person of the path and answers what became of them.
func (c *call) inPerson(fn func(*model, *person) *problem) {
	var out obj
	c.inAccount(func(m *model, account string) *problem {
		p := m.accountPerson(account, c.p["user"])
		if p == nil {
			return missing("the user does not exist in this account")
		}

		bad := fn(m, p)
		out = m.personRow(p)

		return bad
	})
	c.ok(out)
}

func (c *call) hqUser() { c.inPerson(func(*model, *person) *problem { return nil }) }

func (c *call) hqUpdateUser() {
	in := body[obj](c)
	c.inPerson(func(m *model, p *person) *problem {
		fields := obj{}
		if bad := take(fields, in, []string{"status", "company_id", "default_role"}); bad != nil {
			return bad
		}

		status, company := text(fields["status"]), text(fields["company_id"])
		switch {
		case status != "" && status != "active" && status != "inactive":
			return invalid("status must be active or inactive")
		case status != "" && (p.Status == "pending" || p.Status == "not_invited"):
			return &problem{http.StatusUnprocessableEntity, "",
				"the status of a user who is " + p.Status + " cannot be changed"}
		case company != "" && m.companies.get(p.Account+"/"+company) == nil:
			return noCompany
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
		m.people.put(p.Account+"/"+p.ID, p)

		return nil
	})
}

package emulator

import "time"

// person is a user of an account.
type person struct {
	ID, Account, UID, Email, First, Last string
	Status, Role                         string // active, not_invited ... ; account_admin, account_user
	Company                              string // id
	Created, Updated                     time.Time
	Fields                               map[string]any // nickname, phone, default_role ...
	Seq                                  int64
}

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

// personByUID finds a person by Autodesk id; nil when unknown.
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

// signedIn is whom the sign-in page stands for: the person of the hint (an e-mail address), else the demonstration administrator.
func (m *model) signedIn(hint string) string {
	for _, p := range m.people.m {
		if hint != "" && p.Email == hint {
			return p.UID
		}
	}
	return demoAdmin
}

// demoPeople fills the demonstration account.
func (m *model) demoPeople(now time.Time) {
	for _, p := range []person{
		{UID: demoAdmin, Email: "ada.admin@example.com", First: "Ada", Last: "Admin", Role: "account_admin"},
		{UID: demoDrafter, Email: "dan.drafter@example.com", First: "Dan", Last: "Drafter", Role: "account_user"},
		{UID: demoRobot, Email: "robot@hoist-demo-client.adskserviceaccount.autodesk.com", First: "Robot", Role: "account_user"},
	} {
		p.ID, p.Account, p.Status, p.Created, p.Updated, p.Seq, p.Fields = uuid(), demoAccount, "active", now, now, m.seq(), map[string]any{}
		m.people.put(p.Account+"/"+p.ID, &p)
	}
}

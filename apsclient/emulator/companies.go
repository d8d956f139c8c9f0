package emulator

import (
	"maps"
	"mime"
	"net/http"
	"strings"
)

// companyText are the text fields of a company that a caller may set.
var companyText = []string{"address_line_1", "address_line_2", "city", "state_or_province", "postal_code",
	"country", "phone", "website_url", "description", "erp_id", "tax_id"}

// companyRoutes are the companies of an account and their pictures, which are looked at and
// dropped.
func companyRoutes() []route {
	var out []route
	for _, prefix := range []string{"", "/regions/eu"} {
		row := func(op, method, pattern string, h func(*call), scope string) {
			out = append(out, route{op: op, method: method, pattern: "/hq/v1" + prefix +
				"/accounts/{account}" + pattern, family: famHQ, scopes: []string{scope}, class: "hq",
				perMinute: 100, user: appOnly, handle: h})
		}
		const read, write = "account:read", "account:write"
		get, post, patch := http.MethodGet, http.MethodPost, http.MethodPatch
		row("create-company", post, "/companies", (*call).hqCreateCompany, write)
		row("import-companies", post, "/companies/import", (*call).hqImportCompanies, write)
		row("search-companies", get, "/companies/search", (*call).hqSearchCompanies, read)
		row("get-company", get, "/companies/{company}", (*call).hqCompany, read)
		row("update-company", patch, "/companies/{company}", (*call).hqUpdateCompany, write)
		row("update-company-image", patch, "/companies/{company}/image", (*call).hqCompanyImage, write)
		row("update-project-image", patch, "/projects/{project}/image", (*call).hqProjectImage, write)
		row("list-project-companies", get, "/projects/{project}/companies", (*call).hqProjectCompanies, read)
	}

	return out
}

// newCompany checks a body and makes the company.
func (c *call) newCompany(m *model, account string, in obj) (obj, *problem) {
	fields := obj{}
	if bad := take(fields, in, companyText, "name", "trade"); bad != nil {
		return nil, bad
	}

	name, trade := text(in["name"]), text(in["trade"])
	if name == "" || trade == "" {
		return nil, invalid("name and trade are needed")
	}

	for _, other := range of(m.companies, account) {
		if other["name"] == name {
			return nil, conflict("a company of this name exists")
		}
	}

	id := m.addCompany(account, name, trade, c.now)
	r := m.companies.get(account + "/" + id)
	maps.Copy(r.Fields, fields)
	m.companies.put(account+"/"+id, r)

	return r.Fields, nil
}

func (c *call) hqCreateCompany() {
	in, out := body[obj](c), obj{}
	c.inAccount(func(m *model, account string) (bad *problem) {
		out, bad = c.newCompany(m, account, in)
		return bad
	})
	c.json(http.StatusCreated, out)
}

func (c *call) hqImportCompanies() {
	in, out := body[[]obj](c), obj{}
	c.inAccount(func(m *model, account string) (bad *problem) {
		out, bad = imported(len(in), func(i int) (row, failed obj) {
			row, why := c.newCompany(m, account, in[i])
			if why != nil {
				failed = obj{"errors": list{obj{"code": why.status, "message": why.detail}}}
				maps.Copy(failed, in[i])
			}

			return row, failed
		})

		return bad
	})
	c.json(http.StatusCreated, out)
}

func (c *call) hqSearchCompanies() {
	rows := []obj{}
	c.inAccount(func(m *model, account string) *problem {
		rows = c.searched(of(m.companies, account), "name", "trade")
		return nil
	})
	c.hqList(rows)
}

// inCompany runs fn with the company of the path and answers what became of it.
func (c *call) inCompany(fn func(m *model, account string, r *record) *problem) {
	var out obj
	c.inAccount(func(m *model, account string) *problem {
		r := m.companies.get(account + "/" + c.p["company"])
		if r == nil {
			return missing("the company does not exist in this account")
		}

		out = r.Fields

		return fn(m, account, r)
	})
	c.ok(out)
}

func (c *call) hqCompany() { c.inCompany(func(*model, string, *record) *problem { return nil }) }

func (c *call) hqUpdateCompany() {
	in := body[obj](c)
	c.inCompany(func(m *model, account string, r *record) *problem {
		if bad := take(r.Fields, in, append([]string{"name", "trade"}, companyText...)); bad != nil {
			return bad
		}

		r.Fields["updated_at"] = adminTime(c.now)
		m.companies.put(account+"/"+c.p["company"], r)

		return nil
	})
}

// picture refuses a body that holds no picture.
func (c *call) picture() *problem {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "multipart/") && !strings.HasPrefix(kind, "image/") &&
		kind != "application/x-www-form-urlencoded" && kind != "application/octet-stream" {
		return &problem{http.StatusUnprocessableEntity, "", "the body holds no picture"}
	}

	return nil
}

func (c *call) hqCompanyImage() {
	c.inCompany(func(*model, string, *record) *problem { return c.picture() })
}

func (c *call) hqProjectImage() {
	var out obj
	c.inAccount(func(m *model, account string) *problem {
		p := m.accountProject(account, c.p["project"])
		if p == nil {
			return missing("the project does not exist in this account")
		}

		out = hqProjectRow(p)

		return c.picture()
	})
	c.ok(out)
}

func (c *call) hqProjectCompanies() {
	rows := []obj{}
	c.inAccount(func(m *model, account string) *problem {
		p := m.accountProject(account, c.p["project"])
		if p == nil {
			return missing("the project does not exist in this account")
		}

		taking := map[string]bool{}
		for _, r := range m.members.m {
			if r.Fields["project"] == p.ID {
				taking[text(r.Fields["companyId"])] = true
			}
		}

		for _, f := range of(m.companies, account) {
			if !taking[text(f["id"])] {
				continue
			}

			row := obj{"project_id": strings.TrimPrefix(p.ID, "b."), "member_group_id": f["id"]}
			maps.Copy(row, f)
			rows = append(rows, row)
		}

		return nil
	})
	c.hqList(rows)
}

package emulator

import (
	"net/http"
	"strings"
)

// userViewRoutes are what construction/admin knows of a user across the projects of an account.
func userViewRoutes() []route {
	row := func(op, view string, h func(*call)) route {
		return route{op: op, method: http.MethodGet, family: famCA, scopes: []string{"account:read"},
			pattern: "/construction/admin/v1/accounts/{account}/users/{user}/" + view, user: userOptional,
			class: "construction-admin-read", perMinute: 600, handle: h}
	}

	return []route{row("list-user-projects", "projects", (*call).userProjects),
		row("list-user-products", "products", (*call).userProducts),
		row("list-user-roles", "roles", (*call).userRoles)}
}

// memberships runs fn with each project that the user of the path is a member of.
func (c *call) memberships(fn func(m *model, p *project, r *record)) {
	c.inAccount(func(m *model, account string) *problem {
		who := m.accountPerson(account, c.p["user"])
		if who == nil {
			return missing("the user does not exist in this account")
		}

		for _, p := range inOrder(m.projects.m) {
			if r := m.members.get(p.ID + "/" + who.ID); r != nil && p.account() == account {
				fn(m, p, r)
			}
		}

		return nil
	})
}

func (c *call) userProjects() {
	var rows []obj
	c.memberships(func(m *model, p *project, r *record) {
		row := c.caProjectRow(m, p)
		delete(row, "products")
		delete(row, "memberCount")
		delete(row, "companyCount")
		row["accessLevels"] = obj{"projectAdmin": administers(r), "projectMember": !administers(r)}
		rows = append(rows, row)
	})
	c.caPage(rows, "name", "jobNumber")
}

// gathered collects rows that several projects share; each says which.
type gathered struct {
	rows []obj
	by   map[string]obj
}

func (g *gathered) add(key string, p *project, row obj) {
	if g.by == nil {
		g.by = map[string]obj{}
	}

	if g.by[key] == nil {
		row["projectIds"] = list{}
		g.by[key] = row
		g.rows = append(g.rows, row)
	}

	g.by[key]["projectIds"] = append(asList(g.by[key]["projectIds"]), strings.TrimPrefix(p.ID, "b."))
}

func (c *call) userProducts() {
	var g gathered
	c.memberships(func(_ *model, p *project, r *record) {
		for _, one := range asList(r.Fields["products"]) {
			product, _ := one.(obj)
			key := text(product["key"])
			if text(product["access"]) != "none" && c.inProjectFilter(p) {
				g.add(key, p, obj{"key": key, "name": key, "icon": ""})
			}
		}
	})
	c.q.Del("filter[projectId]")
	c.caPage(g.rows, "name")
}

func (c *call) userRoles() {
	var g gathered
	c.memberships(func(m *model, p *project, r *record) {
		for _, id := range asList(r.Fields["roleIds"]) {
			role := m.roles.get(p.account() + "/" + text(id))
			if role == nil || !c.inProjectFilter(p) {
				continue
			}

			at := adminTime(m.folders.get(p.Root).Created)
			g.add(text(id), p, obj{"id": id, "name": role.Fields["name"], "status": "active",
				"key": strings.ToLower(text(role.Fields["name"])), "createdAt": at, "updatedAt": at})
		}
	})
	c.q.Del("filter[projectId]")
	c.caPage(g.rows, "name")
}

// inProjectFilter reports whether a project is among those asked for.
func (c *call) inProjectFilter(p *project) bool {
	return c.asked("projectId", strings.TrimPrefix(p.ID, "b."))
}

package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// relation is a reference that a client made from one resource to another.
type relation struct {
	numbered
	Project, From, FromType, To, ToType, ExtType string
}

// relationRoutes are the calls that lead from one resource to its neighbours.
func relationRoutes() []route {
	const data = "/data/v1/projects/{project}"
	row := func(op, method, pattern string, scopes []string, h func(*call)) route {
		return route{op: op, method: method, pattern: pattern, family: famDM, scopes: scopes, class: op,
			perMinute: 300, user: userOptional, handle: h}
	}

	get, post := http.MethodGet, http.MethodPost
	rows := []route{
		row("get-project-hub", get, "/project/v1/hubs/{hub}/projects/{project}/hub", scopeRead,
			(*call).projectHub),
		row("get-folder-parent", get, data+"/folders/{folder}/parent", scopeRead, (*call).folderParent),
		row("get-item-parent", get, data+"/items/{item}/parent", scopeRead, (*call).itemParent),
		row("get-version-item", get, data+"/versions/{version}/item", scopeRead, (*call).versionItem),
		row("update-version", http.MethodPatch, data+"/versions/{version}", scopeWrite,
			(*call).updateVersion),
	}
	for _, kind := range []string{"folder", "item", "version"} {
		at := data + "/" + kind + "s/{" + kind + "}"
		rows = append(rows,
			row("list-"+kind+"-refs", get, at+"/refs", scopeRead, (*call).refs),
			row("list-"+kind+"-relationships-refs", get, at+"/relationships/refs", scopeRead,
				(*call).relationshipRefs),
			row("create-"+kind+"-ref", post, at+"/relationships/refs", scopeCreate, (*call).createRef),
			row("list-"+kind+"-links", get, at+"/relationships/links", scopeRead, (*call).noLinks))
	}

	// The specification has this path without its beginning, and so have the SDKs made from it.
	return append(rows, row("list-version-links", get,
		"/projects/{project}/versions/{version}/relationships/links", scopeRead, (*call).noLinks))
}

func (c *call) projectHub() {
	var d obj
	c.inProject(func(m *model, p *project) *problem {
		d = c.document(c.hubResource(m.hubs.get(p.Hub)), nil)
		return nil
	})
	c.ok(d)
}

func (c *call) folderParent() {
	var d obj
	c.inFolder(func(m *model, _ *project, f *folder) *problem {
		parent := m.folders.get(f.Parent)
		if parent == nil {
			return noSuch("FOLDER_NOT_FOUND", "the folder has no parent in this project")
		}

		d = c.document(c.folderResource(m, parent), nil)

		return nil
	})
	c.ok(d)
}

func (c *call) itemParent() {
	var d obj
	c.inItem(func(m *model, _ *project, i *item) *problem {
		d = c.document(c.folderResource(m, m.folders.get(i.Folder)), nil)
		return nil
	})
	c.ok(d)
}

func (c *call) versionItem() {
	c.withVersion(func(m *model, _ *project, v *version) obj {
		i := m.items.get(v.Item)
		tip := m.versions.get(i.tip())

		return c.document(c.itemResource(m, i, tip), list{c.versionResource(m, tip)})
	})
}

// updateVersion changes a version's name, which only the hubs of the core types allow.
func (c *call) updateVersion() {
	in := c.payload("versions", false)
	var d obj
	c.inProject(func(m *model, p *project) *problem {
		v := m.versionOf(p, c.p["version"])
		switch {
		case v == nil:
			return noVersion
		case in.Data.ID != v.ID:
			return invalid("data.id differs from the version of the address")
		case p.Platform != PlatformCore:
			return invalid("a version cannot be changed in this kind of project")
		}

		if name := in.Data.Attributes.Name; name != nil {
			if why := nameProblem(*name); why != "" {
				return invalid(why)
			}

			v.Name = *name
			m.versions.put(v.ID, v)
		}

		d = c.document(c.versionResource(m, v), nil)

		return nil
	})
	c.ok(d)
}

// subject is the folder, item or version of the path.
func (c *call) subject() (kind, id string) {
	for _, kind := range []string{"folder", "item", "version"} {
		if id := c.p[kind]; id != "" {
			return kind + "s", id
		}
	}

	return "", ""
}

// resource is a folder, item or version of a project; nil when it has none of the kind and id.
func (c *call) resource(m *model, p *project, kind, id string) obj {
	switch kind {
	case "folders":
		if f := m.folderOf(p, id); f != nil {
			return c.folderResource(m, f)
		}
	case "items":
		if i := m.itemOf(p, id); i != nil {
			return c.itemResource(m, i, m.versions.get(i.tip()))
		}
	case "versions":
		if v := m.versionOf(p, id); v != nil {
			return c.versionResource(m, v)
		}
	}

	return nil
}

// neighbour is the other end of a relation, with the relation as it is seen from this end.
type neighbour struct {
	resource, ref obj
}

// neighbours are what a resource of a project is related to.
func (c *call) neighbours(m *model, p *project, kind, id string) []neighbour {
	var out []neighbour
	for _, r := range inOrder(m.relations.m) {
		otherType, other, direction := r.ToType, r.To, "from"
		switch {
		case r.Project != p.ID:
			continue
		case r.From == id && r.FromType == kind:
		case r.To == id && r.ToType == kind:
			otherType, other, direction = r.FromType, r.From, "to"
		default:
			continue
		}

		refType, _, _ := strings.Cut(r.ExtType, ":")
		meta := obj{"refType": refType, "direction": direction, "fromId": r.From, "fromType": r.FromType,
			"toId": r.To, "toType": r.ToType, "extension": c.extension(r.ExtType, obj{})}
		if res := c.resource(m, p, otherType, other); res != nil {
			out = append(out, neighbour{res, obj{"type": otherType, "id": other, "meta": meta}})
		}
	}

	return out
}

// inSubject runs fn with the neighbours of the folder, item or version of the path.
func (c *call) inSubject(fn func([]neighbour)) {
	kind, id := c.subject()
	c.inProject(func(m *model, p *project) *problem {
		if c.resource(m, p, kind, id) == nil {
			return noSuch("NOT_FOUND", "the resource does not exist in this project")
		}

		fn(c.neighbours(m, p, kind, id))

		return nil
	})
}

func (c *call) refs() {
	fs := c.filters()
	data := list{}
	c.inSubject(func(all []neighbour) {
		for _, n := range all {
			if matchAll(fs, n.resource) {
				data = append(data, n.resource)
			}
		}
	})
	c.ok(c.document(data, nil))
}

func (c *call) relationshipRefs() {
	data, included := list{}, list{}
	c.inSubject(func(all []neighbour) {
		for _, n := range all {
			meta := n.ref["meta"].(obj)
			if c.asked("type", n.ref["type"]) && c.asked("id", n.ref["id"]) &&
				c.asked("refType", meta["refType"]) && c.asked("direction", meta["direction"]) {
				data, included = append(data, n.ref), append(included, n.resource)
			}
		}
	})
	c.ok(c.document(data, included))
}

// asked reports whether a value passes the filter of a name.
func (c *call) asked(name string, v any) bool {
	want := splitList(c.q["filter["+name+"]"])
	return len(want) == 0 || slices.Contains(want, fmt.Sprint(v))
}

// noLinks answers the links of a resource. Nothing in the API makes one.
func (c *call) noLinks() {
	c.inSubject(func([]neighbour) {})
	c.ok(c.document(list{}, nil))
}

var refTypes = []string{"derived", "dependencies", "auxiliary", "xrefs", "includes"}

func (c *call) createRef() {
	in := body[struct {
		Data struct {
			Type string `json:"type"`
			ID   string `json:"id"`
			Meta struct {
				Extension struct {
					Type    string `json:"type"`
					Version string `json:"version"`
				} `json:"extension"`
			} `json:"meta"`
		} `json:"data"`
	}](c)
	kind, id := c.subject()
	c.inProject(func(m *model, p *project) *problem {
		refType, _, typed := strings.Cut(in.Data.Meta.Extension.Type, ":")
		switch {
		case c.resource(m, p, kind, id) == nil || c.resource(m, p, in.Data.Type, in.Data.ID) == nil:
			return noSuch("NOT_FOUND", "one end of the relation does not exist in this project")
		case !typed || !slices.Contains(refTypes, refType):
			return invalid("data.meta.extension.type must begin with one of " + strings.Join(refTypes, ", "))
		}

		m.relations.put(uuid(), &relation{numbered: m.seq(), Project: p.ID, From: id, FromType: kind,
			To: in.Data.ID, ToType: in.Data.Type, ExtType: in.Data.Meta.Extension.Type})

		return nil
	})
	c.empty(http.StatusNoContent)
}

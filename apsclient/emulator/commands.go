package emulator

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// commandRoutes are conversions on request, and the commands of data management.
func commandRoutes() []route {
	const data = "/data/v1/projects/{project}"
	row := func(op, method, pattern string, scopes []string, h func(*call)) route {
		return route{op: op, method: method, pattern: data + pattern, family: famDM, scopes: scopes,
			class: op, perMinute: 50, user: userOptional, handle: h}
	}

	return []route{
		row("create-download", http.MethodPost, "/downloads", scopeCreate, (*call).createDownload),
		row("get-download", http.MethodGet, "/downloads/{download}", scopeRead, (*call).getDownload),
		row("get-download-job", http.MethodGet, "/jobs/{download}", scopeRead, (*call).downloadJob),
		row("execute-command", http.MethodPost, "/commands", scopeRead, (*call).command),
	}
}

// formatsOf are what a version can be converted to.
func formatsOf(v *version) []string {
	switch fileType(v.Name) {
	case "dwg", "dwf", "rvt":
		return []string{"pdf", "dwg"}
	case "f3d":
		return []string{"step", "iges"}
	}

	return nil
}

// downloadID names the conversion of a version to a format.
func downloadID(v *version, format string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(format + " " + v.ID))
}

// conversion finds what a download's id names.
func (m *model) conversion(p *project, id string) (*version, string) {
	raw, _ := base64.RawURLEncoding.DecodeString(id)
	format, versionID, _ := strings.Cut(string(raw), " ")
	v := m.versionOf(p, versionID)
	if v == nil || !slices.Contains(formatsOf(v), format) {
		return nil, ""
	}

	return v, format
}

// downloadResource is a conversion, whose bytes are those of the version here.
func (c *call) downloadResource(v *version, format string) obj {
	id := downloadID(v, format)
	bucketKey, key, _ := splitURN(v.Storage)

	return obj{"type": "downloads", "id": id, "attributes": obj{"format": obj{"fileType": format}},
		"links": obj{"self": c.link(dataPath(v.Project, "downloads", id))},
		"relationships": obj{
			"source": c.relatedTo(dataPath(v.Project, "versions", v.ID), "versions", v.ID),
			"storage": obj{"data": ref("objects", v.Storage),
				"meta": obj{"link": c.link("/oss/v2/buckets/" + bucketKey + "/objects/" + key)}}}}
}

func (c *call) createDownload() {
	in := body[struct {
		Data struct {
			Type       string `json:"type"`
			Attributes struct {
				Format struct {
					FileType string `json:"fileType"`
				} `json:"format"`
			} `json:"attributes"`
			Relationships struct {
				Source struct {
					Data *resource `json:"data"`
				} `json:"source"`
			} `json:"relationships"`
		} `json:"data"`
	}](c)
	var d obj
	c.inProject(func(m *model, p *project) *problem {
		source := in.Data.Relationships.Source.Data
		if in.Data.Type != "downloads" || source == nil || source.Type != "versions" {
			return invalid("relationships.source.data must name a version")
		}

		v, format := m.versionOf(p, source.ID), in.Data.Attributes.Format.FileType
		switch {
		case v == nil:
			return noVersion
		case !slices.Contains(formatsOf(v), format):
			return invalid("the version cannot be converted to " + format)
		}

		id := downloadID(v, format)
		d = c.document(list{obj{"type": "downloads", "id": id, "attributes": obj{"status": "queued"},
			"links": obj{"self": c.link(dataPath(p.ID, "jobs", id))}}}, nil)

		return nil
	})
	c.json(http.StatusAccepted, d)
}

// inDownload runs fn with the conversion of the path.
func (c *call) inDownload(fn func(p *project, v *version, format string)) {
	c.inProject(func(m *model, p *project) *problem {
		v, format := m.conversion(p, c.p["download"])
		if v == nil {
			return noSuch("UNKNOWN_ENTITY", "the download does not exist in this project")
		}

		fn(p, v, format)

		return nil
	})
}

func (c *call) getDownload() {
	var d obj
	c.inDownload(func(_ *project, v *version, format string) {
		d = c.document(c.downloadResource(v, format), nil)
	})
	c.ok(d)
}

// downloadJob leads to the download: a conversion is done at once here.
func (c *call) downloadJob() {
	c.inDownload(func(p *project, _ *version, _ string) {
		c.w.Header().Set("Location", c.url(dataPath(p.ID, "downloads", c.p["download"]), nil))
	})
	c.empty(http.StatusSeeOther)
}

// The commands.
const (
	cmdPermission   = "commands:autodesk.core:CheckPermission"
	cmdListRefs     = "commands:autodesk.core:ListRefs"
	cmdListItems    = "commands:autodesk.core:ListItems"
	cmdPublish      = "commands:autodesk.bim360:C4RModelPublish"
	cmdPublishAlone = "commands:autodesk.bim360:C4RPublishWithoutLinks"
	cmdPublishJob   = "commands:autodesk.bim360:C4RModelGetPublishJob"
)

type command struct {
	Data struct {
		Type       string `json:"type"`
		Attributes struct {
			Extension struct {
				Type    string `json:"type"`
				Version string `json:"version"`
				Data    struct {
					RequiredActions      []string `json:"requiredActions"`
					IncludePathInProject bool     `json:"includePathInProject"`
				} `json:"data"`
			} `json:"extension"`
		} `json:"attributes"`
		Relationships struct {
			Resources struct {
				Data []resource `json:"data"`
			} `json:"resources"`
		} `json:"relationships"`
	} `json:"data"`
}

func (c *call) command() {
	in := body[command](c)
	var d obj
	c.inProject(func(m *model, p *project) *problem {
		resources := in.Data.Relationships.Resources.Data
		if in.Data.Type != "commands" || len(resources) == 0 || len(resources) > 50 {
			return invalid("data.type must be commands, with 1 to 50 resources")
		}

		for _, r := range resources {
			if c.resource(m, p, r.Type, r.ID) == nil {
				return noSuch("NOT_FOUND", "a resource does not exist in this project: "+r.ID)
			}
		}

		out, included, bad := c.run(m, p, in)
		if bad != nil {
			return bad
		}

		out["type"], out["id"] = "commands", uuid()
		d = obj{"jsonapi": jsonapi(), "data": out}
		if included != nil {
			d["included"] = included
		}

		return nil
	})
	c.ok(d)
}

// run is what each command answers.
func (c *call) run(m *model, p *project, in command) (out obj, included list, bad *problem) {
	kind := in.Data.Attributes.Extension.Type
	resources := in.Data.Relationships.Resources.Data

	ext := c.extension(kind, obj{})
	attributes := obj{"status": "complete", "extension": ext}
	switch kind {
	case cmdPermission:
		delete(attributes, "status")

		actions, allowed := in.Data.Attributes.Extension.Data.RequiredActions, obj{}
		for _, a := range actions {
			allowed[a] = true
		}

		permissions := list{}
		for _, r := range resources {
			permissions = append(permissions, obj{"type": r.Type, "id": r.ID, "details": allowed,
				"permission": true})
		}

		ext["data"] = obj{"requiredActions": actions, "permissions": permissions}
	case cmdListRefs:
		refs := list{}
		included = list{}
		for _, r := range resources {
			for _, n := range c.neighbours(m, p, r.Type, r.ID) {
				refs, included = append(refs, n.ref), append(included, n.resource)
			}
		}

		return obj{"attributes": attributes,
			"relationships": obj{"resources": obj{"data": refs}}}, included, nil
	case cmdListItems:
		items := list{}
		included = list{}
		for _, r := range resources {
			i := m.itemOf(p, r.ID)
			if i == nil {
				return nil, nil, invalid("ListItems takes items only")
			}

			tip := m.versions.get(i.tip())
			res := c.itemResource(m, i, tip)
			if in.Data.Attributes.Extension.Data.IncludePathInProject {
				res["attributes"].(obj)["pathInProject"] = "/" + m.folderPath(i.Folder)
			}

			items = append(items, obj{"type": "items", "id": i.ID, "meta": res})
			included = append(included, c.versionResource(m, tip))
		}

		return obj{"attributes": attributes,
			"relationships": obj{"resources": obj{"data": items}}}, included, nil
	case cmdPublish, cmdPublishAlone:
		attributes["status"] = "committed"
	case cmdPublishJob:
		ext["type"] = cmdPublish
	default:
		return nil, nil, invalid("the command is not known: " + kind)
	}

	return obj{"attributes": attributes}, nil, nil
}

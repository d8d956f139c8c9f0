package emulator

import (
	"net/url"
	"path"
	"strings"
	"time"
)

// Extension types of data management.
const (
	typeFolder360   = "folders:autodesk.bim360:Folder"
	typeFolderCore  = "folders:autodesk.core:Folder"
	typeItem360     = "items:autodesk.bim360:File"
	typeItemPlan    = "items:autodesk.bim360:Document"
	typeItemCore    = "items:autodesk.core:File"
	typeVersion360  = "versions:autodesk.bim360:File"
	typeVersionPlan = "versions:autodesk.bim360:Document"
	typeVersionCore = "versions:autodesk.core:File"
	typeDeleted     = "versions:autodesk.core:Deleted"
)

func (c *call) link(p string) obj    { return obj{"href": origin(c.r) + p} }
func (c *call) related(p string) obj { return obj{"links": obj{"related": c.link(p)}} }
func (c *call) relatedTo(p, kind, id string) obj {
	return obj{"links": obj{"related": c.link(p)}, "data": ref(kind, id)}
}
func ref(kind, id string) obj { return obj{"type": kind, "id": id} }
func jsonapi() obj            { return obj{"version": "1.0"} }
func (c *call) refLinks(p string) obj {
	return obj{"links": obj{"self": c.link(p + "/relationships/refs"), "related": c.link(p + "/refs")}}
}
func (c *call) linkLinks(p string) obj {
	return obj{"links": obj{"self": c.link(p + "/relationships/links")}}
}
func (c *call) extension(kind string, data obj) obj {
	return obj{"type": kind, "version": "1.0",
		"schema": c.link("/schema/v1/versions/" + url.PathEscape(kind) + "-1.0"), "data": data}
}

// document is a JSON:API answer with one resource or a list.
func (c *call) document(data any, included list) obj {
	d := obj{"jsonapi": jsonapi(), "links": obj{"self": c.link(c.r.URL.RequestURI())}, "data": data}
	if included != nil {
		d["included"] = included
	}

	return d
}

func projectPath(p *project) string { return "/project/v1/hubs/" + p.Hub + "/projects/" + p.ID }
func dataPath(projectID, kind, id string) string {
	return "/data/v1/projects/" + projectID + "/" + kind + "/" + url.PathEscape(id)
}

func (c *call) hubResource(h *hub) obj {
	self := "/project/v1/hubs/" + h.ID

	return obj{"type": "hubs", "id": h.ID,
		"attributes": obj{"name": h.Name, "region": h.Region,
			"extension": c.extension(hubTypes[h.kind()], obj{})},
		"links":         obj{"self": c.link(self)},
		"relationships": obj{"projects": c.related(self + "/projects")}}
}

func (c *call) projectResource(p *project) obj {
	ext, data := "projects:autodesk.bim360:Project", obj{"projectType": "ACC"}
	switch p.Platform {
	case PlatformBIM360:
		data = obj{"projectType": "BIM360"}
	case PlatformCore:
		ext, data = "projects:autodesk.core:Project", obj{}
	}

	self := projectPath(p)
	hubRef := c.relatedTo("/project/v1/hubs/"+p.Hub, "hubs", p.Hub)

	return obj{"type": "projects", "id": p.ID,
		"attributes": obj{"name": p.Name, "scopes": list{"b360project." + strings.TrimPrefix(p.ID, "b.")},
			"extension": c.extension(ext, data)},
		"links": obj{"self": c.link(self)},
		"relationships": obj{
			"hub": hubRef,
			"rootFolder": obj{"data": ref("folders", p.Root),
				"meta": obj{"link": c.link(dataPath(p.ID, "folders", p.Root))}},
			"topFolders": c.related(self + "/topFolders"),
		}}
}

// stamp says in a resource's attributes when something was done to it, and by whom.
func (m *model) stamp(attributes obj, done string, at time.Time, by string) {
	attributes[done+"Time"], attributes[done+"UserId"] = wireTime(at), by
	attributes[done+"UserName"] = m.userName(by)
}

func (c *call) folderResource(m *model, f *folder) obj {
	count := 0
	for _, id := range m.child(f.ID).folders {
		if !m.folders.get(id).Hidden {
			count++
		}
	}

	for _, id := range m.child(f.ID).items {
		if !m.items.get(id).Hidden {
			count++
		}
	}

	ext, allowed := typeFolder360, list{"folders", typeFolder360, typeItem360}
	switch {
	case f.Core:
		ext, allowed = typeFolderCore, list{"folders", typeFolderCore, typeItemCore}
	case f.FolderType == "plan":
		allowed = list{"folders", typeFolder360, typeItemPlan}
	}

	data := obj{"allowedTypes": allowed, "visibleTypes": allowed[2:], "namingStandardIds": list{}}
	if f.FolderType != "" {
		data["folderType"] = f.FolderType
		data["isRoot"] = f.Root
		data["folderParents"] = list{}
	}

	for _, id := range f.NamingStandards {
		data["namingStandardIds"] = append(data["namingStandardIds"].(list), id)
	}

	if f.Description != "" {
		data["description"] = f.Description
	}

	attributes := obj{"name": f.Name, "displayName": f.Name, "objectCount": count, "hidden": f.Hidden,
		"lastModifiedTimeRollup": wireTime(f.Rollup), "extension": c.extension(ext, data)}
	m.stamp(attributes, "create", f.Created, f.CreatedBy)
	m.stamp(attributes, "lastModified", f.Modified, f.ModifiedBy)
	self := dataPath(f.Project, "folders", f.ID)
	parent := c.related(self + "/parent")
	if f.Parent != "" {
		parent["data"] = ref("folders", f.Parent)
	}

	return obj{"type": "folders", "id": f.ID, "attributes": attributes, "links": obj{"self": c.link(self)},
		"relationships": obj{"parent": parent, "refs": c.refLinks(self), "links": c.linkLinks(self),
			"contents": c.related(self + "/contents")}}
}

// shownTip is the newest version that is visible yet.
func (c *call) shownTip(m *model, i *item) *version {
	for n := len(i.Versions) - 1; n > 0; n-- {
		if v := m.versions.get(i.Versions[n]); !c.now.Before(v.VisibleAt) {
			return v
		}
	}

	return m.versions.get(i.Versions[0])
}

func (c *call) itemResource(m *model, i *item, tip *version) obj {
	self := dataPath(i.Project, "items", i.ID)
	data := obj{}
	if i.Description != "" {
		data["description"] = i.Description
	}

	attributes := obj{"displayName": i.Name, "hidden": i.Hidden, "reserved": i.Reserved,
		"extension": c.extension(i.ExtType, data)}
	m.stamp(attributes, "create", i.Created, i.CreatedBy)
	m.stamp(attributes, "lastModified", i.Modified, i.ModifiedBy)
	if i.Reserved {
		m.stamp(attributes, "reserved", i.Modified, i.ReservedBy)
	}

	tipRef := c.relatedTo(self+"/tip", "versions", tip.ID)
	parent := c.relatedTo(self+"/parent", "folders", i.Folder)

	return obj{"type": "items", "id": i.ID, "attributes": attributes, "links": obj{"self": c.link(self)},
		"relationships": obj{"tip": tipRef, "versions": c.related(self + "/versions"), "parent": parent,
			"refs": c.refLinks(self), "links": c.linkLinks(self)}}
}

func fileType(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }

func (c *call) versionResource(m *model, v *version) obj {
	self := dataPath(v.Project, "versions", v.ID)
	data := obj{"processState": "PROCESSING_COMPLETE", "extractionState": "UNSUPPORTED",
		"splittingState": "NOT_SPLIT", "conformingStatus": "NONE"}
	if c.knob.NamingStandard {
		data["conformingStatus"] = "NON_CONFORMING"
	}

	if v.OriginalName != "" {
		data["originalName"] = v.OriginalName
	}

	attributes := obj{"name": v.Name, "displayName": v.Name, "versionNumber": v.Number,
		"extension": c.extension(v.ExtType, data)}
	m.stamp(attributes, "create", v.Created, v.CreatedBy)
	m.stamp(attributes, "lastModified", v.Created, v.CreatedBy)
	itemRef := c.relatedTo(self+"/item", "items", v.Item)
	rel := obj{"item": itemRef, "refs": c.refLinks(self), "links": c.linkLinks(self),
		"downloadFormats": c.related(self + "/downloadFormats")}
	if !v.deleted() {
		attributes["storageSize"] = v.Size
		attributes["mimeType"] = "application/octet-stream"
		if t := fileType(v.Name); t != "" {
			attributes["fileType"] = t
		}

		bucket, key, _ := splitURN(v.Storage)
		rel["storage"] = obj{"data": ref("objects", v.Storage),
			"meta": obj{"link": c.link("/oss/v2/buckets/" + bucket + "/objects/" + url.PathEscape(key) +
				"?scopes=b360project." + strings.TrimPrefix(v.Project, "b."))}}
	}

	return obj{"type": "versions", "id": v.ID, "attributes": attributes, "links": obj{"self": c.link(self)},
		"relationships": rel}
}

package apsclient

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
)

type (
	// HubsService are the calls on hubs.
	HubsService struct{ c *Client }
	// ProjectsService are the calls on projects.
	ProjectsService struct{ c *Client }
	// FoldersService are the calls on folders.
	FoldersService struct{ c *Client }
	// ItemsService are the calls on items and storage.
	ItemsService struct{ c *Client }
	// VersionsService are the calls on versions.
	VersionsService struct{ c *Client }
)

type m = map[string]any

// single performs a call that answers one JSON:API resource and the included ones.
func single(ctx context.Context, c *Client, r Request) (resource, document, error) {
	d, err := call[document](ctx, c, r)
	if err != nil {
		return resource{}, d, err
	}

	one, err := d.one()
	if err == nil && one.ID == "" {
		err = errors.New("no id")
	}

	if err != nil {
		return one, d, &DecodeError{Op: r.Action, Err: err}
	}

	return one, d, nil
}

// listing decodes pages of JSON:API resources; read gets each with the versions that came with its
// page.
func listing[T any](ctx context.Context, c *Client, r Request,
	read func(tips map[VersionID]Version, x resource) (T, bool)) iter.Seq2[T, error] {
	return listOf(ctx, c, r, func(body []byte) ([]T, error) {
		var d document
		if err := json.Unmarshal(body, &d); err != nil {
			return nil, err
		}

		list, err := d.many()
		if err != nil {
			return nil, err
		}

		tips, out := d.versions(), make([]T, 0, len(list))
		for _, x := range list {
			if v, ok := read(tips, x); ok {
				out = append(out, v)
			}
		}

		return out, nil
	})
}

// List returns the hubs that the token can see. GET /project/v1/hubs; data:read; 2L, 2L+user, 3L;
// 50 a minute. The warnings are refusals of single regions inside a success: no hubs and a 403
// there means that the client id is not added to the account.
func (s *HubsService) List(ctx context.Context) ([]Hub, []Warning, error) {
	d, err := call[document](ctx, s.c, Request{Action: "list-hubs"})
	if err != nil {
		return nil, nil, err
	}

	list, err := d.many()
	if err != nil {
		return nil, nil, &DecodeError{Op: "list hubs", Err: err}
	}

	hubs := make([]Hub, 0, len(list))
	for _, r := range list {
		hubs = append(hubs, r.hub())
	}

	var warnings []Warning
	for _, w := range d.Meta.Warnings {
		warnings = append(warnings, Warning(w))
	}

	return hubs, warnings, nil
}

// List yields the active projects of a hub. GET /project/v1/hubs/{hub_id}/projects; data:read; 2L,
// 2L+user, 3L; 50 a minute.
func (s *ProjectsService) List(ctx context.Context, hub HubID) iter.Seq2[Project, error] {
	r := Request{Action: "list-projects", Params: map[string]string{"hub_id": string(hub)}}

	return listing(ctx, s.c, r, func(_ map[VersionID]Version, x resource) (Project, bool) {
		return x.project(hub), true
	})
}

// Project returns one project. GET /project/v1/hubs/{hub_id}/projects/{project_id}; data:read; 2L,
// 2L+user, 3L; 50 a minute.
func (s *ProjectsService) Project(ctx context.Context, hub HubID, id ProjectID) (Project, error) {
	r, _, err := single(ctx, s.c,
		Request{Action: "get-project",
			Params: map[string]string{"hub_id": string(hub), "project_id": string(id)}})

	return r.project(hub), err
}

// TopFolders returns the highest folders that the caller can reach, deleted ones included. GET
// /project/v1/hubs/{hub_id}/projects/{project_id}/topFolders; data:read; 2L, 2L+user, 3L; 300 a
// minute.
func (s *ProjectsService) TopFolders(ctx context.Context, hub HubID, id ProjectID) ([]Folder, error) {
	d, err := call[document](ctx, s.c,
		Request{Action: "list-top-folders",
			Params: map[string]string{"hub_id": string(hub), "project_id": string(id)}})
	if err != nil {
		return nil, err
	}

	list, err := d.many()
	if err != nil {
		return nil, &DecodeError{Op: "list top folders", Err: err}
	}

	out := make([]Folder, 0, len(list))
	for _, r := range list {
		out = append(out, r.folder())
	}

	return out, nil
}

func inProject(p ProjectID, more ...string) map[string]string {
	return pairs(append(more, "project_id", string(p)))
}

// pairs makes parameters of names and values in turn.
func pairs(list []string) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		out[list[i]] = list[i+1]
	}

	return out
}

// Folder returns one folder. GET /data/v1/projects/{project_id}/folders/{folder_id}; data:read; 2L,
// 2L+user, 3L; 300 a minute.
func (s *FoldersService) Folder(ctx context.Context, p ProjectID, id FolderID) (Folder, error) {
	r, _, err := single(ctx, s.c,
		Request{Action: "get-folder", Params: inProject(p, "folder_id", string(id))})
	return r.folder(), err
}

// Contents yields the folders and items directly in a folder, 200 a page, items with their tips.
// GET /data/v1/projects/{project_id}/folders/{folder_id}/contents; data:read; 2L, 2L+user, 3L; 300
// a minute.
func (s *FoldersService) Contents(ctx context.Context, p ProjectID, id FolderID,
	o ContentsOptions) iter.Seq2[Entry, error] {
	r := Request{Action: "list-folder-contents", Params: inProject(p, "folder_id", string(id))}
	if o.IncludeHidden {
		r.Query = url.Values{"includeHidden": {"true"}}
	}

	return listing(ctx, s.c, r, func(tips map[VersionID]Version, x resource) (Entry, bool) {
		switch x.Type {
		case "folders":
			f := x.folder()
			if f.Parent == "" {
				f.Parent = id
			}

			return Entry{Folder: &f}, true
		case "items":
			it := x.item(tips)
			if it.Parent == "" {
				it.Parent = id
			}

			return Entry{Item: &it}, true
		}

		return Entry{}, false
	})
}

func ref(kind, id string) m { return m{"data": m{"type": kind, "id": id}} }

func extensionOf(kind string) m { return m{"type": kind, "version": "1.0"} }

func jsonAPIDocument(data m, more ...m) []byte {
	doc := m{"jsonapi": m{"version": "1.0"}, "data": data}
	if len(more) > 0 {
		doc["included"] = more
	}

	return jsonBody(doc)
}

// Create makes a folder below parent, whose Type decides the new one's. A name that exists answers
// 409: list and use it. POST /data/v1/projects/{project_id}/folders; data:create; 2L, 2L+user, 3L;
// 50 a minute; not idempotent. Names hold 1 to 255 characters; folders nest at most 25 levels.
func (s *FoldersService) Create(ctx context.Context, p ProjectID, parent Folder, name string) (Folder,
	error) {
	kind := parent.Type
	if kind == "" {
		kind = "folders:autodesk.bim360:Folder"
	}

	r, _, err := single(ctx, s.c,
		Request{Action: "create-folder", Params: inProject(p), Body: jsonAPIDocument(m{
			"type": "folders", "attributes": m{"name": name, "extension": extensionOf(kind)},
			"relationships": m{"parent": ref("folders", string(parent.ID))},
		})})
	f := r.folder()
	if err == nil && f.Parent == "" {
		f.Parent = parent.ID
	}

	return f, err
}

// MayUpload asks whether the caller may put files into a folder. POST
// /data/v1/projects/{project_id}/commands (CheckPermission); data:read; 300 a minute.
func (s *FoldersService) MayUpload(ctx context.Context, p ProjectID, id FolderID) (bool, error) {
	type permissions struct {
		Data struct {
			Attributes struct {
				Extension struct {
					Data struct {
						Permissions []struct {
							Permission bool `json:"permission"`
						} `json:"permissions"`
					} `json:"data"`
				} `json:"extension"`
			} `json:"attributes"`
		} `json:"data"`
	}
	answer, err := call[permissions](ctx, s.c, Request{Action: "run-command", Params: inProject(p),
		Body: jsonAPIDocument(m{"type": "commands", "attributes": m{"extension": m{
			"type": "commands:autodesk.core:CheckPermission", "version": "1.0.0",
			"data": m{"requiredActions": []string{"upload"}},
		}}, "relationships": m{"resources": m{"data": []m{{"type": "folders", "id": string(id)}}}}})})
	for _, one := range answer.Data.Attributes.Extension.Data.Permissions {
		if !one.Permission {
			return false, err
		}
	}

	return true, err
}

// Update renames, hides, restores or moves a folder. PATCH
// /data/v1/projects/{project_id}/folders/{folder_id}; data:write; 2L, 2L+user, 3L; 50 a minute.
func (s *FoldersService) Update(ctx context.Context, p ProjectID, id FolderID, u FolderUpdate) (Folder,
	error) {
	data, attributes := m{"type": "folders", "id": string(id)}, m{}
	if u.Name != nil {
		attributes["name"] = *u.Name
	}

	if u.Hidden != nil {
		attributes["hidden"] = *u.Hidden
	}

	if len(attributes) > 0 {
		data["attributes"] = attributes
	}

	if u.Parent != nil {
		data["relationships"] = m{"parent": ref("folders", string(*u.Parent))}
	}

	r, _, err := single(ctx, s.c,
		Request{Action: "update-folder", Params: inProject(p, "folder_id", string(id)),
			Body: jsonAPIDocument(data)})

	return r.folder(), err
}

// CreateStorage reserves a place for the bytes of name in a folder. A repeat leaves an unused place
// behind, which is harmless. POST /data/v1/projects/{project_id}/storage; data:create; 2L, 2L+user,
// 3L; 300 a minute. The root folder is no valid target.
func (s *ItemsService) CreateStorage(ctx context.Context, p ProjectID, f FolderID, name string) (ObjectID,
	error) {
	r, _, err := single(ctx, s.c,
		Request{Action: "create-storage", Params: inProject(p), Body: jsonAPIDocument(m{
			"type": "objects", "attributes": m{"name": name},
			"relationships": m{"target": ref("folders", string(f))},
		})})
	id := ObjectID(r.ID)
	if _, _, bad := id.Split(); err == nil && bad != nil { // nothing could ever be stored there
		err = &DecodeError{Op: "create storage", Err: bad}
	}

	return id, err
}

// Item returns an item with its tip version. GET /data/v1/projects/{project_id}/items/{item_id};
// data:read; 2L, 2L+user, 3L; 300 a minute.
func (s *ItemsService) Item(ctx context.Context, p ProjectID, id ItemID) (Item, error) {
	r, d, err := single(ctx, s.c, Request{Action: "get-item", Params: inProject(p, "item_id", string(id))})
	return r.item(d.versions()), err
}

func documentType(kind string) string { return kind + ":autodesk.bim360:Document" }

// fileType is the extension type of a file's items or versions.
func fileType(kind string, core, document bool) string {
	switch {
	case core:
		return kind + ":autodesk.core:File"
	case document:
		return documentType(kind)
	}

	return kind + ":autodesk.bim360:File"
}

// Create publishes a completed object (or a copy) under a new name. POST
// /data/v1/projects/{project_id}/items; data:create; 2L, 2L+user, 3L; 50 a minute; not idempotent:
// look by name and storage before repeating. 409: the name exists, or another change is in flight.
func (s *ItemsService) Create(ctx context.Context, p ProjectID, n NewItem) (Item, error) {
	version := m{"type": "versions", "id": "1",
		"attributes": m{"name": n.Name, "extension": extensionOf(fileType("versions", n.Core, n.Document))}}
	r := Request{Action: "create-item", Params: inProject(p)}
	if n.CopyFrom != "" {
		r.Query = url.Values{"copyFrom": {string(n.CopyFrom)}}
	} else {
		version["relationships"] = m{"storage": ref("objects", string(n.Storage))}
	}

	r.Body = jsonAPIDocument(m{
		"type":       "items",
		"attributes": m{"displayName": n.Name, "extension": extensionOf(fileType("items", n.Core, n.Document))},
		"relationships": m{
			"tip": ref("versions", "1"), "parent": ref("folders", string(n.Folder)),
		},
	}, version)
	x, d, err := single(ctx, s.c, r)

	return x.item(d.versions()), err
}

// ItemUpdate names what to change; nil fields stay.
type ItemUpdate struct {
	Name        *string // not in ACC and BIM 360: use a version with CopyFrom and a new name
	Description *string // at most 255 characters
	Core        bool
}

// Update changes an item. PATCH /data/v1/projects/{project_id}/items/{item_id}; data:write; 2L,
// 2L+user, 3L; 50 a minute.
func (s *ItemsService) Update(ctx context.Context, p ProjectID, id ItemID, u ItemUpdate) (Item, error) {
	attributes := m{}
	if u.Name != nil {
		attributes["displayName"] = *u.Name
	}

	if u.Description != nil {
		attributes["extension"] = m{"type": fileType("items", u.Core, false), "version": "1.0",
			"data": m{"description": *u.Description}}
	}

	r, d, err := single(ctx, s.c, Request{Action: "update-item", Params: inProject(p, "item_id", string(id)),
		Body: jsonAPIDocument(m{"type": "items", "id": string(id), "attributes": attributes})})

	return r.item(d.versions()), err
}

// Versions yields the versions of an item, newest first as the service lists them; markers of
// deletions are versions too. GET /data/v1/projects/{project_id}/items/{item_id}/versions;
// data:read; 2L, 2L+user, 3L; 800 a minute.
func (s *ItemsService) Versions(ctx context.Context, p ProjectID, id ItemID) iter.Seq2[Version, error] {
	r := Request{Action: "list-item-versions", Params: inProject(p, "item_id", string(id))}

	return listing(ctx, s.c, r, func(_ map[VersionID]Version, x resource) (Version, bool) {
		v := x.version()
		if v.Item == "" {
			v.Item = id
		}

		return v, x.Type == "versions"
	})
}

// Version returns one version. GET /data/v1/projects/{project_id}/versions/{version_id}; data:read;
// 2L, 2L+user, 3L; 300 a minute.
func (s *VersionsService) Version(ctx context.Context, p ProjectID, id VersionID) (Version, error) {
	r, _, err := single(ctx, s.c,
		Request{Action: "get-version", Params: inProject(p, "version_id", string(id))})
	return r.version(), err
}

// Create publishes a completed object as the next version, copies one (restore, rename), or hides
// the item (Deleted). POST /data/v1/projects/{project_id}/versions; data:create; 2L, 2L+user, 3L;
// 300 a minute; not idempotent: compare the storage of the versions before repeating.
func (s *VersionsService) Create(ctx context.Context, p ProjectID, n NewVersion) (Version, error) {
	r := Request{Action: "create-version", Params: inProject(p)}
	data, attributes, relationships := m{"type": "versions"}, m{}, m{}
	kind := fileType("versions", n.Core, n.Document)
	if n.Deleted {
		kind = "versions:autodesk.core:Deleted"
	}

	if n.Name != "" {
		attributes["name"] = n.Name
	}

	if n.CopyFrom != "" {
		r.Query = url.Values{"copyFrom": {string(n.CopyFrom)}}
	}

	if n.CopyFrom == "" || n.Name != "" {
		attributes["extension"] = extensionOf(kind)
	}

	if n.Item != "" {
		relationships["item"] = ref("items", string(n.Item))
	}

	if n.Storage != "" && n.CopyFrom == "" {
		relationships["storage"] = ref("objects", string(n.Storage))
	}

	if len(attributes) > 0 {
		data["attributes"] = attributes
	}

	if len(relationships) > 0 {
		data["relationships"] = relationships
	}

	r.Body = jsonAPIDocument(data)
	x, _, err := single(ctx, s.c, r)
	v := x.version()
	if err == nil && v.Item == "" {
		v.Item = n.Item
	}

	return v, err
}

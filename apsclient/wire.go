package apsclient

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
)

// Wire shapes of JSON:API, as far as they are read. Attributes of all resource types share one
// struct: the names agree.

type document struct {
	Data     json.RawMessage `json:"data"`
	Included []resource      `json:"included"`
	Meta     meta            `json:"meta"`
}

type meta struct {
	Warnings []warning `json:"warnings"`
}

type warning struct {
	Status string `json:"HttpStatusCode"`
	Code   string `json:"ErrorCode"`
	Title  string `json:"Title"`
	Detail string `json:"Detail"`
}

type resource struct {
	Type          string        `json:"type"`
	ID            string        `json:"id"`
	Attributes    attributes    `json:"attributes"`
	Relationships relationships `json:"relationships"`
	Links         links         `json:"links"`
}

type relationships struct {
	Hub        relation `json:"hub"`
	RootFolder relation `json:"rootFolder"`
	Parent     relation `json:"parent"`
	Tip        relation `json:"tip"`
	Item       relation `json:"item"`
	Storage    relation `json:"storage"`
}

type links struct {
	WebView link `json:"webView"`
}

type relation struct {
	Data *struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"data"`
}

func (r relation) id() string {
	if r.Data == nil {
		return ""
	}

	return r.Data.ID
}

type link struct {
	Href string `json:"href"`
}

type attributes struct {
	Name                   string    `json:"name"`
	DisplayName            string    `json:"displayName"`
	Region                 string    `json:"region"`
	Hidden                 bool      `json:"hidden"`
	Reserved               bool      `json:"reserved"`
	ReservedUserID         string    `json:"reservedUserId"`
	ReservedUserName       string    `json:"reservedUserName"`
	CreateTime             looseTime `json:"createTime"`
	CreateUserID           string    `json:"createUserId"`
	LastModifiedTime       looseTime `json:"lastModifiedTime"`
	LastModifiedUserID     string    `json:"lastModifiedUserId"`
	LastModifiedTimeRollup looseTime `json:"lastModifiedTimeRollup"`
	ObjectCount            int       `json:"objectCount"`
	VersionNumber          int       `json:"versionNumber"`
	StorageSize            *int64    `json:"storageSize"`
	FileType               string    `json:"fileType"`
	MimeType               string    `json:"mimeType"`
	Extension              extension `json:"extension"`
}

type extension struct {
	Type string        `json:"type"`
	Data extensionData `json:"data"`
}

type extensionData struct {
	AllowedTypes []string `json:"allowedTypes"`
	IsRoot       bool     `json:"isRoot"`
	FolderType   string   `json:"folderType"`
	ProjectType  string   `json:"projectType"`
	OriginalName string   `json:"originalName"`
	Conforming   string   `json:"conformingStatus"`

	NamingStandardIDs []string `json:"namingStandardIds"`
}

// looseTime takes any time the services write, and the zero time for what it cannot read.
type looseTime struct{ time.Time }

func (t *looseTime) UnmarshalJSON(b []byte) error {
	t.Time = time.Time{}
	var s string
	if json.Unmarshal(b, &s) != nil {
		var ms int64
		if json.Unmarshal(b, &ms) == nil && ms > 0 {
			t.Time = time.UnixMilli(ms).UTC()
		}

		return nil
	}

	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700",
		"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if v, err := time.Parse(layout, s); err == nil {
			t.Time = v.UTC()
			return nil
		}
	}

	return nil
}

func (r resource) hub() Hub {
	return Hub{ID: HubID(r.ID), Name: r.Attributes.Name, Region: r.Attributes.Region,
		Type: r.Attributes.Extension.Type}
}

func (r resource) project(hub HubID) Project {
	if id := r.Relationships.Hub.id(); id != "" {
		hub = HubID(id)
	}

	return Project{
		ID: ProjectID(r.ID), Name: r.Attributes.Name, Type: r.Attributes.Extension.Type, Hub: hub,
		Platform:   strings.ToLower(r.Attributes.Extension.Data.ProjectType),
		RootFolder: FolderID(r.Relationships.RootFolder.id()),
	}
}

func (r resource) folder() Folder {
	a := r.Attributes

	return Folder{
		ID: FolderID(r.ID), Name: cmp.Or(a.Name, a.DisplayName), Type: a.Extension.Type,
		Parent: FolderID(r.Relationships.Parent.id()), Hidden: a.Hidden,
		Created: a.CreateTime.Time, Modified: a.LastModifiedTime.Time,
		ModifiedRollup: a.LastModifiedTimeRollup.Time,
		ObjectCount:    a.ObjectCount, AllowedTypes: a.Extension.Data.AllowedTypes,
		IsRoot:     a.Extension.Data.IsRoot,
		FolderType: a.Extension.Data.FolderType,

		NamingStandards: a.Extension.Data.NamingStandardIDs,
	}
}

// versionURN takes a version's URN plain or percent-encoded: the answer to a restoration has it so.
func versionURN(id string) VersionID {
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}

	return VersionID(id)
}

func (r resource) version() Version {
	a := r.Attributes
	v := Version{
		ID: versionURN(r.ID), Item: ItemID(r.Relationships.Item.id()), Name: a.Name, Type: a.Extension.Type,
		FileType: a.FileType,
		MimeType: a.MimeType, Number: a.VersionNumber, Size: -1,
		Storage: ObjectID(r.Relationships.Storage.id()),
		Created: a.CreateTime.Time, Modified: a.LastModifiedTime.Time, CreatedBy: a.CreateUserID,
		ModifiedBy: a.LastModifiedUserID,
		WebURL:     r.Links.WebView.Href, OriginalName: a.Extension.Data.OriginalName, Hidden: a.Hidden,
		Held: a.Extension.Data.Conforming == "NON_CONFORMING",
	}
	if v.Name == "" {
		v.Name = a.DisplayName
	}

	if a.StorageSize != nil {
		v.Size = *a.StorageSize
	}

	return v
}

// item joins the tip from the included versions.
func (r resource) item(versions map[VersionID]Version) Item {
	a := r.Attributes
	it := Item{
		ID: ItemID(r.ID), Name: cmp.Or(a.DisplayName, a.Name), Type: a.Extension.Type,
		Parent: FolderID(r.Relationships.Parent.id()), Hidden: a.Hidden,
		Reserved: a.Reserved, ReservedBy: a.ReservedUserName, Modified: a.LastModifiedTime.Time,
		TipID: versionURN(r.Relationships.Tip.id()),
	}
	if it.ReservedBy == "" {
		it.ReservedBy = a.ReservedUserID
	}

	if v, ok := versions[it.TipID]; ok {
		if v.Item == "" {
			v.Item = it.ID
		}

		it.Tip = &v
	}

	return it
}

func (d document) versions() map[VersionID]Version {
	m := map[VersionID]Version{}
	for _, r := range d.Included {
		if r.Type == "versions" {
			v := r.version()
			m[v.ID] = v
		}
	}

	return m
}

func (d document) one() (resource, error) {
	var r resource
	err := json.Unmarshal(d.Data, &r)
	return r, err
}

func (d document) many() ([]resource, error) {
	if len(d.Data) == 0 || d.Data[0] != '[' {
		return nil, errors.New("a page without its list")
	}

	var list []resource
	if err := json.Unmarshal(d.Data, &list); err != nil {
		return nil, err
	}

	// What cannot be named cannot be left out either: the page is not understood.
	for _, r := range list {
		if r.ID == "" || r.Type == "" {
			return nil, errors.New("a list with a resource that has no id or no type")
		}
	}

	return list, nil
}

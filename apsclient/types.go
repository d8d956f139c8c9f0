package apsclient

import (
	"slices"
	"strings"
	"time"
)

// Hub is an account (ACC, BIM 360, Forma) or a Fusion hub.
type Hub struct {
	ID     HubID
	Name   string
	Region string // US, EMEA, AUS, ...
	// extension type: hubs:autodesk.bim360:Account, hubs:autodesk.core:Hub,
	// hubs:autodesk.a360:PersonalHub
	Type string
}

// Core reports whether the hub uses the autodesk.core types for folders, items and versions
// (everything but ACC and BIM 360).
func (h Hub) Core() bool { return h.Type != "" && h.Type != "hubs:autodesk.bim360:Account" }

// Warning is one entry of meta.warnings: a 200 answer of the hubs list may hide refusals of single
// regions.
type Warning struct {
	Status, Code, Title, Detail string
}

// Hides reports whether files and folders of the hub can be hidden and restored. Personal hubs
// accept it for folders and ignore it, and refuse it for files.
func (h Hub) Hides() bool { return h.Type != "hubs:autodesk.a360:PersonalHub" }

// Refusals joins warnings that say the same of several regions: "EMEA, JPN: You don't have
// permission to access this API (403)".
func Refusals(warnings []Warning) []string {
	var order []string
	regions := map[string][]string{}
	for _, w := range warnings {
		region, detail := regionOf(w.Title), w.Detail
		if region == "" {
			detail = strings.TrimSpace(w.Title + " " + w.Detail)
		}

		if w.Status != "" {
			detail += " (" + w.Status + ")"
		}

		if regions[detail] == nil {
			order = append(order, detail)
		}

		regions[detail] = append(regions[detail], region)
	}

	for i, detail := range order {
		if list := strings.Join(regions[detail], ", "); strings.Trim(list, ", ") != "" {
			order[i] = list + ": " + detail
		}
	}

	return order
}

// regionOf is the region at the end of a title such as "Unable to get hubs from BIM360DM EMEA.".
func regionOf(title string) string {
	title = strings.TrimSuffix(title, ".")
	last := title[strings.LastIndexByte(title, ' ')+1:]
	if !slices.Contains(regions, last) {
		return ""
	}

	return last
}

// Project is one active project of a hub.
type Project struct {
	ID         ProjectID
	Name       string
	Type       string // extension type
	Platform   string // "acc", "bim360" or "" when the service does not say
	RootFolder FolderID
	Hub        HubID
}

// Folder of a project.
type Folder struct {
	ID   FolderID
	Name string
	// extension type: folders:autodesk.bim360:Folder or folders:autodesk.core:Folder
	Type   string
	Parent FolderID
	Hidden bool
	// ModifiedRollup: the last change in the folder or anything below
	Created, Modified, ModifiedRollup time.Time
	ObjectCount                       int
	AllowedTypes                      []string
	IsRoot                            bool
	NamingStandards                   []string // ids of those that the folder enforces
	FolderType                        string   // top folders: normal, plan, shared, recycle, drawing
}

// Documents reports whether the folder takes documents and no other files, as the Plans folder of a
// BIM 360 project may. One that names both takes files, which is what an upload makes.
func (f Folder) Documents() bool {
	return slices.Contains(f.AllowedTypes, documentType("items")) &&
		!slices.Contains(f.AllowedTypes, fileType("items", false, false))
}

// Item is a file with versions. Name is its displayName.
type Item struct {
	ID               ItemID
	Name             string
	Type             string
	Parent           FolderID
	Hidden, Reserved bool
	ReservedBy       string // user id or name, "" unknown
	Modified         time.Time
	TipID            VersionID
	Tip              *Version // joined from "included"; nil when the answer had none
}

// Version is one version of an item.
type Version struct {
	ID                    VersionID
	Item                  ItemID
	Name, Type            string
	FileType, MimeType    string
	Number                int
	Size                  int64    // bytes, -1 unknown (not processed yet)
	Storage               ObjectID // "" for deleted and some composite versions
	Created, Modified     time.Time
	CreatedBy, ModifiedBy string
	WebURL                string
	OriginalName          string // name of a deleted version before it was deleted
	Held                  bool   // the name breaks the folder's naming standard: it lies in the holding area
	Hidden                bool
}

// Document reports whether the version is one of those that [Folder.Documents] is about.
func (v Version) Document() bool { return v.Type == documentType("versions") }

// Deleted reports whether the version is a marker of a deletion, which has no content.
func (v Version) Deleted() bool { return v.Type == "versions:autodesk.core:Deleted" }

// Entry is one line of a folder listing: exactly one of the two is set.
type Entry struct {
	Folder *Folder
	Item   *Item
}

// Bucket of the application.
type Bucket struct {
	Key, Owner, Policy string // policy: transient, temporary, persistent
	Created            time.Time
}

// Object in a bucket.
type Object struct {
	ID                ObjectID
	Bucket, Key       string
	Size              int64
	SHA1, ContentType string // "" when the service does not say
	Created, Modified time.Time
	UserMetadata      string // JSON of x-ads-user-defined-metadata, "" absent
}

// ContentsOptions narrows a folder listing.
type ContentsOptions struct {
	IncludeHidden bool
}

// FolderUpdate names what to change; nil fields stay.
type FolderUpdate struct {
	Name   *string
	Hidden *bool     // true deletes, false restores
	Parent *FolderID // moves
}

// NewItem is a first version under a new name.
type NewItem struct {
	Folder  FolderID
	Name    string
	Storage ObjectID
	Core    bool // the hub uses autodesk.core types
	// Document: see [Folder.Documents]
	Document bool
	// CopyFrom copies this version instead of using Storage.
	CopyFrom VersionID
}

// NewVersion is a next version of an item. A Name other than the current one renames the file.
type NewVersion struct {
	Item    ItemID
	Name    string
	Storage ObjectID
	Core    bool // the hub uses autodesk.core types
	// Document: see [Folder.Documents]
	Document bool
	// CopyFrom copies this version (restore, rename) instead of using Storage. Item is the one that
	// gets the new version.
	CopyFrom VersionID
	// Deleted makes the version a marker that hides the item; Storage and Name stay empty.
	Deleted bool
}

// UploadURLsRequest asks for part URLs. The zero value begins an upload and asks for one URL.
type UploadURLsRequest struct {
	Parts     int    // URLs wanted; at most 25
	FirstPart int    // 1-based
	UploadKey string // "" begins a new upload
	Minutes   int    // lifetime of the URLs, 1 to 60; 0: the service's default of 2
	// Acceleration asks for hosts of S3 Transfer Acceleration.
	Acceleration bool
}

// UploadURLs are signed URLs of consecutive parts; URLs[i] belongs to part FirstPart+i and to no
// other.
type UploadURLs struct {
	UploadKey     string
	UploadExpires time.Time // the completion must happen before; else all bytes are lost
	URLExpires    time.Time // the PUT must start before
	URLs          []SignedURL
}

// Completion assembles the parts. Size and ETags are always sent, so that the service checks them.
type Completion struct {
	UploadKey    string
	Size         int64
	ETags        []string // without quotes, ETags[i] of part i+1
	UserMetadata string   // JSON object under 100 bytes, "" none
	ContentType  string
}

// CompletedObject is the assembled object.
type CompletedObject struct {
	ID   ObjectID
	Size int64
}

// DownloadURLRequest asks for a download URL. The zero value takes the service's defaults.
type DownloadURLRequest struct {
	Minutes int // lifetime, 1 to 60; 0: the service's default of 2
	// Fallback asks for an OSS URL (status "fallback") instead of "chunked" while an object is not
	// assembled.
	Fallback bool
}

// Download is the answer of a signed download.
type Download struct {
	Status string               // complete, chunked, fallback, skipped, error
	URL    SignedURL            // complete, fallback
	Chunks map[string]SignedURL // chunked: inclusive byte range "0-1023" -> URL
	Size   int64                // bytes, -1 unknown
	SHA1   string               // 40 hex digits, "" when the service has none
}

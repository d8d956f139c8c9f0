package transfer

import (
	"context"
	"iter"
	"log/slog"

	"hoist/apsclient"
)

// Kinds of a Place.
const (
	KindRoot    = "root"    // aps://
	KindHub     = "hub"     //
	KindProject = "project" //
	KindFolder  = "folder"  //
	KindItem    = "item"    //
	KindBuckets = "buckets" // oss://
	KindBucket  = "bucket"  //
	KindPrefix  = "prefix"  // keys that begin with Key + "/"
	KindObject  = "object"  //
)

// Place is an address that was looked up.
type Place struct {
	Kind    string
	Address Address // in names, as far as the service told them
	Hub     apsclient.Hub
	Project apsclient.Project
	Folder  apsclient.Folder // of a folder: itself; of an item: its parent
	Item    apsclient.Item
	Version *apsclient.Version // when the address named a version by id
	Bucket  string
	Key     string
	Object  *apsclient.Object
	Missing []string // ResolveFolder: names below Address that are not there yet
	Core    bool     // a hub that uses autodesk.core types (neither ACC nor BIM 360 nor Forma)
}

// Entry is one line of ls and tree.
type Entry struct {
	Name          string
	Type          string // hub project folder item version bucket object prefix
	ID            string
	Size          int64 // -1 unknown or inapplicable
	VersionID     string
	VersionNumber int
	StorageID     string
	SHA1          string
	Modified      string
	Hidden        bool
	Place         Place // to descend into it without looking it up again
}

// IntentStore keeps a note across a call that must not be repeated blindly and belongs to no job. *state.Store is one.
type IntentStore interface {
	Intent(key string) ([]byte, bool, error)
	PutIntent(key string, data []byte) error
	DeleteIntent(key string) error
}

// Resolver turns addresses into ids with as few calls as it can: every listing is read once and kept for the run, with our own changes
// applied (Note), and read again after Forget. Safe for concurrent use; callers that want the same listing share one call.
type Resolver struct {
	c   *apsclient.Client
	log *slog.Logger
}

// NewResolver returns a resolver with nothing cached.
func NewResolver(c *apsclient.Client, log *slog.Logger) *Resolver { return &Resolver{c: c, log: log} }

func (r *Resolver) Resolve(ctx context.Context, a Address) (Place, error) { panic("declared") }
func (r *Resolver) ResolveFolder(ctx context.Context, a Address) (Place, error) {
	panic("declared")
}
func (r *Resolver) List(ctx context.Context, p Place) iter.Seq2[Entry, error] { panic("declared") }
func (r *Resolver) Find(ctx context.Context, p apsclient.ProjectID, f apsclient.FolderID, name string) (apsclient.Item, bool, error) {
	panic("declared")
}
func (r *Resolver) FindFolder(ctx context.Context, p apsclient.ProjectID, parent apsclient.FolderID, name string) (apsclient.Folder, bool, error) {
	panic("declared")
}
func (r *Resolver) EnsureFolder(ctx context.Context, p apsclient.ProjectID, base apsclient.FolderID, dirs []string, intents IntentStore) (apsclient.FolderID, error) {
	panic("declared")
}
func (r *Resolver) Note(p apsclient.ProjectID, f apsclient.FolderID, it apsclient.Item) {}
func (r *Resolver) Forget(p apsclient.ProjectID, f apsclient.FolderID)                  {}

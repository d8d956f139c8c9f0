package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/remote"
)

// Source is one local file of a push.
type Source struct {
	Path     string // absolute local path
	Rel      string // slash path below the landing folder: "plan.rvt", "DIR/a/plan.rvt"
	Snapshot state.Snapshot
	Changing bool // it is saved all the time: already its first try reads from a snapshot
	// of a watch: slash path below the landing folder that it had before, "": it is no rename
	From   string
	Folder bool // a folder that was renamed
	// the folder that was walked to find it, whose rule files judge it; "": it was named, or a
	// watch knows
	Walked string
}

// PushRequest asks for a plan of an upload.
type PushRequest struct {
	Profile  string
	Sources  []Source
	Found    *Sources       // in place of Sources, of a push that may be large
	Remote   remote.Address // a folder, or a key prefix of oss
	As       string         // another name for the single source
	Force    bool           // send what is unchanged too
	Keep     bool           // an item of the name stays as it is, whatever it holds
	MapNames bool           // names that the service refuses are mapped (remote.MapName), not parked
	Look     bool           // nothing will be sent: what is there is looked at for each file
	Batch    string
	Root     string // Watch: its root id
}

// count is how many sources there are.
func (r *PushRequest) count() int {
	if r.Found != nil {
		return r.Found.Len()
	}

	return len(r.Sources)
}

func (r *PushRequest) source(i int) Source {
	if r.Found != nil {
		return r.Found.At(i)
	}

	return r.Sources[i]
}

// Watch plans what has settled in a watched folder. It asks nobody: what a job needs to know
// of the cloud the engine finds out, file by file, so that neither a cloud that is slow or away nor
// one bad folder of it holds up the rest.
func Watch(store *state.Store, req PushRequest) ([]File, error) {
	place := remote.Place{Kind: remote.KindFolder, Address: req.Remote}
	if req.Remote.OSS() {
		place = remote.Prefix(req.Remote)
	}

	all, err := land(place, req)
	if err != nil {
		return nil, err
	}

	w := pusher{store: store, place: place, req: req}
	out := make([]File, 0, len(req.Sources))
	for i := range req.Sources {
		l, ok := all.landing(i)
		if !ok {
			continue
		}

		p, err := w.unseen(l)
		if err != nil {
			return nil, err
		}

		out = append(out, p)
	}

	return out, nil
}

// CollisionError says that two sources would land on one remote name. Nothing was sent.
type CollisionError struct {
	Remote  string
	Sources [2]string // local paths
}

func (e *CollisionError) Error() string {
	return fmt.Sprintf("%q, %q would all land on %s", e.Sources[0], e.Sources[1], e.Remote)
}

// clashAgain is when a job that clashes with another looks whether that is still there.
const clashAgain = 15 * time.Second

// refusedKey says why OSS would refuse an object key: 1 to 1024 bytes of UTF-8 (S3's limit),
// nothing else is documented.
func refusedKey(key string) string {
	switch {
	case key == "" || strings.HasSuffix(key, "/"):
		return "the key is empty"
	case len(key) > 1024:
		return fmt.Sprintf("the key has %d bytes, 1024 is the limit", len(key))
	case strings.ContainsRune(key, 0) || !utf8.ValidString(key):
		return "the key is not valid UTF-8"
	}

	return ""
}

// address is where names below a place are, those of Missing included.
func address(place remote.Place, names []string) remote.Address {
	return place.Address.Join(place.Missing...).Join(names...)
}

// pusher plans one push.
type pusher struct {
	r     *remote.Resolver
	store *state.Store
	place remote.Place
	req   PushRequest

	mu sync.Mutex
	// slash path below place -> folder, "" when it is not there; guarded by mu
	folders map[string]apsclient.FolderID
	bad     map[string]error // of those that cannot be read, whose files are parked; guarded by mu
}

// plan fills what all plans have in common.
func (w *pusher) plan(l landing) File {
	at := address(w.place, l.names)
	p := File{Source: l.source, Remote: at.String(), Bytes: l.source.Snapshot.Size}
	p.Job = state.Job{
		Kind: state.Upload, Phase: state.PhaseQueued, Profile: w.req.Profile, Root: w.req.Root,
		Rel: l.source.Rel, Path: l.source.Path,
		Snapshot: l.source.Snapshot, Size: l.source.Snapshot.Size, Force: w.req.Force, Batch: w.req.Batch,
		Walked: l.source.Walked,
		Target: state.Target{Address: at.String(), BasePath: w.place.Address.String(),
			Name: l.names[len(l.names)-1]},
	}
	if l.source.From != "" && w.place.Kind == remote.KindFolder { // keys have no names of their own
		p.Job.From = l.source.From
	}

	if l.source.Folder {
		p.Job.Kind = state.Rename
	}

	if l.source.Changing {
		p.Job.Changes, p.Job.Unrest = 1, time.Unix(0, 0).UTC() // for longer than any cap
	}

	t := &p.Job.Target
	key := at.Key()
	if w.place.Kind == remote.KindFolder {
		t.Project, t.Core, t.Base = string(w.place.Project.ID), w.place.Core, string(w.place.Folder.ID)
		t.Dirs = slices.Concat(w.place.Missing, l.names[:len(l.names)-1])
		key = strings.Join(at.Steps[2:], "/")
	} else {
		t.Bucket, t.Key = w.place.Bucket, key
	}

	if w.req.Root == "" {
		p.Job.Root, p.Job.Rel = RecordRoot(w.req.Profile, w.place, l.source.Path), key
	}

	switch {
	case l.clash != nil:
		p.attention(state.ReasonNameClash, l.clash.Error())
		p.Job.Rival, p.Job.NextAttempt = l.clash.Other, time.Now().Add(clashAgain)
	case l.refused != "":
		p.attention(state.ReasonNameRefused, l.refused)
	case l.mapped:
		p.Warning = fmt.Sprintf("%q is stored as %q: the service does not take the name", l.source.Rel,
			strings.Join(l.names, "/"))
	case w.place.Kind == remote.KindFolder:
		p.Warning = remote.LikelyBlocked(t.Name)
	}

	return p
}

// unseen plans a file without a look at the cloud. The item that the record names is a hint for
// scheduling.
func (w *pusher) unseen(l landing) (File, error) {
	p := w.plan(l)
	rec, ok, err := w.store.Published(p.Job.Root, p.Job.Rel)
	if ok && rec.Remote == p.Remote {
		p.Job.Target.Item = rec.Item
	}

	return p, err
}

// folder is the folder of names below the place, "" when it is not there.
func (w *pusher) folder(ctx context.Context, names []string) (id apsclient.FolderID, err error) {
	if len(names) == 0 {
		if len(w.place.Missing) == 0 {
			id = w.place.Folder.ID
		}

		return id, nil
	}

	path := strings.Join(names, "/")
	w.mu.Lock()
	id, ok := w.folders[path]
	w.mu.Unlock()
	if ok {
		return id, nil
	}

	last := len(names) - 1
	parent, err := w.folder(ctx, names[:last])
	if err != nil {
		return "", err
	}

	if parent != "" {
		f, _, err := w.r.FindFolder(ctx, w.place.Project.ID, parent, names[last])
		if err != nil {
			return "", err
		}

		id = f.ID
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	w.folders[path] = id

	return id, nil
}

// foldersAtOnce is how many remote folders a plan reads side by side.
const foldersAtOnce = 16

// readFolders reads the folders that files land in, so that what is asked of each file is at hand.
func (w *pusher) readFolders(ctx context.Context, landings []landing) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(foldersAtOnce)

	asked := map[string]bool{}
	for _, l := range landings {
		dirs := l.names[:len(l.names)-1]
		path := strings.Join(dirs, "/")
		if asked[path] {
			continue
		}

		asked[path] = true
		g.Go(func() error {
			folder, err := w.folder(ctx, dirs)
			if err == nil && folder != "" {
				err = w.r.Read(ctx, w.place.Project.ID, folder)
			}

			_, ambiguous := errors.AsType[*remote.AmbiguousError](err)
			if ambiguous || errors.Is(err, apsclient.ErrForbidden) || errors.Is(err, apsclient.ErrNotFound) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.bad[path] = err

				return nil
			}

			return err
		})
	}

	return g.Wait()
}

func (w *pusher) intoFolder(ctx context.Context, landings []landing) ([]File, error) {
	if err := w.readFolders(ctx, landings); err != nil {
		return nil, err
	}

	out := make([]File, 0, len(landings))
	for _, l := range landings {
		p := w.plan(l)
		if p.Result == "" {
			if err := w.compareItem(ctx, &p, l); err != nil {
				return nil, err
			}
		}

		out = append(out, p)
	}

	return out, nil
}

// compareItem looks at what is under the name of a planned file.
func (w *pusher) compareItem(ctx context.Context, p *File, l landing) error {
	t := &p.Job.Target
	var item apsclient.Item
	var exists bool
	dirs := l.names[:len(l.names)-1]
	path := strings.Join(dirs, "/")
	folder, err := w.folders[path], w.bad[path]
	t.Folder = string(folder)
	if err == nil {
		folder, err = w.folder(ctx, dirs)
	}

	if err == nil && folder != "" {
		t.Folder = string(folder)
		item, exists, err = w.r.Find(ctx, w.place.Project.ID, folder, t.Name)
	}

	if amb, ok := errors.AsType[*remote.AmbiguousError](err); ok {
		p.attention(state.ReasonAmbiguous, amb.Error())
		return nil
	}

	// One bad folder parks its own files, and the engine is who does that.
	if errors.Is(err, apsclient.ErrForbidden) || errors.Is(err, apsclient.ErrNotFound) {
		p.Warning = err.Error()
		return nil
	}

	if err != nil {
		return err
	}

	if exists {
		t.Item = string(item.ID)
		if w.req.Keep {
			p.Result, p.Kept = Unchanged, &item
			return nil
		}
	}

	if w.req.Force {
		return nil
	}

	rec, ok, err := w.store.Published(p.Job.Root, p.Job.Rel)
	if err != nil || !ok || !rec.Snapshot.Same(l.source.Snapshot) {
		return err
	}

	// of whatever address: a folder above may have got another name
	if ok, err = StillThere(ctx, w.r, *t, rec.Base(rec.Remote), TipOf(item, exists)); ok {
		p.Result, p.Record = Unchanged, &rec
	}

	return err
}

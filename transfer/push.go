package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hoist/transfer/remote"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hoist/apsclient"
	"hoist/state"
)

// Source is one local file of a push.
type Source struct {
	Path     string // absolute local path
	Rel      string // slash path below the landing folder: "plan.rvt", "DIR/a/plan.rvt"
	Snapshot state.Snapshot
	Changing bool // it is saved all the time: already its first try reads from a snapshot
}

// PushRequest asks for a plan of an upload.
type PushRequest struct {
	Profile  string
	Sources  []Source
	Remote   remote.Address // a folder, or a key prefix of oss
	As       string         // another name for the single source
	Force    bool           // send what is unchanged too
	Keep     bool           // an item of the name stays as it is, whatever it holds
	MapNames bool           // names that the service refuses are mapped (remote.MapName) instead of parked
	Batch    string
	Root     string // the watch's root id, "" for a push
}

// Results of a Planned; "" means that its Job is to be enqueued.
const (
	PlanUnchanged = "unchanged" // nothing is to be done
	// a person is needed; Job carries the reason, and may be enqueued to be seen in status
	PlanAttention = "attention"
)

// Planned is one file of a plan.
type Planned struct {
	Source  Source
	Remote  string    // canonical address of the file
	Bytes   int64     // -1 unknown
	Changed time.Time // of a download: when the remote content was; zero: unknown
	Result  string    // see the Plan constants
	Reason  string    // code, with PlanAttention
	Detail  string
	Warning string // what was changed or will probably go wrong, though it is tried
	Job     state.Job
	Record  *state.PublishedRecord // of what is unchanged
	Kept    *apsclient.Item        // that stays as it is (PushRequest.Keep)
}

// attention parks a plan.
func (p *Planned) attention(reason, detail string) {
	p.Result, p.Reason, p.Detail = PlanAttention, reason, detail
	p.Job.Attention, p.Job.Reason, p.Job.Error = true, reason, detail
}

// RecordRoot is the root under which what was pushed or pulled without a watch is remembered, so
// that the same file going the same way is found again: a hash of profile, project (or bucket) and
// local folder. The Rel below it is the remote path below the project, or the key.
func RecordRoot(profile string, p remote.Place, localPath string) string {
	h := sha256.New()
	for _, s := range []string{profile, string(p.Hub.ID), string(p.Project.ID), p.Bucket,
		filepath.Dir(localPath)} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}

	return state.PathRoot + hex.EncodeToString(h.Sum(nil)[:10])
}

// unwatched reports whether a job was asked for by push or pull, not by a watch.
func unwatched(job state.Job) bool { return !job.Watched() }

// PlanPush decides where each source lands and what is to be done about it, before anything is
// sent. It reads the remote folders that the sources land in, once each, and makes no other call
// for a file. Names that the service would refuse are parked. Errors, before anything was done:
// *CollisionError, *UsageError, *NotFoundError, *AmbiguousError, those of the client.
func (e *Engine) PlanPush(ctx context.Context, req PushRequest) ([]Planned, error) {
	if req.As != "" && len(req.Sources) > 1 {
		return nil, &remote.UsageError{Msg: fmt.Sprintf("another name can be given to a single file, not to %d",
			len(req.Sources))}
	}

	r, err := e.Resolver(req.Profile)
	if err != nil {
		return nil, err
	}

	if req.Root == "" {
		if err := r.Allowed("signed-s3-upload"); err != nil {
			return nil, err // before anything is looked at or queued
		}

		r.Refresh() // a person asks: what others did until now counts
	}

	place, err := r.ResolveFolder(ctx, req.Remote)
	if err != nil {
		return nil, err
	}

	switch place.Kind {
	case remote.KindFolder, remote.KindBucket, remote.KindPrefix:
	default:
		return nil,
			&remote.UsageError{Msg: fmt.Sprintf(
				"%s cannot hold files: name a folder below a project's top folder, or a bucket", req.Remote)}
	}

	landings, err := land(place, req)
	if err != nil {
		return nil, err
	}

	if req.As != "" && len(landings) == 1 && landings[0].refused != "" {
		return nil, &remote.UsageError{Msg: fmt.Sprintf("%q as the name: %s", req.As, landings[0].refused)}
	}

	if place.Kind == remote.KindFolder {
		return e.planFolderPush(ctx, r, place, req, landings)
	}

	return e.planObjectPush(ctx, r, place, req, landings)
}

// CollisionError says that two sources would land on one remote name. Nothing was sent.
type CollisionError struct {
	Remote  string
	Sources [2]string // local paths
}

func (e *CollisionError) Error() string {
	return fmt.Sprintf("%q, %q would all land on %s", e.Sources[0], e.Sources[1], e.Remote)
}

// landing is where a source goes: names below the place.
type landing struct {
	source  Source
	names   []string // folders, then the file
	refused string
	mapped  bool
}

// land computes where every source lands, and refuses two on one name. It is pure.
func land(place remote.Place, req PushRequest) ([]landing, error) {
	var out []landing

	seen := map[string]string{} // landing -> local path
	dirs := map[string]string{} // folder that a landing needs -> local path
	for _, s := range req.Sources {
		names := strings.Split(strings.Trim(s.Rel, "/"), "/")
		if req.As != "" {
			names[len(names)-1] = req.As
		}

		l := landing{source: s, names: slices.Clone(names)}
		if place.Kind == remote.KindFolder {
			for i, n := range names {
				problem := remote.RefusedName(n)
				if problem != "" && req.MapNames && n != "" {
					l.names[i], l.mapped = remote.MapName(n), true
					problem = remote.RefusedName(l.names[i])
				}

				if problem != "" && l.refused == "" {
					l.refused = problem
				}
			}
		} else if problem := refusedKey(place.Key + strings.Join(names, "/")); problem != "" {
			l.refused = problem
		}

		key := strings.Join(l.names, "/")
		if other, ok := seen[key]; ok {
			if other == s.Path {
				continue // the same file named twice
			}

			return nil, &CollisionError{Remote: address(place, l.names).String(),
				Sources: [2]string{other, s.Path}}
		}

		seen[key] = s.Path
		for i := 1; i < len(l.names); i++ {
			dirs[strings.Join(l.names[:i], "/")] = s.Path
		}

		out = append(out, l)
	}

	if place.Kind == remote.KindFolder {
		for _, l := range out {
			if other, ok := dirs[strings.Join(l.names, "/")]; ok {
				return nil, &CollisionError{Remote: address(place, l.names).String(),
					Sources: [2]string{l.source.Path, other}}
			}
		}
	}

	return out, nil
}

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

// newPlan fills what all plans of a push have in common.
func newPlan(place remote.Place, req PushRequest, l landing, rel string) Planned {
	at := address(place, l.names)
	p := Planned{Source: l.source, Remote: at.String(), Bytes: l.source.Snapshot.Size}
	p.Job = state.Job{
		Kind: state.Upload, Phase: state.PhaseQueued, Profile: req.Profile, Root: req.Root, Rel: l.source.Rel,
		Path:     l.source.Path,
		Snapshot: l.source.Snapshot, Size: l.source.Snapshot.Size, Force: req.Force, Batch: req.Batch,
		Target: state.Target{Address: at.String(), Name: l.names[len(l.names)-1]},
	}
	if l.source.Changing {
		p.Job.Changes = 1
	}

	if req.Root == "" {
		p.Job.Root, p.Job.Rel = RecordRoot(req.Profile, place, l.source.Path), rel
	}

	switch {
	case l.refused != "":
		p.attention(ReasonNameRefused, l.refused)
	case l.mapped:
		p.Warning = fmt.Sprintf("%q is stored as %q: the service does not take the name", l.source.Rel,
			strings.Join(l.names, "/"))
	default:
		if place.Kind == remote.KindFolder {
			p.Warning = remote.LikelyBlocked(p.Job.Target.Name)
		}
	}

	return p
}

func (e *Engine) planFolderPush(ctx context.Context, r *remote.Resolver, place remote.Place, req PushRequest,
	landings []landing) ([]Planned, error) {
	project := place.Project.ID
	found := map[string]apsclient.FolderID{} // slash path below place -> folder, "" when it is not there
	if len(place.Missing) == 0 {
		found[""] = place.Folder.ID
	}

	var folderOf func(names []string) (apsclient.FolderID, error)

	folderOf = func(names []string) (apsclient.FolderID, error) {
		path := strings.Join(names, "/")
		if id, ok := found[path]; ok || len(names) == 0 {
			return id, nil
		}

		parent, err := folderOf(names[:len(names)-1])
		if err != nil || parent == "" {
			found[path] = ""
			return "", err
		}

		f, ok, err := r.FindFolder(ctx, project, parent, names[len(names)-1])
		if err != nil {
			return "", err
		}

		if ok {
			found[path] = f.ID
		} else {
			found[path] = ""
		}

		return found[path], nil
	}
	out := make([]Planned, 0, len(landings))
	for _, l := range landings {
		at := address(place, l.names)
		p := newPlan(place, req, l, strings.Join(at.Steps[2:], "/"))
		t := &p.Job.Target
		t.Project, t.Core = string(project), place.Core
		t.Base, t.BasePath = string(place.Folder.ID), place.Address.String()
		t.Dirs = slices.Concat(place.Missing, l.names[:len(l.names)-1])
		if p.Result != "" {
			out = append(out, p)
			continue
		}

		var item apsclient.Item
		var exists bool
		folder, err := folderOf(l.names[:len(l.names)-1])
		if err == nil && folder != "" {
			t.Folder = string(folder)
			item, exists, err = r.Find(ctx, project, folder, t.Name)
		}

		if amb, ok := errors.AsType[*remote.AmbiguousError](err); ok {
			p.attention(ReasonAmbiguous, amb.Error())
			err = nil
		}

		if err != nil {
			return nil, err
		}

		if exists {
			t.Item = string(item.ID)
		}

		if p.Result == "" && exists && req.Keep {
			p.Result, p.Kept = PlanUnchanged, &item
		}

		if p.Result == "" && !req.Force {
			rec, ok, err := e.store.Published(p.Job.Root, p.Job.Rel)
			if err != nil {
				return nil, err
			}

			if ok = ok && rec.Snapshot.Same(l.source.Snapshot); ok {
				ok, err = stillThere(ctx, r, project, folder, t.Name, rec, item, exists)
			}

			if err != nil {
				return nil, err
			}

			if ok {
				p.Result, p.Record = PlanUnchanged, &rec
			}
		}

		out = append(out, p)
	}

	return out, nil
}

// stillThere reports whether the newest version of a name, as far as the service shows it, is the
// one on record: what was made a moment ago may be missing in a listing, or its item may show an
// older version. item is the one that was found, if exists.
func stillThere(ctx context.Context, r *remote.Resolver, p apsclient.ProjectID, f apsclient.FolderID, name string,
	rec state.PublishedRecord, item apsclient.Item, exists bool) (bool, error) {
	if !exists && rec.Item != "" && f != "" {
		var err error
		if item, exists, err = r.FindByID(ctx, p, f, name, apsclient.ItemID(rec.Item)); err != nil {
			return false, err
		}
	}

	return exists && rec.Item == string(item.ID) &&
		(rec.Version == string(remote.TipID(item)) || showsOlder(item, rec)), nil
}

func (e *Engine) planObjectPush(ctx context.Context, r *remote.Resolver, place remote.Place, req PushRequest,
	landings []landing) ([]Planned, error) {
	out := make([]Planned, 0, len(landings))
	records := map[int]state.PublishedRecord{}
	for _, l := range landings {
		at := address(place, l.names)
		p := newPlan(place, req, l, at.Key())
		p.Job.Target.Bucket, p.Job.Target.Key = place.Bucket, at.Key()
		p.Job.Target.BasePath = place.Address.String()
		if p.Result == "" && !req.Force {
			rec, ok, err := e.store.Published(p.Job.Root, p.Job.Rel)
			if err != nil {
				return nil, err
			}

			// Keys are reused: that the object is the one we stored is shown by its SHA-1 alone.
			// Where ours is unknown the job's own look decides.
			if ok && rec.SHA1 != "" && rec.Snapshot.Same(l.source.Snapshot) {
				records[len(out)] = rec
			}
		}

		out = append(out, p)
	}

	if len(records) == 0 {
		return out, nil
	}

	keys := make([]string, 0, len(records))
	for i := range records {
		keys = append(keys, out[i].Job.Target.Key)
	}

	there, err := r.Objects(ctx, place.Bucket, place.Key, keys)
	if err != nil {
		return nil, err
	}

	for i, rec := range records {
		o, ok := there[out[i].Job.Target.Key]
		if ok && o.Size == rec.Snapshot.Size && strings.EqualFold(rec.SHA1, o.SHA1) {
			out[i].Result, out[i].Record = PlanUnchanged, &rec
		}
	}

	return out, nil
}

package plan

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strings"

	"hoist/apsclient"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/remote"
)

// runFiles is how many files are planned at once: a File is large.
const runFiles = 1000

// Pushing is a push that is planned run by run, so that what it takes of memory does not grow with
// its files but for a few bytes each.
type Pushing struct {
	pusher
	all   *landings
	next  int      // source
	shown []object // by source, as far as any is there
	whole bool     // what is not in shown is not there
	asked bool     // shown is what the service shows
}

// object is what a listing shows of the key of a source.
type object struct {
	size  int64
	sha1  [sha1.Size]byte
	known bool // sha1 is
	found bool
}

func objectOf(o apsclient.Object) object {
	out := object{size: o.Size, found: true}
	if len(o.SHA1) == 2*sha1.Size {
		_, err := hex.Decode(out.sha1[:], []byte(o.SHA1))
		out.known = err == nil
	}

	return out
}

func (o object) tip() compare.Tip {
	t := compare.Tip{Presence: compare.Present, Size: o.size}
	if o.known {
		t.SHA1 = hex.EncodeToString(o.sha1[:])
	}

	return t
}

// NewPush decides where each source lands, before anything is sent: Next tells what is to be done
// about them. store knows what was published before. Names that the service would refuse are
// parked. Errors, before anything was done: *CollisionError, *remote.UsageError,
// *remote.NotFoundError, *remote.AmbiguousError, those of the client.
func NewPush(ctx context.Context, r *remote.Resolver, store *state.Store, req PushRequest) (*Pushing,
	error) {
	if req.As != "" && req.count() > 1 {
		return nil,
			remote.Usagef("another name can be given to a single file, not to %d",
				req.count())
	}

	if err := r.Allowed("signed-s3-upload"); err != nil {
		return nil, err // before anything is looked at or queued
	}

	r.Refresh() // a user asks: what others did until now counts
	place, err := r.ResolveFolder(ctx, req.Remote)
	if err != nil {
		return nil, err
	}

	switch place.Kind {
	case remote.KindFolder, remote.KindBucket, remote.KindPrefix:
	default:
		return nil,
			remote.Usagef("%s cannot hold files: name a folder below a project's top folder, or a bucket",
				req.Remote)
	}

	all, err := land(place, req)
	if err != nil {
		return nil, err
	}

	if req.As != "" && req.count() == 1 {
		if l, _ := all.landing(0); l.refused != "" {
			return nil, remote.Usagef("%q as the name: %s", req.As, l.refused)
		}
	}

	return &Pushing{all: all, pusher: pusher{r: r, store: store, place: place, req: req,
		folders: map[string]apsclient.FolderID{}, bad: map[string]error{}}}, nil
}

// Done reports whether Next has planned all sources.
func (p *Pushing) Done() bool { return p.next >= p.req.count() }

// Next plans the files of the next sources, none at the end. It reads the remote folders that they
// land in, once each, and makes no other call for a file. After an error it can be called again.
func (p *Pushing) Next(ctx context.Context) ([]File, error) {
	var run []landing
	i := p.next
	for ; i < p.req.count() && len(run) < runFiles; i++ {
		if l, ok := p.all.landing(i); ok {
			run = append(run, l)
		}
	}

	if err := p.req.Found.Err(); err != nil {
		return nil, err
	}

	into := p.intoBucket
	if p.place.Kind == remote.KindFolder {
		into = p.intoFolder
	}

	out, err := into(ctx, run)
	if err == nil {
		p.next = i
	}

	return out, err
}

// intoBucket compares many files with one listing. A few are looked at by their jobs, but for those
// that a record may spare the job.
func (p *Pushing) intoBucket(ctx context.Context, run []landing) ([]File, error) {
	out := make([]File, 0, len(run))
	records := map[int]state.PublishedRecord{}
	for _, l := range run {
		f := p.plan(l)
		if f.Result == "" && !p.req.Force {
			rec, ok, err := p.store.Published(f.Job.Root, f.Job.Rel)
			if err != nil {
				return nil, err
			}

			// Keys are reused: that the object is the one we stored is shown by its SHA-1 alone.
			// When ours is unknown the job's own look decides.
			if ok && rec.SHA1 != "" && rec.Snapshot.Same(l.source.Snapshot) {
				records[len(out)] = rec
			}
		}

		out = append(out, f)
	}

	looked := p.req.Look || p.req.count() > remote.FewObjects
	if err := p.ask(ctx, out, run, records); err != nil {
		return out, err
	}

	for i := range out {
		f := &out[i]
		var o object
		if p.shown != nil {
			o = p.shown[run[i].index]
		}

		rec, known := records[i]
		switch {
		case f.Result != "" || !looked && !known:
		case o.found && known && IsShown(rec.Base(rec.Remote), o.tip()):
			f.Result, f.Record = Unchanged, &rec
		case o.found && (o.size != f.Job.Snapshot.Size || p.req.Force || p.req.Look):
			f.Job.Target.Seen = state.SeenOther
		case !o.found && p.whole:
			f.Job.Target.Seen = state.SeenNothing
		}
	}

	return out, nil
}

// ask finds out once what the service shows under the keys of all sources: by a listing, or of few by
// looks at those on record, or at all when that is asked for.
func (p *Pushing) ask(ctx context.Context, out []File, run []landing,
	records map[int]state.PublishedRecord) error {
	if p.asked || len(run) == 0 {
		return nil
	}

	var shown []object
	show := func(i int, o apsclient.Object) {
		if shown == nil {
			shown = make([]object, p.req.count())
		}

		shown[i] = objectOf(o)
	}
	whole := true
	if p.req.count() > remote.FewObjects {
		var err error
		whole, err = p.r.Objects(ctx, p.place.Bucket, p.place.Key, p.req.count(), func(o apsclient.Object) {
			if i, ok := p.all.source(strings.TrimPrefix(o.Key, p.place.Key)); ok {
				show(i, o)
			}
		})
		if err != nil {
			return err
		}
	} else {
		for i := range out {
			if _, known := records[i]; !known && !p.req.Look || out[i].Result != "" {
				continue
			}

			o, found, err := p.r.Object(ctx, p.place.Bucket, out[i].Job.Target.Key)
			if err != nil {
				return err
			}

			if found {
				show(run[i].index, o)
			}
		}
	}

	p.shown, p.whole, p.asked = shown, whole, true

	return nil
}

package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hoist/apsclient"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

// reserving is what a job knows of its file at both ends when it decides whether to send it.
type reserving struct {
	e   *Engine
	r   *run
	c   *apsclient.Client
	job state.Job

	rec  state.PublishedRecord // what was last published of the file
	base compare.Base          // the same, when it went to the job's address
	src  *source
	why  string // what is doubtful about the content

	res   *remote.Resolver
	at    state.FolderFound
	item  apsclient.Item // has the name, when found
	found bool
}

// reserve looks whether the content is there already, and reserves storage when it is not.
func (e *Engine) reserve(ctx context.Context, r *run, c *apsclient.Client, job state.Job) ([]state.Event,
	error) {
	w := &reserving{e: e, r: r, c: c, job: job}
	if err := w.lookHere(ctx); err != nil {
		return nil, err
	}

	if job.Target.OSS() {
		return w.object(ctx)
	}

	if err := w.lookThere(ctx); err != nil {
		return nil, err
	}

	if done, err := w.needless(ctx); done != nil || err != nil {
		return done, err
	}

	return w.storage(ctx)
}

// lookHere opens the file and judges it by what was last published.
func (w *reserving) lookHere(ctx context.Context) (err error) {
	if w.rec, w.base, err = w.e.baseOf(w.job); err != nil {
		return err
	}

	if err := w.e.withinLimits(w.job, w.rec); err != nil {
		return err
	}

	if err := w.e.spool(ctx, w.job); err != nil {
		return err
	}

	if w.src, err = w.r.source(ctx, w.e, w.job); err != nil {
		return err
	}

	if err := w.r.waitForDoubted(ctx, w.job); err != nil {
		return err
	}

	if w.base.Known && w.job.Snapshot.Size == 0 && w.base.Snapshot.Size > 0 && !w.job.Force {
		return needsPerson(ReasonShrankToZero,
			"publish %q: the file is empty and had %d bytes when it was last published", w.job.Path,
			w.base.Snapshot.Size)
	}

	w.why, err = w.e.inspect(&w.job, w.rec, w.src)

	return err
}

// object is the way of a file that goes to a bucket. A key is no storage that somebody gave: nothing
// happened yet that must be kept by itself.
func (w *reserving) object(ctx context.Context) ([]state.Event, error) {
	id := apsclient.NewObjectID(w.job.Target.Bucket, w.job.Target.Key)
	w.r.existed = w.job.Target.Seen == state.SeenOther
	replaces := w.base.Known && w.rec.Remote == w.job.Target.Address // also without a look
	if w.job.Target.Seen == "" && !(w.job.Force && replaces) || w.job.Doubt && !w.job.Force {
		same, err := w.e.sameObject(ctx, w.r, w.c, id, w.src, w.job)
		if err != nil && !errors.Is(err, apsclient.ErrNotFound) {
			return nil, err
		}

		if same != "" {
			return []state.Event{state.Unchanged{Record: recordOf(w.job, string(id), same)}}, nil
		}
	}

	return then(w.job, w.reserved(string(id)), func(job state.Job) ([]state.Event, error) {
		return w.e.openSession(ctx, w.r, w.c, job)
	})
}

func (w *reserving) reserved(object string) state.Reserved {
	return state.Reserved{Object: object, Content: w.job.Content, Sign: w.job.Sign, Why: w.why}
}

// lookThere finds or makes the folder, and finds what has the name there.
func (w *reserving) lookThere(ctx context.Context) (err error) {
	if w.res, err = w.e.Resolver(w.job.Profile); err != nil {
		return err
	}

	if err := w.e.clash(w.job); err != nil {
		return err
	}

	if w.at, err = w.e.ensureFolder(ctx, w.res, w.job); err != nil {
		return err
	}

	t := &w.job.Target
	t.Project, t.Core, t.Folder = w.at.Project, w.at.Core, w.at.Folder
	if w.job.Doubt {
		w.res.Forget(w.folder())
	}

	err = w.find(ctx)
	if err == nil && w.late() { // the kept listing may be older than our version
		w.res.Forget(w.folder())
		err = w.find(ctx)
	}

	return err
}

func (w *reserving) folder() (apsclient.ProjectID, apsclient.FolderID) {
	return apsclient.ProjectID(w.at.Project), apsclient.FolderID(w.at.Folder)
}

func (w *reserving) find(ctx context.Context) (err error) {
	p, folder := w.folder()
	if w.item, w.found, err = w.res.Find(ctx, p, folder, w.job.Target.Name); err != nil {
		return fmt.Errorf("look for %s: %w", w.job.Target.Address, err)
	}

	w.at.Item = string(w.item.ID)

	return nil
}

func (w *reserving) tip() compare.Tip { return plan.TipOf(w.item, w.found) }

// late reports whether the service does not show our newest version yet. What it shows in its place
// tells nothing of that one.
func (w *reserving) late() bool {
	return compare.Judge(compare.Local{}, w.base, w.tip()).There == compare.SideLate
}

// needless returns what ends the job when nothing has to be sent, and an error when nothing may be.
func (w *reserving) needless(ctx context.Context) ([]state.Event, error) {
	tip := w.tip()
	if adopts(w.job, w.rec, tip) {
		return []state.Event{adopted(w.job, w.item)}, nil
	}

	if !w.job.Force && w.base.Known && w.base.Snapshot.Same(w.job.Snapshot) {
		same, err := plan.StillThere(ctx, w.res, w.job.Target, w.base, tip)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", w.job.Target.Address, err)
		}

		if same {
			return []state.Event{state.Unchanged{Item: w.base.Item, Version: w.base.Version,
				Number: w.base.Number, Record: &w.rec}}, nil
		}
	}

	if !w.found {
		p, folder := w.folder()
		if err := w.res.Clash(ctx, p, folder, w.job.Target.Name, false); err != nil {
			if events, err := w.followLetters(ctx, err); events != nil || err != nil {
				return events, err
			}

			return nil, clashThere(err, w.job, false)
		}

		return nil, nil
	}

	same, err := w.sameThere(ctx, tip)
	if err != nil {
		return nil, err
	}

	if same != "" {
		return []state.Event{unchanged(w.job, w.item, same)}, nil
	}

	if err := w.e.mayReplace(ctx, w.c, w.job, w.item, w.base); err != nil {
		return nil, err
	}

	if w.e.keepsTheirs(w.job, w.rec, w.item) {
		return []state.Event{unchanged(w.job, w.item, "")}, nil // that is what an edit is compared with
	}

	return nil, nil
}

// sameThere returns the SHA-1 of the tip when it has the job's content, else "".
func (w *reserving) sameThere(ctx context.Context, tip compare.Tip) (string, error) {
	if w.job.Force || tip.Storage == "" || tip.Size != w.job.Snapshot.Size || w.late() {
		return "", nil
	}

	proof := w.job
	proof.Doubt = w.job.Doubt || w.rec.Unproven // when the service tells no SHA-1 the bytes do
	same, err := w.e.sameObject(ctx, w.r, w.c, apsclient.ObjectID(tip.Storage), w.src, proof)
	if errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrForbidden) {
		return "", nil // it may be replaced, though not looked at
	}

	return same, err
}

// storage asks for a place for the bytes.
func (w *reserving) storage(ctx context.Context) ([]state.Event, error) {
	p, folder := w.folder()
	object, err := w.c.Items.CreateStorage(ctx, p, folder, w.job.Target.Name)
	if errors.Is(err, apsclient.ErrNotFound) {
		w.res.Gone(p, folder)
	}

	if err != nil {
		return nil, fmt.Errorf("reserve storage for %s: %w", w.job.Target.Address, err)
	}

	return []state.Event{w.at, w.reserved(string(object))}, nil
}

// ensureFolder returns the folder that a job's file belongs in, made if missing. What was found
// before is not believed: others may have hidden it since.
func (e *Engine) ensureFolder(ctx context.Context, res *remote.Resolver, job state.Job) (state.FolderFound,
	error) {
	t := job.Target
	at := state.FolderFound{Project: t.Project, Core: t.Core}
	base, dirs := apsclient.FolderID(t.Base), t.Dirs
	if base == "" {
		address, err := remote.ParseAddress(t.BasePath)
		if err != nil {
			return at, err
		}

		place, err := res.ResolveFolder(ctx, address)
		if err != nil {
			return at, fmt.Errorf("folder of %s: %w", t.Address, err)
		}

		at.Project, at.Core, base = string(place.Project.ID), place.Core, place.Folder.ID
		dirs = slices.Concat(place.Missing, dirs)
	}

	folder, err := res.EnsureFolder(ctx, apsclient.ProjectID(at.Project), base, dirs, e.store)
	if _, clash := errors.AsType[*remote.NameClashError](err); clash {
		return at, clashThere(err, job, true)
	}

	if err != nil {
		return at, fmt.Errorf("folder of %s: %w", t.Address, err)
	}

	at.Folder = string(folder)

	return at, nil
}

// baseOf returns the record of what was last published of a job's file, and the same as a base when
// it went to the job's address.
func (e *Engine) baseOf(job state.Job) (state.PublishedRecord, compare.Base, error) {
	rec, known, err := e.store.Published(job.Root, job.Rel)
	if err != nil || !known {
		return rec, compare.Base{}, err
	}

	return rec, rec.Base(job.Target.Address), nil
}

// stored reports whether an object bears the mark of an upload of the very state that the job is of. That
// tells its content where the service has no SHA-1 of it (yet).
func (e *Engine) stored(o apsclient.Object, job state.Job) bool {
	var mark struct {
		Job state.JobID `json:"hoist"`
	}
	if !job.Target.OSS() || json.Unmarshal([]byte(o.UserMetadata), &mark) != nil {
		return false
	}

	was, err := e.store.Job(mark.Job)

	return err == nil && was.Kind == state.Upload && was.End == state.EndDone && was.Path == job.Path &&
		was.Target.Bucket == job.Target.Bucket && was.Target.Key == job.Target.Key &&
		was.Snapshot.Same(job.Snapshot)
}

// sameObject returns the SHA-1 of an object that has the job's content, "" when it has other
// content or the service has no SHA-1.
func (e *Engine) sameObject(ctx context.Context, r *run, c *apsclient.Client, id apsclient.ObjectID,
	src *source, job state.Job) (_ string, err error) {
	if r.looked {
		return "", nil
	}

	defer func() { r.looked = err == nil }() // once: a retry of the next call does not look again
	o, err := c.Objects.Details(ctx, id)
	if err != nil {
		return "", fmt.Errorf("look at the content of %s: %w", job.Target.Address, err)
	}

	r.existed = true

	switch {
	case job.Force:
		return "", nil // it is sent whatever is there
	case o.Size == job.Snapshot.Size && o.SHA1 == "" && e.stored(o, job):
		return src.fileSHA1(ctx)
	case o.Size != job.Snapshot.Size || o.SHA1 == "" && !job.Doubt:
		return "", nil
	case o.SHA1 == "":
		return sameBytes(ctx, c, id, src, job)
	}

	sum, err := src.fileSHA1(ctx)
	if err != nil || !strings.EqualFold(sum, o.SHA1) {
		return "", err
	}

	return sum, nil
}

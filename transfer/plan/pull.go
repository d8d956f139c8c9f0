package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/remote"
)

// PullRequest asks for a plan of a download.
type PullRequest struct {
	Profile string
	Remote  remote.Address
	// absolute local path; a file that ends in a separator or is a folder takes the remote name
	// below it
	Path      string
	Version   int  // of a single file; 0: the tip
	Single    bool // a folder is a mistake
	Overwrite bool // replace local files that differ, keeping the old ones beside
	OwnTime   bool // files have the time when they came, not that of their versions
	Force     bool // fetch what is unchanged too
	Batch     string
	// whether a file is asked for: slash path below Path, or the name of a single one, bytes (-1 unknown) and
	// when the content was made; nil: all are
	Wants func(rel string, bytes int64, made time.Time) bool
	Dir   string // a private folder for the list of many files; "": the one for temporary files
}

// Pulling is a pull that is planned run by run, so that what it takes of memory does not grow with its
// files but for a few bytes each. Close ends it.
type Pulling struct {
	r     *remote.Resolver
	store *state.Store
	req   PullRequest
	rules remote.LocalRules
	into  string
	place remote.Place // that the address names
	named bool         // it is one file, and its local name the user's own choice

	found *List[listed]
	bytes int64
	names byHash         // where each lands
	dirs  map[string]int // local folders that files need, as names folds them -> one of these
	next  int
}

// NewPull decides which files are fetched and where they land: a folder's contents go into Path, a
// file becomes Path or Path/NAME. It reads each remote folder once and makes no call for a file.
// Remote names that the local system cannot hold are mapped by remote.LocalRules, with a warning;
// nothing lands outside Path. Next tells what is to be done about the files. Errors, before anything was
// done: *UsageError, *NotFoundError, *AmbiguousError, those of the client.
func NewPull(ctx context.Context, r *remote.Resolver, store *state.Store, req PullRequest) (_ *Pulling,
	err error) {
	if err := r.Allowed("get-signed-s3-download-url"); err != nil {
		return nil, err // before anything is looked at or queued
	}

	r.Refresh() // a person asks: what others did until now counts
	place, err := r.Resolve(ctx, req.Remote)
	if err != nil {
		return nil, err
	}

	w := &Pulling{r: r, store: store, req: req, rules: remote.LocalRulesFor(runtime.GOOS),
		into: filepath.Clean(req.Path), place: place, found: newList(req.Dir, listedForm),
		dirs: map[string]int{}}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if err := w.find(ctx); err != nil {
		return nil, err
	}

	w.names.sort()

	return w, nil
}

// find lists what the place holds.
func (w *Pulling) find(ctx context.Context) error {
	info, err := os.Stat(w.req.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	isDir := err == nil && info.IsDir()
	switch w.place.Kind {
	case remote.KindItem, remote.KindObject:
		q, err := w.r.AtVersion(ctx, w.place, w.req.Version)
		if err != nil {
			return err
		}

		asDir := strings.HasSuffix(w.req.Path, string(filepath.Separator)) ||
			strings.HasSuffix(w.req.Path, "/")
		if isDir || asDir {
			return w.add(ctx, q, nil, []string{q.Name()}, "")
		}

		w.named = true

		return w.keep(q, filepath.Base(w.req.Path), "")
	case remote.KindProject, remote.KindFolder, remote.KindBucket, remote.KindPrefix:
		switch {
		case w.req.Single:
			return remote.Usagef("%s is a folder: a single file was asked for", w.place.Address)
		case w.req.Version != 0:
			return remote.Usagef("%s is a folder: a version can be asked of a file alone", w.place.Address)
		case err == nil && !isDir:
			return remote.Usagef("%s is a folder, and %q is a file", w.place.Address, w.req.Path)
		}

		return w.walk(ctx, w.place, nil, "")
	}

	return remote.Usagef("%s cannot be fetched: name a project, a folder, a file, a bucket or a key",
		w.req.Remote)
}

// Len is how many files there are, and Bytes what they hold, as far as that is known.
func (w *Pulling) Len() int { return w.found.Len() }

// Bytes: see Len.
func (w *Pulling) Bytes() int64 { return w.bytes }

// Close gives up what is not planned yet. It may be called again.
func (w *Pulling) Close() { w.found.Close() }

// Done reports whether Next has planned all files.
func (w *Pulling) Done() bool { return w.next >= w.found.Len() }

// Next plans the next files, none at the end. After an error it can be called again.
func (w *Pulling) Next(context.Context) ([]File, error) {
	end := min(w.next+runFiles, w.found.Len())
	out := make([]File, 0, end-w.next)
	for i := w.next; i < end; i++ {
		f, err := w.plan(i)
		if err := cmp.Or(err, w.found.Err()); err != nil {
			return nil, err
		}

		out = append(out, f)
	}

	w.next = end

	return out, nil
}

// plan plans one file, unless another one is in its way.
func (w *Pulling) plan(i int) (File, error) {
	l := w.found.At(i)
	dirs := strings.Split(l.local, "/")
	into, last := w.into, len(dirs)-1
	if w.named {
		into = filepath.Dir(w.req.Path)
	}

	f, err := w.fetch(l.place(w.place), into, dirs[:last], dirs[last])
	switch {
	case err != nil:
		return f, err
	case w.named:
		f.Warning = ""
	case l.problem != "":
		f.Warning = "" // it is kept nowhere
		f.attention(state.ReasonNameRefused, l.problem)
	case f.Result == Attention:
	default:
		w.refuse(&f, i, w.key(l.local))
	}

	return f, nil
}

// refuse parks a file that would land where another one does, or where others need a folder.
func (w *Pulling) refuse(f *File, i int, key string) {
	if first, ok := w.names.first(key); ok && first < i && w.key(w.found.At(first).local) == key {
		f.attention(state.ReasonAmbiguous,
			fmt.Sprintf("%s and %s would land on one local file", w.address(first), f.Remote))

		return
	}

	if other, ok := w.dirs[key]; ok {
		f.attention(state.ReasonAmbiguous,
			fmt.Sprintf("%s needs a local folder where %s would land", w.address(other), f.Remote))
	}
}

func (w *Pulling) address(i int) remote.Address {
	l := w.found.At(i)
	return l.address(w.place)
}

// walk finds everything below a place. dirs are the local folders on the way, problem why they
// cannot be made.
func (w *Pulling) walk(ctx context.Context, p remote.Place, dirs []string, problem string) error {
	for e, err := range w.r.List(ctx, p) {
		if err != nil {
			return err
		}

		if err := w.visit(ctx, p, e.Place, dirs, problem); err != nil {
			return err
		}
	}

	return nil
}

// visit finds what is directly in p.
func (w *Pulling) visit(ctx context.Context, p, q remote.Place, dirs []string, problem string) error {
	switch q.Kind {
	case remote.KindFolder:
		local, bad := w.rules.LocalName(q.Folder.Name)
		if bad != "" {
			local = standIn(q.Folder.Name)
		}

		return w.walk(ctx, q, append(slices.Clip(dirs), local), cmp.Or(problem, bad))
	case remote.KindObject:
		rest := strings.TrimPrefix(q.Key, p.Key)
		if strings.HasSuffix(rest, "/") && q.Object.Size == 0 {
			return nil // a placeholder that some programs keep for a folder
		}

		return w.add(ctx, q, dirs, strings.Split(rest, "/"), problem)
	}

	return w.add(ctx, q, dirs, []string{q.Name()}, problem)
}

func (w *Pulling) add(ctx context.Context, q remote.Place, dirs, names []string, problem string) error {
	local := slices.Clip(dirs)
	for _, n := range names {
		l, bad := w.rules.LocalName(n)
		if bad != "" {
			l, problem = standIn(n), cmp.Or(problem, bad)
		}

		local = append(local, l)
	}

	if q.Kind == remote.KindItem {
		var err error
		if q, err = w.r.AtVersion(ctx, q, 0); err != nil {
			return err
		}
	}

	return w.keep(q, strings.Join(local, "/"), problem)
}

// keep lists a file, unless it was not asked for.
func (w *Pulling) keep(q remote.Place, local, problem string) error {
	l := listedOf(q, local, problem)
	name := local
	if w.named {
		name = q.Name()
	}

	if w.req.Wants != nil && !w.req.Wants(name, l.size, l.modified) {
		return nil
	}

	key := w.key(local)
	if problem == "" {
		for i := range key {
			if key[i] == '/' {
				w.dirs[key[:i]] = w.found.Len()
			}
		}
	}

	if problem != "" {
		key = "" // in nobody's way
	}

	w.names.add(key)
	w.bytes += max(l.size, 0)

	return w.found.Add(l)
}

// standIn is the name in status of what has none on this system: nothing is kept under it.
func standIn(name string) string {
	name = strings.NewReplacer("/", "_", "\x00", "_").Replace(name)
	return strings.ToValidUTF8(name[:min(len(name), 100)], "_") + "…"
}

// key is a slash path below into as names and dirs hold it.
func (w *Pulling) key(rel string) string {
	if w.rules.Folds {
		return strings.ToLower(rel)
	}

	return rel
}

// fetch plans one file and recognises one that is there already. The local path is into/dirs/name;
// nothing outside into is touched.
func (w *Pulling) fetch(q remote.Place, into string, dirs []string, name string) (File, error) {
	p := newFetch(w.req, q, into, dirs, name)
	if p.Result != "" {
		return p, nil
	}

	rec, ok, err := w.store.Published(p.Job.Root, p.Job.Rel)
	if err != nil || !ok {
		return p, err
	}

	snap, err := state.SnapshotPath(p.Job.Path)
	if err != nil {
		return p, nil //nolint:nilerr // absent: the job decides
	}

	tip := compare.Tip{Presence: compare.Present, Size: p.Job.Size, Item: p.Job.Item, Version: p.Job.Version}
	if q.Kind == remote.KindObject {
		tip.SHA1 = q.Object.SHA1
	}

	is := compare.Judge(compare.Here(snap), rec.Base(rec.Remote), tip)
	if is.Here == compare.SideSame && is.There == compare.SideSame && !w.req.Force {
		p.Result, p.Record, p.Source.Snapshot = Unchanged, &rec, snap
	}

	return p, nil
}

// fetchRoot is the RecordRoot of a file that is fetched to path. One that is kept under another
// name than the remote one has a record of its own: what is fetched beside a file that was pushed
// must not pass for it, nor the other way round.
func fetchRoot(profile string, q remote.Place, path, name string) string {
	if name != q.Name() {
		path = filepath.Join(path, name)
	}

	return RecordRoot(profile, q, path)
}

// newFetch is the plan of one file as far as nothing local is looked at.
func newFetch(req PullRequest, q remote.Place, into string, dirs []string, name string) File {
	path := filepath.Join(append(append([]string{into}, dirs...), name)...)
	p := File{Remote: q.Address.String(), Bytes: -1, Source: Source{Path: path}}
	p.Job = state.Job{
		Kind: state.Download, Phase: state.PhaseQueued, Profile: req.Profile, Path: path,
		Overwrite: req.Overwrite, Force: req.Force, Batch: req.Batch, Size: -1,
		Root: fetchRoot(req.Profile, q, path, name),
		// Dirs are the local folders below the one that was asked for: the download never leaves
		// that one.
		Target: state.Target{Address: q.Address.String(), Project: string(q.Project.ID), Core: q.Core,
			Dirs: dirs, Name: q.Name()},
	}
	j := &p.Job
	if q.Kind == remote.KindObject {
		j.Rel, j.Target.Bucket, j.Target.Key = q.Key, q.Bucket, q.Key
		j.Object, j.Size, p.Changed = string(q.Object.ID), q.Object.Size, q.Object.Modified
	} else {
		j.Rel = strings.Join(q.Address.Steps[2:], "/")
		j.Target.Folder, j.Target.Item, j.Target.Version = string(q.Folder.ID), string(q.Item.ID),
			string(q.Version.ID)
		j.Item, j.Version, j.VersionNumber = string(q.Item.ID), string(q.Version.ID), q.Version.Number
		j.Object, j.Size, p.Changed = string(q.Version.Storage), q.Version.Size, q.Version.Modified
		if q.Version.Storage == "" {
			p.attention(state.ReasonNoContent,
				fmt.Sprintf("version %d of %s has no content of its own", q.Version.Number, q.Address))
		}
	}

	if !req.OwnTime {
		j.FileTime = p.Changed
	}

	// as in its address and on disk; a record's key cannot hold it
	j.Rel = strings.ReplaceAll(j.Rel, "\x00", "%00")
	p.Source.Rel, p.Bytes = j.Rel, j.Size
	if j.Target.Name != name {
		p.Warning = fmt.Sprintf("%s is kept as %q", q.Address, path)
	}

	return p
}

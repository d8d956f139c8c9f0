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
	Overwrite bool // replace local files that differ, keeping the old ones beside
	OwnTime   bool // files have the time when they came, not that of their versions
	Batch     string
}

// Pull decides which files are fetched and where they land: a folder's contents go into Path, a
// file becomes Path or Path/NAME. It reads each remote folder once and makes no call for a file.
// Remote names that the local system cannot hold are mapped by remote.LocalRules, with a warning;
// nothing lands outside Path. Errors, before anything was done: *UsageError, *NotFoundError,
// *AmbiguousError, those of the client.
func Pull(ctx context.Context, r *remote.Resolver, store *state.Store, req PullRequest) ([]File,
	error) {
	if err := r.Allowed("get-signed-s3-download-url"); err != nil {
		return nil, err // before anything is looked at or queued
	}

	r.Refresh() // a person asks: what others did until now counts
	place, err := r.Resolve(ctx, req.Remote)
	if err != nil {
		return nil, err
	}

	info, err := os.Stat(req.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	isDir := err == nil && info.IsDir()
	w := puller{r: r, store: store, req: req, rules: remote.LocalRulesFor(runtime.GOOS),
		into: filepath.Clean(req.Path), taken: map[string]string{}, dirs: map[string]string{}}
	switch place.Kind {
	case remote.KindItem, remote.KindObject:
		if place, err = r.AtVersion(ctx, place, req.Version); err != nil {
			return nil, err
		}

		if isDir || strings.HasSuffix(req.Path, string(filepath.Separator)) ||
			strings.HasSuffix(req.Path, "/") {
			err = w.add(ctx, place, nil, []string{place.Name()}, "")
			return w.out, err
		}

		w.into = filepath.Dir(req.Path)
		p, err := w.fetch(place, nil, filepath.Base(req.Path))
		p.Warning = "" // the name is the user's own choice

		return []File{p}, err
	case remote.KindProject, remote.KindFolder, remote.KindBucket, remote.KindPrefix:
		switch {
		case req.Version != 0:
			return nil, remote.Usagef("%s is a folder: a version can be asked of a file alone", place.Address)
		case err == nil && !isDir:
			return nil, remote.Usagef("%s is a folder, and %q is a file", place.Address, req.Path)
		}

		if err := w.walk(ctx, place, nil, ""); err != nil {
			return nil, err
		}

		w.refuseFilesInTheWay()

		return w.out, nil
	}

	return nil, remote.Usagef("%s cannot be fetched: name a project, a folder, a file, a bucket or a key",
		req.Remote)
}

// puller plans one pull.
type puller struct {
	r     *remote.Resolver
	store *state.Store
	req   PullRequest
	rules remote.LocalRules
	into  string
	out   []File
	taken map[string]string // local path below into, folded when the system folds -> address
	dirs  map[string]string // the same of folders that files lie in
}

// walk plans everything below a place. dirs are the local folders on the way, problem why they
// cannot be made.
func (w *puller) walk(ctx context.Context, p remote.Place, dirs []string, problem string) error {
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

// visit plans what is directly in p.
func (w *puller) visit(ctx context.Context, p, q remote.Place, dirs []string, problem string) error {
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

func (w *puller) add(ctx context.Context, q remote.Place, dirs, names []string, problem string) error {
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

	last := len(local) - 1
	p, err := w.fetch(q, local[:last], local[last])
	if err != nil {
		return err
	}

	key := w.key(strings.Join(local, "/"))
	switch other, taken := w.taken[key]; {
	case problem != "":
		p.Warning = "" // it is kept nowhere
		p.attention(state.ReasonNameRefused, problem)
	case taken:
		p.attention(state.ReasonAmbiguous,
			fmt.Sprintf("%s and %s would land on one local file", other, p.Remote))
	default:
		w.taken[key] = p.Remote
		for i := range key {
			if key[i] == '/' {
				w.dirs[key[:i]] = p.Remote
			}
		}
	}

	w.out = append(w.out, p)

	return nil
}

// standIn is the name in status of what has none on this system: nothing is kept under it.
func standIn(name string) string {
	name = strings.NewReplacer("/", "_", "\x00", "_").Replace(name)
	return strings.ToValidUTF8(name[:min(len(name), 100)], "_") + "…"
}

// key is a slash path below into as taken and dirs hold it.
func (w *puller) key(rel string) string {
	if w.rules.Folds {
		return strings.ToLower(rel)
	}

	return rel
}

// refuseFilesInTheWay parks files whose local name is a folder of others.
func (w *puller) refuseFilesInTheWay() {
	for i := range w.out {
		p := &w.out[i]
		rel, err := filepath.Rel(w.into, p.Job.Path)
		if err != nil || p.Result == Attention {
			continue
		}

		if other, ok := w.dirs[w.key(filepath.ToSlash(rel))]; ok {
			p.attention(state.ReasonAmbiguous,
				fmt.Sprintf("%s needs a local folder where %s would land", other, p.Remote))
		}
	}
}

// fetch plans one file and recognises one that is there already. The local path is into/dirs/name;
// nothing outside into is touched.
func (w *puller) fetch(q remote.Place, dirs []string, name string) (File, error) {
	p := newFetch(w.req, q, w.into, dirs, name)
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
	if is.Here == compare.SideSame && is.There == compare.SideSame {
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
		Overwrite: req.Overwrite, Batch: req.Batch, Size: -1,
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

package owner

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// folderMove is a folder that has another name, with all that is published below it.
type folderMove struct{ from, to string }

// moves reports whether the rename of a file is part of the folder's.
func (f folderMove) moves(from, to string) bool {
	rest, below := strings.CutPrefix(from, f.from+"/")
	return below && to == f.to+"/"+rest
}

// folderMoves lists what folders the rename of a file may be part of, the highest first.
func folderMoves(from, to string) (out []folderMove) {
	if path.Base(from) != path.Base(to) {
		return nil
	}

	a, b := path.Dir(from), path.Dir(to)
	for ; a != "." && b != "." && a != b; a, b = path.Dir(a), path.Dir(b) {
		out = append([]folderMove{{a, b}}, out...)
		if path.Base(a) != path.Base(b) {
			break
		}
	}

	return out
}

// isWhole reports whether all that is published below the old folder moved to the new one, where
// nothing was published before. elsewhere tells what moved to another place.
func isWhole(f folderMove, old, there []state.PublishedRecord, oldIsGone bool, isFile func(rel string) bool,
	elsewhere map[string]string) bool {
	if !oldIsGone || len(old) == 0 || len(there) > 0 {
		return false
	}

	for _, r := range old {
		to := f.to + strings.TrimPrefix(r.Rel, f.from)
		// what is at neither place was removed before, and its item moves along
		if moved := elsewhere[r.Rel]; moved != "" && moved != to && !isFile(to) {
			return false
		}
	}

	return true
}

// renamedFolders finds the folders that were renamed as a whole, those that are being renamed already
// included.
func (m *watches) renamedFolders(c config.Watch, changes []watcher.Change) (out []folderMove, err error) {
	moved := map[string]string{}
	for _, ch := range changes {
		if ch.From != "" {
			moved[ch.From] = ch.Path
		}
	}

	if len(moved) == 0 || remote.IsOSS(c.Remote) { // a bucket has no folders
		return nil, nil
	}

	open, err := m.owner.store.FolderRenames(c.ID)
	if err != nil {
		return nil, err
	}

	judged := map[folderMove]bool{}
	for _, j := range open {
		f := folderMove{j.From, j.Rel}
		judged[f] = true
		out = append(out, f)
	}

	for from, to := range moved {
		for _, f := range folderMoves(from, to) {
			whole, known := judged[f]
			if !known {
				if whole, err = m.isWhole(c, f, moved); err != nil {
					return nil, err
				}

				if judged[f] = whole; whole {
					out = append(out, f)
				}
			}

			if whole {
				break
			}
		}
	}

	return out, nil
}

// isWhole asks the state and the disk.
func (m *watches) isWhole(c config.Watch, f folderMove, moved map[string]string) (bool, error) {
	at := func(rel string) string { return filepath.Join(c.Path, filepath.FromSlash(rel)) }
	now, err := os.Lstat(at(f.to))
	if err != nil || !now.IsDir() {
		return false, nil //nolint:nilerr // as far as anybody can say
	}

	before, err := os.Lstat(at(f.from))
	gone := errors.Is(err, fs.ErrNotExist) ||
		err == nil && os.SameFile(before, now) // but for letter case, when the disk has none
	if !gone {
		return false, nil
	}

	old, err := m.owner.store.PublishedBelow(c.ID, f.from)
	if err != nil {
		return false, err
	}

	there, err := m.owner.store.PublishedBelow(c.ID, f.to)
	isFile := func(rel string) bool {
		info, err := os.Lstat(at(rel))
		return err == nil && info.Mode().IsRegular()
	}

	return isWhole(f, old, there, gone, isFile, moved), err
}

// followed sorts what came: the folders to rename, and the files that are not part of that, each with
// the name that it had.
func (m *watches) followed(c config.Watch, changes []watcher.Change) (folders, files []plan.Source,
	err error) {
	renames, err := m.renamedFolders(c, changes)
	if err != nil {
		return nil, nil, err
	}

	for _, f := range renames {
		folders = append(folders, plan.Source{Path: filepath.Join(c.Path, filepath.FromSlash(f.to)),
			Rel: f.to, From: f.from, Folder: true})
	}

	for _, ch := range changes {
		if ch.Removed { // what is removed here stays in the cloud
			continue
		}

		s := plan.Source{Path: filepath.Join(c.Path, filepath.FromSlash(ch.Path)), Rel: ch.Path,
			Snapshot: snapshotOf(ch.Snapshot), Changing: ch.Capped, From: ch.From}
		covered := false
		for _, f := range renames {
			if ch.From != "" && f.moves(ch.From, ch.Path) {
				rec, known, err := m.owner.store.Published(c.ID, ch.From)
				if err != nil {
					return nil, nil, err
				}

				covered = known && transfer.SameFileElsewhere(rec.Snapshot, s.Snapshot)
			}
		}

		if !covered {
			files = append(files, s)
		}
	}

	return folders, files, nil
}

// planFolders makes the jobs of renamed folders. A name that the service does not take leaves the
// files to be sent one by one.
func (m *watches) planFolders(req plan.PushRequest, folders []plan.Source) (out []plan.File, err error) {
	for _, f := range folders {
		one := req
		one.Sources = []plan.Source{f}
		planned, err := plan.Watch(m.owner.store, one)
		if err != nil {
			return nil, err
		}

		for _, p := range planned {
			p.Job.Attention, p.Job.Reason, p.Job.Error = false, "", ""
			out = append(out, p)
		}
	}

	return out, nil
}

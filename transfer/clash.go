package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
	"hoist/watcher/disk"
)

// Until the service is known to tell names apart that differ in letter case or Unicode form alone,
// nothing is made there under such names: files of both would become versions of one.

// clash is a *plan.ClashError while such a name lies beside the job's file, or beside a folder
// above it, and is to be sent too. Object keys are exact.
func (e *Engine) clash(job state.Job) error {
	if job.Target.OSS() {
		return nil
	}

	if job.Rival != "" {
		own := job.Path
		for up := own; filepath.Dir(up) != up; up = filepath.Dir(up) {
			if remote.Fold(filepath.Base(up)) == remote.Fold(filepath.Base(job.Rival)) {
				own = up
				break
			}
		}

		if isRival(own, job.Rival) {
			return &plan.ClashError{Path: own, Other: job.Rival}
		}
	}

	if !job.Watched() {
		return nil
	}

	names := strings.Split(job.Rel, "/")
	dir := strings.TrimSuffix(job.Path, filepath.FromSlash(job.Rel))
	for i, name := range names {
		others, err := e.alike.in(dir, name)
		if err != nil {
			return sourceError(job, err)
		}

		own := filepath.Join(dir, name)
		for _, other := range others {
			sibling := job
			sibling.Path = filepath.Join(dir, other)
			sibling.Rel = strings.Join(append(names[:i:i], other), "/")
			if isRival(own, sibling.Path) && !e.leftOut(sibling) {
				return &plan.ClashError{Path: own, Other: sibling.Path}
			}
		}

		dir = own
	}

	return nil
}

// isRival reports whether other is a file or a folder with something in it, and not the same as
// own, which it is under any case when the file system has no regard for that.
func isRival(own, other string) bool {
	info, err := lookAt(other)
	if err != nil {
		return false
	}

	if mine, err := lookAt(own); err == nil && os.SameFile(mine, info) {
		return false
	}

	if !info.IsDir() {
		return info.Mode().IsRegular()
	}

	names, err := namesOf(other)

	return err != nil || len(names) > 0
}

// leftOut reports whether a rule leaves the file of a job out.
func (e *Engine) leftOut(job state.Job) bool {
	if e.cfg.Rules == nil {
		return false
	}

	rule, _, err := e.cfg.Rules(job)

	return err == nil && rule != ""
}

// alikeNames knows which names in local folders differ in letter case or Unicode form alone. A
// folder is read again when its time has changed, or was too young to tell. The zero value is
// ready; safe for concurrent use.
type alikeNames struct {
	mu   sync.Mutex
	dirs map[string]alikeDir
}

type alikeDir struct {
	time  time.Time
	names map[string][]string // by Fold, when there is more than one
}

const (
	youngDir  = 2 * time.Second // the coarsest times of a file system
	alikeDirs = 1000            // kept at most
)

// in returns the other names in dir that are like name.
func (a *alikeNames) in(dir, name string) (others []string, err error) {
	info, err := disk.Ask(dir, disk.Patience, func() (fs.FileInfo, error) { return os.Stat(dir) })
	if err != nil {
		return nil, err
	}

	a.mu.Lock()
	d, ok := a.dirs[dir]
	a.mu.Unlock()
	if !ok || !d.time.Equal(info.ModTime()) {
		young := time.Since(info.ModTime()) < youngDir
		if d, err = readAlike(dir, info.ModTime()); err != nil {
			return nil, err
		}

		if !young {
			a.keep(dir, d)
		}
	}

	for _, n := range d.names[remote.Fold(name)] {
		if n != name {
			others = append(others, n)
		}
	}

	return others, nil
}

func (a *alikeNames) keep(dir string, d alikeDir) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dirs == nil || len(a.dirs) >= alikeDirs {
		a.dirs = map[string]alikeDir{}
	}

	a.dirs[dir] = d
}

func readAlike(dir string, at time.Time) (alikeDir, error) {
	d := alikeDir{time: at, names: map[string][]string{}}
	names, err := namesOf(dir)
	first := make(map[string]string, len(names))
	for _, n := range names {
		fold := remote.Fold(n)
		if other, ok := first[fold]; ok {
			if len(d.names[fold]) == 0 {
				d.names[fold] = []string{other}
			}

			d.names[fold] = append(d.names[fold], n)
		}

		first[fold] = n
	}

	return d, err
}

// clashThere gives a clash with a name in the cloud what may be renamed here: a folder above the
// file when one was to be found, unless it was asked for under another name, else the file.
func clashThere(err error, job state.Job, folder bool) error {
	c, ok := errors.AsType[*remote.NameClashError](err)
	if !ok {
		return err
	}

	if !folder {
		return &plan.ClashError{Path: job.Path, There: c}
	}

	path := job.Path
	for i := len(job.Target.Dirs) - 1; i >= 0; i-- {
		path = filepath.Dir(path)
		if here := filepath.Base(path); here == c.Name || remote.MapName(here) == c.Name {
			return &plan.ClashError{Path: path, There: c}
		}
	}

	return &plan.ClashError{There: c}
}

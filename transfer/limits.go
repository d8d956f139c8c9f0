package transfer

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"hoist/state"
	"hoist/transfer/remote"
)

// withinLimits parks a file of a watch that the service is known not to take, before a folder is
// made for it and without a call. A person may insist. rec is of what was published of it.
func (e *Engine) withinLimits(job state.Job, rec state.PublishedRecord) error {
	if !job.Watched() || job.Target.OSS() || job.Force || rec.Remote == job.Target.Address {
		return nil
	}

	err := outside(job.Target)
	if err == nil {
		most := cmp.Or(e.full.most, remote.MaxFiles)
		if n := e.full.count(e, job, most); n > most {
			err = needsPerson(ReasonFolderFull, "the folder %q has %d files, the service takes %d",
				filepath.Dir(job.Path), n, most)
		}
	}

	if err == nil {
		return nil
	}

	if _, gone := os.Lstat(job.Path); errors.Is(gone, fs.ErrNotExist) {
		return nil // whoever opens it says so
	}

	return err
}

// outside is which limit of the service the names of a target break; nil: none.
func outside(t state.Target) error {
	at, err := remote.ParseAddress(t.Address)
	if err != nil {
		return err
	}

	const above = 4 // hub, project, top folder, and the file itself

	for _, name := range at.Steps[min(above-1, len(at.Steps)):] {
		if why := remote.RefusedName(name); why != "" {
			return needsPerson(ReasonNameRefused, "%s", why)
		}
	}

	if levels := len(at.Steps) - above; levels > remote.MaxDepth {
		return needsPerson(ReasonTooDeep, "%d levels of folders below the top folder, the service takes %d",
			levels, remote.MaxDepth)
	}

	if why := remote.LikelyBlocked(t.Name); why != "" {
		return needsPerson(ReasonExtension, "%s", why)
	}

	return nil
}

// fullFolders counts the files of local folders that have more than the service takes. The zero
// value is ready; safe for concurrent use.
type fullFolders struct {
	most int // tests: instead of remote.MaxFiles

	mu   sync.Mutex
	dirs map[string]fullFolder // guarded by mu
}

type fullFolder struct {
	time    time.Time // of the folder
	counted time.Time
	files   int
}

// fullAgain is how long a count holds though the folder has not changed: rules may have.
const fullAgain = time.Minute

// count is how many files lie beside the file of a job, of those that are to be sent; of a folder
// with no more names than most, how many names. A folder that cannot be read has none.
func (f *fullFolders) count(e *Engine, job state.Job, most int) int {
	dir := filepath.Dir(job.Path)
	info, err := os.Stat(dir)
	if err != nil {
		return 0
	}

	f.mu.Lock()
	defer f.mu.Unlock()

	known := f.dirs[dir]
	if known.time.Equal(info.ModTime()) && time.Since(known.counted) < fullAgain {
		return known.files
	}

	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}

	n := 0
	for i, entry := range entries {
		if n+len(entries)-i <= most {
			n += len(entries) - i // there is no need to ask the rules
			break
		}

		beside := job
		beside.Path = filepath.Join(dir, entry.Name())
		beside.Rel = filepath.ToSlash(filepath.Join(filepath.Dir(filepath.FromSlash(job.Rel)), entry.Name()))
		if entry.Type().IsRegular() && !e.leftOut(beside) {
			n++
		}
	}

	if f.dirs == nil || len(f.dirs) >= alikeDirs {
		f.dirs = map[string]fullFolder{}
	}

	f.dirs[dir] = fullFolder{info.ModTime(), time.Now(), n}

	return n
}

// MayBeGone reports whether a parked job is tried when its file is gone: it may have been renamed,
// moved or deleted because of what it is parked for.
func MayBeGone(job state.Job) bool {
	return job.Watched() && slices.Contains([]string{ReasonTooDeep, ReasonExtension, ReasonFolderFull,
		ReasonNameRefused, ReasonNameClash, ReasonDoubtful, ReasonOtherKind}, job.Reason)
}

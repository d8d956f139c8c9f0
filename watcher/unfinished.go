package watcher

import (
	"time"

	"hoist/watcher/whole"
)

// writersFor is how long a look at the writers of all files is good for.
const writersFor = 500 * time.Millisecond

// writers is which files below the root are open for writing.
type writers struct {
	at    time.Time
	files map[fileID]bool
}

func (w *writers) have(root string, id fileID) bool {
	if now := time.Now(); w.files == nil || now.Sub(w.at) > writersFor {
		w.files, w.at = writersBelow(root), now
	}

	return w.files[id]
}

// unfinished is why the last bytes of a file that rests may be still to come: somebody has it open
// for writing (WaitWriter), or its format says that its end is missing (WaitTorn); "" nothing says
// so.
func (r *run) unfinished(p string, rec record) string {
	if r.writers.have(r.root, fileID{rec.dev, rec.ino}) {
		return WaitWriter
	}

	verdict, err := r.judge(p, rec.size)
	if err != nil {
		r.log.Debug("the end of a file cannot be judged", "path", p, "error", err)
		return "" // the engine will say why it cannot be read
	}

	if verdict == whole.Torn {
		return WaitTorn
	}

	// Its writer may have gone with a last piece after the file was looked at.
	if now, _, there, err := lookAt(r.root, p); err != nil || !there || !now.same(rec) {
		return WaitWriter
	}

	return ""
}

// judge reads what the bytes of a file tell of it.
func (r *run) judge(p string, size int64) (whole.Verdict, error) {
	f, err := OpenRegular(join(r.root, p))
	if err != nil {
		return whole.Unknown, err
	}
	defer f.Close()

	return whole.Judge(p, size, f)
}

// recentFactor is how many settle times ago a file that a scan finds must have changed for a copy
// that pauses to be out of the question.
const recentFactor = 4

// recent reports whether a file that has rested by its own times may be in a pause of a copy.
func (s *settler) recent(rec record, now time.Time) bool {
	return now.Sub(unixTime(rec.mtime)) < recentFactor*s.quiet
}

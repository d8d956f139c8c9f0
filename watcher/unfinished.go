package watcher

import (
	"os"
	"time"

	"hoist/watcher/content"
	"hoist/watcher/disk"
	"hoist/watcher/whole"
)

// writersFor is how long a look at the writers of all files is good for.
const writersFor = 500 * time.Millisecond

// writers is which files below the root are open for writing, when the system does not tell of each.
type writers struct {
	at    time.Time
	files map[fileID]bool
}

// have reports whether somebody has a file open for writing, as far as the system tells. must: see
// writerOf.
func (w *writers) have(root, p string, id fileID, must bool) bool {
	type answer struct{ open, known bool }
	name := join(root, p)
	said, err := disk.Ask(name, disk.Patience, func() (a answer, err error) {
		a.open, a.known = writerOf(name, must)
		return a, nil
	})
	if err == nil && said.known {
		return said.open
	}

	if now := time.Now(); w.files == nil || now.Sub(w.at) > writersFor {
		w.files, _ = disk.Ask(root, disk.Patience, func() (map[fileID]bool, error) {
			return writersBelow(root), nil
		})
		w.at = now
	}

	return w.files[id]
}

// unfinished is why the last bytes of a file that rests may be still to come: somebody has it open
// for writing (WaitWriter), or its format says that its end is missing (WaitTorn); "" nothing says
// so.
func (r *run) unfinished(p string, rec record) string {
	if r.writers.have(r.root, p, fileID{rec.dev, rec.ino}, r.cfg.wishes(p).OnClose) {
		return WaitWriter
	}

	half, err := r.halfWritten(p, rec.size)
	if err != nil {
		r.log.Debug("the end of a file cannot be judged", "path", p, "error", err)
		return "" // the engine will say why it cannot be read
	}

	if half {
		return WaitTorn
	}

	// Its writer may have gone with a last piece after the file was looked at.
	if now, _, there, err := lookAt(r.root, p); err != nil || !there || !now.same(rec) {
		return WaitWriter
	}

	return ""
}

// halfWritten reports whether the bytes of a file say that more of them are to come.
func (r *run) halfWritten(p string, size int64) (bool, error) {
	name := join(r.root, p)

	return disk.Ask(name, listTime, func() (bool, error) {
		if info, err := os.Lstat(name); err != nil || OnlineOnly(info) {
			return false, err // to open it would fetch it
		}

		f, err := OpenRegular(name)
		if err != nil {
			return false, err
		}
		defer f.Close()

		if r.cfg.wishes(p).NoGate {
			verdict, err := whole.Judge(p, size, f)
			return verdict == whole.Torn, err
		}

		report, err := content.Judge(p, size, f)

		return report.HalfWritten(), err
	})
}

// awaited reports whether a file that has rested by its own times is waited for all the same.
func (r *run) awaited(d seen, now time.Time) bool {
	onClose := r.cfg.wishes(d.path).OnClose

	return onClose && d.locked ||
		(onClose || r.set.recent(d.path, d.rec, now)) && r.unfinished(d.path, d.rec) != ""
}

// recentFactor is how many settle times ago a file that a scan finds must have changed for a copy
// that pauses to be out of the question.
const recentFactor = 4

// recent reports whether a file that has rested by its own times may be in a pause of a copy.
func (s *settler) recent(path string, rec record, now time.Time) bool {
	return now.Sub(rec.changed(now)) < recentFactor*s.pace(path).quiet
}

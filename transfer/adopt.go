package transfer

import (
	"strings"

	"hoist/apsclient"
	"hoist/state"
	"hoist/state/compare"
)

// What a watch prefers of a file that it sees for the first time and that differs in the cloud.
const (
	PreferLocal = "local" // it becomes the newest version
	PreferCloud = "cloud" // it is not sent until it changes
	PreferNewer = "newer" // the one that changed later
)

// adopts reports whether a file of a watch, of which nothing is on record, is taken for the one that
// a listing shows: name and size are equal. That costs no call; the record says that it is unproven.
func adopts(job state.Job, rec state.PublishedRecord, tip compare.Tip) bool {
	return job.Watched() && !job.Force && !job.Doubt && rec.Remote != job.Target.Address &&
		tip.Presence == compare.Present && tip.Storage != "" && tip.Size == job.Snapshot.Size
}

func adopted(job state.Job, item apsclient.Item) state.Unchanged {
	ev := unchanged(job, item, "")
	ev.Record.Unproven = true

	return ev
}

// keepsTheirs decides about a file that differs from the cloud's though nothing tells which came
// first: true, the one in the cloud stays the newest. It is told once, here.
func (e *Engine) keepsTheirs(job state.Job, rec state.PublishedRecord, item apsclient.Item) bool {
	first := rec.Remote != job.Target.Address || rec.Unproven && rec.Snapshot.Same(job.Snapshot)
	if !job.Watched() || job.Force || !first || e.cfg.Prefer == nil || item.Tip == nil {
		return false
	}

	prefer := e.cfg.Prefer(job)
	theirs := prefer == PreferCloud || prefer == PreferNewer && item.Tip.Created.After(job.Snapshot.ModTime)
	e.log.Warn("the file differs from the one in the cloud", "job", string(job.ID), "path",
		job.Path, "remote", job.Target.Address, "prefer", prefer, "cloud_is_kept", theirs)

	return theirs
}

// otherKind is why a version cannot be replaced by a file; "": it can.
func otherKind(item apsclient.Item) string {
	if item.Tip != nil && strings.Contains(item.Tip.Type, "C4RModel") {
		return "it is a cloud-workshared model, which Revit publishes itself"
	}

	return ""
}

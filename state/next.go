package state

import (
	"fmt"
	"slices"
	"time"
)

var zeroTime time.Time

// Reason codes that Next itself gives.
const (
	ReasonSourceChanged = "source-changed"
	ReasonVanished      = "vanished"
	ReasonCancelled     = "cancelled"
	ReasonNameRefused   = "name-refused" // this and the next: of a plan
	ReasonNameClash     = "name-clash"
	ReasonAmbiguous     = "ambiguous"
	ReasonNoContent     = "no-content"
	ReasonNotCarried    = "not-carried"
)

// TransitionError says that an event does not fit where the job is.
type TransitionError struct {
	Job   JobID
	Phase Phase
	End   string // how the job ended, "" open
	Event string
	Why   string // "" when the phase alone forbids it
}

func (e *TransitionError) Error() string {
	at := string(e.Phase)
	if e.End != "" {
		at = "ended (" + e.End + ")"
	}

	s := fmt.Sprintf("job %s: event %s does not fit phase %s", e.Job, e.Event, at)
	if e.Why != "" {
		s += ": " + e.Why
	}

	return s
}

// Next returns the job after an event, or a *TransitionError and the job as it was. It is pure and
// total, and the only place that knows which event fits which phase. Times come from the event; the
// store stamps Updated and Since.
func (j Job) Next(e Event) (Job, error) {
	refuse := func(why string) (Job, error) {
		name := "none"
		if e != nil {
			name = e.event()
		}

		return j, &TransitionError{Job: j.ID, Phase: j.Phase, End: j.End, Event: name, Why: why}
	}
	if j.End != "" || e == nil {
		return refuse("")
	}

	n, why, ok := j, "", false
	switch e := e.(type) {
	case Retry, Parked, Failed, Pause, Resume, RetryNow, Cancel, Quiet:
		why, ok = n.control(e)
	case PartStored, PartsLost, SessionLost:
		why, ok = n.parts(e)
	default:
		switch {
		case j.Kind == Download:
			why, ok = n.download(e)
		case n.elsewhere(e):
			why, ok = n.rename(e)
		default:
			why, ok = n.upload(e)
		}

		if ok && n.Open() {
			n.progress()
		}
	}

	if !ok {
		return refuse(why)
	}

	return n, nil
}

// progress forgets what held the job up: something went well.
func (j *Job) progress() {
	j.Attention, j.Streak, j.Alike, j.Reason, j.Error = false, 0, 0, "", ""
	j.NextAttempt = zeroTime
}

// fail counts a failure.
func (j *Job) fail(reason, err string) {
	j.Attempts++
	j.Streak++
	j.Alike = j.Failures(reason) + 1
	j.Reason, j.Error = reason, err
}

func (j *Job) at(phases ...Phase) bool { return slices.Contains(phases, j.Phase) }

// control knows the events that fit every open job.
func (j *Job) control(e Event) (why string, ok bool) {
	switch e := e.(type) {
	case Retry:
		j.fail(e.Reason, e.Error)
		j.Attention, j.NextAttempt = false, e.At
	case Parked:
		if e.Reason == "" {
			return "a parked job needs a reason", false
		}

		j.fail(e.Reason, e.Error)
		j.Attention, j.NextAttempt = true, e.At
	case Failed:
		if e.Reason == "" {
			return "a failed job needs a reason", false
		}

		j.Attempts++
		j.end(EndFailed, e.Reason, e.Error)
	case Quiet:
		if j.Intent == nil {
			return "there is no intent", false
		}

		in := *j.Intent
		in.Quiet, j.Intent = int64(e.Since), &in
	case Pause:
		j.Paused = true
	case Resume:
		j.Paused = false
	case RetryNow:
		if j.Attention && !e.Probe.IsZero() {
			j.NextAttempt = e.Probe
			break
		}

		j.progress()
		j.Repeats = 0
	case Cancel:
		if j.at(PhasePublished, PhasePlaced) {
			return "too late, it is there already", false
		}

		j.end(EndCancelled, ReasonCancelled, "")
	}

	return "", true
}

func (j *Job) end(how, reason, err string) {
	j.progress()
	j.End, j.Reason, j.Error, j.Paused = how, reason, err, false
}

// parts knows the events about parts, which uploads and downloads share.
func (j *Job) parts(e Event) (why string, ok bool) {
	moving, stored, before := PhaseUploading, PhaseUploaded, PhaseReserved
	if j.Kind == Download {
		moving, stored, before = PhaseFetching, PhaseVerified, PhaseResolved
	}

	switch e := e.(type) {
	case PartStored:
		switch {
		case j.Phase != moving:
			return "", false
		case e.Part < 1 || e.Part > j.PartsTotal:
			return fmt.Sprintf("part %d of %d", e.Part, j.PartsTotal), false
		case e.Size < 0 || j.BytesDone-e.was+e.Size > j.Size:
			return fmt.Sprintf("part %d of %d bytes is more than the file has", e.Part, e.Size), false
		case !e.again && j.PartsDone >= j.PartsTotal:
			return "all parts are stored", false
		}

		if !e.again {
			j.PartsDone++
		}

		j.BytesDone += e.Size - e.was
		j.progress()
	case PartsLost:
		if !j.at(moving, stored) {
			return "", false
		}

		n, bytes := e.count, e.bytes
		if !e.counted {
			n, bytes = len(e.Parts), int64(len(e.Parts))*j.PartSize
		}

		j.PartsDone = max(0, j.PartsDone-n)
		j.BytesDone = max(0, j.BytesDone-bytes)
		if j.PartsDone == 0 {
			j.BytesDone = 0
		}

		j.Phase = moving
		if e.Whole {
			j.Repeats++
		}
	case SessionLost:
		if !j.at(moving, stored) {
			return "", false
		}

		j.Phase = before
		j.UploadKey, j.UploadExpires, j.ETag, j.Temp = "", zeroTime, "", ""
		j.PartSize, j.PartsTotal, j.PartsDone, j.BytesDone = 0, 0, 0, 0
		j.Repeats++
	}

	return "", true
}

// plan checks a part plan against the size: it covers every byte once.
func (j *Job) plan(partSize int64, parts int) string {
	switch {
	case j.Size < 0:
		return "the size is not known"
	case partSize <= 0 || parts < 0:
		return fmt.Sprintf("%d parts of %d bytes", parts, partSize)
	case j.Size == 0 && parts <= 1:
		return ""
	case int64(parts) != (j.Size-1)/partSize+1:
		return fmt.Sprintf("%d parts of %d bytes do not make %d bytes", parts, partSize, j.Size)
	}

	return ""
}

func (j *Job) upload(e Event) (why string, ok bool) {
	switch e := e.(type) {
	case FolderFound:
		if !j.at(PhaseQueued, PhaseReserved, PhaseUploading, PhaseUploaded, PhaseCompleted, PhasePublishing) {
			return "", false
		}

		if e.Project != "" {
			j.Target.Project, j.Target.Core = e.Project, e.Core
		}

		j.Target.Folder = e.Folder
		if e.Item != "" {
			j.Target.Item = e.Item
		}
	case Reserved:
		return j.reserve(e)
	case Opened:
		return j.open(e)
	case AllStored:
		if j.Phase != PhaseUploading {
			return "", false
		}

		if j.PartsDone != j.PartsTotal || j.BytesDone != j.Size {
			return fmt.Sprintf("%d of %d parts, %d of %d bytes are stored", j.PartsDone, j.PartsTotal,
				j.BytesDone, j.Size), false
		}

		j.Phase = PhaseUploaded
	case Assembled:
		if j.Phase != PhaseUploaded {
			return "", false
		}

		j.Phase = PhaseCompleted
	case Intended:
		if j.Target.OSS() || !j.at(PhaseCompleted, PhasePublishing) {
			return "", false
		}

		j.Phase, j.Intent = PhasePublishing, &e.Intent
	case Published:
		return j.published(e)
	case Finished:
		if !(j.Phase == PhasePublished || j.Target.OSS() && j.Phase == PhaseCompleted) {
			return "", false
		}

		return j.finish(e.Result)
	case Unchanged: // publishing: the create was refused, and what is there has the content
		if !j.at(PhaseQueued, PhaseReserved, PhaseUploading, PhaseUploaded, PhaseCompleted, PhasePublishing) {
			return "", false
		}

		j.unchanged(e)
	case SourceChanged:
		return "", j.sourceChanged(e)
	default:
		return "", false
	}

	return "", true
}

func (j *Job) reserve(e Reserved) (why string, ok bool) {
	if !j.at(PhaseQueued, PhaseReserved) {
		return "", false
	}

	if e.Object == "" {
		return "no storage id", false
	}

	j.Phase, j.Object, j.Doubt = PhaseReserved, e.Object, false
	j.Content, j.Sign = e.Content, e.Sign

	return "", true
}

func (j *Job) open(e Opened) (why string, ok bool) {
	if j.Phase == PhaseUploading && e.UploadKey == j.UploadKey && e.PartSize == j.PartSize &&
		e.Parts == j.PartsTotal {
		j.UploadExpires = e.Expires
		return "", true
	}

	if j.Phase != PhaseReserved {
		return "", false
	}

	if e.UploadKey == "" {
		return "no upload key", false
	}

	if why := j.plan(e.PartSize, e.Parts); why != "" {
		return why, false
	}

	j.Phase, j.UploadKey, j.UploadExpires = PhaseUploading, e.UploadKey, e.Expires
	j.PartSize, j.PartsTotal, j.PartsDone, j.BytesDone = e.PartSize, e.Parts, 0, 0

	return "", true
}

func (j *Job) published(e Published) (why string, ok bool) {
	if j.Phase != PhasePublishing {
		return "", false
	}

	if e.Item == "" || e.Version == "" {
		return "no item or version id", false
	}

	j.Phase, j.Item, j.Version, j.VersionNumber = PhasePublished, e.Item, e.Version, e.Number
	j.Held = e.Held

	return "", true
}

func (j *Job) sourceChanged(e SourceChanged) (ok bool) {
	switch {
	case e.Gone && j.Phase == PhasePublishing && j.Attention && j.Reason == ReasonNameClash:
		// the create was refused for its name, and looked for in vain: nothing is on its way
		j.end(EndFailed, ReasonVanished, "the file is no longer there")
	case !j.at(PhaseQueued, PhaseReserved, PhaseUploading, PhaseUploaded, PhaseCompleted):
		return false // from the intent on, this content is on its way and its outcome must be known
	case e.Gone:
		j.end(EndFailed, ReasonVanished, "the file is no longer there")
	default:
		j.end(EndSuperseded, ReasonSourceChanged, "the file changed while it was sent")
	}

	return true
}

func (j *Job) download(e Event) (why string, ok bool) {
	switch e := e.(type) {
	case Resolved:
		if !j.at(PhaseQueued, PhaseResolved) {
			return "", false
		}

		j.Phase, j.Item, j.Version, j.VersionNumber = PhaseResolved, e.Item, e.Version, e.Number
		j.Object, j.Size, j.SHA1, j.Doubt = e.Object, e.Size, e.SHA1, false
	case FetchStarted:
		if j.Phase != PhaseResolved {
			return "", false
		}

		if e.Size > 0 {
			j.Size = e.Size
		}

		if why := j.plan(e.PartSize, e.Parts); why != "" {
			return why, false
		}

		j.Phase, j.ETag, j.Temp = PhaseFetching, e.ETag, e.Temp
		j.PartSize, j.PartsTotal, j.PartsDone, j.BytesDone = e.PartSize, e.Parts, 0, 0
	case Verified:
		if j.Phase != PhaseFetching {
			return "", false
		}

		if j.PartsDone != j.PartsTotal || j.BytesDone != j.Size {
			return fmt.Sprintf("%d of %d ranges, %d of %d bytes are stored", j.PartsDone, j.PartsTotal,
				j.BytesDone, j.Size), false
		}

		j.Phase, j.Snapshot = PhaseVerified, e.Snapshot
		if e.SHA1 != "" {
			j.SHA1 = e.SHA1
		}
	case Placed:
		if j.Phase != PhaseVerified {
			return "", false
		}

		j.Phase, j.Snapshot = PhasePlaced, e.Snapshot
	case Finished:
		if j.Phase != PhasePlaced {
			return "", false
		}

		return j.finish(e.Result)
	case Unchanged:
		if !j.at(PhaseQueued, PhaseResolved) {
			return "", false
		}

		j.unchanged(e)
	default:
		return "", false
	}

	return "", true
}

func (j *Job) finish(result string) (why string, ok bool) {
	if !slices.Contains([]string{ResultCreated, ResultVersioned, ResultUnchanged, ResultDownloaded,
		ResultRenamed, ResultHidden}, result) {
		return fmt.Sprintf("result %q", result), false
	}

	j.Phase, j.Result = PhaseDone, result
	j.end(EndDone, "", "")

	return "", true
}

func (j *Job) unchanged(e Unchanged) {
	j.Phase, j.Result = PhaseDone, ResultUnchanged
	if e.Item != "" {
		j.Item = e.Item
	}

	if e.Version != "" {
		j.Version, j.VersionNumber = e.Version, e.Number
	}

	if e.Record != nil && e.Record.Storage != "" {
		j.Object = e.Record.Storage // where the content is, not what was reserved for it
	}

	j.end(EndDone, "", "")
}

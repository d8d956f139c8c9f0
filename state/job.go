package state

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"time"
)

// JobID names a job: 32 hex digits of 16 bytes, the creation time in nanoseconds followed by random
// bytes. Ids sort by creation and are unique across homes.
type JobID string

// lastID is the time of the newest id made by this process, so that ids made within one tick of the
// clock still differ and sort.
var lastID atomic.Int64

// NewJobID makes an id that sorts after every id that this process made or found in a state before.
func NewJobID() JobID {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(noteID(time.Now().UnixNano()-1)))
	rand.Read(b[8:])

	return JobID(hex.EncodeToString(b[:]))
}

// noteID makes later ids sort after a time, and returns the time of the next id.
func noteID(t int64) int64 {
	for {
		last := lastID.Load()
		if next := max(t, last) + 1; lastID.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Kind is what a job does.
type Kind string

// The kinds of job. An upload with From is a rename as long as nothing speaks against it.
const (
	Upload   Kind = "upload"
	Download Kind = "download"
	Rename   Kind = "rename" // of a folder with all that is published below it
	Hide     Kind = "hide"   // of the item of a file that was removed
)

// Phase names the last durable fact of a job.
type Phase string

// Uploads go queued, reserved, uploading, uploaded, completed, publishing, published, done (oss://
// from completed to done); downloads queued, resolved, fetching, verified, placed, done; renames
// queued, renaming, done; hides queued, hiding, done.
const (
	PhaseQueued     Phase = "queued"
	PhaseReserved   Phase = "reserved"
	PhaseUploading  Phase = "uploading"
	PhaseUploaded   Phase = "uploaded"
	PhaseCompleted  Phase = "completed"
	PhasePublishing Phase = "publishing"
	PhasePublished  Phase = "published"
	PhaseDone       Phase = "done"

	PhaseResolved Phase = "resolved"
	PhaseFetching Phase = "fetching"
	PhaseVerified Phase = "verified"
	PhasePlaced   Phase = "placed"

	PhaseRenaming Phase = "renaming" // a rename is intended
	PhaseHiding   Phase = "hiding"   // a hide is intended
)

// Status is what a user is told about a job. It is derived, never stored.
type Status string

// The statuses, as the contract lists them.
const (
	StatusQueued    Status = "queued"
	StatusActive    Status = "active"
	StatusWaiting   Status = "waiting"
	StatusPaused    Status = "paused"
	StatusAttention Status = "attention"
	StatusDone      Status = "done"
	StatusFailed    Status = "failed"
	StatusCancelled Status = "cancelled"
)

// How a job ended; the empty text is an open job.
const (
	EndDone       = "done"
	EndFailed     = "failed"
	EndCancelled  = "cancelled"
	EndSuperseded = "superseded" // the source changed; Successor has the new snapshot
)

// Results of a job that is done.
const (
	ResultCreated    = "created"
	ResultVersioned  = "versioned"
	ResultUnchanged  = "unchanged"
	ResultDownloaded = "downloaded"
	ResultRenamed    = "renamed"
	ResultHidden     = "hidden"
)

// Target is the remote end of a job.
type Target struct {
	Address  string   // canonical aps://… or oss://… in names, of the file itself
	Project  string   // id, "" until known
	Core     bool     // the hub uses autodesk.core types
	Base     string   // id of an existing folder, "": to be looked up by BasePath
	BasePath string   // address in names of the folder that Dirs are below
	Dirs     []string // names of folders below Base, to be found or created
	Folder   string   // id of the direct parent, "" until known
	Name     string   // display name of the file
	Item     string   // id, if known
	Version  string   // download: id of the version
	Bucket   string   // oss:// only, see OSS
	Key      string   // oss:// only
	// oss:// upload: what a listing showed under Key when the job was planned, see the Seen
	// constants; "": nobody looked
	Seen string
}

// What a plan's listing showed under a key: then the job has no look of its own.
const (
	SeenNothing = "nothing"
	SeenOther   = "other" // content of another size, or what is replaced whatever it holds
)

// OSS reports whether the remote end is an object of a bucket, whose key is reused and has no
// versions, and not a file of a project.
func (t Target) OSS() bool { return t.Bucket != "" }

// Intent says that a call which must not happen twice is about to be made.
type Intent struct {
	Kind      string    // "item" or "version"; of a rename or hide see package transfer
	Parent    string    // folder id, or item id for a version; of a folder's rename the new parent
	Name      string    // display name
	TipBefore string    // version id of the tip before the call, "" none
	User      string    // who will be the creator, "" unknown
	Time      time.Time // before the call
	// the machine's uptime since which no call for it is under way, in ns; 0: one may be
	Quiet int64
}

// Job is one file on its way. It is a value: Next returns the job after an event, and only
// Store.Commit makes that durable.
type Job struct {
	ID      JobID
	Kind    Kind
	Phase   Phase
	Profile string
	Root    string // id of the watch; of a push or pull "" or a text that begins with PathRoot, see Watched
	Path    string // absolute local path
	Rel     string // slash path below the root; with Root the key of the published record
	Target  Target

	// slash path below the root that the file, or folder, had when it was published; "": none
	From string

	Snapshot  Snapshot  // upload: the content that this job sends; download: what was verified, then placed
	Pending   *Snapshot // a newer content, enqueued after this job began to send; its successor takes it
	Force     bool      // send even what equals the published record
	Overwrite bool      // download: replace a local file that differs
	FileTime  time.Time // download: what the file has as its time of change; zero: when it came
	Batch     string    // the push, pull or watch that asked
	// the folder that a push walked to find the file, whose rule files judge it; "": a file that
	// was named, or of a watch
	Walked string

	// upload: local path of another file or folder that is asked for too, whose name would be one
	// with a name on this one's way if the service had no regard for letter case; "" none
	Rival string

	Object        string // storage id
	UploadKey     string
	UploadExpires time.Time
	Size          int64 // bytes
	PartSize      int64 // bytes; the last part may be smaller
	PartsTotal    int
	PartsDone     int
	BytesDone     int64 // of parts that are durable at the other end
	SHA1          string
	ETag          string // download: of the first answer
	Content, Sign string // upload: what becomes that of the published record
	Temp          string // download: path of the temporary file

	Intent        *Intent
	Item          string
	Version       string
	VersionNumber int
	Held          bool   // the service holds the version back, see Published
	Result        string // see the Result constants; "" until done

	Paused    bool
	Attention bool // parked: a user should look; NextAttempt may still be set
	// restored from an older copy of the state: what it made at the other end is not known. Until
	// something is reserved or resolved there, the engine compares the contents first, byte by byte
	// if the service tells no SHA-1.
	Doubt       bool
	NextAttempt time.Time // not before; zero: at once, or with Attention: not by itself
	// how far ahead NextAttempt was when it was set: however the clock is set, no start of the
	// program waits longer
	Wait     time.Duration
	Attempts int       // failures in all
	Streak   int       // failures since the last progress: what backoff counts
	Reason   string    // reason code of the wait, the parking or the end
	Alike    int       // failures in a row with that reason, see Failures
	Error    string    // a sentence
	Since    time.Time // since when Reason holds

	// upload: how often all or most of the file went again, because a session was lost or a
	// completion refused; a user who retries begins to count again
	Repeats int

	// how often, in a row, the file changed under its jobs before this one ended; above 0 it is
	// read from a snapshot
	Changes int
	// of a watched file: since when the engine has seen Snapshot, zero: the watcher found it
	Seen time.Time
	// of a watched file: since when it changes without having settled in between, zero: it settled
	Unrest time.Time

	// upload: above zero it begins before those of less, below after them
	Priority int

	Successor JobID // the job that went on after this one was superseded

	End     string // see the End constants; "" open
	Created time.Time
	Updated time.Time
	Ended   time.Time
}

// PathRoot begins the Root of a job that no watch asked for. Such a root only names where the
// published record of the file is kept.
const PathRoot = "path-"

// Watched reports whether a watch asked for the job.
func (j Job) Watched() bool { return j.Root != "" && !strings.HasPrefix(j.Root, PathRoot) }

// Open reports whether the job has not ended.
func (j Job) Open() bool { return j.End == "" }

// Status derives what a user is told. active says that the engine runs the job right now, which
// only the engine knows.
func (j Job) Status(active bool, now time.Time) Status {
	switch {
	case j.End == EndDone:
		return StatusDone
	case j.End == EndFailed:
		return StatusFailed
	case j.End != "":
		return StatusCancelled
	case j.Paused:
		return StatusPaused
	case active:
		return StatusActive
	case j.Attention:
		return StatusAttention
	case j.NextAttempt.After(now):
		return StatusWaiting
	}

	return StatusQueued
}

// Runnable reports whether the engine may work on the job at now: it is open, not paused, no
// attempt lies ahead, and it does not wait for a user alone.
func (j Job) Runnable(now time.Time) bool {
	if j.End != "" || j.Paused || j.Attention && j.NextAttempt.IsZero() {
		return false
	}

	return !j.NextAttempt.After(now)
}

// Failures is how often in a row the job failed with a reason: what bounds its tries, since other
// failures in between say nothing about this one.
func (j Job) Failures(reason string) int {
	if j.Reason != reason {
		return 0
	}

	return j.Alike
}

// Part is a part whose bytes are durable at the other end: its ETag is known (upload) or its range
// is on disk (download).
type Part struct {
	Number int   // from 1
	Size   int64 // bytes
	ETag   string
	MD5    string // hex, "" not computed
}

// HistoryLine is one event of a job, oldest first.
type HistoryLine struct {
	Time   time.Time
	Event  string
	Detail string
}

// PublishedRecord is what was last published for a file: the base of every later comparison.
type PublishedRecord struct {
	Root     string
	Rel      string
	Remote   string // address in names
	Item     string
	Version  string
	Number   int
	Storage  string
	Snapshot Snapshot
	PartSize int64
	ETags    []string // in part order; none beyond 64, the receipt has them all
	SHA1     string
	At       time.Time
	Content  string // kind and release of the file, see package watcher/content; "" never judged
	Sign     string // why the content was doubtful when it was sent, "" it was not
	// adopted: name and size were equal at both ends, and nothing has proved the content yet
	Unproven bool
}

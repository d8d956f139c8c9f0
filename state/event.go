package state

import (
	"fmt"
	"time"
)

// Event is something that happened to a job. The set is closed; Job.Next knows which event fits
// which phase.
type Event interface {
	event() string // its name in the history
	detail() string
}

// Events of uploads.
type (
	// FolderFound: the direct parent exists, in Project (Core: its hub's types); Item is the file's
	// item there, "" none was seen. It is a hint for scheduling: the create looks again.
	FolderFound struct {
		Project, Folder, Item string
		Core                  bool
	}
	// Reserved: the service gave a storage id, after the content was judged: see the fields of that
	// name in Job. Why says for people what Sign means.
	Reserved struct{ Object, Content, Sign, Why string }
	// Opened: an upload session is open and the part plan is fixed. Repeated with the same key and
	// plan it only renews the expiry.
	Opened struct {
		UploadKey string
		Expires   time.Time
		PartSize  int64
		Parts     int
	}
	// AllStored: every part is stored, and the source was looked at after the last.
	AllStored struct{}
	// Assembled: the service assembled the object.
	Assembled struct{}
	// Intended: the create that must not happen twice comes next.
	Intended struct {
		Intent Intent
		// of a rename that the watch did not tell of: the path below the root that the file had
		From string
	}
	// Quiet: since so much uptime of the machine no call for the intent is under way; 0: from now on one
	// may be.
	Quiet struct{ Since time.Duration }
	// Published: the service told, or a look showed, which version it is.
	Published struct {
		Item, Version string
		Number        int
		Held          bool // the service holds it back: its name breaks the naming standard
	}
	// SourceChanged ends the job as superseded and queues a successor with the snapshot in the same
	// commit; with Gone it ends it as failed ("vanished"). NotBefore delays the successor: a file
	// just changed should settle first. Seen and Unrest become the successor's; what the watcher
	// has found settled meanwhile counts as that.
	SourceChanged struct {
		Snapshot  Snapshot
		Gone      bool
		NotBefore time.Time

		Seen, Unrest time.Time
	}
)

// Events of downloads.
type (
	// Resolved: the version and its storage are known.
	Resolved struct {
		Item, Version string
		Number        int
		Object        string
		Size          int64
		SHA1          string
	}
	// FetchStarted: the first answer fixed the ETag, and the temporary file exists. Size above zero
	// replaces what Resolved said.
	FetchStarted struct {
		ETag, Temp string
		Size       int64
		PartSize   int64
		Parts      int
	}
	// Verified: the temporary file is whole and synced; Snapshot is of it.
	Verified struct {
		SHA1     string
		Snapshot Snapshot
	}
	// Placed: the file is under its name; Snapshot is the state in which it got there, whatever
	// became of it since.
	Placed struct{ Snapshot Snapshot }
)

// Events of renames and hides.
type (
	// Renamed ends the job as done: what was published under From is under the new name. Item and
	// version are those of a file; Copied: the old item is still there, and keeps its record.
	Renamed struct {
		Item, Version string
		Number        int
		Storage       string
		Copied        bool
		// the file has other content by now: its record is of what was renamed, and it is looked at again
		Changed bool
		From    string // address in names of what was renamed
	}
	// Hidden ends the job as done: the item is hidden, and its record goes.
	Hidden struct{}
	// Dropped: it cannot be carried out, and another way is taken. An upload goes on as if nothing had
	// been published of it; any other job ends, and what was below a folder is looked at again.
	Dropped struct {
		Why   string
		Again bool // of a hide: it may be asked for again, else not while nothing else is published
	}
)

// Events of both kinds.
type (
	// PartStored: the part is durable at the other end.
	PartStored struct {
		Part      int
		Size      int64
		ETag, MD5 string

		again bool  // set by the store: the part was stored before
		was   int64 // with this size
	}
	// PartsLost: these parts must be sent or fetched again.
	PartsLost struct {
		Parts []int
		Whole bool // counts as a repeat of the whole file

		counted bool  // set by the store: so many of them were stored,
		count   int   // with so many bytes
		bytes   int64 //
	}
	// SessionLost: the upload session, or the object behind the ranges, is gone; all parts are
	// forgotten and the job goes back to the phase before its parts.
	SessionLost struct{}
	// Finished ends the job as done. Record and receipt are written in the same commit. Record's
	// ETags are filled from the parts when empty. Receipt holds further fields of the receipt, a
	// JSON object, or nil.
	Finished struct {
		Result  string
		Record  *PublishedRecord
		Receipt []byte
	}
	// Unchanged ends the job as done without a transfer: the other end has this content already. A
	// record, when given, is written in the same commit.
	Unchanged struct {
		Item, Version string
		Number        int
		Record        *PublishedRecord
	}

	// Retry: the attempt failed, the next comes by itself at At.
	Retry struct {
		At            time.Time
		Reason, Error string
	}
	// Parked: a user should look. At is the next attempt, zero: none by itself.
	Parked struct {
		Reason, Error string
		At            time.Time
	}
	// Failed ends the job.
	Failed struct{ Reason, Error string }
	// Pause and Resume are a user's wish; both may be repeated.
	Pause struct{}
	// Resume takes back Pause.
	Resume struct{}
	// RetryNow clears the wait or the parking. With Probe a parked job is tried at that time, and
	// what it is parked for stands until something goes well.
	RetryNow struct{ Probe time.Time }
	// Cancel ends the job; its newest snapshot is not wanted until the file changes.
	Cancel struct{}
)

func (FolderFound) event() string   { return "folder-found" }
func (Reserved) event() string      { return "reserved" }
func (Opened) event() string        { return "opened" }
func (AllStored) event() string     { return "all-stored" }
func (Assembled) event() string     { return "assembled" }
func (Intended) event() string      { return "intended" }
func (Quiet) event() string         { return "quiet" }
func (Published) event() string     { return "published" }
func (SourceChanged) event() string { return "source-changed" }
func (Resolved) event() string      { return "resolved" }
func (FetchStarted) event() string  { return "fetch-started" }
func (Verified) event() string      { return "verified" }
func (Placed) event() string        { return "placed" }
func (PartStored) event() string    { return "part-stored" }
func (Renamed) event() string       { return "renamed" }
func (Hidden) event() string        { return "hidden" }
func (Dropped) event() string       { return "dropped" }
func (PartsLost) event() string     { return "parts-lost" }
func (SessionLost) event() string   { return "session-lost" }
func (Finished) event() string      { return "finished" }
func (Unchanged) event() string     { return "unchanged" }
func (Retry) event() string         { return "retry" }
func (Parked) event() string        { return "parked" }
func (Failed) event() string        { return "failed" }
func (Pause) event() string         { return "pause" }
func (Resume) event() string        { return "resume" }
func (RetryNow) event() string      { return "retry-now" }
func (Cancel) event() string        { return "cancel" }

func (e FolderFound) detail() string { return e.Folder }
func (e Reserved) detail() string {
	if e.Why != "" {
		return e.Object + ": " + e.Why
	}

	return e.Object
}
func (e Opened) detail() string   { return fmt.Sprintf("%d parts of %d bytes", e.Parts, e.PartSize) }
func (AllStored) detail() string  { return "" }
func (Assembled) detail() string  { return "" }
func (e Intended) detail() string { return e.Intent.Kind }
func (Quiet) detail() string      { return "" }
func (e Published) detail() string {
	if e.Held {
		return e.Version + ", in the holding area: its name breaks the naming standard of the folder"
	}

	return e.Version
}
func (e SourceChanged) detail() string {
	if e.Gone {
		return "the file is gone"
	}

	return fmt.Sprintf("now %d bytes of %s", e.Snapshot.Size,
		e.Snapshot.ModTime.UTC().Format(time.RFC3339Nano))
}
func (e Resolved) detail() string { return e.Version }
func (e FetchStarted) detail() string {
	return fmt.Sprintf("%d ranges of %d bytes", e.Parts, e.PartSize)
}
func (e Verified) detail() string   { return e.SHA1 }
func (Placed) detail() string       { return "" }
func (e Renamed) detail() string    { return e.Version }
func (Hidden) detail() string       { return "" }
func (e Dropped) detail() string    { return e.Why }
func (e PartStored) detail() string { return fmt.Sprintf("part %d", e.Part) }
func (e PartsLost) detail() string  { return fmt.Sprintf("parts %v", e.Parts) }
func (SessionLost) detail() string  { return "" }
func (e Finished) detail() string   { return e.Result }
func (e Unchanged) detail() string  { return e.Version }
func (e Retry) detail() string      { return e.Reason + ": " + e.Error }
func (e Parked) detail() string     { return e.Reason + ": " + e.Error }
func (e Failed) detail() string     { return e.Reason + ": " + e.Error }
func (Pause) detail() string        { return "" }
func (Resume) detail() string       { return "" }
func (RetryNow) detail() string     { return "" }
func (Cancel) detail() string       { return "" }

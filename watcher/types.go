package watcher

import (
	"context"
	"log/slog"
	"time"
)

// Snapshot is what a file looked like from outside. Two equal snapshots are taken as the same
// content.
type Snapshot struct {
	Size    int64     // bytes
	ModTime time.Time // nanoseconds, as far as the file system keeps them
	// inode change time; zero when the system has none or it is not in a folder's listing
	// (Windows)
	ChangeTime time.Time
	// "device:inode" in hexadecimal, on Windows volume and file index; "" unknown
	FileID string
}

// Change is one path that settled in a state other than its baseline's.
type Change struct {
	Path     string   // slash path below the root
	Removed  bool     // the file is gone; Snapshot is zero
	Snapshot Snapshot // as last seen, after the quiet time
	Capped   bool     // it settled at SettleCap without a rest of Settle: it is saved all the time

	// of a file that was renamed or moved, by its file id, and neither written to nor replaced: the path
	// that it had
	From string
	To   string // of one that is gone: the path that it has now, "" none is known
}

// Chunk is a run of a folder's records in order of name. The bytes are this package's; the keeper
// stores them opaque.
type Chunk struct {
	First string // the first name in it; unique in its folder
	Data  []byte // at most 64 KiB, but for a single name longer than that
}

// FolderChange replaces some chunks of one folder.
type FolderChange struct {
	Folder string // slash path below the root, "" the root
	Put    []Chunk
	Delete []string // First of chunks that are no more
}

// Baseline keeps what was last reported of one root. Load and Find are called from several
// goroutines, also during Store.
type Baseline interface {
	// Load returns all chunks of a folder in byte order of First; none is not an error.
	Load(folder string) ([]Chunk, error)
	// Find returns the chunk whose First is the greatest not after name, when there is none such
	// the first chunk of the folder, and the First of the chunk that follows it ("": it is the
	// last). Its cost must not grow with the number of chunks.
	Find(folder, name string) (c Chunk, next string, found bool, err error)
	// Store applies all changes in one durable commit.
	Store(changes []FolderChange) error
}

// Emit takes a batch of changes, at most a few hundred, and returns nil once they are durable. An
// error is logged and the batch is offered again later.
type Emit = func(ctx context.Context, changes []Change) error

// Config of a Watcher. Book and Baseline are required.
type Config struct {
	Book *Book // the rules of the folder to watch, which is its root: an absolute path

	// Settle is how long a path must not have been seen to change. Default 10 s.
	Settle time.Duration
	// SettleCap is how long a path may keep changing, or be locked, until a quarter of Settle (2.5
	// s or all of Settle at least) is rest enough for one that has rested that long before. Default
	// four times Settle, 40 s at least: a file that is saved every few seconds still settles once a
	// minute.
	SettleCap time.Duration
	// ScanInterval is the time between scans while notices arrive. Default 1 h.
	ScanInterval time.Duration
	// PollInterval is the time between scans when there are no notices (network mounts, no
	// watches left). Default 30 s.
	PollInterval time.Duration
	// Poll asks for scans alone, whatever the file system can do.
	Poll bool

	// Marker is the name of a file that the caller leaves in the root, "" none. A root without it
	// that is empty, though files of it are known, is taken for the place of a disk that is not
	// mounted.
	Marker string

	// Wishes are those of a path, by slash path below the root; they may be others at each call. nil:
	// none.
	Wishes func(path string) Wishes

	Baseline Baseline
	Logger   *slog.Logger // nil: discard
}

// Wishes are what is asked for one path.
type Wishes struct {
	Settle  time.Duration // in place of the Config's; its cap is then the default one. 0: none
	NoGate  bool          // a file that begins with nothing but zeros is not waited for
	OnClose bool          // it waits, past SettleCap too, while it is open or has a lock file beside it
}

func (c Config) wishes(path string) Wishes {
	if c.Wishes == nil {
		return Wishes{}
	}

	return c.Wishes(path)
}

// States of a watcher.
const (
	StateScanning    = "scanning"    // the first scan, or one after doubt, is under way
	StateWatching    = "watching"    // notices arrive
	StatePolling     = "polling"     // no notices here: scanned every PollInterval
	StateUnavailable = "unavailable" // the root cannot be read
)

// Status is a copy of what the watcher knows of itself.
type Status struct {
	State    string
	LastScan time.Time     // end of the last whole scan; zero before the first
	LastTook time.Duration // from its beginning, with what it found being taken
	Whole    bool          // all that is there was read when it was scanned last
	// since when the root is there, with all that is mounted below it; zero: since before any file of
	// it was known
	Since   time.Time
	Files   int            // tracked, as of the last scan and the changes since
	Pending int            // differ from the baseline and have not been reported yet
	Busy    int            // of those, never at rest since SettleCap
	Waits   []Wait         // what the pending paths wait for; not to be changed
	Mounts  []string       // slash paths of what is mounted below the root, as of the last look
	LeftOut map[string]int // names by the built-in rule that leaves them out, as of the last scan
	Detail  string         // why polling or unavailable; what could not be read

	pollReason string
	scanDetail string
	unread     string // what could not be read when it was scanned last
}

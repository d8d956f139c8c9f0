package control

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
)

// Status is what moves, what waits for what, and what needs a user.
type Status struct {
	Version   string      `json:"version"`
	Owner     *Owner      `json:"owner,omitempty"` // absent when nothing runs
	Watches   []Watch     `json:"watches"`
	Jobs      Counts      `json:"jobs"`
	Active    []Active    `json:"active"`
	Attention []Attention `json:"attention"`
	Waiting   []Waiting   `json:"waiting"`
	Budgets   []Budget    `json:"budgets"`
	ETA       *ETA        `json:"eta,omitempty"`
	Trouble   []Trouble   `json:"trouble,omitempty"`
	Bandwidth *Bandwidth  `json:"bandwidth,omitempty"` // absent: no limit

	Pushes []PendingPush `json:"pushes,omitempty"`
}

// PendingPush is a push, or pull, of so many files that not all are queued yet; they are as others are done.
type PendingPush struct {
	Pull   bool      `json:"pull,omitempty"`
	Paths  []string  `json:"paths"`
	Remote string    `json:"remote"`
	Since  time.Time `json:"since"`
	Left   *int      `json:"left,omitempty"` // files not queued yet; absent while nothing queues them
}

// DroppedPushes is how many pushes were to queue more, and do not any more.
type DroppedPushes struct {
	Pushes int `json:"pushes"`
}

// Trouble is one cause that keeps the home as a whole, or many files, from their work.
type Trouble struct {
	Reason      string     `json:"reason"` // of the list of reasons
	Detail      string     `json:"detail,omitempty"`
	Count       int        `json:"count,omitempty"` // files that it keeps
	Since       *time.Time `json:"since,omitempty"`
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	Fix         string     `json:"fix,omitempty"`
}

// Owner is the process that has the state of a home open.
type Owner struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// Counts are jobs by state.
type Counts struct {
	Queued    int `json:"queued"`
	Active    int `json:"active"`
	Waiting   int `json:"waiting"`
	Paused    int `json:"paused"`
	Attention int `json:"attention"`
	Done      int `json:"done"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

// Watch is a watched folder. The counts are absent while nobody has looked; then files = synced +
// pending + attention.
type Watch struct {
	ID        string     `json:"id"`
	Path      string     `json:"path"`
	Remote    string     `json:"remote"`
	Mode      string     `json:"mode"`
	Delete    string     `json:"delete"` // keep or hide
	State     string     `json:"state,omitempty"`
	Files     *int       `json:"files,omitempty"`
	Synced    *int       `json:"synced,omitempty"`
	Pending   *int       `json:"pending,omitempty"`
	Attention *int       `json:"attention,omitempty"`
	LastScan  *time.Time `json:"last_scan,omitempty"`
	Detail    string     `json:"detail,omitempty"`

	LeftOut  []RuleCount `json:"left_out,omitempty"`
	Excluded *Excluded   `json:"excluded,omitempty"`
	Doubtful *Excluded   `json:"doubtful,omitempty"` // sent though their content is doubtful
	Brake    *Brake      `json:"brake,omitempty"`    // why it was stopped

	Settings map[string][]string `json:"settings,omitempty"` // as "watch set" takes them; those that are set
}

// Excluded are files that were published and are left out by the rules now; they stay in the cloud.
type Excluded struct {
	Count int      `json:"count"`
	Paths []string `json:"paths"` // up to five of them
}

// RuleCount is how many files and folders a rule leaves out that nobody asked for.
type RuleCount struct {
	Rule  string `json:"rule"`
	Count int    `json:"count"`
}

// RuleCounts lists counts by rule, the highest first.
func RuleCounts(by map[string]int) []RuleCount {
	var out []RuleCount
	for rule, n := range by {
		out = append(out, RuleCount{rule, n})
	}

	slices.SortFunc(out, func(a, b RuleCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Rule, b.Rule))
	})

	return out
}

// WatchPaused is the state of a watch that a user stopped; the others are those of package watcher.
const WatchPaused = "paused"

// Active is a job whose bytes or calls move now.
type Active struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Path       string `json:"path"`
	Remote     string `json:"remote"`
	Phase      string `json:"phase"`
	BytesDone  int64  `json:"bytes_done"`
	BytesTotal *int64 `json:"bytes_total,omitempty"`
	PartsDone  *int   `json:"parts_done,omitempty"`
	PartsTotal *int   `json:"parts_total,omitempty"`
	Rate       int64  `json:"rate,omitempty"`
	ETASeconds int64  `json:"eta_seconds,omitempty"`
}

// Attention is a file that needs a user.
type Attention struct {
	ID          string     `json:"id,omitempty"` // of its job; absent of what ails the home itself
	Path        string     `json:"path"`
	Reason      string     `json:"reason"`
	Detail      string     `json:"detail,omitempty"`
	Since       *time.Time `json:"since,omitempty"`
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	Fix         string     `json:"fix,omitempty"`
}

// Waiting is what goes on by itself once something is over, grouped by its cause.
type Waiting struct {
	Reason      string     `json:"reason"` // of the list of reasons, or why a watch lets a file rest
	Detail      string     `json:"detail,omitempty"`
	Count       int        `json:"count"`                  // files
	Since       *time.Time `json:"since,omitempty"`        // of the one that waits longest
	NextAttempt *time.Time `json:"next_attempt,omitempty"` // the first one; always ahead
	Fix         string     `json:"fix,omitempty"`          // when one command helps them all
	Paths       []string   `json:"paths"`                  // up to five
}

// Budget is one limit of the service on calls.
type Budget struct {
	Class          string     `json:"class"`
	LimitPerMinute int        `json:"limit_per_minute"`
	Available      int        `json:"available"`
	ClosedUntil    *time.Time `json:"closed_until,omitempty"`
	NextCall       *time.Time `json:"next_call,omitempty"` // when none is free now
}

// ETA is when everything that is open will be done, and what decides it.
type ETA struct {
	Seconds   int64  `json:"seconds"`
	DecidedBy string `json:"decided_by,omitempty"`
}

// Job is one file on its way.
type Job struct {
	ID         string       `json:"id"`
	Kind       string       `json:"kind"`
	State      state.Status `json:"state"`
	Phase      string       `json:"phase"`
	Path       string       `json:"path"`
	Remote     string       `json:"remote"`
	Size       *int64       `json:"size,omitempty"`
	BytesDone  int64        `json:"bytes_done"`
	PartsDone  *int         `json:"parts_done,omitempty"`
	PartsTotal *int         `json:"parts_total,omitempty"`
	Attempts   int          `json:"attempts"`
	Reason     string       `json:"reason,omitempty"`
	Error      string       `json:"error,omitempty"`
	Result     string       `json:"result,omitempty"` // of the results below, once done
	ItemID     string       `json:"item_id,omitempty"`
	VersionID  string       `json:"version_id,omitempty"`
	StorageID  string       `json:"storage_id,omitempty"`
	CreatedAt  time.Time    `json:"created_at"`
	UpdatedAt  time.Time    `json:"updated_at"`

	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	Fix         string     `json:"fix,omitempty"`
	Warning     string     `json:"warning,omitempty"` // what somebody should know though nothing is wrong

	Successor string `json:"-"` // the job of the newer state of the file that took this one's place
}

// JobDetail is a job with its parts and history.
type JobDetail struct {
	Job
	Parts   []Part    `json:"parts"`
	History []History `json:"history"`

	ProjectID     string `json:"project_id,omitempty"`
	VersionNumber int    `json:"version_number,omitempty"`
}

// Part is a part that the service has acknowledged.
type Part struct {
	Part int    `json:"part"`
	Size int64  `json:"size"`
	ETag string `json:"etag"`
}

// History is one thing that happened to a job.
type History struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Detail string    `json:"detail,omitempty"`
}

// JobStates are the states of a job.
var JobStates = []state.Status{state.StatusQueued, state.StatusActive, state.StatusWaiting,
	state.StatusPaused, state.StatusAttention, state.StatusDone, state.StatusFailed, state.StatusCancelled}

// StateList names them all for people.
func StateList() string { return join(JobStates, ", ") }

func join(states []state.Status, by string) string {
	text := make([]string, len(states))
	for i, s := range states {
		text[i] = string(s)
	}

	return strings.Join(text, by)
}

// JobQuery chooses jobs; the zero value means all of them, oldest first.
type JobQuery struct {
	States []state.Status // none: all
	Open   bool           // only those that are not done, failed or cancelled
	Limit  int            // 0: no limit
	Newest bool           // the newest first
	Path   string         // a part of the local path, in any letter case
	After  string         // only those that come after this one: the last of the page before
}

// ActResult is what pause, resume, retry or cancel did to a job: Result is the verb's past, or
// "unchanged".
type ActResult struct {
	ID     string       `json:"id"`
	State  state.Status `json:"state"`
	Result string       `json:"result"`
}

// Filter chooses files of a tree.
type Filter struct {
	Exclude []string `json:"exclude,omitempty"` // .gitignore syntax
	Include []string `json:"include,omitempty"` // when given, nothing else is taken
	MinSize int64    `json:"min_size,omitempty"`
	MaxSize int64    `json:"max_size,omitempty"`
	MinAge  float64  `json:"min_age,omitempty"` // seconds

	IfPresent     []string `json:"exclude_if_present,omitempty"` // names of files that leave their folder out
	Caches        bool     `json:"exclude_caches,omitempty"`
	OneFileSystem bool     `json:"one_file_system,omitempty"`
}

// PushRequest asks the owner to upload. Paths are absolute; a path that ends in a slash means the
// contents of a folder. With Files, Paths is one folder and only these slash paths below it are
// taken.
type PushRequest struct {
	Profile  string   `json:"profile,omitempty"`
	Paths    []string `json:"paths"`
	Files    []string `json:"files,omitempty"`
	Listed   bool     `json:"listed,omitempty"` // one of Paths that is missing stops no other
	Remote   string   `json:"remote"`
	As       string   `json:"as,omitempty"`
	Force    bool     `json:"force,omitempty"`
	Keep     bool     `json:"keep,omitempty"` // an item of the name stays as it is
	MapNames bool     `json:"map_names,omitempty"`
	OrderBy  string   `json:"order_by,omitempty"`
	Most     int64    `json:"max_transfer,omitempty"` // bytes; the files after them are queued and paused
	Cautious bool     `json:"cautious,omitempty"`     // the file that would pass the limit waits too
	DryRun   bool     `json:"dry_run,omitempty"`
	When     bool     `json:"when,omitempty"` // of preflight: when each file will be done
	Filter   Filter   `json:"filter,omitzero"`
	Batch    string   `json:"batch,omitempty"`
}

// PullRequest asks the owner to download. Path is absolute.
type PullRequest struct {
	Profile   string `json:"profile,omitempty"`
	Remote    string `json:"remote"`
	Path      string `json:"path"`
	Version   int    `json:"version,omitempty"`
	Single    bool   `json:"single,omitempty"` // a folder is a mistake
	Overwrite bool   `json:"overwrite,omitempty"`
	OwnTime   bool   `json:"own_time,omitempty"` // files keep the time of their arrival
	OrderBy   string `json:"order_by,omitempty"`
	Most      int64  `json:"max_transfer,omitempty"`
	Cautious  bool   `json:"cautious,omitempty"`
	Force     bool   `json:"force,omitempty"`
	DryRun    bool   `json:"dry_run,omitempty"`
	Filter    Filter `json:"filter,omitzero"`
	Batch     string `json:"batch,omitempty"`
}

// Plan answers a push or pull: what is to be done for each file.
type Plan struct {
	Batch string     `json:"batch,omitempty"`
	Files []PlanFile `json:"files"`

	LeftOut []RuleCount `json:"left_out,omitempty"`
}

// PlanFile is one file of a plan: its result when that is known at once, or the job that will
// bring it.
type PlanFile struct {
	Job string `json:"job,omitempty"`
	FileResult
	Held bool `json:"held,omitempty"` // queued and paused: it comes after max_transfer
}

// Results of a file.
const (
	ResultCreated    = "created"
	ResultVersioned  = "versioned"
	ResultUnchanged  = "unchanged"
	ResultDownloaded = "downloaded"
	ResultAttention  = "attention"
)

// FileResult is what push and pull report of a file.
type FileResult struct {
	Path      string `json:"path"`
	Remote    string `json:"remote"`
	Result    string `json:"result,omitempty"`
	Bytes     *int64 `json:"bytes,omitempty"`
	ItemID    string `json:"item_id,omitempty"`
	VersionID string `json:"version_id,omitempty"`
	StorageID string `json:"storage_id,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Detail    string `json:"detail,omitempty"`
	Fix       string `json:"fix,omitempty"`
	Warning   string `json:"warning,omitempty"`
}

// Update is one message to a follower of jobs: a job that came to an end (or needs a user), or
// how far all are.
type Update struct {
	For      string    `json:"for,omitempty"` // as asked for; a successor has another id
	Job      *Job      `json:"job,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
}

// Progress sums up the jobs that are followed.
type Progress struct {
	Files      int    `json:"files"`
	FilesDone  int    `json:"files_done"`
	Bytes      int64  `json:"bytes"`
	BytesDone  int64  `json:"bytes_done"`
	Rate       int64  `json:"rate,omitempty"`
	ETASeconds int64  `json:"eta_seconds,omitempty"`
	DecidedBy  string `json:"decided_by,omitempty"`
	Waiting    string `json:"waiting,omitempty"` // why nothing moves, when nothing does

	Attention int   `json:"attention,omitempty"` // of the files done, those that need a user
	Calls     int64 `json:"calls"`               // of the service since the following began
	// of the limit that decides, when it lets no call through now
	PerMinute int        `json:"per_minute,omitempty"`
	NextCall  *time.Time `json:"next_call,omitempty"`
	Wait      *Waiting   `json:"wait,omitempty"`    // what most files that do not move wait for
	Slowest   []Slow     `json:"slowest,omitempty"` // up to four files, in order of their jobs
}

// Slow is one of the files that take the longest; with Tries its last step failed so often and is
// made again.
type Slow struct {
	Active
	Tries       int        `json:"tries,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
}

// WatchRequest asks for a new watch.
type WatchRequest struct {
	Path    string `json:"path"`
	Remote  string `json:"remote"`
	Mode    string `json:"mode,omitempty"`
	Settle  string `json:"settle,omitempty"`
	Scan    string `json:"scan,omitempty"`
	Profile string `json:"profile,omitempty"`

	config.Selection

	Delete string `json:"delete,omitempty"` // what becomes of removed files: keep or hide

	// the keys of those names in a [[watch]] table
	Open     string `json:"open,omitempty"`
	Priority string `json:"priority,omitempty"`
	Gate     string `json:"gate,omitempty"`
	Prefer   string `json:"prefer,omitempty"`

	TakeOver bool `json:"take_over,omitempty"` // move the folder here from the home that sends it now
}

// WatchSettings are other values for keys of a [[watch]] table of config.toml, each as a list of one text
// (several for a key that holds a list); none is the default.
type WatchSettings struct {
	Set map[string][]string `json:"set"`
	// the match of the [[watch.pattern]] table whose keys they are; "": they are those of the watch
	Pattern string `json:"pattern,omitempty"`
}

// WatchAdded answers a WatchRequest; removing, pausing, resuming and setting answer with the same and State.
type WatchAdded struct {
	ID     string `json:"id"`
	Path   string `json:"path"`
	Remote string `json:"remote"`
	State  string `json:"state,omitempty"`
}

// PageLink opens the page of the home in a browser, once, within a minute: it is a secret.
type PageLink struct {
	URL string `json:"url"`
}

// Event is one message of /v1/events: something durable changed.
type Event struct {
	Index  uint64 `json:"index"`          // to go on from: /v1/events?since=INDEX
	Jobs   []Job  `json:"jobs"`           // those that changed
	Lost   bool   `json:"lost,omitempty"` // more changed than is remembered: read everything again
	Counts Counts `json:"counts"`
}

// Known is a time for JSON: in UTC, nil when it is not known.
func Known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}

	t = t.UTC()

	return &t
}

package control

import (
	"context"
	"math"

	"hoist/apsclient"
)

// Verb is what can be done to a job or a watch.
type Verb string

// The verbs: of [API.Act] and POST /v1/jobs/{id}/{verb} all but Remove, of [API.ChangeWatch] Pause,
// Resume, Remove and Scan.
const (
	Pause  Verb = "pause"
	Resume Verb = "resume"
	Retry  Verb = "retry"
	Cancel Verb = "cancel"
	Remove Verb = "remove"
	Scan   Verb = "scan"
)

// FromNow is the index of [API.Changes] for what is committed from now on.
const FromNow = math.MaxUint64

// API is what the owner of a home does for commands. Errors have a kind and a fix (see
// package problem). All methods are safe for concurrent use.
type API interface {
	Status(ctx context.Context) (Status, error)
	// Brief is the status with at most so many of what moves, and of what needs a person; 0: all.
	Brief(ctx context.Context, most int) (Status, error)
	Jobs(ctx context.Context, q JobQuery) ([]Job, error)
	// Job finds a job by its id or a prefix of it that no other job has.
	Job(ctx context.Context, id string) (JobDetail, error)
	Act(ctx context.Context, id string, verb Verb) (ActResult, error)
	// ActAll does Pause, Resume or Retry to all jobs that it can concern.
	ActAll(ctx context.Context, verb Verb, r ActAllRequest) (ActedOn, error)
	// DropPushes forgets what pushes have not queued yet; their jobs stay.
	DropPushes(ctx context.Context) (DroppedPushes, error)
	// SetBandwidth gives bwlimit in config.toml another value, at once.
	SetBandwidth(ctx context.Context, r BandwidthRequest) (Bandwidth, error)
	// Renew makes the next call of a profile use the credentials that are stored by then.
	Renew(ctx context.Context, profile string) (Renewed, error)
	// Doctor looks at what transfers stand on, as "hoist doctor" does.
	Doctor(ctx context.Context) ([]Finding, error)

	// Push and Pull plan, queue and return; Follow tells the rest.
	Push(ctx context.Context, r PushRequest) (Plan, error)
	Pull(ctx context.Context, r PullRequest) (Plan, error)
	// Preflight looks for what would keep the files of a push from arriving, and makes nothing.
	Preflight(ctx context.Context, r PushRequest) (PreflightReport, error)
	// Follow calls each once for every job of ids that is done, failed, cancelled or needs a user
	// (then it may still go on by itself), and with progress in between, until all have been told.
	Follow(ctx context.Context, ids []string, each func(Update) error) error

	Watches(ctx context.Context) ([]Watch, error)
	AddWatch(ctx context.Context, r WatchRequest) (WatchAdded, error)
	// ChangeWatch does Remove, Pause, Resume or Scan to the watch with this id, path or remote;
	// Scan takes a path inside a watch as well, and looks at what is below it.
	ChangeWatch(ctx context.Context, which string, verb Verb) (WatchAdded, error)
	// SetWatch gives the watch with this id, path or remote other settings, at once.
	SetWatch(ctx context.Context, which string, r WatchSettings) (WatchAdded, error)

	// Action makes one call of the service for a profile, within the owner's budgets and with its
	// token.
	Action(ctx context.Context, profile string, r apsclient.Request) (*Answer, error)
	// Open returns a link that opens the page of the home once, within a minute.
	Open(ctx context.Context) (PageLink, error)
	// Plots is what was done over the last hour (""), day or week, by minutes and more.
	Plots(ctx context.Context, span string) (Plots, error)
	// Changes returns once something was committed after the index since, or after [FromNow].
	Changes(ctx context.Context, since uint64) (Event, error)

	// CheckState looks at the whole state file.
	CheckState(ctx context.Context) (StateReport, error)
	// Verify compares disk, receipts and cloud; unless it is quick it reads every file concerned.
	Verify(ctx context.Context, r VerifyRequest) (VerifyReport, error)
	// BackupState writes a copy of the state to an absolute path when nothing is yet.
	BackupState(ctx context.Context, path string) error
	// RecordStream writes the receipt of a stream that another process sent.
	RecordStream(ctx context.Context, r StreamRecord) error
	// Forget drops the records of files, and touches none of them.
	Forget(ctx context.Context, r ForgetRequest) ([]Forgotten, error)
	// Explain tells why the file with this absolute path is in its state.
	Explain(ctx context.Context, path string) (Explanation, error)
}

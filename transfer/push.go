package transfer

import (
	"context"

	"hoist/state"
)

// Source is one local file of a push.
type Source struct {
	Path     string // absolute local path
	Rel      string // slash path below the landing folder: "plan.rvt", "DIR/a/plan.rvt"
	Snapshot state.Snapshot
}

// PushRequest asks for a plan of an upload.
type PushRequest struct {
	Profile  string
	Sources  []Source
	Remote   Address // a folder, or a key prefix of oss
	As       string  // another name for the single source
	Force    bool    // send what is unchanged too
	MapNames bool    // names that the service refuses are mapped instead of parked
	Batch    string
	Root     string // the watch's root id, "" for a push
}

// PullRequest asks for a plan of a download.
type PullRequest struct {
	Profile   string
	Remote    Address
	Path      string // absolute local path
	Version   int    // 0: the tip
	Overwrite bool
	Batch     string
}

// Planned is one file of a plan. Result is "unchanged" when nothing is to be done, "attention" when a person is needed
// (Reason and Detail say why), and "" when Job is to be enqueued. A parked plan has a Job too, to be enqueued as it is: it carries Reason.
type Planned struct {
	Source  Source
	Remote  string // canonical address of the file
	Bytes   int64  // -1 unknown
	Result  string
	Reason  string
	Detail  string
	Warning string // what will probably go wrong, though it is tried
	Job     state.Job
	Record  *state.PublishedRecord // of what is unchanged
}

func (e *Engine) PlanPush(ctx context.Context, req PushRequest) ([]Planned, error) { panic("declared") }
func (e *Engine) PlanPull(ctx context.Context, req PullRequest) ([]Planned, error) { panic("declared") }

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/remote"
)

// Results of a File; "" means that its Job is to be enqueued.
const (
	Unchanged = "unchanged" // nothing is to be done
	// a person is needed; Job carries the reason, and may be enqueued to be seen in status
	Attention = "attention"
)

// File is one file of a plan.
type File struct {
	Source  Source
	Remote  string    // canonical address of the file
	Bytes   int64     // -1 unknown
	Changed time.Time // of a download: when the remote content was; zero: unknown
	Result  string    // Unchanged, Attention or ""
	Reason  string    // code, with Attention
	Detail  string
	Warning string // what was changed or will probably go wrong, though it is tried
	Job     state.Job
	Record  *state.PublishedRecord // of what is unchanged
	Kept    *apsclient.Item        // that stays as it is (PushRequest.Keep)
}

// attention parks a plan.
func (p *File) attention(reason, detail string) {
	p.Result, p.Reason, p.Detail = Attention, reason, detail
	p.Job.Attention, p.Job.Reason, p.Job.Error = true, reason, detail
}

// RecordRoot is the root under which what was pushed or pulled without a watch is remembered, so
// that the same file going the same way is found again: a hash of profile, project (or bucket) and
// local folder. The Rel below it is the remote path below the project, or the key.
func RecordRoot(profile string, p remote.Place, localPath string) string {
	h := sha256.New()
	for _, s := range []string{profile, string(p.Hub.ID), string(p.Project.ID), p.Bucket,
		filepath.Dir(localPath)} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}

	return state.PathRoot + hex.EncodeToString(h.Sum(nil)[:10])
}

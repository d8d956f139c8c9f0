package control

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// States of an [Explanation] beside those of a job.
const (
	ExplainSynced    = "synced"    // as last published
	ExplainPending   = "pending"   // it will be sent: it was not seen yet, or has not rested
	ExplainIgnored   = "ignored"   // a rule leaves it out
	ExplainCancelled = "cancelled" // this state of it was cancelled
	ExplainMissing   = "missing"   // it is on record and not on the disk
	ExplainUnknown   = "unknown"   // nothing is known of it and nothing watches it
	ExplainFolder    = "folder"
)

// Explanation is why a file is in its state.
type Explanation struct {
	Path        string     `json:"path"`
	Remote      string     `json:"remote,omitempty"`
	State       string     `json:"state"`
	Detail      string     `json:"detail"` // a sentence
	Reason      string     `json:"reason,omitempty"`
	Sentence    string     `json:"sentence,omitempty"` // what the reason means
	Since       *time.Time `json:"since,omitempty"`
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	Fix         string     `json:"fix,omitempty"`
	Rule        string     `json:"rule,omitempty"`   // that ignores it
	Origin      string     `json:"origin,omitempty"` // of the rule; set by the command
	Holds       string     `json:"holds,omitempty"`  // what else keeps a scan or a push from taking it now
	Watch       *Watch     `json:"watch,omitempty"`
	Job         *Job       `json:"job,omitempty"`    // the open one, else the last
	Record      *Record    `json:"record,omitempty"` // what was last published
}

// Record is what was last published for a file.
type Record struct {
	Size          int64      `json:"size"` // bytes
	Modified      time.Time  `json:"modified"`
	Published     *time.Time `json:"published,omitempty"`
	ItemID        string     `json:"item_id,omitempty"`
	VersionID     string     `json:"version_id,omitempty"`
	VersionNumber int        `json:"version_number,omitempty"`
	StorageID     string     `json:"storage_id,omitempty"`
	SHA1          string     `json:"sha1,omitempty"`
	Receipt       uint64     `json:"receipt,omitempty"` // number of the receipt that tells it
	Content       string     `json:"content,omitempty"` // kind and release, as the file began
	Sign          string     `json:"sign,omitempty"`    // why the content was doubtful
	// adopted: name and size are equal at both ends, and the contents were not compared yet
	Unproven bool `json:"unproven,omitempty"`
}

// Explain implements [API].
func (c *Client) Explain(ctx context.Context, path string) (Explanation, error) {
	return call[Explanation](ctx, c, http.MethodGet, "/v1/explain?path="+url.QueryEscape(path), nil)
}

func (s server) explain(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.Explain(r.Context(), r.URL.Query().Get("path")))
}

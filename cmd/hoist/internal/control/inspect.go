package control

import (
	"context"
	"net/http"
	"time"
)

// StateReport is what a look at the whole state file found.
type StateReport struct {
	Path     string         `json:"path"`
	Sound    bool           `json:"sound"`
	Usable   bool           `json:"usable"` // whatever the problems say of single records
	Size     int64          `json:"size"`   // bytes
	Schema   int            `json:"schema,omitempty"`
	Jobs     int            `json:"jobs"`
	OpenJobs int            `json:"open_jobs"`
	Keys     map[string]int `json:"keys,omitempty"`
	Problems []string       `json:"problems"`
	Notes    []string       `json:"notes"` // harmless
}

// VerifyRequest asks for a comparison of disk, receipts and cloud.
type VerifyRequest struct {
	Path    string `json:"path,omitempty"`  // absolute: a file or folder; "": everything known
	Watch   string `json:"watch,omitempty"` // id of the one watch
	Profile string `json:"profile,omitempty"`
	Quick   bool   `json:"quick,omitempty"` // do not read the contents of files: sizes and times alone

	// Since leaves out what was last changed or published before, at both ends; nil: nothing.
	Since *time.Time `json:"since,omitempty"`

	// With Remote, Path is a folder that is compared with that remote, whatever is known of either.
	Remote   string `json:"remote,omitempty"`
	OneWay   bool   `json:"one_way,omitempty"`  // what is in the cloud alone is no finding
	Download bool   `json:"download,omitempty"` // compare the bytes: fetch what is in the cloud
	Filter   Filter `json:"filter,omitzero"`    // of both ends
}

// Results of [VerifyFile].
const (
	VerifyOK            = "ok"
	VerifyDiffers       = "differs"
	VerifyMissingLocal  = "missing-local"
	VerifyMissingRemote = "missing-remote"
	VerifyNewerRemote   = "newer-remote"
	VerifyUnproven      = "unproven"
	VerifyUnreachable   = "unreachable" // the place in the cloud could not be looked at
)

// VerifyFile is what the comparison of one file came to.
type VerifyFile struct {
	Path          string `json:"path"`
	Remote        string `json:"remote"`
	Result        string `json:"result"`
	Detail        string `json:"detail,omitempty"`
	Fix           string `json:"fix,omitempty"`  // the command that makes both ends alike
	Size          *int64 `json:"size,omitempty"` // of the local file, in bytes
	SHA1          string `json:"sha1,omitempty"` // of the local file, when it was read
	ItemID        string `json:"item_id,omitempty"`
	VersionID     string `json:"version_id,omitempty"` // the cloud's newest
	VersionNumber int    `json:"version_number,omitempty"`
	StorageID     string `json:"storage_id,omitempty"`
	Receipt       uint64 `json:"receipt,omitempty"` // number of the receipt that proves the publication
}

// VerifyReport answers a VerifyRequest. Chain holds the findings about the receipts themselves,
// each with the file (the state or an export) as its path; it is empty when every receipt follows
// the one before.
type VerifyReport struct {
	Files    []VerifyFile `json:"files"`
	Chain    []VerifyFile `json:"chain"`
	Receipts int          `json:"receipts"` // how many were checked
}

// Findings counts what is not ok.
func (r VerifyReport) Findings() int {
	n := len(r.Chain)
	for _, f := range r.Files {
		if f.Result != VerifyOK {
			n++
		}
	}

	return n
}

// ForgetRequest names records that are to go; the files stay as they are.
type ForgetRequest struct {
	Paths   []string `json:"paths,omitempty"`   // absolute, of files or folders; or remotes of files
	Missing bool     `json:"missing,omitempty"` // also those of all files that are not on disk any more
	DryRun  bool     `json:"dry_run,omitempty"`
}

// Results of [Forgotten].
const (
	ForgetDone = "forgotten"
	ForgetKept = "kept"
)

// Forgotten is what became of the record of one file.
type Forgotten struct {
	Path   string `json:"path"`
	Remote string `json:"remote"`
	Result string `json:"result"`
	Detail string `json:"detail,omitempty"` // why it is kept
}

// Forget implements [API].
func (c *Client) Forget(ctx context.Context, r ForgetRequest) ([]Forgotten, error) {
	return call[[]Forgotten](ctx, c, http.MethodPost, "/v1/forget", r)
}

// StreamRecord tells of an object that was made of what came from standard input.
type StreamRecord struct {
	ID       string    `json:"id"`
	Remote   string    `json:"remote"`
	Storage  string    `json:"storage_id"`
	Size     int64     `json:"size"`
	PartSize int64     `json:"part_size"` // of the first part
	ETags    []string  `json:"part_etags"`
	SHA1     string    `json:"sha1"`
	Began    time.Time `json:"began"`
}

// BackupState implements [API].
func (c *Client) BackupState(ctx context.Context, path string) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/state/backup", backupRequest{path})
	return err
}

type backupRequest struct {
	Path string `json:"path"`
}

// RecordStream implements [API].
func (c *Client) RecordStream(ctx context.Context, r StreamRecord) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/streams", r)
	return err
}

// CheckState implements [API].
func (c *Client) CheckState(ctx context.Context) (StateReport, error) {
	return call[StateReport](ctx, c, http.MethodGet, "/v1/state", nil)
}

// Verify implements [API].
func (c *Client) Verify(ctx context.Context, r VerifyRequest) (VerifyReport, error) {
	return call[VerifyReport](ctx, c, http.MethodPost, "/v1/verify", r)
}

func (s server) checkState(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.CheckState(r.Context()))
}

func (s server) verify(w http.ResponseWriter, r *http.Request) {
	var req VerifyRequest
	if s.read(w, r, &req) {
		s.answer(w)(s.api.Verify(r.Context(), req))
	}
}

func (s server) forget(w http.ResponseWriter, r *http.Request) {
	var req ForgetRequest
	if s.read(w, r, &req) {
		s.answer(w)(s.api.Forget(r.Context(), req))
	}
}

func (s server) recordStream(w http.ResponseWriter, r *http.Request) {
	var req StreamRecord
	if s.read(w, r, &req) {
		s.answer(w)(struct{}{}, s.api.RecordStream(r.Context(), req))
	}
}

func (s server) backupState(w http.ResponseWriter, r *http.Request) {
	var req backupRequest
	if s.read(w, r, &req) {
		s.answer(w)(struct{}{}, s.api.BackupState(r.Context(), req.Path))
	}
}

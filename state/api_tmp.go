package state

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errLater = errors.New("state: being written")

type Options struct {
	Owner  string // path of owner.json, "" beside the file
	Logger *slog.Logger
}
type Store struct{}
type Verdict string

const (
	Queued   Verdict = "queued"
	Merged   Verdict = "merged"
	Same     Verdict = "same"     // equals the published record
	Unwanted Verdict = "unwanted" // equals a cancelled snapshot (watches only)
	Busy     Verdict = "busy"     // another file has an open job to the same target; the job returned is that one
)

type Filter struct {
	Status []Status
	Active func(JobID) bool
	Kind   Kind
	Batch  string
	Root   string
	After  JobID
	Limit  int
	Open   bool
}
type Counts struct{ Queued, Active, Waiting, Paused, Attention, Done, Failed, Cancelled int }
type DirChunk struct {
	First string
	Data  []byte
}
type DirChange struct {
	Folder string
	Put    []DirChunk
	Delete []string
	Drop   bool
}
type Receipt struct {
	Seq  uint64
	Line []byte
}
type Changes struct {
	Index uint64
	Jobs  []JobID
	Lost  bool // memory does not reach back to since: list anew
}
type Owner struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Start   time.Time `json:"start"`
}
type LockedError struct {
	Path    string
	PID     int
	Command string
}

func (e *LockedError) Error() string { return "locked" }

type VersionError struct {
	Path        string
	Have, Known int
}

func (e *VersionError) Error() string { return "version" }

type DamagedError struct {
	Path   string
	Detail string
}

func (e *DamagedError) Error() string { return "damaged" }

type PrefixError struct {
	Prefix string
	IDs    []JobID
}

func (e *PrefixError) Error() string { return "prefix" }

var ErrNotFound = errors.New("not found")
var ErrClosed = errors.New("state: closed")

func WriteOwner(path string, o Owner) error                 { return errLater }
func ReadOwner(path string) (Owner, error)                  { return Owner{}, errLater }
func Open(path string, o Options) (*Store, error)           { return nil, errLater }
func (s *Store) Close() error                               { return errLater }
func (s *Store) Enqueue(j Job) (Job, Verdict, error)        { return j, "", errLater }
func (s *Store) EnqueueAll([]Job) ([]Job, []Verdict, error) { return nil, nil, errLater }
func (s *Store) Requeue(id JobID) (Job, Verdict, error)     { return Job{}, "", errLater }
func (s *Store) Commit(id JobID, ev ...Event) (Job, error)  { return Job{}, errLater }
func (s *Store) Job(id JobID) (Job, error)                  { return Job{}, errLater }
func (s *Store) FindJob(prefix string) (Job, error)         { return Job{}, errLater }
func (s *Store) Jobs(f Filter) ([]Job, error)               { return nil, errLater }
func (s *Store) OpenJobs() ([]Job, error)                   { return nil, errLater }
func (s *Store) Runnable(now time.Time, limit int, skip func(JobID) bool) ([]Job, error) {
	return nil, errLater
}
func (s *Store) NextAttempt(now time.Time) time.Time         { return time.Time{} }
func (s *Store) Parts(id JobID) ([]Part, error)              { return nil, errLater }
func (s *Store) History(id JobID) ([]HistoryLine, error)     { return nil, errLater }
func (s *Store) Counts(active []JobID, now time.Time) Counts { return Counts{} }
func (s *Store) CountsIn(root string) (open, attention int)  { return 0, 0 }
func (s *Store) Published(root, rel string) (PublishedRecord, bool, error) {
	return PublishedRecord{}, false, errLater
}
func (s *Store) PutPublished(rec ...PublishedRecord) error        { return errLater }
func (s *Store) DeletePublished(root string, rel ...string) error { return errLater }
func (s *Store) PublishedIn(root, after string, limit int) ([]PublishedRecord, error) {
	return nil, errLater
}
func (s *Store) Intent(key string) ([]byte, bool, error)                { return nil, false, errLater }
func (s *Store) PutIntent(key string, data []byte) error                { return errLater }
func (s *Store) DeleteIntent(key string) error                          { return errLater }
func (s *Store) DirChunks(root, folder string) ([]DirChunk, error)      { return nil, errLater }
func (s *Store) UpdateDirs(root string, changes []DirChange) error      { return errLater }
func (s *Store) DropRoot(root string) error                             { return errLater }
func (s *Store) Receipts(after uint64, limit int) ([]Receipt, error)    { return nil, errLater }
func (s *Store) Meta(key string) (string, bool, error)                  { return "", false, errLater }
func (s *Store) SetMeta(key, value string) error                        { return errLater }
func (s *Store) Instance() string                                       { return "" }
func (s *Store) Index() uint64                                          { return 0 }
func (s *Store) Wait(ctx context.Context, index uint64) (uint64, error) { return 0, errLater }
func (s *Store) Changes(ctx context.Context, since uint64) (Changes, error) {
	return Changes{}, errLater
}

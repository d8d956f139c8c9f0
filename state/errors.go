package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrNotFound: no such job.
	ErrNotFound = errors.New("not found")
	// ErrOvertaken: the job has taken up another state of its file, see [Store.CommitOn].
	ErrOvertaken = errors.New("the job is of another state of its file by now")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the state is closed")
)

// LockedError says that another process has the state open.
type LockedError struct {
	Path    string
	PID     int    // 0: owner.json does not say
	Command string // "" unknown
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("open state %s: held by another process", e.Path)
	}

	return fmt.Sprintf("open state %s: held by process %d (%s)", e.Path, e.PID, e.Command)
}

// VersionError says that a newer hoist wrote the state.
type VersionError struct {
	Path        string
	Have, Known int // schema versions: of the file, and the newest this program knows
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("open state %s: schema version %d is newer than this program knows (%d)", e.Path,
		e.Have, e.Known)
}

// DamagedError says that the file holds what hoist cannot have written.
type DamagedError struct {
	Path   string
	Detail string

	record bool // one record cannot be read; the structure of the file is sound
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("state %s is damaged: %s", e.Path, e.Detail)
}

// WriteError says that a commit did not reach the disk. Nothing of it holds. After a full disk the
// store goes on when there is room again; after any other error it takes no more writes.
type WriteError struct {
	Path string
	Err  error
}

func (e *WriteError) Error() string {
	if IsFull(e.Err) {
		return fmt.Sprintf("write state %s: no space left on its disk: %v", e.Path, e.Err)
	}

	return fmt.Sprintf("write state %s: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// IsFull reports whether the disk, or a quota, is full. When bbolt cannot extend its file it
// passes on only the system's text, not the error.
func IsFull(err error) bool {
	return err != nil && slices.ContainsFunc(fullErrors, func(full error) bool {
		return errors.Is(err, full) || strings.Contains(err.Error(), full.Error())
	})
}

// PrefixError says that a job id prefix names several jobs.
type PrefixError struct {
	Prefix string
	IDs    []JobID // some of them
}

func (e *PrefixError) Error() string {
	return fmt.Sprintf("job id %q names several jobs: %v", e.Prefix, e.IDs)
}

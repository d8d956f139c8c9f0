package trail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// maxSize is when a new trail begins, in bytes; the one before is kept beside it.
const maxSize = 8 << 20

// mostNames bounds the names of one entry.
const mostNames = 20

// Entry is one command that changed something, or tried to.
type Entry struct {
	Time    time.Time `json:"time"`
	User    string    `json:"user,omitempty"` // id of the user, on Windows a SID
	PID     int       `json:"pid,omitempty"`
	Command string    `json:"command"`
	On      []string  `json:"on"`              // what it was done to
	More    int       `json:"more,omitempty"`  // how many names On leaves out
	Error   string    `json:"error,omitempty"` // why it was not done
}

// Trail is a file of entries. It is safe for concurrent use, by several processes too.
type Trail struct{ path string }

// At is the trail in a file, which is made with its first entry.
func At(path string) Trail { return Trail{path} }

// Self is who this process is.
func Self() (userID string, pid int) {
	userID = strconv.Itoa(os.Getuid())
	if os.Getuid() < 0 { // Windows
		userID = ""
		if u, err := user.Current(); err == nil {
			userID = u.Uid
		}
	}

	return userID, os.Getpid()
}

// Note appends an entry, with the time of now and at most so many names. In a home that is not
// there it notes nothing.
func (t Trail) Note(e Entry) error {
	e.Time = time.Now().UTC()
	if e.On == nil {
		e.On = []string{}
	}

	if more := len(e.On) - mostNames; more > 0 {
		e.On, e.More = e.On[:mostNames], more
	}

	line, err := json.Marshal(e)
	if err != nil {
		return err
	}

	if info, err := os.Stat(t.path); err == nil && info.Size() > maxSize {
		if err := os.Rename(t.path, filepath.Join(filepath.Dir(t.path), "audit.1.jsonl")); err != nil &&
			!errors.Is(err, fs.ErrNotExist) { // another process was faster
			return fmt.Errorf("begin a new audit trail: %w", err)
		}
	}

	f, err := os.OpenFile(t.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	if err != nil {
		return fmt.Errorf("note in the audit trail: %w", err)
	}

	_, err = f.Write(append(line, '\n'))

	return errors.Join(err, f.Close())
}

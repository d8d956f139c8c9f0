package owner

import (
	"sync"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// troubles are what keeps the home as a whole from its work and is the cause of no one job. The
// zero value is ready; safe for concurrent use.
type troubles struct {
	mu    sync.Mutex
	known map[string]control.Trouble // guarded by mu; by reason
}

// note keeps a trouble, with the time since it was first met.
func (t *troubles) note(reason string, err error, fix string) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if t.known == nil {
		t.known = map[string]control.Trouble{}
	}

	since := t.known[reason].Since
	if since == nil {
		since = control.Known(time.Now())
	}

	t.known[reason] = control.Trouble{Reason: reason, Detail: err.Error(), Since: since, Fix: fix}
}

func (t *troubles) over(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, reason)
}

func (t *troubles) get(reason string) (control.Trouble, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	got, ok := t.known[reason]

	return got, ok
}

// unreachable notes that the service could not be reached by a request that needs it before any job
// exists; nil: that request has ended.
func (t *troubles) unreachable(err error) {
	if err == nil {
		t.over(transfer.ReasonOffline)
	} else {
		t.note(transfer.ReasonOffline, err, "")
	}
}

// trouble lists what keeps many files from their work, for the first lines of the status.
func (o *Owner) trouble() (out []control.Trouble) {
	if t, ok := o.troubles.get(transfer.ReasonOffline); ok {
		out = append(out, t)
	}

	return out
}

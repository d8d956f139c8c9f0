package owner

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
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
		t.note(transfer.ReasonOffline, err, foreignFix(err))
	}
}

// foreignFix names what something else answered in the service's place, which a person may have to
// sign in to or to let the service pass; "" when nothing answered.
func foreignFix(err error) string {
	if _, ok := errors.AsType[*apsclient.ForeignError](err); ok {
		return "hoist doctor"
	}

	return ""
}

// getToken begins, in an error, what is the same for all files: see [apsclient.AuthError].
const getToken = "get token for "

// trouble lists what keeps the whole home, or all files of an account, from their work, for the
// first lines of the status.
func (o *Owner) trouble(active []transfer.Progress, waiting []control.Waiting) (out []control.Trouble,
	err error) {
	if err := o.store.Full(); err == nil {
		o.troubles.over(transfer.ReasonNoSpace)
	} else {
		o.troubles.note(transfer.ReasonNoSpace,
			fmt.Errorf("the disk of %s is full; make room there: all goes on by itself (%w)",
				o.options.Home.State, err), "")
	}

	if t, ok := o.troubles.get(transfer.ReasonNoSpace); ok {
		out = append(out, t)
	}

	if t, ok := o.offline(waiting); ok {
		out = append(out, t)
	}

	var c causes
	err = o.eachParked(active, transfer.ReasonUnauthorised, 0, func(j state.Job) {
		r, _ := transfer.ReasonByCode(j.Reason)
		detail := r.Sentence // what differs from file to file is told of each
		if i := strings.Index(j.Error, getToken); i >= 0 {
			detail = j.Error[i:]
		}

		c.add(control.Waiting{Reason: j.Reason, Detail: detail, Fix: r.FixAll()}, j.Path, j.Since,
			o.probes.next(j))
	})

	for _, w := range settled(c.list(), time.Now()) {
		out = append(out, control.Trouble{Reason: w.Reason, Detail: w.Detail, Count: w.Count,
			Since: w.Since, NextAttempt: w.NextAttempt, Fix: w.Fix})
	}

	return out, err
}

// offline says that the service cannot be reached, if the last calls could not.
func (o *Owner) offline(waiting []control.Waiting) (control.Trouble, bool) {
	t, found := o.troubles.get(transfer.ReasonOffline)
	if outage, ok := o.engine.Outage(); ok {
		found = true
		t = control.Trouble{Reason: transfer.ReasonOffline, Detail: outage.Err.Error(),
			Since: control.Known(outage.Since), NextAttempt: ahead(outage.Next, time.Now()),
			Fix: foreignFix(outage.Err)}
	}

	for _, w := range waiting {
		if w.Reason == transfer.ReasonOffline {
			t.Count += w.Count
		}
	}

	return t, found
}

// standsStill reports whether nothing moves while the trouble lasts: nobody knows when all is done.
func standsStill(t control.Trouble) bool {
	return t.Reason == transfer.ReasonNoSpace || t.Reason == transfer.ReasonOffline
}

// needsPerson reports whether a trouble of the home itself, which no job tells, is for a person.
func needsPerson(t control.Trouble) bool {
	return t.Reason == transfer.ReasonNoSpace || t.Reason == transfer.ReasonOffline && t.Fix != ""
}

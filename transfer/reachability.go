package transfer

import (
	"errors"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/state"
)

const (
	probeFirst = time.Second
	probeCap   = 8 * time.Second // a network that comes back is noticed within this, by one job
)

// noteFailure and noteSuccess tell what a step says about the network. A refusal is an answer.
func (e *Engine) noteFailure(job state.Job, err error) {
	if _, ok := errors.AsType[*apsclient.NetError](err); ok {
		e.net(job).failed(err, time.Now())
		return
	}

	_, refused := errors.AsType[*apsclient.AuthError](err)
	if _, ok := errors.AsType[*apsclient.Error](err); ok || refused {
		e.noteSuccess(job)
	}
}

func (e *Engine) noteSuccess(job state.Job) {
	if e.net(job).succeeded(time.Now()) {
		e.Kick()
	}
}

// net is the reachability of the plane that the job's next step needs.
func (e *Engine) net(job state.Job) *reachability {
	if movesBytes(job.Phase) {
		return &e.data
	}

	return &e.api
}

// reachability knows whether the last calls of a plane were answered. While they are not, one job
// at a time probes, every few seconds; at the first answer all that wait become runnable, as many
// at once as there are slots. Safe for concurrent use.
type reachability struct {
	mu        sync.Mutex
	offline   bool
	fails     int
	probe     time.Time // next
	probing   bool
	recovered time.Time // last change from offline to online
	since     time.Time // of the first call that was not answered
	err       error     // of the last one
}

// Outage says that the service cannot be reached.
type Outage struct {
	Since time.Time
	Next  time.Time // probe; zero: now, or with the next job
	Err   error     // of the last call
}

// Outage returns whether the service can be reached, as far as the last calls tell.
func (e *Engine) Outage() (Outage, bool) {
	now := time.Now()
	for _, n := range []*reachability{&e.api, &e.data} {
		next := n.nextProbe(now)
		n.mu.Lock()
		out, offline := Outage{n.since, next, n.err}, n.offline
		n.mu.Unlock()

		if offline {
			return out, true
		}
	}

	return Outage{}, false
}

func (n *reachability) failed(err error, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.offline {
		n.since = now
	}

	n.err = err
	n.offline, n.probing = true, false
	n.probe = now.Add(min(probeFirst<<min(n.fails, 10), probeCap))
	n.fails++
}

// succeeded reports whether this answer ended a time without any.
func (n *reachability) succeeded(now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	was := n.offline
	n.offline, n.probing, n.fails = false, false, 0
	if was {
		n.recovered = now
	}

	return was
}

// mayStart reports whether a job may start that is due, or not; offline is since when it waits for the
// network, zero: it does not. While the network is away that is the turn of the probe.
func (n *reachability) mayStart(due bool, offline, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.offline {
		return !n.probing && !now.Before(n.probe)
	}

	return due || !offline.IsZero() && offline.Before(n.recovered)
}

// offlineSince is since when a job waits for the network; zero: it does not.
func offlineSince(j state.Job) (since time.Time) {
	if j.Reason == ReasonOffline {
		since = j.Updated
	}

	return since
}

// started takes the turn of the probe; it returns n when the run that begins is one, else nil. Its
// end must be told to ended.
func (n *reachability) started() *reachability {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.offline {
		return nil
	}

	n.probing = true

	return n
}

// ended gives the turn of the probe back, should the run have ended without a word about the
// network.
func (n *reachability) ended(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.probing {
		n.probing = false
		n.probe = now.Add(probeCap)
	}
}

// waiting reports whether jobs may be waiting for the network, or were until a moment ago.
func (n *reachability) waiting() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.offline || time.Since(n.recovered) < offlineCap+time.Second
}

func (n *reachability) nextProbe(now time.Time) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.offline || n.probing || !n.probe.After(now) {
		// the end of the probe wakes the dispatcher; without a job to probe with, the next job does
		return time.Time{}
	}

	return n.probe
}

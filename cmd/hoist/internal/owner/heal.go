package owner

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"hoist/state"
	"hoist/transfer"
)

const (
	healEvery = 5 * time.Second // between two rounds of looks
	healMost  = 1000            // looks a round; the next one goes on from there
)

// heal takes up parked uploads whose cause on this machine is seen gone: a file that can be read
// again, that came back, or that was removed. Until then they wait, whatever the time.
func (o *Owner) heal(ctx context.Context) error {
	var after state.JobID
	tried := map[state.JobID]look{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(healEvery):
		}

		next, err := o.healRound(ctx, after, tried)
		if err != nil && ctx.Err() == nil {
			o.log.Warn("parked jobs are not looked at", "error", err)
		}

		if after = next; after == "" && len(tried) > healMost {
			clear(tried)
		}
	}
}

// look is what a look at the source of a job found.
type look struct {
	reason string // of the job if it ran now; "" it could be sent
	mode   fs.FileMode
	at     time.Time // when the file was changed
}

// healRound looks at parked jobs after the one given, and returns where the next round goes on. One
// that was tried in vain is tried again once the look finds something else.
func (o *Owner) healRound(ctx context.Context, after state.JobID,
	tried map[state.JobID]look) (next state.JobID, err error) {
	jobs, err := o.store.Jobs(state.Filter{Status: []state.Status{state.StatusAttention}, Kind: state.Upload,
		Active: isActive(o.engine.Active()), After: after, Limit: healMost})
	if err != nil {
		return after, err
	}

	for _, j := range jobs {
		if ctx.Err() != nil {
			return after, nil //nolint:nilerr // the owner ends
		}

		found := lookAt(j)
		event := healed(j, found.reason)
		if event == nil || tried[j.ID] == found {
			continue
		}

		tried[j.ID] = found
		_, err := o.store.Commit(j.ID, event)
		if _, moved := errors.AsType[*state.TransitionError](err); err != nil && !moved {
			return j.ID, err
		}

		o.log.Info("a cause is gone", "job", string(j.ID), "path", j.Path, "reason", j.Reason)
		o.engine.Kick()
	}

	if len(jobs) < healMost {
		return "", nil
	}

	return jobs[len(jobs)-1].ID, nil
}

// lookAt looks at the source of a job that is parked for a cause on this machine.
func lookAt(j state.Job) look {
	switch j.Reason {
	case transfer.ReasonUnreadable, transfer.ReasonVanished, transfer.ReasonNotAFile:
	default:
		return look{reason: j.Reason} // nothing here tells
	}

	info, err := os.Lstat(j.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return look{reason: transfer.ReasonVanished}
	case err != nil:
		return look{reason: transfer.ReasonUnreadable}
	}

	found := look{mode: info.Mode(), at: info.ModTime()}
	if !info.Mode().IsRegular() {
		found.reason = transfer.ReasonNotAFile
		return found
	}

	f, err := transfer.OpenLocal(j.Path)
	if err != nil {
		found.reason = transfer.ReasonUnreadable
		return found
	}

	_ = f.Close() // nothing was written

	return found
}

// healed is what happens to a parked job for what a look found; nil: its cause still holds. A file
// of a watch that was removed is owed nothing, and whoever pushed one decides.
func healed(j state.Job, found string) state.Event {
	switch {
	case found != j.Reason:
		return state.RetryNow{}
	case found == transfer.ReasonVanished && j.Watched():
		return state.SourceChanged{Gone: true}
	}

	return nil
}

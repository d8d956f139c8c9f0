package owner

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer"
	"hoist/watcher/disk"
)

const (
	healEvery = 5 * time.Second // between two rounds of looks
	healMost  = 1000            // looks a round; the next one goes on from there
)

// heal takes up parked jobs whose cause is seen gone. Causes on this machine are looked at file by
// file: one that can be read again, that came back, or that was removed. Causes at the service are
// probed: see [probes]. Until then they wait, whatever the time.
func (o *Owner) heal(ctx context.Context) error {
	h := healing{owner: o, tried: map[state.JobID]look{}}
	for pause := healEvery; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}

		began := time.Now()
		if err := h.round(ctx); err != nil && ctx.Err() == nil {
			o.log.Warn("parked jobs are not looked at", "error", err)
		}

		pause = max(healEvery, 20*time.Since(began)) // there may be a hundred thousand
	}
}

// healing is what is remembered between two rounds of looks.
type healing struct {
	owner *Owner
	after state.JobID // where the next round of looks goes on
	tried map[state.JobID]look
}

// look is what a look at the source of a job found.
type look struct {
	reason string // of the job if it ran now; "" it could be sent
	mode   fs.FileMode
	at     time.Time // when the file was changed
}

// round looks at parked jobs, a bounded number of their files, and all of their causes. A file that
// was tried in vain is tried again once the look finds something else.
func (h *healing) round(ctx context.Context) error {
	o := h.owner
	parked, err := o.store.Jobs(state.Filter{Status: []state.Status{state.StatusAttention},
		Active: isActive(o.engine.Active())})
	if err != nil {
		return err
	}

	o.probes.round(parked, o.probe, o.passed, time.Now())

	looks, next := 0, state.JobID("")
	for _, j := range parked {
		if cureOf(j) != transfer.CureLook && !transfer.MayBeGone(j) || j.ID <= h.after {
			continue
		}

		if ctx.Err() != nil || looks == healMost {
			break
		}

		looks++
		next = j.ID
		found := lookAt(j)
		if o.mayPass(j) {
			found = look{at: time.Now()}
		}

		event := healed(j, found.reason)
		if event == nil { // the cause holds, again if the file was away meanwhile
			delete(h.tried, j.ID)
		}

		if event == nil || h.tried[j.ID] == found {
			continue
		}

		h.tried[j.ID] = found
		if err := o.goOn(j, event); err != nil {
			return err
		}
	}

	if h.after = next; looks < healMost {
		h.after = ""
		if len(h.tried) > healMost {
			clear(h.tried)
		}
	}

	return nil
}

// mayPass reports whether the gate that parked a file parks no more.
func (o *Owner) mayPass(j state.Job) bool {
	c, s, watched := o.rules.watch(j.Root)
	return watched && j.Reason == transfer.ReasonDoubtful && c.GateOf(j.Rel, s) != config.GatePark
}

// goOn lets a parked job run, or end.
func (o *Owner) goOn(j state.Job, event state.Event) error {
	_, err := o.store.Commit(j.ID, event)
	if _, moved := errors.AsType[*state.TransitionError](err); moved {
		return nil
	}

	if err == nil {
		o.engine.Kick()
	}

	return err
}

// cureOf is how a parked job goes on. What is missing on this machine for a download is not seen by
// a look at its path.
func cureOf(j state.Job) transfer.Cure {
	r, ok := transfer.ReasonByCode(j.Reason)
	switch {
	case !ok:
		return transfer.CureDecision
	case r.Cure == transfer.CureLook && r.Again == 0 && j.Kind == state.Download:
		return transfer.CureProbe
	}

	return r.Cure
}

// lookAt looks at the source of a job that is parked for a cause on this machine.
func lookAt(j state.Job) look {
	switch j.Reason {
	case transfer.ReasonUnreadable, transfer.ReasonVanished, transfer.ReasonNotAFile:
	default:
		info, err := os.Lstat(j.Path)
		folder := j.Reason == transfer.ReasonNameClash && err == nil && info.IsDir()
		gone := errors.Is(err, fs.ErrNotExist) && transfer.RootAway(j, err) == nil
		if transfer.MayBeGone(j) && (folder || gone) {
			return look{reason: transfer.ReasonVanished}
		}

		return look{reason: j.Reason} // nothing here tells
	}

	info, err := disk.Ask(j.Path, disk.Patience, func() (fs.FileInfo, error) { return os.Lstat(j.Path) })
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

// healed is what happens to a parked job for what a look found; nil: its cause still holds. A file of a
// watch that was removed is owed nothing. One whose name clashed would, tried again, have the create
// looked for first that was refused for that; of one whose content is doubtful a copy may be there still,
// to be judged again. Whoever pushed one decides.
func healed(j state.Job, found string) state.Event {
	owed := []string{found, transfer.ReasonNameClash, transfer.ReasonDoubtful}
	switch {
	case found == transfer.ReasonVanished && j.Watched() && slices.Contains(owed, j.Reason):
		return state.SourceChanged{Gone: true}
	case found != j.Reason:
		return state.RetryNow{}
	}

	return nil
}

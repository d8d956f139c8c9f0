package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer"
	"hoist/transfer/remote"
	"hoist/watcher"
	"hoist/watcher/disk"
)

// Question is a path to be explained, with what its owner knows of it.
type Question struct {
	Path  string         // absolute
	Watch *config.Watch  // that the path lies in; nil: none
	State *control.Watch // how that watch is doing
	Job   *state.Job     // the newest open one of the path, else the newest that ended; nil: none
	Shown *control.Job   // the same, as it is shown
}

// Explain says where a file stands and why.
func (a *Auditor) Explain(q Question) (control.Explanation, error) {
	e := control.Explanation{Path: q.Path, Watch: q.State, Job: q.Shown}
	watch, job := q.Watch, q.Job
	look := os.Stat // a link that is named is followed
	if watch != nil {
		look = os.Lstat // in a watched folder it is not
	}

	info, statErr := disk.Ask(q.Path, disk.Patience, func() (fs.FileInfo, error) { return look(q.Path) })

	var snap *state.Snapshot
	if statErr == nil && info.Mode().IsRegular() {
		var err error
		if snap, err = local.Snapshot(q.Path); err != nil {
			return e, err
		}
	}

	var found watcher.Finding
	if watch != nil {
		var err error
		if found, err = a.explainWatch(&e, *watch); err != nil {
			return e, err
		}
	}

	if e.Record == nil {
		if err := a.explainReceipt(&e); err != nil {
			return e, err
		}
	}

	if job != nil {
		e.Remote = job.Target.Address
	}

	switch {
	case job != nil && job.Open():
		e.State, e.Reason, e.Fix = string(e.Job.State), job.Reason, e.Job.Fix
		e.NextAttempt = e.Job.NextAttempt
		e.Since = control.Known(job.Since)
		e.Detail = fmt.Sprintf("job %s (%s) is %s", job.ID, job.Kind, e.State)
		if job.Error != "" {
			e.Detail += ": " + job.Error
		}

		if job.Reason != "" {
			because(&e, job.Reason)
		}
	case found.Special:
		e.State, e.Reason, e.Detail = control.ExplainIgnored, transfer.ReasonNotAFile,
			"it is a link, device or other thing that is never sent"
		if at := filepath.Join(watch.Path, filepath.FromSlash(found.At)); at != q.Path {
			e.Detail = "it lies behind " + at + ", a link that is not followed"
		}
	case e.Rule != "":
		e.State, e.Detail = control.ExplainIgnored, "the rule "+e.Rule+" leaves it out"
	case statErr == nil && info.IsDir():
		e.State, e.Detail = control.ExplainFolder, "it is a folder"
		if watch != nil {
			e.Detail += " that watch " + watch.ID + " looks at; \"hoist status\" tells of its files"
		}
	case errors.Is(statErr, disk.ErrSilent):
		e.State, e.Reason, e.Detail = control.ExplainMissing, transfer.ReasonFolderAway,
			statErr.Error()+"; nothing is inferred from that"
	case statErr != nil && e.Record == nil && job == nil:
		return e, problem.With(problem.NotFound,
			fmt.Errorf("%s: there is no such file or folder, and nothing is known of it", q.Path),
			problem.Text("check the path"))
	case statErr != nil:
		e.State, e.Detail = control.ExplainMissing,
			"it is not on the disk: "+statErr.Error()+"; nothing is removed in the cloud for that"
	case snap == nil:
		e.State, e.Reason, e.Detail = control.ExplainIgnored, transfer.ReasonNotAFile,
			"it is a link, device or other thing that is never sent"
	case found.Held != nil:
		e.State, e.Detail = control.ExplainPending, found.Held.Error()
		because(&e, transfer.ReasonRules)
	case found.Err != nil:
		e.State, e.Detail = control.ExplainPending, found.Err.Error()
		because(&e, transfer.ReasonUnreadable)
	case recorded(e.Record, *snap):
		e.State, e.Detail = control.ExplainSynced, "size and time are those of what was last published"
	case job != nil && job.End == state.EndCancelled && job.Snapshot.SameContentLikely(*snap):
		e.State, e.Reason, e.Fix = control.ExplainCancelled, transfer.ReasonCancelled,
			"hoist retry --wait "+string(job.ID)
		e.Detail = "this state of it was cancelled; it is wanted again when it changes"
	case found.Wait > 0:
		e.State, e.Detail = control.ExplainPending, "it is younger than the rules ask for"
		e.NextAttempt = control.Known(time.Now().Add(found.Wait))
	case watch != nil:
		e.State, e.Detail = control.ExplainPending, pendingText(e, *watch)
	default:
		e.State, e.Detail = control.ExplainUnknown,
			"it lies in no watch, and this state of it was not published"
	}

	if job != nil && job.From != "" {
		e.Detail += fmt.Sprintf("; it was renamed: its item had the name %q", job.From)
	}

	return e, nil
}

// recorded reports whether a file looks as it did when it was last published.
func recorded(r *control.Record, now state.Snapshot) bool {
	if r == nil {
		return false
	}

	base := compare.Base{Known: true, Snapshot: state.Snapshot{Size: r.Size, ModTime: r.Modified}}

	return compare.Judge(compare.Here(now), base, compare.Tip{}).Here == compare.SideSame
}

// because gives the reason with its sentence.
func because(e *control.Explanation, code string) {
	e.Reason = code
	if r, ok := transfer.ReasonByCode(code); ok {
		e.Sentence = r.Sentence
	}
}

// explainWatch tells what a scan of its watch makes of the path, and what is on record.
func (a *Auditor) explainWatch(e *control.Explanation, c config.Watch) (found watcher.Finding, err error) {
	rel, err := filepath.Rel(c.Path, e.Path)
	if err != nil {
		return found, err
	}

	rel = filepath.ToSlash(rel)
	address, err := remote.ParseAddress(c.Remote)
	if err != nil {
		return found, err
	}

	if rel == "." {
		e.Remote = address.String()
		return found, nil
	}

	e.Remote = address.Join(steps(rel)...).String()
	book, err := a.Rules(c)
	if err != nil {
		return found, err
	}

	found = book.Find(rel, false)
	e.Rule = found.Rule
	rec, ok, err := a.Store.Published(c.ID, rel)
	if err != nil || !ok {
		return found, err
	}

	e.Record = &control.Record{
		Size: rec.Snapshot.Size, Modified: rec.Snapshot.ModTime.UTC(), Published: control.Known(rec.At),
		ItemID: rec.Item, VersionID: rec.Version,
		VersionNumber: rec.Number, StorageID: rec.Storage, SHA1: rec.SHA1, Content: rec.Content,
		Sign: rec.Sign, Unproven: rec.Unproven,
	}

	return found, nil
}

// explainReceipt finds what the newest receipt of the path says.
func (a *Auditor) explainReceipt(e *control.Explanation) error {
	receipts, err := a.allReceipts()
	if err != nil {
		return err
	}

	byWay, err := a.newest(receipts)
	if err != nil {
		return err
	}

	var last receiptFields
	for _, r := range byWay {
		if r.Path == e.Path && r.Seq > last.Seq && (e.Remote == "" || e.Remote == r.Remote) {
			last = r
		}
	}

	if last.Seq == 0 {
		return nil
	}

	e.Remote = last.Remote
	e.Record = &control.Record{
		Size: last.Size, Modified: last.ModTime.UTC(), Published: control.Known(last.Published),
		ItemID: last.Item, VersionID: last.Version,
		VersionNumber: last.Number, StorageID: last.Storage, Receipt: last.Seq,
	}

	return nil
}

// pendingText says what a file of a watch, which has no job, waits for.
func pendingText(e control.Explanation, c config.Watch) string {
	switch {
	case e.Watch.State == control.WatchPaused:
		return "its watch is paused: \"hoist watch resume " + transfer.Quote(c.ID) + "\""
	case e.Watch.State == "":
		return "no daemon runs: nothing is watched"
	case e.Watch.State == watcher.StateUnavailable:
		return "its watch is not available: " + e.Watch.Detail
	}

	rel, err := filepath.Rel(c.Path, e.Path)
	rel = filepath.ToSlash(rel)
	text := fmt.Sprintf("it is sent once it was seen and has rested for %v", c.SettleOf(rel))
	if err == nil {
		if lock := watcher.LockBeside(c.Path, rel); lock != "" {
			text += "; longer while a lock file beside it, " + path.Base(lock) +
				", says that somebody has it open"
		}
	}

	return text
}

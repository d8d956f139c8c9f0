package daemon

import (
	"context"
	"fmt"
	"hoist/transfer/remote"
	"os"
	"path"
	"path/filepath"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
	"hoist/watcher"
)

// Explain implements [control.API].
func (w *Owner) Explain(_ context.Context, file string) (control.Explanation, error) {
	if err := mustBeAbsolute(file); err != nil {
		return control.Explanation{}, err
	}

	e := control.Explanation{Path: file}
	info, statErr := os.Stat(file)
	f, err := config.Load(w.o.Home)
	if err != nil {
		return e, err
	}

	watch := config.WatchOf(f.Watch, file)
	job, err := w.lastJob(file)
	if err != nil {
		return e, err
	}

	var snap *state.Snapshot
	if statErr == nil && info.Mode().IsRegular() {
		if snap, err = localSnapshot(file); err != nil {
			return e, err
		}
	}

	if watch != nil {
		rel := filepath.ToSlash(must(filepath.Rel(watch.Path, file)))
		if err := w.explainWatch(&e, *watch, rel, statErr == nil && info.IsDir(), snap); err != nil {
			return e, err
		}
	}

	if e.Record == nil {
		if err := w.explainReceipt(&e); err != nil {
			return e, err
		}
	}

	if job != nil {
		active := w.engine.Active()
		one := jobOf(*job, find(active, job.ID), time.Now())
		e.Job, e.Remote = &one, job.Target.Address
	}

	switch {
	case job != nil && job.Open():
		e.State, e.Reason, e.Fix, e.NextAttempt = e.Job.State, job.Reason, fixOf(*job), e.Job.NextAttempt
		e.Since = known(job.Since)
		e.Detail = fmt.Sprintf("job %s (%s) is %s", job.ID, job.Kind, e.State)
		if job.Error != "" {
			e.Detail += ": " + job.Error
		}

		if r, ok := transfer.ReasonByCode(job.Reason); ok {
			e.Sentence = r.Sentence
		}
	case e.Rule != "":
		e.State, e.Detail = control.ExplainIgnored, "the rule "+e.Rule+" leaves it out"
	case statErr == nil && info.IsDir():
		e.State, e.Detail = control.ExplainFolder, "it is a folder"
		if watch != nil {
			e.Detail += " that watch " + watch.ID + " looks at; \"hoist status\" tells of its files"
		}
	case statErr != nil && e.Record == nil && job == nil:
		return e, problem.With(problem.NotFound,
			fmt.Errorf("%s: there is no such file or folder, and nothing is known of it", file),
			problem.Text("check the path"))
	case statErr != nil:
		e.State, e.Detail = control.ExplainMissing,
			"it is not on the disk: "+statErr.Error()+"; nothing is removed in the cloud for that"
	case snap == nil:
		e.State, e.Reason, e.Detail = control.ExplainIgnored, transfer.ReasonNotAFile,
			"it is a link, device or other thing that is never sent"
	case e.Record != nil && e.Record.Size == snap.Size && e.Record.Modified.Equal(snap.ModTime):
		e.State, e.Detail = control.ExplainSynced, "size and time are those of what was last published"
	case job != nil && job.End == state.EndCancelled && job.Snapshot.SameContentLikely(*snap):
		e.State, e.Reason, e.Fix = control.ExplainCancelled, transfer.ReasonCancelled,
			"hoist retry "+string(job.ID)
		e.Detail = "this state of it was cancelled; it is wanted again when it changes"
	case watch != nil:
		e.State, e.Detail = control.ExplainPending, pendingText(e, *watch)
	default:
		e.State, e.Detail = control.ExplainUnknown,
			"it lies in no watch, and this state of it was not published"
	}

	return e, nil
}

// must is for relative paths of what is known to lie inside.
func must(rel string, err error) string {
	if err != nil {
		return "."
	}

	return rel
}

// lastJob finds the newest open job of a path, else the newest that ended.
func (w *Owner) lastJob(path string) (*state.Job, error) {
	for _, f := range []state.Filter{{Open: true}, {}} {
		jobs, err := w.store.Jobs(f)
		if err != nil {
			return nil, err
		}

		for i := len(jobs) - 1; i >= 0; i-- {
			if jobs[i].Path == path {
				return &jobs[i], nil
			}
		}
	}

	return nil, nil
}

func (w *Owner) explainWatch(e *control.Explanation, c config.Watch, rel string, dir bool,
	snap *state.Snapshot) error {
	one, err := w.watches.describe(c)
	if err != nil {
		return err
	}

	e.Watch = &one
	address, err := remote.ParseAddress(c.Remote)
	if err != nil {
		return err
	}

	if rel == "." {
		e.Remote = address.String()
		return nil
	}

	e.Remote = address.Join(steps(rel)...).String()
	rules, err := w.rulesFor(c)
	if err != nil {
		return err
	}

	e.Rule = RuleAgainst(rules, c.Path, rel, dir, snap)
	rec, ok, err := w.store.Published(c.ID, rel)
	if err != nil || !ok {
		return err
	}

	e.Record = &control.Record{
		Size: rec.Snapshot.Size, Modified: rec.Snapshot.ModTime.UTC(), Published: known(rec.At),
		ItemID: rec.Item, VersionID: rec.Version,
		VersionNumber: rec.Number, StorageID: rec.Storage, SHA1: rec.SHA1,
	}

	return nil
}

// RuleAgainst is the rule that leaves a file or folder out, "" when it is taken: the rules given
// and the .hoistignore files on the way to it.
func RuleAgainst(rules *watcher.Rules, root, rel string, dir bool, snap *state.Snapshot) string {
	folder := path.Dir(rel)
	if folder == "." {
		folder = ""
	}

	at, _ := rules.At(root, folder) // lines that are wrong are told by the watch
	if ignored, rule := at.Match(rel, dir); ignored {
		return rule
	}

	if snap == nil {
		return ""
	}

	if ignored, rule := at.MatchSize(snap.Size); ignored {
		return rule
	}

	if age := at.MinAge(); age > 0 && time.Since(snap.ModTime) < age {
		return "min-age " + age.String()
	}

	return ""
}

// explainReceipt finds what the newest receipt of the path says.
func (w *Owner) explainReceipt(e *control.Explanation) error {
	receipts, err := w.allReceipts()
	if err != nil {
		return err
	}

	byWay, err := newest(receipts)
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
		Size: last.Size, Modified: last.ModTime.UTC(), Published: known(last.Published), ItemID: last.Item,
		VersionID:     last.Version,
		VersionNumber: last.Number, StorageID: last.Storage, Receipt: last.Seq,
	}

	return nil
}

// pendingText says what a file of a watch, which has no job, waits for.
func pendingText(e control.Explanation, c config.Watch) string {
	switch {
	case e.Watch.State == watchPaused:
		return "its watch is paused: \"hoist watch resume " + transfer.Quote(c.ID) + "\""
	case e.Watch.State == "":
		return "no daemon runs: nothing is watched"
	case e.Watch.State == watcher.StateUnavailable:
		return "its watch is not available: " + e.Watch.Detail
	}

	return fmt.Sprintf("it is sent once it was seen and has rested for %v", c.SettleTime())
}

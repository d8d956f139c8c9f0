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
	Path  string           // absolute
	Watch *config.Watch    // that the path lies in; nil: none
	State *control.Watch   // how that watch is doing
	Waits *control.Waiting // why the watch has not handed the file over yet; nil: it may only have to rest
	Job   *state.Job       // the newest open one of the path, else the newest that ended; nil: none
	Shown *control.Job     // the same, as it is shown
}

// stand is what is seen of a path that is explained.
type stand struct {
	Question
	info    fs.FileInfo // of what a named link leads to; nil: see err
	err     error
	snap    *state.Snapshot // nil: no regular file
	found   local.Finding
	settled bool // the file is as it was last published
}

// Explain says where a file stands and why.
func (a *Auditor) Explain(q Question) (control.Explanation, error) {
	e := control.Explanation{Path: q.Path, Watch: q.State, Job: q.Shown}
	s := stand{Question: q}
	look := os.Stat // a link that is named is followed
	if q.Watch != nil {
		look = os.Lstat // in a watched folder it is not
	}

	s.info, s.err = disk.Ask(q.Path, disk.Patience, func() (fs.FileInfo, error) { return look(q.Path) })
	if s.err == nil && s.info.Mode().IsRegular() {
		var err error
		if s.snap, err = local.Snapshot(q.Path); err != nil {
			return e, err
		}
	}

	if err := a.judge(&e, &s); err != nil {
		return e, err
	}

	if e.Record == nil {
		if err := a.explainReceipt(&e); err != nil {
			return e, err
		}
	}

	s.settled = s.snap != nil && recorded(e.Record, *s.snap)
	if q.Job != nil {
		e.Remote = q.Job.Target.Address
	}

	if err := s.say(&e); err != nil {
		return e, err
	}

	if q.Job != nil && q.Job.From != "" {
		e.Detail += fmt.Sprintf("; it was renamed: its item had the name %q", q.Job.From)
	}

	return e, nil
}

// judge asks the rules: those of the watch as a scan has them, else those of a push of the folder.
func (a *Auditor) judge(e *control.Explanation, s *stand) (err error) {
	var rules *watcher.Rules
	if s.Watch != nil {
		s.found, rules, err = a.explainWatch(e, *s.Watch)
	} else {
		s.found, rules, err = a.Outside(s.Path)
	}

	if err != nil {
		return err
	}

	e.Rule, e.Holds = s.found.Rule, s.found.Holds(rules)

	return nil
}

// say chooses what counts most.
func (s *stand) say(e *control.Explanation) error {
	switch {
	case s.Job != nil && s.Job.Open():
		s.open(e)
	case s.Watch != nil && s.found.Rule != "":
		s.leftOut(e)
	case s.Watch == nil && s.found.Rule != "" && !s.settled && (s.err == nil || s.found.Special):
		s.leftOut(e)
	case s.err == nil && s.info.IsDir():
		e.State, e.Detail = control.ExplainFolder, "it is a folder"
		if s.Watch != nil {
			e.Detail += " that watch " + s.Watch.ID + " looks at; \"hoist status\" tells of its files"
		}
	case s.err != nil:
		return s.missing(e)
	case s.snap == nil:
		e.State, e.Reason, e.Detail = control.ExplainIgnored, transfer.ReasonNotAFile,
			"it is a link, device or other thing that is never sent"
	case s.Watch != nil && s.found.Held != nil:
		e.State, e.Detail = control.ExplainPending, s.found.Held.Error()
		because(e, transfer.ReasonRules)
	case s.Watch != nil && s.found.Err != nil:
		e.State, e.Detail = control.ExplainPending, s.found.Err.Error()
		because(e, transfer.ReasonUnreadable)
	default:
		s.rests(e)
	}

	return nil
}

// open tells of a job that is on the file.
func (s *stand) open(e *control.Explanation) {
	job := s.Job
	e.State, e.Reason, e.Fix = string(e.Job.State), job.Reason, e.Job.Fix
	e.NextAttempt = e.Job.NextAttempt
	e.Since = control.Known(job.Since)
	e.Detail = fmt.Sprintf("job %s (%s) is %s", job.ID, job.Kind, e.State)
	if job.Error != "" {
		e.Detail += ": " + job.Error
	}

	if job.Reason != "" {
		because(e, job.Reason)
	}
}

// leftOut tells of the rule by which a scan, or a push of its folder, passes it over.
func (s *stand) leftOut(e *control.Explanation) {
	e.State, e.Detail = control.ExplainIgnored, "the rule "+e.Rule+" leaves it out"
	if s.found.Special {
		e.Reason, e.Detail = transfer.ReasonNotAFile, "it is a link, device or other thing that is never sent"
	}

	switch named := s.err == nil && (s.snap != nil || s.info.IsDir()) && s.found.Named == ""; {
	case s.Watch != nil && s.found.Special:
		if at := filepath.Join(s.Watch.Path, filepath.FromSlash(s.found.At)); at != s.Path {
			e.Detail = "it lies behind " + at + ", a link that is not followed"
		}
	case s.Watch != nil:
	case s.found.Special && named:
		e.Detail = "it is a link: a push of its folder leaves it out, one that names it sends " +
			"what it leads to"
	case s.found.Special:
	case named:
		e.Detail = "the rule " + e.Rule +
			" leaves it out when its folder is pushed; a push that names it takes it"
	}
}

// missing tells of what is not on the disk, or cannot be looked at.
func (s *stand) missing(e *control.Explanation) error {
	e.State = control.ExplainMissing
	switch {
	case errors.Is(s.err, disk.ErrSilent):
		e.Reason, e.Detail = transfer.ReasonFolderAway, s.err.Error()+"; nothing is inferred from that"
	case e.Record == nil && s.Job == nil:
		return problem.With(problem.NotFound,
			fmt.Errorf("%s: there is no such file or folder, and nothing is known of it", s.Path),
			problem.Text("check the path"))
	default:
		then := "nothing is removed in the cloud for that"
		if s.Watch != nil && s.Watch.Delete == config.DeleteHide {
			then = "its watch hides what is removed, within the bounds that \"hoist help watching\" tells"
		}

		e.Detail = "it is not on the disk: " + s.err.Error() + "; " + then
	}

	return nil
}

// rests tells of a file that nothing keeps from being sent.
func (s *stand) rests(e *control.Explanation) {
	job := s.Job
	switch {
	case s.settled:
		e.State, e.Detail = control.ExplainSynced, "size and time are those of what was last published"
	case job != nil && job.End == state.EndCancelled && job.Snapshot.SameContentLikely(*s.snap):
		e.State, e.Reason, e.Fix = control.ExplainCancelled, transfer.ReasonCancelled,
			"hoist retry --wait "+string(job.ID)
		e.Detail = "this state of it was cancelled; it is wanted again when it changes"
	case s.Watch != nil && s.found.Wait > 0:
		e.State, e.Detail = control.ExplainPending, "it is younger than the rules ask for"
		e.NextAttempt = control.Known(time.Now().Add(s.found.Wait))
	case s.Watch != nil && s.Waits != nil:
		e.State, e.Since, e.NextAttempt = control.ExplainPending, s.Waits.Since, s.Waits.NextAttempt
		because(e, s.Waits.Reason)
		e.Detail = s.Waits.Detail
	case s.Watch != nil:
		e.State, e.Detail = control.ExplainPending, pendingText(*e, *s.Watch)
	default:
		e.State, e.Detail = control.ExplainUnknown,
			"it lies in no watch, and this state of it was not published"
		if e.Holds != "" {
			e.Detail += "; a push of its folder passes it over (" + e.Holds + "), one that names it takes it"
		}
	}
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
func (a *Auditor) explainWatch(e *control.Explanation, c config.Watch) (found local.Finding,
	rules *watcher.Rules, err error) {
	rel, err := filepath.Rel(c.Path, e.Path)
	if err != nil {
		return found, nil, err
	}

	rel = filepath.ToSlash(rel)
	address, err := remote.ParseAddress(c.Remote)
	if err != nil {
		return found, nil, err
	}

	if rel == "." {
		e.Remote = address.String()
		return found, nil, nil
	}

	e.Remote = address.Join(steps(rel)...).String()
	book, err := a.Rules(c)
	if err != nil {
		return found, nil, err
	}

	found.Finding, rules = book.Find(rel, false), book.Given()
	if held := found.Held; held != nil && held.Err == nil { // what rests says already what it will be
		soon, err := book.Rested()
		if err != nil {
			return found, rules, err
		}

		found.Finding = soon.Find(rel, false)
		if found.Rule == "" && found.Held == nil {
			found.Held = held
		}
	}

	rec, ok, err := a.Store.Published(c.ID, rel)
	if err != nil || !ok {
		return found, rules, err
	}

	e.Record = &control.Record{
		Size: rec.Snapshot.Size, Modified: rec.Snapshot.ModTime.UTC(), Published: control.Known(rec.At),
		ItemID: rec.Item, VersionID: rec.Version,
		VersionNumber: rec.Number, StorageID: rec.Storage, SHA1: rec.SHA1, Content: rec.Content,
		Sign: rec.Sign, Unproven: rec.Unproven,
	}

	return found, rules, nil
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

package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/plan"
)

// RebuildReport is what [Rebuild] did.
type RebuildReport struct {
	Old      string   `json:"old,omitempty"` // where the old state was put
	Files    int      `json:"files"`         // compared
	Equal    int      `json:"equal"`         // recorded as published: a receipt or the SHA-1 proves it
	Based    int      `json:"based"`         // changed since, recorded as last published by the receipt
	Assumed  int      `json:"assumed"`       // taken as equal because a person said so
	Left     int      `json:"left"`          // left to the next scan or push
	Receipts int      `json:"receipts"`      // carried over
	Notes    []string `json:"notes"`
}

// Opener opens the state of a home; closed releases it.
type Opener func(home config.Home) (a *Auditor, closed func() error, err error)

// Rebuild makes a new state of a home from disk, receipts and cloud and puts it in the place of the
// old one, which is kept. ask is called with the paths of files that nothing can prove equal to the
// cloud's; its error ends the rebuild with the old state as it was. open opens the new state in a
// home of its own. Errors: a [*state.LockedError] when another process has the home.
func Rebuild(ctx context.Context, home config.Home, open Opener,
	ask func(unproven []string) (bool, error)) (_ RebuildReport, err error) {
	report := RebuildReport{Notes: []string{}}

	if err := home.Ensure(); err != nil {
		return report, err
	}

	release, err := state.Hold(home.StateFile())
	if errors.Is(err, fs.ErrNotExist) {
		release, err = func() error { return nil }, nil
	}

	if err != nil {
		return report, err
	}

	defer func() {
		if release != nil {
			err = errors.Join(err, release())
		}
	}()
	rescued, err := state.Rescue(home.StateFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return report, err
	}

	receipts, notes, err := unite(home, rescued.Receipts)
	if err != nil {
		return report, err
	}

	report.Notes = append(report.Notes, notes...)

	dir, err := emptyFolder(home)
	if err != nil {
		return report, err
	}

	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fresh := config.Home{Config: home.Config, State: dir}
	a, closed, err := open(fresh)
	if err != nil {
		return report, err
	}

	err = a.fill(ctx, receipts, rescued.Meta, ask, &report)
	if err := errors.Join(err, closed()); err != nil {
		return report, err
	}

	// Windows renames no file that is open; the lock goes with it.
	held := release
	release = nil
	if err := held(); err != nil {
		return report, err
	}

	report.Old, err = replaceState(home, fresh)

	return report, err
}

// emptyFolder makes the folder for a new state, and removes that of a rebuild that was killed.
func emptyFolder(home config.Home) (string, error) {
	left, err := namesIn(home.State, "rebuild-", "")
	if err != nil {
		return "", err
	}

	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", fmt.Errorf("remove what an earlier rebuild left: %w", err)
		}
	}

	dir, err := os.MkdirTemp(home.State, "rebuild-*")
	if err != nil {
		return "", fmt.Errorf("make a folder for the new state: %w", err)
	}

	return dir, nil
}

// replaceState puts the new state in the place of the old, and returns under which name that is
// kept; "" when there was none.
func replaceState(home, fresh config.Home) (keptAs string, err error) {
	stamp := time.Now().UTC().Format("20060102-150405.000")
	for _, suffix := range []string{state.BackupSuffix, ""} {
		old := home.StateFile() + suffix
		kept := home.StateFile() + ".before-" + stamp + suffix
		switch err := state.KeepAs(old, kept); {
		case err == nil && suffix == "":
			keptAs = kept
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return keptAs, fmt.Errorf("keep the old state: %w", err)
		}

		if err := os.Rename(fresh.StateFile()+suffix, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return keptAs, fmt.Errorf("put the new state in its place: %w", err)
		}
	}

	return keptAs, nil
}

// unite puts the receipts of a state and those of the exported files together, as far as they
// follow one another to the newest.
func unite(home config.Home, inState []state.Receipt) (list []state.Receipt, notes []string, err error) {
	exported, err := readExports(home)
	if err != nil {
		return nil, nil, err
	}

	for _, p := range exported.problems {
		notes = append(notes, p.path+": "+p.detail)
	}

	byNumber := map[uint64]state.Receipt{}
	for _, r := range slices.Concat(inState, exported.lines) { // an export wins: it is what a firm has filed
		byNumber[r.Seq] = r
	}

	for _, seq := range slices.Sorted(maps.Keys(byNumber)) {
		list = append(list, byNumber[seq])
	}

	for i := len(list) - 1; i > 0; i-- {
		if err := state.CheckReceipts(list[i-1:i+1], ""); err != nil {
			notes = append(notes, fmt.Sprintf(
				"%v: the new state goes on after it, the exported files are as they were", err))
			return list[i:], notes, nil
		}
	}

	return list, notes, nil
}

// fill records in a new state what can be proved.
func (a *Auditor) fill(ctx context.Context, receipts []state.Receipt, meta map[string]string,
	ask func([]string) (bool, error), report *RebuildReport) error {
	var err error
	if report.Receipts, err = a.Store.ImportReceipts(receipts); err != nil {
		return err
	}

	for key, value := range meta {
		if strings.HasPrefix(key, "watch-paused/") || strings.HasPrefix(key, "forgotten/") ||
			key == receiptsMeta {
			if err := a.Store.SetMeta(key, value); err != nil {
				return err
			}
		}
	}

	subjects, err := a.survey(ctx, scope{}, receipts)
	if err != nil {
		return err
	}

	var records, doubtful []state.PublishedRecord

	var doubted []string
	t := a.newTips()
	for _, s := range subjects {
		f, record, err := a.recordFor(ctx, t, s)
		if err != nil {
			return err
		}

		report.Files++
		here, there := f.local.Presence == compare.Present, f.tip.Presence == compare.Present
		switch {
		case f.judge().Verdict == compare.Equal:
			report.Equal++
			records = append(records, record)
		case here && there && f.tip.Size == f.local.Size && !f.differ() && s.problem == "":
			doubted = append(doubted, s.path)
			doubtful = append(doubtful, record)
		case s.base.Known && there:
			report.Based++
			records = append(records, record)
		default:
			report.Left++
		}
	}

	if len(doubted) > 0 {
		yes, err := ask(doubted)
		if err != nil {
			return err
		}

		if yes {
			report.Assumed = len(doubted)
			records = append(records, doubtful...)
		} else {
			report.Left += len(doubted)
		}
	}

	return a.Store.PutPublished(records...)
}

// recordFor compares a file and makes the record of it: of the tip when the contents are (or may
// be) equal, else of what the receipt tells, from which the engine sees who changed what since.
func (a *Auditor) recordFor(ctx context.Context, t *tips, s subject) (facts, state.PublishedRecord, error) {
	f := facts{base: s.base, local: compare.Local{Presence: compare.Absent}}
	rec := state.PublishedRecord{Root: s.root, Rel: s.rel, Remote: s.address().String()}
	entry, err := t.find(ctx, s.profile, s.remote, s.names)
	if ambiguous(err) {
		a.Log.Warn("file cannot be compared", "path", s.path, "error", err)
		return f, rec, nil
	}

	f.tip = tipOf(entry)
	if err != nil || entry == nil {
		return f, rec, err
	}

	if s.root == "" {
		rec.Root = plan.RecordRoot(s.profile, entry.Place, s.path)
		at := s.address()
		if rec.Rel = at.Key(); !at.OSS() {
			rec.Rel = strings.Join(at.Steps[2:], "/")
		}
	}

	if s.problem == "" {
		if f.local, err = look(s.path); err != nil {
			return f, rec, err
		}
	}

	snap, unread := f.local.Snapshot, false
	if untouched := f.tipIsBase() && f.judge().Verdict == compare.Equal; !untouched &&
		f.local.Presence == compare.Present && !f.differ() {
		f.local.Snapshot = compare.Snapshot{Size: snap.Size} // from here on the content alone tells
		if err := a.read(ctx, s, &f, false); err != nil {
			if ctx.Err() != nil || f.local.SHA1 != "" {
				return f, rec, err
			}

			a.Log.Warn("file cannot be compared", "path", s.path, "error", err)
			f.tip.Size, unread = -1, true // left to the next scan, which tells why
		}
	}

	rec.Item = f.tip.Item
	if b := s.base; b.Known && (unread || f.differ()) {
		rec.Version, rec.Number, rec.Storage, rec.Snapshot, rec.PartSize = b.Version, b.Number, b.Storage,
			b.Snapshot, b.partSize
		return f, rec, nil
	}

	rec.Version, rec.Number, rec.Storage, rec.Snapshot = f.tip.Version, f.tip.Number, f.tip.Storage, snap
	if b := s.base; b.Known && b.Version == rec.Version && b.Storage == rec.Storage {
		rec.PartSize, rec.ETags = b.partSize, b.etags
	}

	if rec.SHA1 = entry.SHA1; f.judge().Verdict == compare.Equal && f.local.SHA1 != "" {
		rec.SHA1 = f.local.SHA1
	}

	return f, rec, nil
}

// RestoreReceipts takes receipts that were exported and that a repaired state lacks back into it,
// and returns how many.
func RestoreReceipts(home config.Home) (int, error) {
	exported, err := readExports(home)
	if err != nil || len(exported.lines) == 0 {
		return 0, err
	}

	s, err := state.Open(home.StateFile(), state.Options{Owner: home.OwnerFile()})
	if err != nil {
		return 0, err
	}

	n, err := s.ImportReceipts(exported.lines)

	return n, errors.Join(err, s.Close())
}

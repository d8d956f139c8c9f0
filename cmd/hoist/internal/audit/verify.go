package audit

import (
	"context"
	"fmt"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state/compare"
)

// Verify compares each file that the request names with its receipt and the cloud.
func (a *Auditor) Verify(ctx context.Context, r control.VerifyRequest) (control.VerifyReport, error) {
	report := control.VerifyReport{Files: []control.VerifyFile{}, Chain: []control.VerifyFile{}}
	in, err := a.scopeOf(r.Path, r.Watch, r.Profile)
	if err != nil {
		return report, err
	}

	receipts, chain, err := a.checkChain()
	if err != nil {
		return report, err
	}

	report.Receipts, report.Chain = len(receipts), chain
	subjects, err := a.survey(ctx, in, receipts)
	if err != nil {
		return report, err
	}

	if len(subjects) == 0 && r.Path != "" {
		if _, err := local.Stat(r.Path); err != nil {
			return report, err
		}

		return report, problem.With(problem.NotFound,
			fmt.Errorf("%s: nothing is known of it: it lies in no watch, and no receipt tells of it", r.Path),
			problem.Fix{Step: problem.WatchesKnown})
	}

	a.refresh(subjects)

	tips := a.newTips()
	for _, s := range subjects {
		f, err := a.verifyOne(ctx, tips, s, r.Quick)
		if err != nil {
			return report, err
		}

		report.Files = append(report.Files, f)
	}

	return report, nil
}

// refresh forgets what was read of the cloud earlier: a user asks what is there now.
func (a *Auditor) refresh(subjects []subject) {
	seen := map[string]bool{}
	for _, s := range subjects {
		if seen[s.profile] {
			continue
		}

		seen[s.profile] = true
		// an error comes again where it is asked for a folder
		if r, err := a.Resolver(s.profile); err == nil {
			r.Refresh()
		}
	}
}

func (a *Auditor) verifyOne(ctx context.Context, t *tips, s subject, quick bool) (control.VerifyFile, error) {
	out := control.VerifyFile{Path: s.path, Remote: s.address().String(), Receipt: s.base.receipt}
	unproven := func(why string) (control.VerifyFile, error) {
		out.Result, out.Detail = control.VerifyUnproven, why
		return out, nil
	}
	if s.problem != "" {
		return unproven(s.problem)
	}

	f := facts{base: s.base}
	var err error
	if f.local, err = look(s.path); err != nil {
		return unproven(err.Error())
	}

	entry, err := t.find(ctx, s.profile, s.remote, s.names)
	if ambiguous(err) {
		return unproven(err.Error())
	}

	if err != nil {
		return out, err
	}

	f.tip = tipOf(entry)
	f.touched = !s.base.SameContentLikely(f.local.Snapshot)
	out.ItemID, out.VersionID, out.VersionNumber, out.StorageID = f.tip.Item, f.tip.Version, f.tip.Number,
		f.tip.Storage
	if f.local.Presence == compare.Present {
		out.Size = &f.local.Size
	}

	both := f.local.Presence == compare.Present && f.tip.Presence == compare.Present
	if quick && both && s.base.Known && !f.touched && s.base.Version == f.tip.Version &&
		s.base.Storage == f.tip.Storage {
		out.Result = control.VerifyOK
		return out, nil
	}

	f.local.Snapshot = compare.Snapshot{Size: f.local.Size} // from here on the contents alone prove it
	if !quick && both && !f.differ() {
		if err := a.read(ctx, s, &f); err != nil {
			if ctx.Err() != nil || f.local.SHA1 != "" { // the service failed, not the file
				return out, err
			}

			return unproven(err.Error())
		}

		out.SHA1 = f.local.SHA1
	}

	out.Result, out.Detail = f.verdict()
	if out.Result == control.VerifyOK && s.base.Storage != "" && f.tip.Storage != "" &&
		s.base.Storage != f.tip.Storage {
		out.Detail = "the cloud names another storage than what was published; the contents are the same"
	}

	return out, nil
}

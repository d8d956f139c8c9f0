package audit

import (
	"context"
	"fmt"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
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

// refresh forgets what was read of the cloud earlier: a person asks what is there now.
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
	out := control.VerifyFile{Path: s.path, Remote: s.address().String()}
	if s.problem != "" {
		out.Result, out.Detail = control.VerifyUnproven, s.problem
		return out, nil
	}

	f := facts{base: s.base}
	var err error
	if f.local, err = local.Snapshot(s.path); err != nil {
		out.Result, out.Detail = control.VerifyUnproven, err.Error()
		return out, nil //nolint:nilerr // it is a finding
	}

	if f.tip, err = t.find(ctx, s.profile, s.remote, s.names); ambiguous(err) {
		out.Result, out.Detail = control.VerifyUnproven, err.Error()
		return out, nil
	} else if err != nil {
		return out, err
	}

	if f.tip != nil {
		out.ItemID, out.VersionID, out.VersionNumber, out.StorageID = f.tip.ID, f.tip.VersionID,
			f.tip.VersionNumber, f.tip.StorageID
		if f.tip.VersionID == "" {
			out.ItemID = ""
		}
	}

	if f.local != nil {
		out.Size = &f.local.Size
	}

	if s.base != nil {
		out.Receipt = s.base.receipt
	}

	if f.local != nil && f.tip != nil && (f.tip.Size < 0 || f.tip.Size == f.local.Size) {
		if quick {
			if s.base != nil && s.base.snapshot.SameContentLikely(*f.local) &&
				s.base.version == f.tip.VersionID && s.base.storage == f.tip.StorageID {
				f.content = equal
			}
		} else {
			var read sums
			if f.content, read, err = a.compareContent(ctx, s.profile, s.path, s.base, *f.tip); err != nil {
				if ctx.Err() != nil || read.sha1 != "" { // the service failed, not the file
					return out, err
				}

				out.Result, out.Detail = control.VerifyUnproven, err.Error()

				return out, nil
			}

			out.SHA1 = read.sha1
		}
	}

	out.Result, out.Detail = judge(f)
	if out.Result == control.VerifyOK && s.base != nil && s.base.storage != "" && f.tip.StorageID != "" &&
		s.base.storage != f.tip.StorageID {
		out.Detail = "the cloud names another storage than what was published; the contents are the same"
	}

	return out, nil
}

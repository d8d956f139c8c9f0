package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/remote"
)

// Forget drops the records of the files that a request names. The receipts stay in their chain;
// they only do not count any more.
func (a *Auditor) Forget(ctx context.Context, r control.ForgetRequest) ([]control.Forgotten, error) {
	for i, p := range r.Paths {
		if strings.Contains(p, "://") { // a remote
			address, err := remote.ParseAddress(p)
			if err != nil {
				return nil, err
			}

			r.Paths[i] = address.String()
		} else if err := local.MustBeAbsolute(p); err != nil {
			return nil, err
		}
	}

	receipts, err := a.allReceipts()
	if err != nil {
		return nil, err
	}

	subjects, err := a.survey(ctx, scope{}, receipts)
	if err != nil {
		return nil, err
	}

	used := map[string]bool{}
	out, drop := []control.Forgotten{}, []state.Forgotten{}
	for _, s := range subjects {
		named := slices.IndexFunc(r.Paths, func(p string) bool {
			return p == s.address().String() || s.path != state.StreamPath && config.Within(p, s.path)
		})
		if named >= 0 {
			used[r.Paths[named]] = true
		}

		here, err := s.look()
		missing := err == nil && here.Presence == compare.Absent && !s.stream
		if !s.base.Known || named < 0 && !(r.Missing && missing) {
			continue
		}

		f := control.Forgotten{Path: s.path, Remote: s.address().String(), Result: control.ForgetKept}
		if f.Detail, err = a.keeps(s, named >= 0); err != nil {
			return nil, err
		}

		if f.Detail == "" {
			f.Result = control.ForgetDone
			one, err := a.recordOf(s, !missing)
			if err != nil {
				return nil, err
			}

			drop = append(drop, one)
		}

		out = append(out, f)
	}

	for _, p := range r.Paths {
		if !used[p] {
			return nil, problem.With(problem.NotFound, fmt.Errorf("%s: nothing is on record of it", p),
				problem.Text(`"hoist verify --json" lists what is; nothing was forgotten`))
		}
	}

	if r.DryRun || len(drop) == 0 {
		return out, nil
	}

	return out, a.Store.Forget(drop...)
}

// keeps says why the record of a file must stay for now; "" it may go.
func (a *Auditor) keeps(s subject, named bool) (string, error) {
	job, found, err := a.Store.LastJob(s.path)
	if err != nil {
		return "", err
	}

	if found && job.Open() {
		return fmt.Sprintf("job %s is under way: cancel it first", job.ID), nil
	}

	if s.root == "" || named {
		return "", nil
	}

	if _, err := local.Look(s.top); err != nil { // an unmounted disk is no folder whose files were removed
		return "the watched folder is not there", nil //nolint:nilerr // the reason is the row
	}

	return "", nil
}

// recordOf is where the published record of a file lies.
func (a *Auditor) recordOf(s subject, here bool) (state.Forgotten, error) {
	f := state.Forgotten{Path: recordName(s.path, s.address().String()), Root: s.root, Rel: s.rel,
		Again: here && s.root != ""}
	if s.root == "" {
		job, found, err := a.Store.LastJob(s.path)
		if err != nil {
			return f, err
		}

		if found {
			f.Root, f.Rel = job.Root, job.Rel
		}
	}

	return f, nil
}

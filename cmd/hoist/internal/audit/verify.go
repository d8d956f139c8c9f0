package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state/compare"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// Verify compares each file that the request names with its receipt and the cloud.
func (a *Auditor) Verify(ctx context.Context, r control.VerifyRequest) (control.VerifyReport, error) {
	report := control.VerifyReport{Files: []control.VerifyFile{}, Chain: []control.VerifyFile{}}
	if r.Remote != "" {
		return a.compare(ctx, r, report)
	}

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

	return a.judgeAll(ctx, subjects, r, report)
}

// judgeAll adds a row for each subject. What cannot be looked at is a row too; the end is only what
// makes all of them one row over: a service that does not answer, or that lets nobody in.
func (a *Auditor) judgeAll(ctx context.Context, subjects []subject, r control.VerifyRequest,
	report control.VerifyReport) (control.VerifyReport, error) {
	a.refresh(subjects)

	tips, refused := a.newTips(), 0
	var refusal error
	for _, s := range subjects {
		if r.Since != nil && s.base.Known && s.base.At.Before(*r.Since) {
			continue
		}

		f, err := a.verifyOne(ctx, tips, s, r)
		if signIn(err) {
			refused++
			refusal = err
		}

		if f.Result == "" && err != nil {
			return report, err
		}

		report.Files = append(report.Files, f)
	}

	if refused > 0 && refused == len(subjects) {
		return report, refusal
	}

	return report, nil
}

// signIn reports whether an error is that no token is given out, whatever would be asked with it.
func signIn(err error) bool {
	_, refused := errors.AsType[*apsclient.AuthError](err)
	_, none := errors.AsType[*config.NoCredentialsError](err)

	return refused || none
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

// verifyOne is the row of one subject. An error beside a row is why its place could not be looked
// at; without one it ends everything.
func (a *Auditor) verifyOne(ctx context.Context, t *tips, s subject, r control.VerifyRequest) (
	control.VerifyFile, error) {
	out := control.VerifyFile{Path: s.path, Remote: s.address().String(), Receipt: s.base.receipt}
	row := func(result, why string) control.VerifyFile {
		out.Result, out.Detail = result, why
		out.Fix = s.fix(result)

		return out
	}
	if s.unseen != nil {
		out.Result, _ = placeResult(ctx, s.unseen)
		out.Detail = s.unseen.Error()

		return out, nil //nolint:nilerr // its row tells it
	}

	if s.problem != "" {
		return row(control.VerifyUnproven, s.problem), nil
	}

	f := facts{base: s.base}
	var err error
	if f.local, err = s.look(); err != nil {
		return row(control.VerifyUnproven, err.Error()), nil
	}

	entry, err := t.find(ctx, s.profile, s.remote, s.names)
	if err != nil {
		result, ok := placeResult(ctx, err)
		if !ok {
			return out, err
		}

		return row(result, err.Error()), err
	}

	f.tip = tipOf(entry)
	f.touched = !s.base.SameContentLikely(f.local.Snapshot)
	out.ItemID, out.VersionID, out.VersionNumber, out.StorageID = f.tip.Item, f.tip.Version, f.tip.Number,
		f.tip.Storage
	if s.stream && f.local.Presence == compare.Absent {
		return row(f.streamVerdict()), nil
	}

	if f.local.Presence == compare.Present {
		out.Size = &f.local.Size
	}

	both := f.local.Presence == compare.Present && f.tip.Presence == compare.Present
	if r.Quick && both && f.asRecorded() {
		out.Result = control.VerifyOK
		return out, nil
	}

	f.local.Snapshot = compare.Snapshot{Size: f.local.Size} // from here on the contents alone prove it
	if !r.Quick && both && !f.differ() {
		if err := a.read(ctx, s, &f, r.Download); err != nil {
			// the service failed, not the file
			if _, outage := errors.AsType[*apsclient.NetError](err); outage || ctx.Err() != nil {
				return out, err
			}

			return row(control.VerifyUnproven, err.Error()), nil
		}

		out.SHA1 = f.local.SHA1
	}

	out = row(f.verdict())
	if out.Result == control.VerifyDiffers && s.base.Known && !f.touched {
		out.Fix = s.fix(control.VerifyNewerRemote) // the file was altered beside its times: theirs is right
	}

	if out.Result == control.VerifyOK && s.base.Storage != "" && f.tip.Storage != "" &&
		s.base.Storage != f.tip.Storage {
		out.Detail = "the cloud names another storage than what was published; the contents are the same"
	}

	return out, nil
}

// asRecorded reports whether neither side has changed since the record, by all that shows without the
// contents.
func (f facts) asRecorded() bool {
	return f.base.Known && !f.touched && f.base.Version == f.tip.Version && f.base.Storage == f.tip.Storage
}

// placeResult is what an error of looking at a place makes of the files there; false: it is not
// about the place. A bucket that is gone took its objects along; a hub or project may only have
// become invisible.
func placeResult(ctx context.Context, err error) (result string, ok bool) {
	gone, _ := errors.AsType[*remote.NotFoundError](err)
	_, outage := errors.AsType[*apsclient.NetError](err)
	switch {
	case ctx.Err() != nil || outage || errors.Is(err, apsclient.ErrUnavailable) ||
		errors.Is(err, apsclient.ErrThrottled):
		return "", false
	case ambiguous(err):
		return control.VerifyUnproven, true
	case gone != nil && gone.What == remote.KindBucket:
		return control.VerifyMissingRemote, true
	}

	return control.VerifyUnreachable, true
}

// fix is the command that mends a finding; "" when only a user can tell, or nothing is wrong. Each
// is meant for the one file.
func (s subject) fix(result string) string {
	if s.stream {
		return ""
	}

	at, profile := s.address(), ""
	if s.profile != "" && s.profile != config.DefaultProfile {
		profile = " --profile " + transfer.Quote(s.profile)
	}

	path, name := transfer.Quote(s.path), ""
	if base := filepath.Base(s.path); base != at.Base() {
		name = " --as " + transfer.Quote(at.Base())
	}

	switch result {
	case control.VerifyMissingRemote, control.VerifyDiffers:
		return "hoist push --force " + path + " " + transfer.Quote(at.Parent().String()) + name + profile
	case control.VerifyNewerRemote, control.VerifyMissingLocal:
		return "hoist pull --force --overwrite " + transfer.Quote(at.String()) + " " + path + profile
	}

	return ""
}

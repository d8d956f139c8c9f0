package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/patience"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// pair is a folder and a remote that are compared name by name, whatever is on record.
type pair struct {
	dir     string
	at      remote.Address
	profile string
	book    *watcher.Book  // with the built-in rules, for what a walk finds
	named   *watcher.Rules // without them, for what is in the cloud
	request control.VerifyRequest
	found   map[string]subject // by slash path below both
	mapped  map[string]bool    // remote paths below at of files whose names here the service refuses
}

// compare is Verify of a folder against a remote.
func (a *Auditor) compare(ctx context.Context, r control.VerifyRequest, report control.VerifyReport) (
	control.VerifyReport, error) {
	p := pair{dir: filepath.Clean(r.Path), profile: a.profile(r.Profile), request: r,
		found: map[string]subject{}, mapped: map[string]bool{}}
	var err error
	if p.at, err = remote.ParseAddress(r.Remote); err != nil {
		return report, err
	}

	if err := local.MustBeAbsolute(r.Path); err != nil {
		return report, err
	}

	info, err := local.Stat(p.dir)
	if err != nil {
		return report, err
	}

	if !info.IsDir() {
		return report, problem.Usagef("%s is not a folder: verify DIR REMOTE compares a folder", p.dir)
	}

	p.book, err = a.bookOf(p.dir, r.Filter)
	if err == nil {
		p.named, err = local.RulesOf(r.Filter, true)
	}

	if err == nil {
		err = p.walkHere(ctx)
	}

	if err == nil {
		err = a.walkThere(ctx, &p)
	}

	if err == nil {
		err = a.addReceipts(&p)
	}

	if err != nil {
		return report, err
	}

	subjects := make([]subject, 0, len(p.found))
	for _, rel := range slices.Sorted(maps.Keys(p.found)) {
		subjects = append(subjects, p.found[rel])
	}

	r.Since = nil // decided by the walks
	r.Quick = r.Quick && !r.Download

	return a.judgeAll(ctx, subjects, r, report)
}

// subject makes the subject of a path below both ends.
func (p *pair) subject(rel string) subject {
	return subject{path: filepath.Join(p.dir, filepath.FromSlash(rel)), rel: rel, profile: p.profile,
		remote: p.at, names: steps(rel)}
}

// local makes the subject of a file here. What the service refuses can only be there under the name that
// --map-names gives it.
func (p *pair) local(rel string) subject {
	s := p.subject(rel)
	if p.at.OSS() {
		return s
	}

	for i, name := range s.names {
		if stored := remote.MapName(name); stored != name && remote.RefusedName(name) != "" {
			s.names[i] = stored
			p.mapped[strings.Join(s.names, "/")] = true
		}
	}

	return s
}

func (p *pair) tooOld(t time.Time) bool {
	return p.request.Since != nil && !t.IsZero() && t.Before(*p.request.Since)
}

// bookOf is the book of a folder by which a push would walk it, once its rule files have rested.
func (a *Auditor) bookOf(dir string, filter control.Filter) (*watcher.Book, error) {
	rules, err := local.RulesOf(filter, false)
	if err != nil {
		return nil, err
	}

	book, err := a.Pushed(dir, rules)
	if err != nil {
		return nil, err
	}

	return book.Rested()
}

// walkHere finds the files of the folder.
func (p *pair) walkHere(ctx context.Context) error {
	_, err := watcher.Walk(p.book, func(rel string, snap watcher.Snapshot) error {
		if !p.tooOld(snap.ModTime) {
			p.found[rel] = p.local(rel)
		}

		return ctx.Err()
	}, func(rel string, err error) {
		if !errors.Is(err, watcher.ErrSkipped) {
			s := p.local(rel)
			s.problem = err.Error()
			p.found[rel] = s
		}
	})
	if err != nil {
		return fmt.Errorf("walk %s: %w", p.dir, err)
	}

	return nil
}

// walkThere adds what is in the cloud alone. A folder that is not there holds nothing; a place that
// cannot be looked at is a row.
func (a *Auditor) walkThere(ctx context.Context, p *pair) error {
	r, err := a.Resolver(p.profile)
	if err != nil {
		return err
	}

	r.Refresh()

	place, err := patience.Retry(ctx, func(error) {}, func() (remote.Place, error) {
		return r.ResolveFolder(ctx, p.at)
	})
	if err != nil {
		return p.unseen(ctx, nil, err)
	}

	if len(place.Missing) > 0 || p.request.OneWay {
		return nil
	}

	return p.below(ctx, r, place, nil)
}

// unseen makes a row of a place below both ends, beside those of the files there: a later look at one of
// them may succeed, and tells nothing of what is in the cloud alone. It returns the error when that is about
// more than the place.
func (p *pair) unseen(ctx context.Context, names []string, err error) error {
	_, usage := errors.AsType[*remote.UsageError](err)
	result, ok := placeResult(ctx, err)
	if !ok || usage || ambiguous(err) || signIn(err) {
		return err
	}

	if result == control.VerifyMissingRemote && len(p.found) > 0 {
		return nil // nothing can be in the cloud alone
	}

	s := p.subject(strings.Join(names, "/"))
	s.names, s.unseen = names, err
	p.found[s.rel+"/"] = s // no file ends so

	return nil
}

func (p *pair) below(ctx context.Context, r *remote.Resolver, place remote.Place, above []string) error {
	for e, err := range r.List(ctx, place) {
		if err != nil {
			return p.unseen(ctx, above, err)
		}

		names := append(slices.Clip(above), e.Name)
		if e.Type == remote.KindFolder {
			if err := p.below(ctx, r, e.Place, names); err != nil {
				return err
			}

			continue
		}

		rel := strings.Join(names, "/")
		if e.Type == remote.KindObject {
			rel = strings.TrimPrefix(e.Place.Key, place.Key)
		}

		if e.Type == remote.KindObject && strings.HasSuffix(rel, "/") && e.Size == 0 {
			continue // a placeholder that some programs keep for a folder
		}

		_, known := p.found[rel]
		known = known || p.mapped[strings.Join(names, "/")]
		if known || p.tooOld(e.Modified) || local.LeftOut(p.named, rel, e.Size) ||
			local.TooYoung(e.Modified, p.request.Filter.MinAge) {
			continue
		}

		s := p.subject(rel)
		if e.Type == remote.KindItem {
			s.names = names // which may hold a slash
		}

		p.found[rel] = s
	}

	return nil
}

// addReceipts gives each file the receipt of its way, whose ETags spare a call for its SHA-1.
func (a *Auditor) addReceipts(p *pair) error {
	receipts, err := a.allReceipts()
	if err != nil {
		return err
	}

	byWay, err := a.newest(receipts)
	if err != nil {
		return err
	}

	for rel, s := range p.found {
		if r, ok := byWay[[2]string{s.path, s.address().String()}]; ok {
			s.base = r.base()
			p.found[rel] = s
		}
	}

	return nil
}

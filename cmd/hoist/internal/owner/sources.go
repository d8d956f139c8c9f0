package owner

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// sources are the files of a push, and what could not be looked at.
type sources struct {
	files *plan.Sources // to be closed
	bytes int64         // of files
	bad   []badSource
	// names in walked folders by the built-in rule that leaves them out
	leftOut map[string]int

	book  bookOf
	rests time.Time // until when a rule file rests that was met; zero: none does
}

// bookOf is the book of a folder that is pushed, with the rules that the push was given.
type bookOf func(folder string, rules *watcher.Rules) (*watcher.Book, error)

// badSource is a file or folder that cannot be sent as it is.
type badSource struct {
	path, rel, reason, detail string
}

// results tells the bad ones as what a push reports; remote is where the push lands.
func (s sources) results(address remote.Address) []control.PlanFile {
	out := make([]control.PlanFile, len(s.bad))
	for i, b := range s.bad {
		steps := strings.FieldsFunc(b.rel, func(c rune) bool { return c == '/' })
		out[i].FileResult = control.FileResult{
			Path: b.path, Remote: address.Join(steps...).String(),
			Result: control.ResultAttention, Reason: b.reason, Detail: b.detail,
		}
	}

	return out
}

// findSources walks the paths of a push. A folder lands under its name, or its contents do when
// the path ends in a slash. A path that is named is taken whatever it is called; in folders, litter
// and what the filter leaves out are skipped. dir is a private folder for the list of many files.
func findSources(r control.PushRequest, dir string, book bookOf) (_ sources, err error) {
	s := sources{files: plan.NewSources(dir), book: book, leftOut: map[string]int{}}
	defer func() {
		if err != nil {
			s.files.Close()
		}
	}()

	if len(r.Paths) == 0 {
		return s, problem.Usagef("push: no paths")
	}

	for _, p := range r.Paths {
		if err := local.MustBeAbsolute(p); err != nil {
			return s, err
		}
	}

	tree, err := local.RulesOf(r.Filter, false)
	if err != nil {
		return s, err
	}

	single, err := local.RulesOf(r.Filter, true)
	if err != nil {
		return s, err
	}

	if r.As != "" {
		if len(r.Paths) != 1 || len(r.Files) > 0 {
			return s, problem.Usagef("--as gives another name to a single file, not to %d",
				max(len(r.Paths), len(r.Files)))
		}

		if info, err := local.Stat(r.Paths[0]); err == nil && info.IsDir() {
			return s, problem.Usagef("--as gives another name to a single file; %s is a folder", r.Paths[0])
		}
	}

	if r.Files != nil {
		return s, s.listed(r)
	}

	for _, p := range r.Paths {
		if r.Listed && s.missing(p, filepath.Base(p)) {
			continue
		}

		if err := s.add(p, tree, single, r.Filter.MinAge); err != nil {
			return s, err
		}
	}

	return s, nil
}

func (s *sources) add(given string, tree, single *watcher.Rules, minAge float64) error {
	contents := strings.HasSuffix(given, "/") || strings.HasSuffix(given, string(filepath.Separator))
	p := filepath.Clean(given)
	info, err := local.Stat(p)
	if s.closed(p, filepath.Base(p), err) {
		return nil
	}

	if err != nil {
		return err
	}

	if !info.IsDir() {
		if contents {
			return problem.Usagef("%s is not a folder", given)
		}

		if local.LeftOut(single, filepath.Base(p), info.Size()) || local.TooYoung(info.ModTime(), minAge) {
			return nil
		}

		return s.file(p, filepath.Base(p), info)
	}

	prefix := ""
	if base := filepath.Base(p); !contents && base != string(filepath.Separator) && base != "." {
		prefix = base
	}

	book, err := s.book(p, tree)
	if err != nil {
		return err
	}

	leftOut, err := watcher.Walk(book, func(rel string, snap watcher.Snapshot) error {
		return s.take(plan.Source{Path: filepath.Join(p, filepath.FromSlash(rel)),
			Rel: path.Join(prefix, rel), Snapshot: snapshotOf(snap), Walked: p})
	}, func(rel string, err error) {
		reason := transfer.ReasonUnreadable
		held, isHeld := errors.AsType[*watcher.HeldError](err)
		switch {
		case errors.Is(err, watcher.ErrSkipped):
			return
		case isHeld:
			reason = transfer.ReasonRules
			if held.Until.After(s.rests) {
				s.rests = held.Until
			}
		}

		s.bad = append(s.bad, badSource{filepath.Join(p, filepath.FromSlash(rel)), path.Join(prefix, rel),
			reason,
			err.Error()})
	})
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == p && s.closed(p, prefix, err) {
		return nil
	}

	if err != nil {
		return fmt.Errorf("walk %s: %w", p, err)
	}

	for rule, n := range leftOut {
		s.leftOut[rule] += n
	}

	return nil
}

// closed notes a path that was named and may not be read, as one below a folder is noted.
func (s *sources) closed(p, rel string, err error) bool {
	if !errors.Is(err, fs.ErrPermission) {
		return false
	}

	s.bad = append(s.bad, badSource{p, rel, transfer.ReasonUnreadable, err.Error()})

	return true
}

// missing notes a path of a list that is not there, which is a row and stops no other.
func (s *sources) missing(p, rel string) bool {
	if _, err := local.Look(p); !errors.Is(err, fs.ErrNotExist) {
		return false
	}

	s.bad = append(s.bad, badSource{filepath.Clean(p), rel, transfer.ReasonVanished,
		"there is no such file or folder"})

	return true
}

// file adds one file that was named.
func (s *sources) file(p, rel string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		s.bad = append(s.bad, badSource{p, rel, transfer.ReasonNotAFile, "it is not a regular file"})
		return nil
	}

	snap, err := local.SnapshotPath(p)
	if err != nil {
		s.bad = append(s.bad, badSource{p, rel, transfer.ReasonUnreadable, err.Error()})
		return nil //nolint:nilerr // its row tells it
	}

	return s.take(plan.Source{Path: p, Rel: rel, Snapshot: snap})
}

func (s *sources) take(one plan.Source) error {
	s.bytes += max(one.Snapshot.Size, 0)
	return s.files.Add(one)
}

// listed takes the listed files of one folder and nothing else of it.
func (s *sources) listed(r control.PushRequest) error {
	if len(r.Paths) != 1 {
		return problem.Usagef("a list of files goes with one folder, not with %d", len(r.Paths))
	}

	dir := filepath.Clean(r.Paths[0])
	prefix := filepath.Base(dir)
	if strings.HasSuffix(r.Paths[0], "/") || strings.HasSuffix(r.Paths[0], string(filepath.Separator)) {
		prefix = ""
	}

	for _, f := range r.Files {
		rel := path.Clean(filepath.ToSlash(f))
		if path.IsAbs(rel) || rel == ".." || strings.HasPrefix(rel, "../") {
			return problem.Usagef("%s: not below %s", f, dir)
		}

		p := filepath.Join(dir, filepath.FromSlash(rel))
		if s.missing(p, path.Join(prefix, rel)) {
			continue
		}

		info, err := local.Stat(p)
		if err != nil {
			return err
		}

		if err := s.file(p, path.Join(prefix, rel), info); err != nil {
			return err
		}
	}

	return nil
}

func snapshotOf(s watcher.Snapshot) state.Snapshot {
	return state.Snapshot{Size: s.Size, ModTime: s.ModTime, ChangeTime: s.ChangeTime, FileID: s.FileID}
}

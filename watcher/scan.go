package watcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// scanWorkers is how many folders are read at once: more do not help a warm cache, and a disk that
// seeks suffers from them.
const scanWorkers = 2

// seen is one difference that a scan found.
type seen struct {
	path   string
	rec    record
	op     op
	locked bool
	forget bool // opGone: not gone but ignored now
}

// finding is what a scan found in one folder.
type finding struct {
	at    time.Time // before the folder was listed
	diffs []seen
}

// summary is what a scan says at its end.
type summary struct {
	whole   bool           // it began at the root
	rootErr error          // the root could not be read: nothing was compared
	fatal   error          // the baseline could not be read
	limit   error          // no notices any more: *noticesError
	leftOut map[string]int // names by the built-in rule that leaves them out
	scanned []string       // the folders that it was asked for
	unread  map[string]unreadable
}

// scanner compares parts of the tree with the baseline.
type scanner struct {
	book *Book
	base Baseline
	// before a folder is listed, so that nothing falls between; nil: no notices
	add func(folder string) error
	log *slog.Logger
	out chan<- finding

	mu    sync.Mutex
	wake  sync.Cond
	stack []scanWork // guarded by mu
	busy  int        // workers that may add to stack; guarded by mu
	ended bool       // guarded by mu
	sum   summary    // guarded by mu
}

type scanWork struct {
	folder string
	rules  *Rules // of the folder above
}

// run scans the folders given, each with all below it, and returns when everything found was taken
// from out or ctx has ended.
func (s *scanner) run(ctx context.Context, folders []string) summary {
	s.wake.L = &s.mu
	s.sum.scanned, s.sum.leftOut, s.sum.unread = folders, map[string]int{}, map[string]unreadable{}
	for _, f := range folders {
		rules := s.book.Given()
		if f == "" {
			s.sum.whole = true
		} else {
			parent, _ := split(f)
			rules = s.book.At(parent)
		}

		s.stack = append(s.stack, scanWork{f, rules})
	}

	stop := context.AfterFunc(ctx, s.end)
	defer stop()

	var wg sync.WaitGroup
	for range scanWorkers {
		wg.Go(func() {
			for {
				work, ok := s.pop()
				if !ok {
					return
				}

				if err := s.folder(ctx, work); err != nil {
					s.mu.Lock()
					s.sum.fatal = err
					s.mu.Unlock()
					s.end()
				}

				s.release()
			}
		})
	}

	wg.Wait()

	return s.sum
}

// end stops the workers after the folder each has in hand.
func (s *scanner) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake.Broadcast()
}

func (s *scanner) pop() (scanWork, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for len(s.stack) == 0 && s.busy > 0 && !s.ended {
		s.wake.Wait()
	}

	if s.ended || len(s.stack) == 0 {
		return scanWork{}, false
	}

	work := s.stack[len(s.stack)-1]
	s.stack = s.stack[:len(s.stack)-1]
	s.busy++

	return work, true
}

func (s *scanner) push(work []scanWork) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stack = append(s.stack, work...)
	s.wake.Broadcast()
}

func (s *scanner) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	if s.busy == 0 {
		s.wake.Broadcast()
	}
}

// unreadable is why a folder could not be listed, or a file not be looked at.
type unreadable struct {
	err  error
	file bool
}

// fail notes something that could not be read; the scan goes on.
func (s *scanner) fail(path string, u unreadable) {
	s.log.Warn("path not readable", "path", path, "error", u.err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.unread[path] = u
}

// watch asks for notices of a folder.
func (s *scanner) watch(folder string) {
	if s.add == nil {
		return
	}

	s.mu.Lock()
	hopeless := s.sum.limit != nil
	s.mu.Unlock()
	if hopeless {
		return
	}

	// Any other error has its cause in the folder, and listing it will tell.
	if lim, ok := errors.AsType[*noticesError](s.add(folder)); ok {
		s.mu.Lock()
		s.sum.limit = lim
		s.mu.Unlock()
	}
}

// folder compares one folder. An error means that the baseline cannot be read.
func (s *scanner) folder(ctx context.Context, work scanWork) error {
	s.watch(work.folder)
	at := time.Now()

	l, err := list(s.book, work.folder, work.rules)
	switch {
	case err != nil && work.folder == "":
		s.mu.Lock()
		s.sum.rootErr = err
		s.mu.Unlock()

		return nil
	case errors.Is(err, fs.ErrNotExist):
		return nil // it went meanwhile; the folder above knows
	case err != nil:
		s.fail(work.folder, unreadable{err, false})
		return nil //nolint:nilerr // the scan goes on
	}

	if l.rules.Held() != nil {
		return nil //nolint:nilerr // it is scanned again when its rules hold
	}

	for name, err := range l.unknown {
		s.fail(join2(work.folder, name), unreadable{err, true})
	}

	if len(l.leftOut) > 0 {
		s.mu.Lock()
		for rule, n := range l.leftOut {
			s.sum.leftOut[rule] += n
		}

		s.mu.Unlock()
	}

	var deeper []scanWork
	for _, r := range slices.Backward(l.records) { // the stack turns them round
		if r.dir {
			deeper = append(deeper, scanWork{join2(work.folder, r.name), l.rules})
		}
	}

	s.push(deeper)
	diffs, err := s.compare(work.folder, &l)
	if err != nil || len(diffs) == 0 {
		return err
	}

	select {
	case s.out <- finding{at, diffs}:
	case <-ctx.Done():
	}

	return nil
}

func (s *scanner) compare(folder string, l *listing) ([]seen, error) {
	chunks, err := s.base.Load(folder)
	if err != nil {
		return nil, fmt.Errorf("read the baseline of folder %q: %w", folder, err)
	}

	var diffs []seen
	var gone []record
	visit := func(o op, r record) {
		if o == opGone {
			gone = append(gone, r)
			return
		}

		p := join2(folder, r.name)
		diffs = append(diffs,
			seen{path: p, rec: identify(s.book.root, p, r), op: o, locked: l.locked(r.name)})
	}
	if err := diff(l.records, chunks, visit); err != nil {
		s.log.Error("baseline not readable, the folder is reported anew", "folder", folder, "error", err)
		diffs, gone = nil, nil
		if err := diff(l.records, nil, visit); err != nil {
			return nil, err
		}
	}

	m := nameMatcher{rules: l.rules, folder: folder}
	for _, r := range gone {
		if l.unknown[r.name] != nil {
			continue
		}

		forget := m.match(r.name, strings.ToLower(r.name), r.dir).ignored
		forget = forget || l.ignored[r.name]
		p := join2(folder, r.name)
		if !r.dir {
			diffs = append(diffs, seen{path: p, rec: r, op: opGone, forget: forget})
			continue
		}

		err := eachRecord(s.base, p, func(p string, r record) {
			diffs = append(diffs, seen{path: p, rec: r, op: opGone, forget: forget})
		})
		if err != nil {
			return nil, err
		}
	}

	return diffs, nil
}

// eachRecord calls fn for the record of every file at or below a folder of the baseline. What
// cannot be decoded is left out.
func eachRecord(b Baseline, folder string, fn func(p string, r record)) error {
	chunks, err := b.Load(folder)
	if err != nil {
		return fmt.Errorf("read the baseline of folder %q: %w", folder, err)
	}

	d := decoder{chunks: chunks}
	for d.next() {
		r := d.current()
		p := join2(folder, r.name)
		if !r.dir {
			fn(p, r)
		} else if err := eachRecord(b, p, fn); err != nil {
			return err
		}
	}

	return nil
}

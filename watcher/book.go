package watcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/watcher/disk"
	"hoist/watcher/gitignore"
)

// Book knows the rules that hold below one root: those that were given, and what each rule file of
// the tree said when it was last understood. A rule file counts once it has rested, as any file
// does; until then the last that was understood holds, and nothing below it is handed over. One
// that is not understood changes nothing; when none ever was, nothing below it is handed over. A
// Book is safe for concurrent use.
type Book struct {
	root   string
	settle time.Duration
	keep   RuleKeeper // nil: nothing is remembered

	mu     sync.Mutex
	given  *Rules               // guarded by mu
	probe  bool                 // whether it is known how letters compare; guarded by mu
	probed time.Time            // when that was last asked; guarded by mu
	files  map[string]*ruleFile // by folder; guarded by mu
	marks  map[string]outMark   // of folders that left themselves out; guarded by mu
	// folders in which other rules came to hold, or none are held any more, since recheck told of
	// them: whoever looked first, the watcher has to scan them; guarded by mu
	turned map[string]bool
	// originals had backups beside them; backups are those that were judged so, and round those of
	// them that the scan under way has met; guarded by mu
	originals, backups, round map[string]bool

	dirty bool // the keeper does not have all that was understood; guarded by mu
}

// RuleKeeper keeps what rule files said, in one opaque text for a root, so that a restart knows the
// last rules that were understood.
type RuleKeeper interface {
	LoadRules() (string, error)
	StoreRules(string) error
	// Published reports whether a file was ever published under a slash path below the root.
	Published(path string) bool
}

// ruleFile is what is known of the rule file of one folder.
type ruleFile struct {
	rules *gitignore.Rules // last understood; nil: never
	text  []byte           // of rules
	as    fileState        // that was understood
	seen  fileState        // at the last look
	since time.Time        // since when it is as seen
	err   error            // why seen is not understood
	asked time.Time        // of the last look
	tried time.Time        // when err was found
	wait  time.Time        // until the next look whether its writer has gone; zero: nobody writes it
}

// retryRule is how often a rule file that is not understood is read again though it looks the same.
const retryRule = 5 * time.Second

// NewBook returns the rules of a root. Settle is how long a rule file must rest. The error is the
// keeper's.
func NewBook(root string, given *Rules, settle time.Duration, keep RuleKeeper) (*Book, error) {
	b := &Book{root: filepath.Clean(root), settle: settle, keep: keep, given: given,
		files: map[string]*ruleFile{}, marks: map[string]outMark{}, turned: map[string]bool{},
		originals: map[string]bool{}, backups: map[string]bool{}, round: map[string]bool{}}
	b.given = b.adopt(given)
	if keep == nil {
		return b, nil
	}

	text, err := keep.LoadRules()
	if err != nil {
		return nil, fmt.Errorf("read the last rules of %q: %w", root, err)
	}

	if text == "" {
		return b, nil
	}

	var kept keptBook
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return nil, fmt.Errorf("read the last rules of %q: %w", root, err)
	}

	for folder, k := range kept.Files {
		f := &ruleFile{text: k.Text, as: k.state()}
		f.rules = gitignore.Parse(folder, f.text, given.letter)
		b.files[folder] = f
	}

	for folder, why := range kept.Out {
		b.marks[folder] = outMark{why: why}
	}

	for _, name := range kept.Originals {
		b.originals[name] = true
	}

	for _, key := range kept.Backups {
		b.backups[key], b.round[key] = true, true
	}

	return b, nil
}

// adopt makes given rules ask the book about backups.
func (b *Book) adopt(given *Rules) *Rules {
	out := *given
	out.backs = b.backs

	return &out
}

// keptBook is a book as the keeper has it.
type keptBook struct {
	Files     map[string]keptRules `json:"files,omitempty"`
	Originals []string             `json:"originals,omitempty"`
	Backups   []string             `json:"backups,omitempty"`
	Out       map[string]string    `json:"out,omitempty"` // rules by which folders left themselves out
}

// keptRules is one rule file as the keeper has it.
type keptRules struct {
	Text  []byte `json:"text"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"`
	Ctime int64  `json:"ctime,omitempty"`
	Ino   uint64 `json:"ino,omitempty"`
	Mode  uint32 `json:"mode"`
	Link  bool   `json:"link,omitempty"`
}

func (k keptRules) state() fileState {
	return fileState{exists: true, link: k.Link, mode: os.FileMode(k.Mode),
		rec: record{size: k.Size, mtime: k.Mtime, ctime: k.Ctime, ino: k.Ino}}
}

// Root is the folder whose rules these are.
func (b *Book) Root() string { return b.root }

// Named is the slash path of the folder below the root that somebody named: see [Rules.Below].
func (b *Book) Named() string { return b.Given().named }

// SetRules replaces the rules that were given, and how long a rule file must rest.
func (b *Book) SetRules(given *Rules, settle time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.given, b.settle = b.adopt(given.in(b.given.letter)), settle
}

// Given are the rules without those of the tree.
func (b *Book) Given() *Rules {
	b.compareLetters()
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.given
}

// At returns the rules that hold in a folder, looking at the rule files on the way to it. What lies behind
// a link is left out: a folder may have become one since it was listed.
func (b *Book) At(folder string) *Rules {
	at := b.Given()
	for dir := range upTo(folder) {
		if !below(dir, at.named) && b.isSpecial(dir) {
			out := *at
			out.out = specialFiles

			return &out
		}

		at = b.leavesOut(b.enter(at, dir), dir)
	}

	return at
}

// isSpecial reports whether a link, or another thing that is no folder, has a path.
func (b *Book) isSpecial(folder string) bool {
	_, mode, there, _ := lookAt(b.root, folder)
	return there && !mode.IsDir()
}

// enter adds the rule file of one folder, if it has one, to the rules of the folder above.
func (b *Book) enter(above *Rules, folder string) *Rules {
	rules, held := b.look(folder, time.Now())
	if rules == nil && held == nil {
		return above
	}

	deeper := *above
	deeper.held = strongerHold(above.held, held)
	if rules != nil {
		deeper.tree = above.tree.Push(rules)
	}

	return &deeper
}

// knows reports whether the folder had a rule file when it was last looked at, or must be looked at
// because its listing does not tell.
func (b *Book) knows(folder string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.files[folder] != nil || b.given.letter != gitignore.Exact
}

// look finds out what the rule file of a folder says now.
func (b *Book) look(folder string, now time.Time) (*gitignore.Rules, *HeldError) {
	before, heldBefore, known := b.last(folder)
	rules, held := b.lookNow(folder, now)
	if known && (before != rules || heldBefore && held == nil) {
		b.mu.Lock()
		b.turned[folder] = true
		b.mu.Unlock()
	}

	return rules, held
}

func (b *Book) lookNow(folder string, now time.Time) (*gitignore.Rules, *HeldError) {
	name := join(b.root, join2(folder, IgnoreFile))
	state, err := disk.Ask(name, disk.Patience, func() (fileState, error) { return statRuleFile(name) })
	b.mu.Lock()
	defer b.mu.Unlock()

	f := b.files[folder]
	if f == nil {
		if !state.exists && err == nil {
			return nil, nil
		}

		f = &ruleFile{}
		b.files[folder] = f
	}

	f.asked = now
	if f.since.IsZero() || state != f.seen {
		f.seen, f.since, f.tried, f.err, f.wait = state, state.changed(now), time.Time{}, nil, time.Time{}
		if f.since.IsZero() {
			f.since = now
		}
	}

	if err != nil {
		f.err, f.tried = err, now
		return f.judged(folder)
	}

	return b.understand(folder, name, f, now)
}

// understand reads a rule file that has rested and is not as it was understood. It is called with
// mu held, and gives it up while it reads.
func (b *Book) understand(folder, name string, f *ruleFile, now time.Time) (*gitignore.Rules, *HeldError) {
	switch {
	case f.seen.sameAs(f.as) && f.rules != nil:
		f.err = nil
		return f.rules, nil
	case f.seen.exists && !f.seen.mode.IsRegular():
		f.err, f.tried = irregular(f.seen.mode), now
		return f.judged(folder)
	case now.Before(f.rested(b.settle)):
		return f.rules, &HeldError{File: join2(folder, IgnoreFile), Until: f.rested(b.settle)}
	case !f.seen.exists:
		b.dirty = b.dirty || f.rules != nil
		delete(b.files, folder)

		return nil, nil
	case f.err != nil && now.Sub(f.tried) < retryRule:
		return f.judged(folder)
	}

	want := f.seen
	waits := b.settle > 0 && now.Sub(f.since) < capOf(b.settle)
	b.mu.Unlock()

	if waits && BeingWritten(name) {
		b.mu.Lock()
		f.wait = now.Add(min(b.settle, retryRule))

		return f.rules, &HeldError{File: join2(folder, IgnoreFile), Until: f.wait}
	}

	text, err := disk.Ask(name, disk.Patience, func() ([]byte, error) { return readRuleFile(name, want) })
	b.mu.Lock()

	if errors.Is(err, errMoved) {
		f.since = now
		return f.rules, &HeldError{File: join2(folder, IgnoreFile), Until: now.Add(b.settle)}
	}

	if err != nil {
		f.err, f.tried = err, now
		return f.judged(folder)
	}

	f.rules, f.text, f.as, f.err = gitignore.Parse(folder, text, b.given.letter), text, want, nil
	b.dirty = true

	return f.rules, nil
}

// sameAs reports whether a rule file was not touched from one state to the other. Device numbers
// are not compared, and what the keeper does not know of a file's mode neither.
func (s fileState) sameAs(o fileState) bool {
	return s.exists == o.exists && s.link == o.link && s.mode.Type() == o.mode.Type() && s.rec.same(o.rec)
}

// judged is what holds while a rule file is not understood: what it said last, or nothing is sent.
func (f *ruleFile) judged(folder string) (*gitignore.Rules, *HeldError) {
	if f.rules != nil {
		return f.rules, nil
	}

	return nil, &HeldError{File: join2(folder, IgnoreFile), Err: f.err}
}

// Store makes durable what was understood. It is called before anything is handed over.
func (b *Book) Store() error {
	b.mu.Lock()
	if !b.dirty || b.keep == nil {
		b.mu.Unlock()
		return nil
	}

	kept := keptBook{Files: map[string]keptRules{}, Originals: slices.Sorted(maps.Keys(b.originals)),
		Backups: slices.Sorted(maps.Keys(b.backups)), Out: map[string]string{}}
	for folder, f := range b.files {
		if f.rules != nil {
			kept.Files[folder] = keptRules{Text: f.text, Size: f.as.rec.size, Mtime: f.as.rec.mtime,
				Ctime: f.as.rec.ctime, Ino: f.as.rec.ino, Mode: uint32(f.as.mode), Link: f.as.link}
		}
	}

	for folder, m := range b.marks {
		if m.why != "" {
			kept.Out[folder] = m.why
		}
	}

	b.dirty = false
	b.mu.Unlock()

	text, err := json.Marshal(kept)
	if err == nil {
		err = b.keep.StoreRules(string(text))
	}

	if err != nil {
		b.mu.Lock()
		b.dirty = true
		b.mu.Unlock()

		return fmt.Errorf("keep the rules of %q: %w", b.root, err)
	}

	return nil
}

// recheck looks again at the rule files that rest, are not understood, or lie behind a link, and
// with all at every one. It returns the folders in which other rules hold than before, or which are
// no longer held.
func (b *Book) recheck(all bool) (changed []string) {
	now := time.Now()
	b.mu.Lock()

	var folders []string
	for folder, f := range b.files {
		if all || f.unsettled() || f.err != nil || f.seen.link {
			folders = append(folders, folder)
		}
	}

	b.mu.Unlock()

	for _, folder := range folders {
		_, _ = b.look(folder, now) // notes what has turned
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	b.ripe(now)
	changed = slices.Sorted(maps.Keys(b.turned))
	clear(b.turned)

	return changed
}

// last is what was known of a folder's rule file at the last look.
func (b *Book) last(folder string) (rules *gitignore.Rules, held, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()

	f := b.files[folder]
	if f == nil {
		return nil, false, false
	}

	return f.rules, f.rules == nil || f.unsettled() && f.err == nil, true
}

// rested is when the file has rested, as far as that can be told.
func (f *ruleFile) rested(settle time.Duration) time.Time {
	return laterOf(f.since.Add(settle), f.wait)
}

// unsettled reports whether the file is not as it was understood.
func (f *ruleFile) unsettled() bool { return f.rules == nil || !f.seen.sameAs(f.as) }

// resting reports whether some of the tree waits to be scanned until a rule file has rested.
func (b *Book) resting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	for _, f := range b.files {
		if f.unsettled() && f.err == nil {
			return true
		}
	}

	return len(b.turned) > 0
}

// next is when a look at the rule files is due; false: none is.
func (b *Book) next() (at time.Time, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if len(b.turned) > 0 {
		return time.Time{}, true
	}

	for _, m := range b.marks {
		if !m.until.IsZero() && (!due || m.until.Before(at)) {
			at, due = m.until, true
		}
	}

	for _, f := range b.files {
		when := f.asked.Add(retryRule)
		switch {
		case f.since.IsZero():
			continue // known from the last run, and not looked at yet
		case f.unsettled() && f.err == nil:
			when = f.rested(b.settle)
		case f.err == nil && !f.seen.link:
			continue
		}

		if !due || when.Before(at) {
			at, due = when, true
		}
	}

	return at, due
}

// Problems tells of the rule files that do not count now, and why.
func (b *Book) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()

	var folders []string
	for folder, f := range b.files {
		if !f.since.IsZero() && (f.err != nil || f.unsettled()) {
			folders = append(folders, folder)
		}
	}

	slices.Sort(folders)

	var out []string
	for _, folder := range folders {
		f := b.files[folder]
		name := join2(folder, IgnoreFile)
		switch {
		case f.err != nil && f.rules != nil:
			out = append(out, fmt.Sprintf("%s is not understood, the rules it held before go on: %v%s", name,
				f.err,
				remedy(f.err)))
		case f.err != nil:
			out = append(out, (&HeldError{File: name, Err: f.err}).Error())
		default:
			out = append(out, (&HeldError{File: name}).Error())
		}
	}

	return out
}

// compareLetters finds out how the root's file system compares letters, once it can be told. A root
// that does not tell is asked again after a second, not for each of its files.
func (b *Book) compareLetters() {
	b.mu.Lock()
	known := b.probe || time.Since(b.probed) < time.Second
	if !known {
		b.probed = time.Now()
	}
	b.mu.Unlock()

	if known {
		return
	}

	letter, ok := lettersOf(b.root)
	if !ok {
		return
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe = true
	if letter == b.given.letter {
		return
	}

	b.given = b.given.in(letter)
	for folder, f := range b.files {
		if f.rules != nil {
			f.rules = gitignore.Parse(folder, f.text, letter)
		}
	}
}

// lettersOf finds out how the file system of a folder compares letters, by a name in it that has
// letters, or by its own; false when none tells.
func lettersOf(root string) (gitignore.Case, bool) {
	letter, err := disk.Ask(root, disk.Patience, func() (gitignore.Case, error) {
		dir, err := os.Open(root)
		if err != nil {
			return 0, err
		}
		defer dir.Close()

		names, _ := dir.Readdirnames(20)
		for _, name := range names {
			if other := swapCase(name); other != name && !slices.Contains(names, other) {
				return sameLetters(join(root, name), join(root, other))
			}
		}

		return 0, os.ErrNotExist
	})

	return letter, err == nil
}

func sameLetters(a, b string) (gitignore.Case, error) {
	one, err := os.Lstat(a)
	if err != nil {
		return 0, err
	}

	if two, err := os.Lstat(b); err == nil && os.SameFile(one, two) {
		return gitignore.Unicode, nil
	}

	return gitignore.Exact, nil
}

func swapCase(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return r ^ ' '
		}

		return r
	}, name)
}

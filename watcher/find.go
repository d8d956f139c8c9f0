package watcher

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"hoist/watcher/disk"
)

// Finding is what a scan, or the walk of a push, makes of one path.
type Finding struct {
	Rule string // by which it is left out, or the folder At above it; "": none does
	At   string // slash path of what Rule speaks of: the path or a folder above it
	// what Rule speaks of is neither a folder nor a regular file, and what lies behind a link is
	// not looked at
	Special bool
	Held    *HeldError    // why nothing in its folder is handed over now; nil: it may be
	Wait    time.Duration // until it is as old as the rules ask for; 0: it is
	Err     error         // why it cannot be looked at; nil: it can, or it is not there
}

// Find looks at one path below the root as a scan does. One that is not there is judged by its
// name, as a folder if dir says so.
func (b *Book) Find(rel string, dir bool) Finding {
	folder, name := split(rel)
	for at := range upTo(folder) {
		if at != "" && b.isSpecial(at) {
			return Finding{Rule: specialFiles, At: at, Special: true}
		}
	}

	rules := b.At(folder)
	if ignored, rule := rules.Match(folder, true); ignored {
		return Finding{Rule: rule, At: folder}
	}

	f := Finding{At: rel, Held: rules.Held()}
	if f.Held != nil {
		return f
	}

	mode, err := f.look(b, folder, name, rules)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		f.Err = err
	default:
		mode = 0
		if dir {
			mode = fs.ModeDir
		}

		_, f.Rule = rules.Match(rel, dir)
	}

	if f.Rule == "" && mode.IsDir() {
		if below := b.At(rel); below.out != "" { // what lies in it leaves it out
			f.Rule = below.out
		}
	}

	return f
}

// Rested returns the rules as they will be once the rule files have rested.
func (b *Book) Rested() (*Book, error) {
	b.mu.Lock()
	given := b.given
	b.mu.Unlock()

	return NewBook(b.root, given, 0, b.keep)
}

// look finds a name in its folder, judged as in a listing of it.
func (f *Finding) look(b *Book, folder, name string, rules *Rules) (fs.FileMode, error) {
	type found struct {
		Finding
		mode fs.FileMode
	}

	was, dir := *f, join(b.root, folder)
	got, err := disk.AskOn(dir, listTime, func(beat func()) (found, error) {
		now := found{Finding: was}
		d, err := os.Open(dir)
		if err != nil {
			return now, err
		}
		defer d.Close()

		entries, err := readNames(d, beat)
		if err != nil {
			return now, err
		}

		i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
		if i < 0 {
			return now, fs.ErrNotExist
		}

		now.mode = entries[i].mode
		err = now.take(b, d, folder, entries, entries[i], rules)

		return now, err
	})
	if !errors.Is(err, disk.ErrSilent) {
		*f = got.Finding
	}

	return got.mode, err
}

// take judges one of the names of a folder.
func (f *Finding) take(b *Book, dir *os.File, folder string, entries []entry, e entry, rules *Rules) error {
	l := listing{rules: rules}
	f.Rule = l.take(b, dir, l.matcher(folder, entries), e)
	f.Special = f.Rule == specialFiles
	for _, err := range l.unknown {
		return err
	}

	if age := rules.MinAge(); age > 0 && f.Rule == "" && len(l.records) > 0 && !e.mode.IsDir() {
		f.Wait = max(age-time.Since(unixTime(l.records[0].mtime)), 0)
	}

	return nil
}

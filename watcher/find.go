package watcher

import (
	"errors"
	"io/fs"
	"os"
	"time"
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
		if at == "" {
			continue
		}

		info, err := os.Lstat(join(b.root, at))
		if err == nil && !info.IsDir() {
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

	mode, err := b.findIn(folder, name, rules, &f)
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

// findIn finds a name in its folder, judged as in a listing of it.
func (b *Book) findIn(folder, name string, rules *Rules, f *Finding) (fs.FileMode, error) {
	d, err := os.Open(join(b.root, folder))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	entries, err := readNames(d)
	if err != nil {
		return 0, err
	}

	l := listing{rules: rules}
	m := l.matcher(folder, entries)
	for _, e := range entries {
		if e.name != name {
			continue
		}

		f.Rule = l.take(b, d, m, e)
		f.Special = f.Rule == specialFiles
		for _, err := range l.errs {
			return e.mode, err
		}

		if age := rules.MinAge(); age > 0 && f.Rule == "" && len(l.records) > 0 && !e.mode.IsDir() {
			f.Wait = max(age-time.Since(unixTime(l.records[0].mtime)), 0)
		}

		return e.mode, nil
	}

	return 0, fs.ErrNotExist
}

package watcher

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hoist/watcher/disk"
)

// entry is one name of a folder, before it is looked at.
type entry struct {
	name string
	mode fs.FileMode // type bits
	info fs.DirEntry // owned by list
}

// namesAtOnce is how many names are read between two beats.
const namesAtOnce = 1000

// readNames returns the names of a folder in byte order.
func readNames(dir *os.File, beat func()) (out []entry, err error) {
	for more := true; more && err == nil; {
		var entries []fs.DirEntry
		entries, err = dir.ReadDir(namesAtOnce)
		more = len(entries) == namesAtOnce
		out = slices.Grow(out, len(entries))
		for _, e := range entries {
			out = append(out, entry{e.Name(), e.Type(), e})
		}

		beat()
	}

	if errors.Is(err, io.EOF) {
		err = nil
	}

	slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.name, b.name) })

	return out, err
}

// listing is what a folder holds that the rules let through.
type listing struct {
	records        []record         // folders and files in byte order of name
	ignored        map[string]bool  // files left out for what they are: their size, a backup
	unknown        map[string]error // could not be looked at
	locks          map[string]bool  // lock files and folders in it, in lower case
	rules          *Rules           // that hold in it
	irregularNames []string         // links, sockets and the like
	leftOut        map[string]int   // names by the built-in rule that leaves them out
}

// listTime is how long a disk may be silent while a folder is read: the looks at its rule file
// have their own time.
const listTime = 3 * disk.Patience

// list reads a folder, given the rules of the one above. The error of a single file is kept in
// unknown, and its name among the records is missing; so is a file that vanished meanwhile, without an
// error. Of a folder whose rules are held only they are told.
func list(b *Book, folder string, above *Rules) (listing, error) {
	return disk.AskOn(join(b.root, folder), listTime, func(beat func()) (listing, error) {
		return listNow(b, folder, above, beat)
	})
}

func listNow(b *Book, folder string, above *Rules, beat func()) (listing, error) {
	l := listing{rules: above}
	dir, err := os.Open(join(b.root, folder))
	if err != nil {
		return l, err
	}
	defer dir.Close()
	entries, err := readNames(dir, beat)
	if err != nil {
		return l, err
	}

	if _, ok := slices.BinarySearchFunc(entries, IgnoreFile, func(e entry, n string) int {
		return cmp.Compare(e.name, n)
	}); ok || b.knows(folder) {
		l.rules = b.enter(above, folder)
	}

	l.rules = b.leavesOut(l.rules, folder)
	if l.rules.held != nil || l.rules.out != "" {
		return l, nil
	}

	m := l.matcher(folder, entries)
	l.records = make([]record, 0, len(entries))
	for _, e := range entries {
		l.take(b, dir, m, e)
		beat()
	}

	return l, nil
}

// specialFiles is told as a rule of what is neither a folder nor a regular file.
const specialFiles = "links and other special files"

// take puts one name where it belongs, and returns the rule by which it is left out, "" when none
// does.
func (l *listing) take(b *Book, dir *os.File, m *nameMatcher, e entry) (rule string) {
	isDir := e.mode.IsDir()
	lower := strings.ToLower(e.name)
	got := m.match(e.name, lower, isDir)
	if isLock(lower) {
		if l.locks == nil {
			l.locks = map[string]bool{}
		}

		l.locks[lower] = true
	}

	switch {
	case got.ignored:
		l.leave(b, dir, e, got)
		return got.by
	case isDir:
		l.records = append(l.records, record{name: e.name, dir: true})
		return ""
	case !e.mode.IsRegular():
		l.irregularNames = append(l.irregularNames, e.name)
		l.leave(b, dir, e, match{by: specialFiles, builtIn: true})

		return specialFiles
	}

	rec, err := statEntry(dir, e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		if l.unknown == nil {
			l.unknown = map[string]error{}
		}

		l.unknown[e.name] = err
	case b.wasBackup(l.rules, join2(m.folder, e.name), rec):
		_, pattern := originalsOf(e.name, false)
		l.leave(b, dir, e, match{by: pattern, builtIn: true})
		l.ignore(e.name)

		return pattern
	default:
		if ignored, by := l.rules.MatchSize(rec.size); ignored {
			l.ignore(e.name)
			return by
		}

		l.records = append(l.records, rec)
	}

	return ""
}

// matcher matches the names that were listed.
func (l *listing) matcher(folder string, entries []entry) *nameMatcher {
	var names map[string]bool // made when it is asked for

	return &nameMatcher{l.rules, folder, func(lower string) bool {
		if names == nil {
			names = make(map[string]bool, len(entries))
			for _, e := range entries {
				names[strings.ToLower(e.name)] = true
			}
		}

		return names[lower]
	}}
}

// leave takes note of a name that is left out.
func (l *listing) leave(b *Book, dir *os.File, e entry, got match) {
	if !got.builtIn {
		return
	}

	if l.leftOut == nil {
		l.leftOut = map[string]int{}
	}

	l.leftOut[got.by]++
	if !got.backup {
		return
	}

	if rec, err := statEntry(dir, e); err == nil {
		b.judgeBackup(rec)
	}

	if originals, _ := originalsOf(e.name, e.mode.IsDir()); originals != nil {
		folder, _ := filepath.Rel(b.root, dir.Name())
		b.remember(strings.TrimPrefix(filepath.ToSlash(folder), "."), originals)
	}
}

// ignore takes note of a file that is left out for what it is, and not for its name.
func (l *listing) ignore(name string) {
	if l.ignored == nil {
		l.ignored = map[string]bool{}
	}

	l.ignored[name] = true
}

// locked reports whether a lock of the file lies in the listed folder.
func (l *listing) locked(name string) bool {
	if len(l.locks) == 0 {
		return false
	}

	for _, lock := range lockNames(name) {
		if l.locks[strings.ToLower(lock)] {
			return true
		}
	}

	return false
}

// lookAt returns the record of one path without following links; false with no error when nothing
// is there.
func lookAt(root, p string) (rec record, mode fs.FileMode, ok bool, err error) {
	name := join(root, p)
	info, err := disk.Ask(name, disk.Patience, func() (fs.FileInfo, error) { return os.Lstat(name) })
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return record{}, 0, false, nil
	} else if err != nil {
		return record{}, 0, false, err
	}

	return recordOf(info), info.Mode().Type(), true, nil
}

// LockBeside is the lock file beside a file, by which somebody may have it open: a slash path below
// the root, "" when there is none.
func LockBeside(root, p string) string {
	folder, name := split(p)
	for _, lock := range lockNames(name) {
		at := join2(folder, lock)
		if _, _, there, _ := lookAt(root, at); there {
			return at
		}
	}

	return ""
}

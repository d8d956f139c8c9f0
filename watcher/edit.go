package watcher

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settled is a path that has come to rest, with what was found there. Forget takes the record away
// without telling anybody: the rules ignore the path now.
type settled struct {
	path   string
	rec    record
	gone   bool
	forget bool
	fresh  bool // it had no record when it was seen first
	capped bool // see Change

	from, to string // of a rename: where what came was, and where what is gone came to
}

// isFile reports whether a file is there.
func (s settled) isFile() bool { return s.path != "" && !s.gone && !s.forget && !s.rec.dir }

// edit is what a batch of settled paths means for the baseline and for the receiver.
type edit struct {
	changes []Change
	folders []FolderChange
	tracked int // records of files added less those taken away
}

// editor turns batches into edits. It remembers the folders that have a record in their parent, as
// far as memory allows, those that get one by the last edit, and the chunk that was looked into last.
type editor struct {
	base         Baseline
	known, added map[string]bool

	last struct {
		valid        bool
		folder, next string
		first        string
		records      []record
	}
}

const knownMax = 20000

func newEditor(b Baseline) *editor {
	return &editor{base: b, known: map[string]bool{}, added: map[string]bool{}}
}

// plan compares the batch with the baseline and reads only the chunks that hold its names.
func (e *editor) plan(batch []settled) (edit, error) {
	if len(e.known) > knownMax {
		clear(e.known)
	}

	clear(e.added) // an edit that was not taken has added none

	todo := map[int]map[string]map[string]settled{} // by depth, folder and name; the last of a path counts
	deepest := 0

	put := func(s settled) {
		folder, name := split(s.path)
		d := depth(folder)
		deepest = max(deepest, d)
		if todo[d] == nil {
			todo[d] = map[string]map[string]settled{}
		}

		if todo[d][folder] == nil {
			todo[d][folder] = map[string]settled{}
		}

		todo[d][folder][name] = s
	}
	for _, s := range batch {
		put(s)
	}

	for _, s := range batch {
		if !s.gone && !s.forget {
			e.addAncestors(s.path, put)
		}
	}

	var out edit
	// the deepest first: a folder that becomes empty adds to the work of its parent
	for d := deepest; d >= 0; d-- {
		for _, folder := range slices.Sorted(maps.Keys(todo[d])) {
			empty, err := e.planFolder(folder, todo[d][folder], &out)
			if err != nil {
				return edit{}, err
			}

			if empty && folder != "" {
				delete(e.known, folder)
				delete(e.added, folder)
				if parent, name := split(folder); !todo[d-1][parent][name].isFile() {
					put(settled{path: folder, gone: true, rec: record{dir: true}})
				}
			}
		}
	}

	slices.SortFunc(out.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })

	return out, nil
}

// addAncestors puts the folders above p that have no record yet.
func (e *editor) addAncestors(p string, put func(settled)) {
	for {
		folder, _ := split(p)
		if folder == "" || e.known[folder] || e.added[folder] {
			return
		}

		e.added[folder] = true
		_, name := split(folder)
		put(settled{path: folder, rec: record{name: name, dir: true}})
		p = folder
	}
}

// planFolder works through one folder chunk by chunk. It reports whether nothing of the folder is
// left.
func (e *editor) planFolder(folder string, todo map[string]settled, out *edit) (empty bool, err error) {
	names := slices.Sorted(maps.Keys(todo))

	fc := FolderChange{Folder: folder}
	emptied := false
	for len(names) > 0 {
		chunk, next, found, err := e.base.Find(folder, names[0])
		if err != nil {
			return false, fmt.Errorf("read the baseline of folder %q: %w", folder, err)
		}

		n := len(names)
		if next != "" {
			n, _ = slices.BinarySearch(names, next)
			n = max(n, 1) // names[0] belongs to this chunk, whatever the keeper says
		}

		var old []record
		if found {
			if old, err = decode(chunk); err != nil {
				// damaged, or of another version: its files are reported again and it is written
				// again
				old = nil
			}
		}

		merged, changed := merge(folder, old, names[:n], todo, out)
		names = names[n:]
		if !changed {
			continue
		}

		put := encode(merged)
		if found && !slices.ContainsFunc(put, func(c Chunk) bool { return c.First == chunk.First }) {
			fc.Delete = append(fc.Delete, chunk.First)
		}

		fc.Put = append(fc.Put, put...)
		emptied = emptied || len(put) == 0
	}

	if len(fc.Put) > 0 || len(fc.Delete) > 0 {
		out.folders = append(out.folders, fc)
	}

	if !emptied || len(fc.Put) > 0 {
		return false, nil
	}

	rest, err := e.base.Load(folder)
	if err != nil {
		return false, fmt.Errorf("read the baseline of folder %q: %w", folder, err)
	}

	for _, c := range rest {
		if !slices.Contains(fc.Delete, c.First) {
			return false, nil
		}
	}

	return true, nil
}

// merge applies the settled names to the records of one chunk and notes the changes. Both are in
// order of name.
func merge(folder string, old []record, names []string, todo map[string]settled, out *edit) (merged []record,
	changed bool) {
	merged = make([]record, 0, len(old)+len(names))
	for _, name := range names {
		i, found := slices.BinarySearchFunc(old, name, func(r record, n string) int {
			return cmp.Compare(r.name, n)
		})
		merged = append(merged, old[:i]...)
		old = old[i:]
		var was record
		if found {
			was, old = old[0], old[1:]
		}

		s := todo[name]

		s.rec.name = name
		wasFile := found && !was.dir
		switch {
		case s.forget && wasFile:
			changed = true
			out.tracked--
		case s.forget, s.gone && !found:
			if found {
				merged = append(merged, was)
			}
		case s.gone && was.dir != s.rec.dir:
			// a file that went, and a folder of the same name has content, or the other way
			merged = append(merged, was)
		case s.gone:
			changed = true
			if wasFile {
				out.tracked--
				out.changes = append(out.changes, Change{Path: join2(folder, name), Removed: true, To: s.to})
			}
		case s.rec.dir:
			merged = append(merged, s.rec)
			changed = changed || !found || wasFile
			if wasFile {
				out.tracked--
				out.changes = append(out.changes, Change{Path: join2(folder, name), Removed: true})
			}
		case wasFile && was.same(s.rec):
			merged = append(merged, was)
		default:
			merged = append(merged, s.rec)
			changed = true
			if !wasFile {
				out.tracked++
			}

			out.changes = append(out.changes,
				Change{Path: join2(folder, name), Snapshot: s.rec.snapshot(), Capped: s.capped,
					From: s.from})
		}
	}

	return append(merged, old...), changed
}

func depth(folder string) int {
	if folder == "" {
		return 0
	}

	return 1 + strings.Count(folder, "/")
}

// Tracked returns a function that reports whether a file is in a baseline, which costs least when it is
// asked in the order of the paths.
func Tracked(b Baseline) func(path string) (bool, error) {
	e := newEditor(b)

	return func(path string) (bool, error) {
		rec, known, err := e.lookup(path)
		return known && !rec.dir, err
	}
}

// lookup returns the record of a path.
func (e *editor) lookup(p string) (record, bool, error) {
	folder, name := split(p)
	l := &e.last
	if !l.valid || l.folder != folder || name < l.first || l.next != "" && name >= l.next {
		chunk, next, found, err := e.base.Find(folder, name)
		if err != nil {
			return record{}, false, fmt.Errorf("read the baseline of folder %q: %w", folder, err)
		}

		l.valid, l.folder, l.first, l.next, l.records = true, folder, chunk.First, next, nil
		if found {
			if l.records, err = decode(chunk); err != nil {
				l.records = nil
			}
		}
	}

	i, ok := slices.BinarySearchFunc(l.records, name, func(r record, n string) int {
		return cmp.Compare(r.name, n)
	})
	if !ok {
		return record{}, false, nil
	}

	return l.records[i], true, nil
}

// stored says that the baseline has the last edit.
func (e *editor) stored() {
	maps.Copy(e.known, e.added)
	e.last.valid, e.last.records = false, nil
}

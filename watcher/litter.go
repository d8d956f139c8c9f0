package watcher

import (
	"path"
	"regexp"
	"strings"
)

// litterPatterns are the names that are ignored unless a pattern with "!" takes them back: what
// programs leave beside the files that people mean. Letter case does not count. A pattern that ends
// in "/" is for folders alone.
var litterPatterns = []string{
	// AutoCAD and what is built on it: backups, autosaves, locks, plot and temporary files.
	"*.bak", "*.sv$", "*.ac$", "*.$ac", "*.dwl", "*.dwl2", "*.dwl3", "*.ef$", "*.$$$",
	// Revit: numbered backups, worksharing data, journals of a central model.
	"*.[0-9][0-9][0-9][0-9].rvt", "*.[0-9][0-9][0-9][0-9].rfa", "*.[0-9][0-9][0-9][0-9].rte",
	"*.[0-9][0-9][0-9][0-9].rft",
	"*_backup/", "Revit_temp/", "*.rws", "*.slog",
	// Inventor, SketchUp, Rhino, Archicad: backups and locks.
	"OldVersions/", "lockfile.lck", "*.lck", "*.skb", "AutoSave_*.skp", "*.3dmbak", "*.rhl", "*.bpn",
	// Office and other editors.
	"~$*", ".~lock.*#", "*.tmp", "*.temp", "*~", "#*#", ".*.swp", ".*.swx",
	// Unfinished downloads and copies.
	"*.crdownload", "*.part", "*.partial", ".goutputstream-*", ".fuse_hidden*", ".nfs*",
	// Operating systems.
	"Thumbs.db", "ehthumbs.db", "desktop.ini", ".DS_Store", "._*", ".Spotlight-V100/", ".Trashes/",
	".Trash-*/", ".fseventsd/",
	"$RECYCLE.BIN/", "System Volume Information/",
	// Version control.
	".git/", ".svn/", ".hg/",
	// Our own: temporary files, markers, .hoistignore, and what --overwrite keeps.
	".hoist*", "*~[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9].*",
}

// litterSet answers for litterPatterns without trying all of them on each name.
type litterSet struct {
	exact    map[string]litterRule // the whole name
	exts     map[string]litterRule // "*.ext", by ".ext"
	prefixes []litterRule          // "prefix*"
	suffixes []litterRule          // "*suffix"
	globs    []litterRule
}

type litterRule struct {
	text    string // as listed
	fixed   string // lower case, without its star; of a glob all of it
	must    string // of a glob: what any name that it matches contains
	dirOnly bool
}

var litter = compileLitter(litterPatterns)

var wildcard = regexp.MustCompile(`\[[^]]*\]|[*?]`)

func compileLitter(patterns []string) litterSet {
	s := litterSet{exact: map[string]litterRule{}, exts: map[string]litterRule{}}
	for _, text := range patterns {
		p, dirOnly := strings.CutSuffix(strings.ToLower(text), "/")

		r := litterRule{text: text, fixed: p, dirOnly: dirOnly}
		tail, head := strings.TrimPrefix(p, "*"), strings.TrimSuffix(p, "*")
		switch {
		case !strings.ContainsAny(p, "*?["):
			s.exact[p] = r
		case len(tail) < len(p) && !strings.ContainsAny(tail, "*?["):
			r.fixed = tail
			if strings.LastIndexByte(tail, '.') == 0 {
				s.exts[tail] = r
			} else {
				s.suffixes = append(s.suffixes, r)
			}
		case len(head) < len(p) && !strings.ContainsAny(head, "*?["):
			r.fixed = head
			s.prefixes = append(s.prefixes, r)
		default:
			for _, run := range wildcard.Split(p, -1) {
				if len(run) > len(r.must) {
					r.must = run
				}
			}

			s.globs = append(s.globs, r)
		}
	}

	return s
}

// match tells whether a name, in lower case, is litter, and by which pattern.
func (s *litterSet) match(name string, dir bool) (bool, string) {
	if r, ok := s.exact[name]; ok && (dir || !r.dirOnly) {
		return true, r.text
	}

	if r, ok := s.exts[path.Ext(name)]; ok && (dir || !r.dirOnly) {
		return true, r.text
	}

	for _, r := range s.prefixes {
		if strings.HasPrefix(name, r.fixed) && (dir || !r.dirOnly) {
			return true, r.text
		}
	}

	for _, r := range s.suffixes {
		if strings.HasSuffix(name, r.fixed) && (dir || !r.dirOnly) {
			return true, r.text
		}
	}

	for _, r := range s.globs {
		if (dir || !r.dirOnly) && strings.Contains(name, r.must) {
			if ok, _ := path.Match(r.fixed, name); ok {
				return true, r.text
			}
		}
	}

	return false, ""
}

// lockNames are the names of the lock files and folders that programs keep beside a file that is
// open. They survive crashes.
func lockNames(name string) []string {
	stem := strings.TrimSuffix(name, path.Ext(name))
	locks := []string{"~$" + name, ".~lock." + name + "#"}
	if len(name) > 2 {
		// Office puts its mark in the place of the first letters
		locks = append(locks, "~$"+name[2:], "~$"+name[1:])
	}

	switch strings.ToLower(path.Ext(name)) {
	case ".dwg", ".dxf", ".dws", ".dwt":
		locks = append(locks, stem+".dwl", stem+".dwl2")
	case ".rvt", ".rfa":
		locks = append(locks, stem+"_backup", stem+".slog")
	case ".3dm":
		locks = append(locks, name+".rhl")
	}

	return locks
}

// isLock tells whether a name may be a lock of some other file.
func isLock(lower string) bool {
	return strings.HasPrefix(lower, "~$") || strings.HasPrefix(lower, ".~lock.") ||
		strings.HasSuffix(lower, ".dwl") ||
		strings.HasSuffix(lower, ".dwl2") || strings.HasSuffix(lower, "_backup") ||
		strings.HasSuffix(lower, ".slog") ||
		strings.HasSuffix(lower, ".rhl")
}

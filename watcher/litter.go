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
	"*.atmp", "acad.err", "acadstk.dmp", "acminidump.dmp", "plot.log",
	// Revit: worksharing data, journals of a central model; its backups are in backupPatterns.
	"Revit_temp/", "*.rws", "*.slog",
	// Inventor, SketchUp, Rhino, Archicad: backups and locks.
	"OldVersions/", "lockfile.lck", "*.lck", "*.skb", "AutoSave_*.skp", "*.3dmbak", "*.rhl", "*.bpn",
	// Locks of InDesign and Access.
	"*.idlk", "*.laccdb", "*.ldb",
	// Office and other editors.
	"~$*", ".~lock.*#", "*.tmp", "*.temp", "*~", "#*#", ".*.swp", ".*.swx",
	// Unfinished downloads and copies.
	"*.crdownload", "*.part", "*.partial", ".goutputstream-*", ".fuse_hidden*", ".nfs*",
	// What sync programs and storage leave.
	rsyncPattern, ".~tmp~/", ".rsync-partial/", ".dropbox.cache/", ".dropbox", ".dropbox.attr",
	".tmp.drivedownload/", ".tmp.driveupload/", ".sync_*.db*", "._sync_*.db*", ".owncloudsync.log*",
	".nextcloudsync.log*", ".stfolder/", ".stversions/", ".sync/", "*.!sync", "DfsrPrivate/", "@eaDir/",
	"@tmp/", "@SynoEAStream", "@SynoResource", "#recycle/", "#snapshot/", "@Recycle/", "@Recently-Snapshot/",
	".@__thumb/", ".recycle/", ".snapshot/", ".snapshots/", "~snapshot/", "lost+found/",
	// Operating systems.
	"Thumbs.db", "ehthumbs.db", "desktop.ini", ".DS_Store", "._*", ".Spotlight-V100/", ".Trashes/",
	".AppleDouble/", ".AppleDB/", ".AppleDesktop/", ".apdisk", ".TemporaryItems/", "Temporary Items/",
	"Network Trash Folder/", ".DocumentRevisions-V100/", ".Trash-*/", ".fseventsd/",
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

// match reports whether a name is litter, and by which pattern. It takes the name as it is, too:
// what rsync writes to is told by its mixture of letters.
func (s *litterSet) match(asIs, name string, dir bool) (bool, string) {
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
			if ok, _ := path.Match(r.fixed, name); ok && (r.text != rsyncPattern || !dir && isRandom(asIs)) {
				return true, r.text
			}
		}
	}

	return false, ""
}

// rsyncPattern is what rsync writes to: a dot, the name, and six random characters, see isRandom.
const rsyncPattern = ".*.??????"

// isRandom reports whether the last six characters of a name are ones that mkstemp chose, and no
// extension: letters or digits, of two kinds at least.
func isRandom(name string) bool {
	if len(name) < 6 {
		return false
	}

	var upper, lower, digit bool
	for _, c := range []byte(name[len(name)-6:]) {
		switch {
		case 'A' <= c && c <= 'Z':
			upper = true
		case 'a' <= c && c <= 'z':
			lower = true
		case '0' <= c && c <= '9':
			digit = true
		default:
			return false
		}
	}

	return upper && lower || digit && (upper || lower)
}

// lockNames are the names of the lock files and folders that programs keep beside a file that is
// open. They survive crashes.
func lockNames(name string) []string {
	stem := strings.TrimSuffix(name, path.Ext(name))
	locks := []string{"~$" + name, ".~lock." + name + "#", name + ".lck"} // the last is Archicad's
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

// isLock reports whether a name may be a lock of some other file.
func isLock(lower string) bool {
	return strings.HasPrefix(lower, "~$") || strings.HasPrefix(lower, ".~lock.") ||
		strings.HasSuffix(lower, ".dwl") ||
		strings.HasSuffix(lower, ".dwl2") || strings.HasSuffix(lower, "_backup") ||
		strings.HasSuffix(lower, ".slog") ||
		strings.HasSuffix(lower, ".rhl") || strings.HasSuffix(lower, ".lck")
}

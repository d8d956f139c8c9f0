package watcher

import (
	"fmt"
	"path"
	"strings"
)

// backupPatterns are names that a program gives its copies of a file, and people their own: a match
// is a backup only when the file that it backs up lies beside it, or was seen or published there
// before.
var backupPatterns = []string{
	// Revit: numbered backups, and the data of a central model.
	"*.[0-9][0-9][0-9][0-9].rvt", "*.[0-9][0-9][0-9][0-9].rfa", "*.[0-9][0-9][0-9][0-9].rte",
	"*.[0-9][0-9][0-9][0-9].rft", "*_backup/",
}

// originalsOf are the names, one of which a name would be a backup of by its form, and the pattern
// that says so; none: it is no backup.
func originalsOf(name string, dir bool) (originals []string, pattern string) {
	const central = "_backup"
	if dir {
		if stem := len(name) - len(central); stem > 0 && strings.EqualFold(name[stem:], central) {
			return []string{name[:stem] + ".rvt", name[:stem] + ".rfa"}, "*_backup/"
		}

		return nil, ""
	}

	ext := path.Ext(name)

	lower := strings.ToLower(ext)
	switch lower {
	case ".rvt", ".rfa", ".rte", ".rft":
	default:
		return nil, ""
	}

	number := path.Ext(name[:len(name)-len(ext)])
	stem := len(name) - len(ext) - len(number)
	if len(number) != len(".0001") || stem == 0 || strings.Trim(number[1:], "0123456789") != "" {
		return nil, ""
	}

	return []string{name[:stem] + ext}, "*.[0-9][0-9][0-9][0-9]" + lower
}

// backs reports whether a folder holds, or held, one of the originals of what looks like a backup.
func (b *Book) backs(folder string, originals []string) bool {
	for _, name := range originals {
		if b.remembers(join2(folder, name)) {
			return true
		}
	}

	for _, name := range originals {
		p := join2(folder, name)
		_, _, found, _ := lookAt(b.root, p)
		if !found && b.keep != nil {
			found = b.keep.Published(p)
		}

		if found {
			b.remember(folder, originals)
			return true
		}
	}

	return false
}

func (b *Book) remembers(original string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.originals[strings.ToLower(original)]
}

// remember keeps that a folder has backups of a file: they stay backups when it is gone.
func (b *Book) remember(folder string, originals []string) {
	b.mu.Lock()
	defer b.mu.Unlock()

	key := strings.ToLower(join2(folder, originals[0]))
	if !b.originals[key] {
		b.originals[key] = true
		b.dirty = true
	}
}

// backupKey tells a backup by what stays when it is moved: its file id and time.
func backupKey(rec record) string {
	if rec.ino == 0 {
		return ""
	}

	return fmt.Sprintf("%x:%x", rec.ino, rec.mtime)
}

// judgeBackup keeps that a file was judged a backup: it stays one wherever it goes.
func (b *Book) judgeBackup(rec record) {
	key := backupKey(rec)
	if key == "" {
		return
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	b.round[key] = true
	if !b.backups[key] {
		b.backups[key] = true
		b.dirty = true
	}
}

// wasBackup reports whether a file that looks like a backup was judged one before, and no rule of a
// user speaks of it.
func (b *Book) wasBackup(r *Rules, p string, rec record) bool {
	_, name := split(p)
	if originals, _ := originalsOf(name, false); originals == nil || r.opts.NoLitter {
		return false
	}

	if rule, _ := r.spoken(p, false); rule != nil {
		return false
	}

	key := backupKey(rec)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.backups[key] {
		return false
	}

	b.round[key] = true

	return true
}

// beginRound and endRound enclose a scan of all: of the backups judged before, those it met are
// kept.
func (b *Book) beginRound() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.round = map[string]bool{}
}

func (b *Book) endRound() {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.dirty = b.dirty || len(b.round) != len(b.backups)
	b.backups, b.round = b.round, map[string]bool{}
	for key := range b.backups {
		b.round[key] = true
	}
}

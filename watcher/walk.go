package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"hoist/watcher/disk"
)

// ErrSkipped is what Walk reports of links, sockets and other things that are neither a folder nor
// a regular file.
var ErrSkipped = errors.New("skipped: not a regular file")

// Walk calls fn for every regular file below the book's root, or the folder that was named below it (see
// [Rules.Below]), that its rules let through, folder by folder in order of name. Paths are relative to
// it. Files younger than the rules' age are left out. An error of fn ends the walk and is returned, as
// is one of reading the folder itself; what else cannot be read, what is skipped for its kind
// (ErrSkipped), and each folder whose rules are held (*HeldError), goes to onErr with its path, and the
// walk goes on. It returns how many names each built-in rule left out.
func Walk(b *Book, fn func(rel string, snap Snapshot) error,
	onErr func(rel string, err error)) (leftOut map[string]int, err error) {
	named := b.Given().named
	top := join(b.root, named)
	info, err := disk.Ask(top, disk.Patience, func() (fs.FileInfo, error) { return os.Stat(top) })
	if err != nil {
		return nil, err
	}

	if !info.IsDir() {
		return nil, fmt.Errorf("walk %s: not a folder", top)
	}

	rel := func(p string) string { return strings.TrimPrefix(strings.TrimPrefix(p, named), "/") }

	leftOut = map[string]int{}
	minAge := b.Given().MinAge()
	youngest := time.Now().Add(-minAge)
	var visit func(folder string, above *Rules) error
	visit = func(folder string, above *Rules) error {
		l, err := list(b, folder, above)
		if err != nil {
			if folder == named {
				return err
			}

			if !errors.Is(err, fs.ErrNotExist) {
				onErr(rel(folder), err)
			}

			return nil
		}

		if held := l.rules.Held(); held != nil {
			onErr(rel(folder), held)
			return nil
		}

		for rule, n := range l.leftOut {
			leftOut[rule] += n
		}

		for _, err := range l.unknown {
			onErr(rel(folder), err)
		}

		for _, name := range l.irregularNames {
			onErr(rel(join2(folder, name)), ErrSkipped)
		}

		for _, rec := range l.records {
			p := join2(folder, rec.name)
			if rec.dir {
				if err := visit(p, l.rules); err != nil {
					return err
				}

				continue
			}

			if minAge > 0 && unixTime(rec.mtime).After(youngest) {
				continue
			}

			if err := fn(rel(p), rec.snapshot()); err != nil {
				return err
			}
		}

		return nil
	}

	above := b.Given()
	if named != "" {
		folder, _ := split(named)
		above = b.At(folder)
	}

	return leftOut, visit(named, above)
}

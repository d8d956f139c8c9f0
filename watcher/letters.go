package watcher

import (
	"os"
	"strings"
	"unicode/utf8"

	"hoist/watcher/disk"
	"hoist/watcher/gitignore"
)

// letters tells apart names that differ in letter case alone, when the file system does not: there a
// file that was renamed so is found by its old name too. It lists each folder once, so it is good for
// one moment.
type letters struct {
	root  string
	names map[string]map[string]bool // by folder; nil: it cannot be listed
	// by folder, whether it is known to tell letters apart
	telling map[string]bool
}

// has reports whether a path that leads somewhere is written as the folders on its way tell.
func (l *letters) has(p string) bool {
	for p != "" {
		folder, name := split(p)
		if isASCII(name) && l.tells(folder, name) {
			p = folder
			continue
		}

		if names := l.of(folder); names != nil && !names[name] {
			return false
		}

		p = folder
	}

	return true
}

// isASCII reports whether a name has one Unicode form alone.
func isASCII(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
}

// tells reports whether a folder, by a name in it, is known to tell letters apart: then what a path of ASCII
// leads to has its name, and no list is needed.
func (l *letters) tells(folder, name string) bool {
	if told, ok := l.telling[folder]; ok {
		return told
	}

	at := join(l.root, folder)
	letter, err := disk.Ask(at, listTime, func() (gitignore.Case, error) {
		return sameLetters(join(at, name), join(at, swapCase(name)))
	})
	told := err == nil && letter == gitignore.Exact && swapCase(name) != name
	if l.telling == nil {
		l.telling = map[string]bool{}
	}

	l.telling[folder] = told

	return told
}

func (l *letters) of(folder string) map[string]bool {
	if names, ok := l.names[folder]; ok {
		return names
	}

	at := join(l.root, folder)
	list, err := disk.Ask(at, listTime, func() ([]string, error) {
		dir, err := os.Open(at)
		if err != nil {
			return nil, err
		}
		defer dir.Close()

		return dir.Readdirnames(-1)
	})

	var names map[string]bool
	if err == nil {
		names = make(map[string]bool, len(list))
		for _, n := range list {
			names[n] = true
		}
	}

	if l.names == nil {
		l.names = map[string]map[string]bool{}
	}

	l.names[folder] = names

	return names
}

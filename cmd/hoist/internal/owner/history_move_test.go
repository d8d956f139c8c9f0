package owner

import (
	"os"
	"path"
	"slices"
	"strings"
)

// kin are the names that a file may have in the course of a life, beginning with the one of the script.
func kin(name string) (out []string) {
	base := path.Base(name)
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	dirs := []string{"", "a/", "b/"}
	if strings.Contains(name, "/") {
		dirs = []string{"a/", "b/", ""}
	}

	for _, form := range []string{base, strings.ToUpper(stem) + ext, stem + " 2" + ext} {
		for _, dir := range dirs {
			out = append(out, dir+form)
		}
	}

	return out
}

// current is the name that a file of the script has now.
func (l *life) current(name string) string {
	all := kin(name)
	for _, n := range all {
		if d := l.files[n]; d != nil && (!d.gone || d.busy) {
			return n
		}
	}

	for _, n := range all {
		if info, err := os.Stat(l.path(path.Dir(n))); err == nil && info.IsDir() {
			return n
		}
	}

	return name
}

// file is what is known of a name.
func (l *life) file(name string) *drawing {
	if l.files[name] == nil {
		l.files[name] = &drawing{gone: true}
	}

	return l.files[name]
}

// names are all that something is known of, in order.
func (l *life) names() (out []string) {
	for n := range l.files {
		out = append(out, n)
	}

	slices.Sort(out)

	return out
}

// renameStep gives a file another name: beside, in another folder, in letter case alone, over another
// file, or that of another file, which gets its own.
func (l *life) renameStep(s historyStep, d *drawing) {
	other := l.current(historyNames[s.n%len(historyNames)])
	switch o := l.file(other); {
	case s.n%5 == 0 && other != s.name && !o.busy && !o.gone:
		l.swap(s.name, other)
		return
	case s.n%5 == 1 && other != s.name && !o.busy:
		l.renamed(s.name, other)
		return
	}

	all := kin(s.name)
	to := all[s.n%len(all)]
	if info, err := os.Stat(l.path(path.Dir(to))); err != nil || !info.IsDir() || to == s.name {
		return
	}

	if !l.file(to).busy && !d.busy {
		l.renamed(s.name, to)
	}
}

// renamed moves a file.
func (l *life) renamed(from, to string) {
	if !l.move(l.path(from), l.path(to)) {
		return
	}

	d := l.file(from)
	l.takes(to, d)
	d.gone, d.left = true, true
}

// swap gives each of two files the name of the other.
func (l *life) swap(a, b string) {
	between := l.path(path.Join(path.Dir(a), "~swap.tmp"))
	if !l.move(l.path(a), between) || !l.move(l.path(b), l.path(a)) || !l.move(between, l.path(b)) {
		return
	}

	was := *l.file(a)
	was.past, was.lines = slices.Clone(was.past), slices.Clone(was.lines)
	l.takes(a, l.file(b))
	l.takes(b, &was)
}

// takes is for a name that the file of another has now: what that was may follow it.
func (l *life) takes(name string, from *drawing) {
	d := l.file(name)
	d.inherit(from)
	s := l.state(name, from.last().data)
	s.may = from.last().may
	d.add(s)
	d.gone, d.time = false, from.time
}

// linesMost bounds the histories that the item of a name may have.
const linesMost = 24

// inherit takes over what an item has that may follow its file to this name.
func (d *drawing) inherit(from *drawing) {
	for _, line := range append([][]*diskState{from.past}, from.lines...) {
		if len(d.lines) < linesMost {
			d.lines = append(d.lines, slices.Clone(line))
		}
	}
}

// letters is for a file that is made: the item of one that is gone may follow it, whose name differs in
// letter case alone.
func (l *life) letters(name string, d *drawing) {
	for _, other := range l.names() {
		if o := l.files[other]; other != name && strings.EqualFold(other, name) && o.gone {
			d.inherit(o)
		}
	}
}

// moveFolder renames the folder "a" to "b", or back.
func (l *life) moveFolder() {
	from, to := "a", "b"
	if _, err := os.Stat(l.path(from)); err != nil {
		from, to = to, from
	}

	var inside []string
	for _, n := range l.names() {
		if rest, ok := strings.CutPrefix(n, from+"/"); ok {
			if l.files[n].busy || l.file(to+"/"+rest).busy {
				return
			}

			inside = append(inside, rest)
		}
	}

	if !l.move(l.path(from), l.path(to)) {
		return
	}

	for _, rest := range inside {
		d, moved := l.file(from+"/"+rest), l.file(to+"/"+rest)
		if d.gone { // what was published under the name moves with the folder
			moved.inherit(d)
			moved.left = moved.left || d.left

			continue
		}

		l.takes(to+"/"+rest, d)
		d.gone, d.left = true, true
	}
}

package plan

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"hoist/transfer/remote"
)

// landing is where a source goes: names below the place.
type landing struct {
	index   int // of the source
	source  Source
	names   []string // folders, then the file
	refused string
	mapped  bool
	clash   *ClashError // with another source
}

// landings tell where each source of a push goes, and which of them are in each other's way. They
// hold a few bytes of a source, since a push may be of a million.
type landings struct {
	place remote.Place
	req   PushRequest
	files byHash         // by source: where its file lands, as the service may see it
	dirs  map[string]int // folder that a landing needs, below the place -> a source below it
	folds map[string]string
	// what is spelled in several ways, by the Fold of the names up to there
	spelled map[string][]spelling
	twice   map[int]bool   // sources that were named before
	others  map[int]string // of a watch: local path of another one of the same, mapped, name
}

// spelling is a file or folder that a landing needs.
type spelling struct {
	names, path string // below the place, and here
	dir         bool
}

// land computes where every source lands, and refuses two on one name. It is pure.
func land(place remote.Place, req PushRequest) (*landings, error) {
	l := &landings{place: place, req: req, dirs: map[string]int{}, folds: map[string]string{},
		spelled: map[string][]spelling{}, twice: map[int]bool{}, others: map[int]string{}}
	above := ""
	for i := range req.count() {
		names, _ := l.names(i)
		last := len(names) - 1
		if dir := strings.Join(names[:last], "/"); dir != above && place.Kind == remote.KindFolder {
			above = dir
			l.addFolders(i, names[:last])
		}

		l.files.add(l.fold(names))
	}

	l.files.sort()

	for _, i := range l.files.later() {
		if err := l.met(i); err != nil {
			return nil, err
		}
	}

	return l, cmp.Or(l.filesAsFolders(), req.Found.Err())
}

// names are those of a source's landing, and whether one of them is not its own.
func (l *landings) names(i int) (names []string, mapped bool) {
	names = strings.Split(strings.Trim(l.req.source(i).Rel, "/"), "/")
	if l.req.As != "" {
		names[len(names)-1] = l.req.As
	}

	for n, name := range names {
		if l.req.MapNames && l.place.Kind == remote.KindFolder && name != "" &&
			remote.RefusedName(name) != "" {
			names[n], mapped = remote.MapName(name), true
		}
	}

	return names, mapped
}

// landing is where a source goes; false: it was named before.
func (l *landings) landing(i int) (landing, bool) {
	names, mapped := l.names(i)
	one := landing{index: i, source: l.req.source(i), names: names, mapped: mapped, clash: l.clash(i, names)}
	if l.place.Kind != remote.KindFolder {
		one.refused = refusedKey(l.place.Key + strings.Join(names, "/"))
		return one, !l.twice[i]
	}

	for _, n := range names {
		if one.refused = remote.RefusedName(n); one.refused != "" {
			break
		}
	}

	return one, !l.twice[i]
}

// fold is where names lead as the service may see it: keys of a bucket are what they are.
func (l *landings) fold(names []string) string {
	text := strings.Join(names, "/")
	if l.place.Kind == remote.KindFolder {
		return remote.Fold(text)
	}

	return text
}

// source finds the first one whose file lands where a text of fold leads.
func (l *landings) source(fold string) (i int, ok bool) { return l.files.first(fold) }

// collision is the error of two sources on one name.
func (l *landings) collision(names []string, i, j int) error {
	return &CollisionError{Remote: address(l.place, names).String(),
		Sources: [2]string{l.req.source(i).Path, l.req.source(j).Path}}
}

// met notes how a file gets on with the first one that lands where it does.
func (l *landings) met(i int) error {
	names, _ := l.names(i)
	fold := l.fold(names)
	j, _ := l.source(fold)
	s, other := l.req.source(i), l.req.source(j)
	theirs, _ := l.names(j)
	path := other.Path
	if !slices.Equal(names, theirs) {
		if l.fold(theirs) != fold {
			return nil // the same hash by chance
		}

		text := strings.Join(names, "/")
		l.spell(fold, spelling{strings.Join(theirs, "/"), other.Path, false})
		same := slices.IndexFunc(l.spelled[fold], func(o spelling) bool { return o.names == text && !o.dir })
		if same < 0 {
			l.spell(fold, spelling{text, s.Path, false})
			return nil
		}

		path = l.spelled[fold][same].path
	}

	switch {
	case path == s.Path:
		l.twice[i] = true
	case l.req.Root == "":
		return &CollisionError{Remote: address(l.place, names).String(), Sources: [2]string{path, s.Path}}
	default:
		l.others[i] = path // by mapped names
	}

	return nil
}

// addFolders notes the folders on the way of a source.
func (l *landings) addFolders(i int, names []string) {
	for n := 1; n <= len(names); n++ {
		text, fold := strings.Join(names[:n], "/"), l.fold(names[:n])
		if _, ok := l.dirs[text]; ok {
			continue
		}

		l.dirs[text] = i
		path := above(l.req.source(i).Path, len(names)+1-n)
		first, ok := l.folds[fold]
		if !ok {
			l.folds[fold] = text
			continue
		}

		if len(l.spelled[fold]) == 0 {
			other := l.dirs[first]
			depth := strings.Count(strings.Trim(l.req.source(other).Rel, "/"), "/") -
				strings.Count(first, "/")
			l.spell(fold, spelling{first, above(l.req.source(other).Path, depth), true})
		}

		l.spell(fold, spelling{text, path, true})
	}
}

// filesAsFolders looks for files that land where others need a folder.
func (l *landings) filesAsFolders() error {
	var err error
	first := l.req.count()
	for text, i := range l.dirs {
		names := strings.Split(text, "/")
		fold := l.fold(names)
		j, met := l.source(fold)
		if !met {
			continue
		}

		theirs, _ := l.names(j)
		depth := strings.Count(strings.Trim(l.req.source(i).Rel, "/"), "/") + 1 - len(names)
		l.spell(fold, spelling{strings.Join(theirs, "/"), l.req.source(j).Path, false})
		l.spell(fold, spelling{text, above(l.req.source(i).Path, depth), true})
		same := func(o spelling) bool { return o.names == text && !o.dir }
		if slices.ContainsFunc(l.spelled[fold], same) && j < first {
			first, err = j, l.collision(names, j, i)
		}
	}

	return err
}

// spell notes a file or folder that others may spell otherwise.
func (l *landings) spell(fold string, s spelling) {
	same := func(o spelling) bool { return o.names == s.names && o.dir == s.dir }
	if !slices.ContainsFunc(l.spelled[fold], same) {
		l.spelled[fold] = append(l.spelled[fold], s)
	}
}

// clash is the first file or folder on the way of a source that is spelled otherwise on the way of
// another; nil: none is.
func (l *landings) clash(i int, names []string) *ClashError {
	path := l.req.source(i).Path
	for n := 1; n <= len(names) && len(l.spelled) > 0; n++ {
		text := strings.Join(names[:n], "/")
		for _, o := range l.spelled[l.fold(names[:n])] {
			if o.names != text {
				return &ClashError{Path: above(path, len(names)-n), Other: o.path}
			}
		}
	}

	if other, ok := l.others[i]; ok {
		return &ClashError{Path: path, Other: other}
	}

	return nil
}

// above is the folder so many levels above a path.
func above(path string, levels int) string {
	for range levels {
		path = filepath.Dir(path)
	}

	return path
}

package plan

import (
	"encoding/binary"

	"hoist/state"
)

// Sources are the local files of a push.
type Sources = List[Source]

// NewSources returns an empty list; dir is a private folder for the file that a long one needs.
func NewSources(dir string) *Sources {
	return newList(dir, form[Source]{write: appendSource, read: readSource})
}

// appendSource writes a source after another one, whose texts it mostly begins as.
func appendSource(to []byte, s, before *Source) []byte {
	flags := byte(0)
	for i, set := range []bool{s.Changing, s.Folder} {
		if set {
			flags |= 1 << i
		}
	}

	to = append(to, flags)
	to = appendText(to, s.Path, before.Path)
	to = appendText(to, s.Rel, before.Rel)
	to = appendText(to, s.From, before.From)
	to = appendText(to, s.Walked, before.Walked)
	to = appendText(to, s.Snapshot.FileID, before.Snapshot.FileID)
	to = binary.AppendVarint(to, s.Snapshot.Size)

	return appendTime(appendTime(to, s.Snapshot.ModTime), s.Snapshot.ChangeTime)
}

func readSource(r *listReader, before Source) Source {
	flags := byte(0)
	if len(r.text) == 0 {
		r.bad = true
	} else {
		flags, r.text = r.text[0], r.text[1:]
	}

	s := Source{Changing: flags&1 != 0, Folder: flags&2 != 0, Path: r.string(before.Path),
		Rel: r.string(before.Rel), From: r.string(before.From), Walked: r.string(before.Walked)}
	s.Snapshot = state.Snapshot{FileID: r.string(before.Snapshot.FileID), Size: r.number(), ModTime: r.time(),
		ChangeTime: r.time()}

	return s
}

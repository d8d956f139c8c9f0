package owner

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"hoist/state"
)

// metaMounts, with the id of a watch, is the key of what was ever seen mounted below its folder: a list of
// slash paths.
const metaMounts = "watch-mounts/"

// mountsAway adds to what was seen mounted below a folder, and tells what of it is not mounted now. What
// lies there is in doubt, however long: nobody can say that it was removed.
func mountsAway(seen, now []string) (all, away []string) {
	all = slices.Compact(slices.Sorted(slices.Values(slices.Concat(seen, now))))
	for _, m := range all {
		if !slices.Contains(now, m) {
			away = append(away, m)
		}
	}

	return all, away
}

// belowAny reports whether a slash path lies in one of some folders.
func belowAny(folders []string, rel string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(rel, f+"/") })
}

// noteMounts remembers what is mounted below the folder of a watch, and tells what was and is not.
func (m *watches) noteMounts(id string, now []string) (away []string, err error) {
	text, _, err := m.owner.store.Meta(metaMounts + id)
	if err != nil {
		return nil, err
	}

	var seen []string
	if text != "" {
		if err := json.Unmarshal([]byte(text), &seen); err != nil {
			return nil, fmt.Errorf("mounts below watch %s: %w", id, err)
		}
	}

	all, away := mountsAway(seen, now)
	if len(all) == len(seen) {
		return away, nil
	}

	kept, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}

	return away, m.owner.store.SetMeta(metaMounts+id, string(kept))
}

// withoutAway takes out the jobs of files that lie on what is not mounted now.
func (m *watches) withoutAway(list []state.Job, away []string) []state.Job {
	n := len(list)
	list = slices.DeleteFunc(list, func(j state.Job) bool { return belowAny(away, j.Rel) })
	if n > len(list) {
		m.owner.log.Warn("missing files are not hidden: what was mounted there is away", "files", n-len(list),
			"folders", away)
	}

	return list
}

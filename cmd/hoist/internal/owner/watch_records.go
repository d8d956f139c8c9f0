package owner

import (
	"encoding/json"
	"path/filepath"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
	"hoist/watcher"
)

// metaSeen, with the id of a watch, is the key of its lastSeen in the state.
const metaSeen = "watch-seen/"

// lastSeen is what a watcher knows of its folder. It outlives the watcher, so that a paused watch
// tells it too.
type lastSeen struct {
	Scan    time.Time // zero: never scanned
	Files   int
	Pending int
}

func seenBy(s watcher.Status) lastSeen {
	return lastSeen{Scan: s.LastScan, Files: s.Files, Pending: s.Pending}
}

func (m *watches) remember(id string, r *watching) {
	s := seenBy(r.watcher.Status())
	if s.Scan.IsZero() {
		return
	}

	text, err := json.Marshal(s)
	if err == nil {
		err = m.owner.store.SetMeta(metaSeen+id, string(text))
	}

	if err != nil {
		m.owner.log.Warn("what the watch saw last is not kept", "watch", id, "error", err)
	}
}

func (m *watches) seen(id string) (lastSeen, error) {
	var s lastSeen
	text, ok, err := m.owner.store.Meta(metaSeen + id)
	if err != nil || !ok || text == "" {
		return s, err
	}

	return s, json.Unmarshal([]byte(text), &s)
}

// count adds to what was seen what the state knows.
func (m *watches) count(out control.Watch, c config.Watch, s lastSeen) (control.Watch, error) {
	if s.Scan.IsZero() {
		return out, nil
	}

	out.LastScan = control.Known(s.Scan)
	unwanted, err := m.unwanted(c)
	if err != nil {
		return out, err
	}

	open, attention := m.owner.store.CountsIn(c.ID)
	owed, err := m.owner.store.CountOwed(c.ID)
	if err != nil {
		return out, err
	}

	unproven, err := m.owner.unproven(c.ID)
	if err != nil {
		return out, err
	}

	pending := s.Pending + open - attention + owed + unproven
	synced := max(s.Files-unwanted-pending-attention, 0)
	files := synced + pending + attention
	out.Files, out.Synced, out.Pending, out.Attention = &files, &synced, &pending, &attention

	return out, nil
}

// unwanted counts the files of a watch that a user cancelled and that have not changed since.
// They are not waited for, and they are not in the cloud: like those that are ignored they count
// for nothing.
func (m *watches) unwanted(c config.Watch) (int, error) {
	marks, err := m.owner.store.UnwantedIn(c.ID)
	n := 0
	for rel, cancelled := range marks {
		if now, err := local.SnapshotPath(filepath.Join(c.Path, filepath.FromSlash(rel))); err == nil &&
			cancelled.Same(now) {
			n++
		}
	}

	return n, err
}

// baseline keeps the watcher's records of one root in the state.
type baseline struct {
	store *state.Store
	root  string
}

func (b baseline) Load(folder string) ([]watcher.Chunk, error) {
	chunks, err := b.store.DirChunks(b.root, folder)
	out := make([]watcher.Chunk, len(chunks))
	for i, c := range chunks {
		out[i] = watcher.Chunk(c)
	}

	return out, err
}

func (b baseline) Find(folder, name string) (c watcher.Chunk, next string, found bool, err error) {
	at, next, found, err := b.store.DirChunkAt(b.root, folder, name)
	return watcher.Chunk(at), next, found, err
}

func (b baseline) Store(changes []watcher.FolderChange) error {
	out := make([]state.DirChange, len(changes))
	for i, c := range changes {
		out[i] = state.DirChange{Folder: c.Folder, Delete: c.Delete}
		for _, p := range c.Put {
			out[i].Put = append(out[i].Put, state.DirChunk(p))
		}
	}

	return b.store.UpdateDirs(b.root, out)
}

var _ watcher.Baseline = baseline{}

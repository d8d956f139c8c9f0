package watcher

import (
	"slices"
	"strings"
	"sync"
)

// memBaseline keeps chunks in memory and checks what is promised about them.
type memBaseline struct {
	t interface {
		Helper()
		Errorf(string, ...any)
	}
	mu      sync.Mutex
	folders map[string][]Chunk
	stores  int
	bytes   int // stored in all
}

func newMemBaseline(t interface {
	Helper()
	Errorf(string, ...any)
}) *memBaseline {
	return &memBaseline{t: t, folders: map[string][]Chunk{}}
}

func (m *memBaseline) Load(folder string) ([]Chunk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.folders[folder]), nil
}

func (m *memBaseline) Find(folder, name string) (c Chunk, next string, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	chunks := m.folders[folder]
	if len(chunks) == 0 {
		return Chunk{}, "", false, nil
	}

	i, exact := slices.BinarySearchFunc(chunks, name, func(c Chunk, n string) int {
		return strings.Compare(c.First, n)
	})
	if !exact && i > 0 {
		i--
	}

	if i+1 < len(chunks) {
		next = chunks[i+1].First
	}

	return chunks[i], next, true, nil
}

func (m *memBaseline) Store(changes []FolderChange) error {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()

	m.stores++
	for _, f := range changes {
		byFirst := map[string]Chunk{}
		for _, c := range m.folders[f.Folder] {
			byFirst[c.First] = c
		}

		for _, d := range f.Delete {
			delete(byFirst, d)
		}

		for _, c := range f.Put {
			if len(c.Data) > chunkMax {
				m.t.Errorf("folder %q: chunk of %d bytes", f.Folder, len(c.Data))
			}

			m.bytes += len(c.Data)
			byFirst[c.First] = c
		}

		var out []Chunk
		for _, c := range byFirst {
			out = append(out, c)
		}

		slices.SortFunc(out, func(a, b Chunk) int { return strings.Compare(a.First, b.First) })
		if len(out) == 0 {
			delete(m.folders, f.Folder)
		} else {
			m.folders[f.Folder] = out
		}
	}

	return nil
}

// records returns all records of a folder and fails when their order is not right.
func (m *memBaseline) records(folder string) []record {
	m.t.Helper()
	chunks, _ := m.Load(folder)
	recs, err := decode(chunks...)
	if err != nil {
		m.t.Errorf("folder %q: %v", folder, err)
	}

	if !slices.IsSortedFunc(recs, compareNames) {
		m.t.Errorf("folder %q: records out of order", folder)
	}

	return recs
}

var _ Baseline = (*memBaseline)(nil)

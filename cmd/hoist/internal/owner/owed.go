package owner

import (
	"context"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/watcher"
)

const (
	owedEvery = 2 * time.Second // between two questions what is owed
	owedBatch = 1000
)

// payOwed has the files of a watch that are owed looked at again, until ctx ends: those whose job
// ended without a version, so that only what equals its published record counts as in sync.
func (m *watches) payOwed(ctx context.Context, c config.Watch, wt *watcher.Watcher) {
	store := m.owner.store
	for index := uint64(0); ; {
		rels, err := store.Owed(c.ID, owedBatch)
		if err == nil && len(rels) > 0 {
			if err = wt.Again(ctx, rels); err == nil {
				err = store.Unowe(c.ID, rels)
			}
		}

		if err == nil {
			index, err = store.Wait(ctx, index)
		}

		if ctx.Err() != nil {
			return
		}

		if err != nil {
			m.owner.log.Warn("files are not looked at again", "watch", c.ID, "error", err)
		}

		select {
		case <-time.After(owedEvery):
		case <-ctx.Done():
			return
		}
	}
}

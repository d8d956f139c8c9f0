package owner

import (
	"context"
	"path/filepath"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
)

// excludedEvery is how often it is looked whether a watch was scanned since its published files
// were compared with the rules.
const excludedEvery = 2 * time.Second

// followExcluded finds, after each scan of a watch, which of its published files the rules leave
// out by now. They stay in the cloud; the status lists them.
func (m *watches) followExcluded(ctx context.Context) error {
	tick := time.NewTicker(excludedEvery)
	defer tick.Stop()

	scans := map[string]time.Time{} // the last one that was taken into account, by watch
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}

		m.mu.Lock()

		due := map[*watching]config.Watch{}
		for id, r := range m.running {
			if at := r.watcher.Status().LastScan; !at.Equal(scans[id]) {
				due[r], scans[id] = r.c, at
			}
		}

		m.mu.Unlock()

		for r, c := range due {
			found, err := m.excluded(ctx, c, r)
			if err != nil {
				m.owner.log.Warn("published files are not compared with the rules", "path", c.Path, "error",
					err)
				continue
			}

			r.mu.Lock()
			r.excluded = found
			r.mu.Unlock()
		}
	}
}

// excluded is what of a watch was published and is left out now; nil: nothing. It notes on the way
// which files were doubtful.
func (m *watches) excluded(ctx context.Context, c config.Watch, r *watching) (*control.Excluded, error) {
	book, err := m.owner.rules.of(c)
	if err != nil {
		return nil, err
	}

	began := time.Now()
	judge := local.Judge(book)
	var out control.Excluded
	signed := map[string]bool{}
	err = m.owner.store.EachPublished(c.ID, func(rec state.PublishedRecord) error {
		if rec.Sign != "" {
			signed[rec.Rel] = true
		}

		if rule := judge(rec.Rel); rule != "" {
			if out.Count++; len(out.Paths) < mostPaths {
				out.Paths = append(out.Paths, filepath.Join(c.Path, filepath.FromSlash(rec.Rel)))
			}
		}

		return context.Cause(ctx)
	})
	if err != nil {
		return nil, err
	}

	r.noteSigned(signed, began)
	if out.Count == 0 {
		return nil, nil
	}

	return &out, nil
}

package owner

import (
	"io"
	"path/filepath"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
	"hoist/watcher"
	"hoist/watcher/content"
)

// watch finds a watch of the configuration in effect by its id.
func (b *rulebook) watch(id string) (c config.Watch, s config.Settings, found bool) {
	b.mu.Lock()
	defer b.mu.Unlock()

	for _, c := range b.watches {
		if c.ID == id {
			return c, b.settings, true
		}
	}

	return config.Watch{}, b.settings, false
}

// wishes implements the Wishes of a [watcher.Config].
func (b *rulebook) wishes(id string) func(rel string) watcher.Wishes {
	return func(rel string) watcher.Wishes {
		c, s, _ := b.watch(id)
		return watcher.Wishes{NoGate: c.GateOf(rel, s) == config.GateOff, OnClose: c.OnClose(rel),
			Settle: c.SettleOf(rel)}
	}
}

// inspect implements the Inspect of [transfer.Config]: what is read of a file is kept with what is
// published, and a file of a watch that is doubtful passes the gate or not.
func (o *Owner) inspect(job state.Job, before string, r io.ReaderAt) (transfer.Inspection, error) {
	report, err := content.Judge(job.Path, job.Snapshot.Size, r)
	out := transfer.Inspection{Content: report.Mark()}
	c, s, watched := o.rules.watch(job.Root)
	if err != nil || !watched {
		return out, err
	}

	sign := report.Sign
	if sign == "" && report.NewerThan(before) {
		sign = content.NewerRelease
	}

	switch gate := c.GateOf(job.Rel, s); {
	case sign == "", gate == config.GateOff:
	default:
		out.Sign, out.Why, out.Park = string(sign), sign.Sentence(), gate == config.GatePark
	}

	if !out.Park || job.Force {
		o.watches.noteDoubtful(c.ID, job.Rel, out.Sign != "")
	}

	return out, nil
}

// noteDoubtful keeps in mind that a file of a watch is sent though its content is doubtful, or is
// not doubtful any more.
func (m *watches) noteDoubtful(id, rel string, doubtful bool) {
	m.mu.Lock()
	r := m.running[id]
	m.mu.Unlock()

	if r == nil {
		return
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !doubtful:
		delete(r.doubtful, rel)
	case r.doubtful == nil:
		r.doubtful = map[string]bool{rel: true}
	default:
		r.doubtful[rel] = true
	}
}

// doubted is what of a watch was sent though its content was doubtful; nil: nothing.
func (r *watching) doubted(root string) *control.Excluded {
	r.mu.Lock()
	defer r.mu.Unlock()

	if len(r.doubtful) == 0 {
		return nil
	}

	out := control.Excluded{Count: len(r.doubtful)}
	for rel := range r.doubtful {
		if len(out.Paths) < mostPaths {
			out.Paths = append(out.Paths, filepath.Join(root, filepath.FromSlash(rel)))
		}
	}

	return &out
}

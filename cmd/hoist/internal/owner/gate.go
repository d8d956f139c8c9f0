package owner

import (
	"io"
	"path/filepath"
	"slices"
	"time"

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
		o.watches.noteContent(c.ID, job.Rel, out.Sign != "", time.Now())
	}

	return out, nil
}

// noteContent keeps in mind that the content of a watch's file was looked at before it is sent: it
// counts once it is published.
func (m *watches) noteContent(id, rel string, doubtful bool, at time.Time) {
	m.mu.Lock()
	r := m.running[id]
	m.mu.Unlock()

	if r == nil {
		return
	}

	r.mu.Lock()
	defer r.mu.Unlock()

	if _, noted := r.doubtful[rel]; noted || doubtful {
		r.doubtful[rel] = at
	}
}

// noteSigned keeps in mind which published files of a watch are doubtful by its records, which were read
// after a time. What they do not name, such as a file that was renamed, is looked up again.
func (r *watching) noteSigned(rels map[string]bool, read time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()

	for rel, at := range r.doubtful {
		if at.IsZero() && !rels[rel] {
			r.doubtful[rel] = read
		}
	}

	for rel := range rels {
		if _, noted := r.doubtful[rel]; !noted {
			r.doubtful[rel] = time.Time{}
		}
	}
}

// doubted is what of a watch was sent though its content was doubtful; nil: nothing.
func (m *watches) doubted(r *watching, c config.Watch) *control.Excluded {
	r.mu.Lock()
	defer r.mu.Unlock()

	at := func(rel string) string { return filepath.Join(c.Path, filepath.FromSlash(rel)) }
	var sent []string
	for rel, since := range r.doubtful {
		if !since.IsZero() { // on its way when it was looked at: what is there may be an older state
			rec, _, err := m.owner.store.Published(c.ID, rel)
			if err != nil { // one record is damaged: the rest is told, and the file named
				m.owner.log.Warn("the record of a file cannot be read", "path", at(rel), "error", err,
					"fix", "hoist state check")
				r.doubtful[rel] = time.Time{}
				sent = append(sent, at(rel))

				continue
			}

			switch there := !rec.At.Before(since); {
			case there && rec.Sign != "":
				r.doubtful[rel] = time.Time{}
			case there:
				delete(r.doubtful, rel)
			}

			if rec.Sign == "" {
				continue
			}
		}

		sent = append(sent, at(rel))
	}

	if len(sent) == 0 {
		return nil
	}

	slices.Sort(sent) // the same ones at each look

	return &control.Excluded{Count: len(sent), Paths: sent[:min(len(sent), mostPaths)]}
}

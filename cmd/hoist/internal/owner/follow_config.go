package owner

import (
	"context"
	"slices"
	"time"

	"hoist/cmd/hoist/internal/config"
)

// followConfig brings what is edited in config.toml into effect while the daemon runs: the rules of
// a watch at once, and watches that are other ones, or new, or gone.
func (m *watches) followConfig(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()

	for turn := m.owner.rules.turn(); ; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}

		m.owner.rules.refresh()
		if now := m.owner.rules.turn(); now != turn {
			turn = now
			m.changes.Lock()
			m.reconcile()
			m.changes.Unlock()
		}
	}
}

// reconcile makes the watches that run those of the configuration in effect. It is called with
// changes held.
func (m *watches) reconcile() {
	_, wanted, _ := m.owner.rules.now()
	for _, c := range wanted {
		m.prioritize(c)
	}

	var gone []string
	running := map[string]bool{}
	m.mu.Lock()
	for id, r := range m.running {
		i := slices.IndexFunc(wanted, func(c config.Watch) bool { return c.ID == id })
		if i < 0 || !sameButRules(r.c, wanted[i]) {
			gone = append(gone, id)
			continue
		}

		running[id], r.c = true, wanted[i]
		r.watcher.Scan("")
	}

	m.mu.Unlock()

	for _, id := range gone {
		m.end(id)
	}

	for _, c := range wanted {
		if running[c.ID] {
			continue
		}

		paused, err := m.paused(c.ID)
		if err == nil && !paused {
			err = m.run(c)
		}

		if err != nil {
			m.owner.log.Error("watch not started", "path", c.Path, "error", err)
		}
	}
}

// prioritize gives what waits of a watch the priorities of now.
func (m *watches) prioritize(c config.Watch) {
	store := m.owner.store
	if !c.Prioritizes() && !store.Prioritized(c.ID) {
		return
	}

	if err := store.Prioritize(c.ID, c.PriorityOf); err != nil {
		m.owner.log.Error("priorities are not in effect for what waits", "path", c.Path, "error", err)
	}

	m.owner.engine.Kick()
}

// sameButRules reports whether two forms of a watch differ in nothing but its choice of files.
func sameButRules(a, b config.Watch) bool {
	return a.Path == b.Path && a.Remote == b.Remote && a.Mode == b.Mode && a.Settle == b.Settle &&
		a.Scan == b.Scan &&
		a.Profile == b.Profile
}

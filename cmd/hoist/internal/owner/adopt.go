package owner

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// What a watch finds at both ends with equal names and sizes it adopts without a further call; the
// record is unproven until both contents were compared. That is done with what nobody else needs:
// while no job is open, and with half of the calls that OSS allows left to others.
const (
	proveEvery = 2 * time.Second // between two looks whether there is room
	proveMost  = 50              // files at once
	proveSpare = 2               // that part of the calls stays free
)

// prefer implements the Prefer of [transfer.Config].
func (o *Owner) prefer(job state.Job) string {
	c, _, _ := o.rules.watch(job.Root)
	return c.PreferOf(job.Rel)
}

// prove compares what watches have adopted, as long as the owner works.
func (o *Owner) prove(ctx context.Context) error {
	after := map[string]string{} // by watch: how far it got
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(proveEvery):
		}

		if !o.idle() {
			continue
		}

		_, watches, _ := o.rules.now()
		for _, c := range watches {
			next, err := o.proveSome(c, after[c.ID])
			if err != nil && ctx.Err() == nil {
				o.log.Warn("adopted files are not compared", "path", c.Path, "error", err)
			}

			if after[c.ID] = next; next != "" {
				break // there is work again
			}
		}
	}
}

// idle reports whether nothing is to be sent, and enough calls are free.
func (o *Owner) idle() bool {
	n := o.counts(o.engine.Active(), time.Now())
	if n.Queued+n.Active > 0 {
		return false
	}

	for _, b := range o.budgets() {
		if b.Class == string(apsclient.BudgetOSS) && b.Available*proveSpare < b.LimitPerMinute {
			return false
		}
	}

	return true
}

// proveSome queues a few adopted files of a watch after a path, whose jobs compare them; next is how
// far it got, "" to the end.
func (o *Owner) proveSome(c config.Watch, after string) (next string, err error) {
	if paused, err := o.watches.paused(c.ID); err != nil || paused {
		return "", err
	}

	rels, err := o.store.Unproven(c.ID, after, proveMost)
	if err != nil || len(rels) == 0 {
		return "", err
	}

	var files []plan.Source
	var gone []string
	for _, rel := range rels {
		path := filepath.Join(c.Path, filepath.FromSlash(rel))
		snap, err := state.SnapshotPath(path)
		if errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, rel)
			continue
		}

		rec, _, e := o.store.Published(c.ID, rel)
		if err := errors.Join(err, e); err != nil {
			return "", err
		}

		if rec.Snapshot.Same(snap) { // else its watch sends it once it has settled
			files = append(files, plan.Source{Path: path, Rel: rel, Snapshot: snap})
		}
	}

	if err := o.forgetGone(c, gone); err != nil {
		return "", err
	}

	address, err := remote.ParseAddress(c.Remote)
	if err != nil {
		return "", err
	}

	settings, _, _ := o.rules.now()
	planned, err := plan.Watch(o.store, plan.PushRequest{Profile: o.profile(c.Profile), Sources: files,
		Remote: address, Batch: c.ID, Root: c.ID, MapNames: settings.MapsNames()})
	if err != nil {
		return "", err
	}

	queued := control.Plan{Batch: c.ID}
	err = o.enqueue(planned, &queued, false)
	o.mu.Lock()
	defer o.mu.Unlock()

	o.proving = o.proving[:0]
	for _, f := range queued.Files {
		if f.Job != "" {
			o.proving = append(o.proving, state.JobID(f.Job))
		}
	}

	return rels[len(rels)-1], err
}

// forgetGone drops the records of adopted files that are gone: they cannot be proved any more, and
// nothing would ever be decided by them. One that its watch still knows, or that is being renamed, stays.
func (o *Owner) forgetGone(c config.Watch, rels []string) error {
	if len(rels) == 0 {
		return nil
	}

	// Asked before the jobs, so that what the watcher hands over meanwhile is among them.
	tracked := watcher.Tracked(baseline{o.store, c.ID})
	var list []state.Forgotten
	for _, rel := range rels {
		is, err := tracked(rel)
		if err != nil {
			return err
		}

		if !is {
			list = append(list,
				state.Forgotten{Path: filepath.Join(c.Path, filepath.FromSlash(rel)), Root: c.ID,
					Rel: rel, RecordOnly: true})
		}
	}

	open, err := o.store.Jobs(state.Filter{Root: c.ID, Open: true})
	if err != nil {
		return err
	}

	moving := underWay(open)
	list = slices.DeleteFunc(list, func(f state.Forgotten) bool { return moving(f.Rel) })

	return o.store.Forget(list...)
}

// unproven counts the adopted files of a watch that no job compares at the moment.
func (o *Owner) unproven(id string) (int, error) {
	n, err := o.store.CountUnproven(id)
	if err != nil || n == 0 {
		return 0, err
	}

	o.mu.Lock()
	defer o.mu.Unlock()

	for _, job := range o.proving {
		if j, err := o.store.Job(job); err == nil && j.Open() && j.Root == id {
			n--
		}
	}

	return max(n, 0), nil
}

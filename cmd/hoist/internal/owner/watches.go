package owner

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// watches runs the watched folders of config.toml.
type watches struct {
	owner   *Owner
	changes sync.Mutex // held while config.toml is read and changed, so that two commands do not mix
	deletes sync.Mutex // held while a goneRecord is read and changed

	mu      sync.Mutex
	running map[string]*watching // guarded by mu; by id of the watch
}

// watching is one watched folder at work.
type watching struct {
	c       config.Watch // guarded by watches.mu
	watcher *watcher.Watcher
	cancel  context.CancelFunc
	ended   chan struct{}

	mu     sync.Mutex
	detail string // guarded by mu: why the last changes could not be taken, "" when they could
	taken  bool   // guarded by mu: another home sends the folder

	excluded *control.Excluded // guarded by mu: published files that the rules leave out now; nil: none
	// guarded by mu: files, by slash path, whose content is or was doubtful, with the time of the look
	// before they were sent, zero for what is published; see doubted
	doubtful map[string]time.Time

	moved bool // guarded by mu: files came, changed or went since it was looked what is to be hidden

	rewrites rewrites // of the goroutine that runs the watcher
}

func newWatches(o *Owner) *watches { return &watches{owner: o, running: map[string]*watching{}} }

// start runs every watch that is not paused.
func (m *watches) start() error {
	file, err := config.Load(m.owner.options.Home)
	if err != nil {
		return err
	}

	for _, c := range file.Watch {
		m.prioritize(c)

		paused, err := m.paused(c.ID)
		if err != nil {
			return err
		}

		if paused {
			continue
		}

		if err := m.run(c); err != nil {
			return err
		}
	}

	return nil
}

// stop ends all watches and waits for them.
func (m *watches) stop() {
	m.mu.Lock()
	running := m.running
	m.running = map[string]*watching{}
	m.mu.Unlock()

	for _, r := range running {
		r.cancel()
	}

	for id, r := range running {
		<-r.ended
		m.remember(id, r)
	}
}

// each calls do for every watch that runs.
func (m *watches) each(do func(config.Watch, watcher.Status)) {
	m.mu.Lock()
	defer m.mu.Unlock()

	for _, r := range m.running {
		do(r.c, r.watcher.Status())
	}
}

// waitOf is what a watch that runs waits for with a file, see watchWait.
func (m *watches) waitOf(id, path string) *control.Waiting {
	m.mu.Lock()
	defer m.mu.Unlock()

	if r := m.running[id]; r != nil {
		return watchWait(r.c.Path, path, r.watcher.Status().Waits)
	}

	return nil
}

// run starts one watch in an owner that runs watches; in any other it does nothing.
func (m *watches) run(c config.Watch) error {
	if m.owner.mode < Full {
		return nil
	}

	book, err := m.owner.rules.of(c)
	if err != nil {
		return err
	}

	address, err := remote.ParseAddress(c.Remote)
	if err != nil {
		return err
	}

	wt, err := watcher.New(watcher.Config{
		Book: book, Marker: markerName, Settle: c.SettleTime(), ScanInterval: c.ScanTime(),
		Baseline: baseline{m.owner.store, c.ID}, Logger: m.owner.log,
		Poll: m.owner.options.apart, PollInterval: m.owner.options.poll, Wishes: m.owner.rules.wishes(c.ID),
	})
	if err != nil {
		return err
	}

	ctx, cancel := m.owner.lifetime()
	r := &watching{c: c, watcher: wt, cancel: cancel, ended: make(chan struct{}),
		doubtful: map[string]time.Time{}}
	m.mu.Lock()

	m.running[c.ID] = r
	m.mu.Unlock()
	go func() {
		defer close(r.ended)
		// A folder that is not there now is claimed with its first changes.
		claim := func() error { return m.owner.claimAgain(c, true) }
		if m.awaited(c) {
			claim = func() error { return m.owner.foreignTo(c) }
		}

		if err := claim(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.note(err)
			m.owner.log.Warn("folder is not claimed", "path", c.Path, "error", err)
		}

		var owed sync.WaitGroup
		defer owed.Wait()
		owed.Go(func() { m.payOwed(ctx, c, wt) })

		err := state.Patiently(ctx, func() error { // what was not written is scanned again
			return wt.Run(ctx, func(_ context.Context, changes []watcher.Change) error {
				err := m.take(c, r, address, changes)
				r.note(err)
				return err
			})
		})
		if ctx.Err() == nil {
			r.note(err)
			m.owner.log.Error("watch ended", "path", c.Path, "error", err)
		}
	}()

	return nil
}

// awaited reports whether the folder of a watch holds nothing though files of it are known: its disk
// may not be mounted, and with our marker the bare place would pass for it.
func (m *watches) awaited(c config.Watch) bool {
	known, err := baseline{m.owner.store, c.ID}.Load("")
	return err == nil && len(known) > 0 && isBare(c.Path)
}

// isBare reports whether a folder holds nothing but these names, not even a marker.
func isBare(dir string, but ...string) bool {
	entries, err := local.Names(dir)
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() == "lost+found" || slices.Contains(but, e.Name())
	})

	return err == nil && len(entries) == 0
}

var errBare = errors.New("the folder is empty, and files of it are to be sent: is its disk mounted?")

func (r *watching) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.detail, r.taken = "", false
	if err != nil {
		r.detail = err.Error()
		_, r.taken = errors.AsType[*ForeignRootError](err)
	}
}

// trouble is why the last changes could not be taken, "" when they could, and whether that is
// because another home, or another watch, sends the folder.
func (r *watching) trouble() (detail string, foreign bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.detail, r.taken
}

// take makes jobs of what has settled; nil means that they are durable.
func (m *watches) take(c config.Watch, r *watching, address remote.Address,
	changes []watcher.Change) error {
	if err := m.owner.mayChange(c.Profile, address); err != nil {
		return err
	}

	r.lookForGone()
	folders, files, err := m.followed(c, changes)
	if err != nil || len(files)+len(folders) == 0 {
		return err
	}

	if wait := m.owner.rules.refresh(); wait > 0 {
		return errConfigRests
	}

	if isBare(c.Path) { // it must not get a marker
		return errBare
	}

	if err := m.owner.claimAgain(c, false); err != nil {
		return err
	}

	if err := keptFiles(files); err != nil {
		return err
	}

	if err := m.brake(c, r, files); err != nil {
		return err
	}

	if _, err := m.noteMounts(c.ID, r.watcher.Status().Mounts); err != nil {
		return err
	}

	settings, _, _ := m.owner.rules.now()
	req := plan.PushRequest{
		Profile: m.owner.profile(c.Profile), Sources: files, Remote: address, Batch: c.ID, Root: c.ID,
		MapNames: settings.MapsNames(),
	}
	planned, err := m.planFolders(req, folders)
	if err != nil {
		return err
	}

	plannedFiles, err := plan.Watch(m.owner.store, req)
	if err != nil {
		return err
	}

	if now, _, there := m.owner.rules.watch(c.ID); there { // c is as it was when the watch began
		for i := range plannedFiles {
			plannedFiles[i].Job.Priority = now.PriorityOf(plannedFiles[i].Job.Rel)
		}
	}

	planned = append(planned, plannedFiles...) // folders first: others wait for them

	return m.owner.enqueue(planned, &control.Plan{Batch: c.ID}, false)
}

// Watches implements [control.API].
func (o *Owner) Watches(context.Context) ([]control.Watch, error) {
	file, err := config.Load(o.options.Home)
	if err != nil {
		return nil, err
	}

	out := []control.Watch{}
	for _, c := range file.Watch {
		one, err := o.watches.describe(c)
		if err != nil {
			return nil, err
		}

		out = append(out, one)
	}

	return out, nil
}

func (m *watches) describe(c config.Watch) (control.Watch, error) {
	out := control.Watch{ID: c.ID, Path: c.Path, Remote: c.Remote, Mode: c.Mode,
		Delete: cmp.Or(c.Delete, config.DeleteKeep), Settings: c.Set()}
	paused, err := m.paused(c.ID)
	if err == nil {
		out.Brake, err = m.brakeOf(c)
	}

	if err != nil {
		return out, err
	}

	m.mu.Lock()
	r := m.running[c.ID]
	m.mu.Unlock()
	if r == nil && paused {
		out.State = control.WatchPaused
		if out.Brake != nil {
			out.Detail = transfer.ReasonMassChange + ": " + out.Brake.Detail
		}

		seen, err := m.seen(c.ID)
		if err != nil {
			return out, err
		}

		return m.count(out, c, seen)
	}

	if r == nil {
		if _, err := local.Look(c.Path); err != nil {
			out.State, out.Detail = watcher.StateUnavailable, err.Error()
		} else {
			out.Detail = "no daemon runs: nothing is watched"
		}

		return out, nil
	}

	s := r.watcher.Status()
	out.State, out.Detail = s.State, s.Detail
	trouble, foreign := r.trouble()
	if foreign && m.owner.foreignTo(c) == nil { // it has gone since; the next changes claim the folder
		trouble, foreign = "", false
	}

	if full := m.owner.store.Full(); full != nil {
		trouble = full.Error()
	}

	if trouble != "" {
		out.Detail = trouble
	}

	if _, _, problem := m.owner.rules.now(); problem != nil {
		out.Detail = strings.Trim(
			out.Detail+"; config.toml is not in effect as it is now: "+problem.Error(), "; ")
	}

	if foreign {
		out.State = watcher.StateUnavailable
	}

	out.LeftOut = control.RuleCounts(s.LeftOut)
	r.mu.Lock()
	out.Excluded = r.excluded
	r.mu.Unlock()
	out.Doubtful = m.doubted(r, c)

	return m.count(out, c, seenBy(s))
}

// end stops one watch and waits for it.
func (m *watches) end(id string) {
	m.mu.Lock()
	r := m.running[id]
	delete(m.running, id)
	m.mu.Unlock()
	if r != nil {
		r.cancel()
		<-r.ended
		m.remember(id, r)
	}
}

// tellJobs commits an event to every open job of a watch.
func (m *watches) tellJobs(id string, e state.Event) error {
	jobs, err := m.owner.store.Jobs(state.Filter{Root: id, Open: true})
	if err != nil {
		return err
	}

	for _, j := range jobs {
		_, err := m.owner.store.Commit(j.ID, e)
		if _, ended := errors.AsType[*state.TransitionError](err); err != nil && !ended {
			return err
		}
	}

	m.owner.engine.Kick()

	return nil
}

func (m *watches) paused(id string) (bool, error) {
	_, braked, err := m.braked(id)
	if err != nil || braked {
		return braked, err
	}

	text, _, err := m.owner.store.Meta("watch-paused/" + id)

	return text == "yes", err
}

func (m *watches) setPaused(id string, paused bool) error {
	before, err := m.paused(id)
	if err != nil || before == paused {
		return err
	}

	text := "no"
	if paused {
		text = "yes"
	}

	return m.owner.store.SetMeta("watch-paused/"+id, text)
}

var _ control.API = (*Owner)(nil)

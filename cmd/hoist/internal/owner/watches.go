package owner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/patience"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// metaSeen, with the id of a watch, is the key of its lastSeen in the state.
const metaSeen = "watch-seen/"

// watches runs the watched folders of config.toml.
type watches struct {
	owner   *Owner
	changes sync.Mutex // held while config.toml is read and changed, so that two commands do not mix

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
}

func newWatches(o *Owner) *watches { return &watches{owner: o, running: map[string]*watching{}} }

// start runs every watch that is not paused.
func (m *watches) start() error {
	file, err := config.Load(m.owner.options.Home)
	if err != nil {
		return err
	}

	for _, c := range file.Watch {
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
		Book: book, Marker: markerName, Settle: c.SettleTime(), Baseline: baseline{m.owner.store, c.ID},
		Logger: m.owner.log,
	})
	if err != nil {
		return err
	}

	ctx, cancel := m.owner.lifetime()
	r := &watching{c: c, watcher: wt, cancel: cancel, ended: make(chan struct{})}
	m.mu.Lock()

	m.running[c.ID] = r
	m.mu.Unlock()
	go func() {
		defer close(r.ended)
		// A folder that is not there now is claimed with its first changes.
		if err := m.owner.claim(c.Path, false); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.note(err)
			m.owner.log.Warn("folder is not claimed", "path", c.Path, "error", err)
		}

		err := wt.Run(ctx, func(ctx context.Context, changes []watcher.Change) error {
			err := m.take(ctx, c, address, changes)
			r.note(err)
			return err
		})
		if ctx.Err() == nil {
			r.note(err)
			m.owner.log.Error("watch ended", "path", c.Path, "error", err)
		}
	}()

	return nil
}

func (r *watching) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.detail, r.taken = "", false
	if err != nil {
		r.detail = err.Error()
		r.taken = errors.As(err, new(*ForeignRootError))
	}
}

// trouble is why the last changes could not be taken, "" when they could, and whether that is
// because another home sends the folder.
func (r *watching) trouble() (detail string, foreign bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.detail, r.taken
}

// take makes jobs of what has settled; nil means that they are durable.
func (m *watches) take(ctx context.Context, c config.Watch, address remote.Address,
	changes []watcher.Change) error {
	var files []plan.Source
	for _, ch := range changes {
		if !ch.Removed { // what is removed here stays in the cloud
			files = append(files, plan.Source{
				Path: filepath.Join(c.Path, filepath.FromSlash(ch.Path)), Rel: ch.Path,
				Snapshot: snapshotOf(ch.Snapshot), Changing: ch.Capped,
			})
		}
	}

	if len(files) == 0 {
		return nil
	}

	if wait := m.owner.rules.refresh(); wait > 0 {
		return errConfigRests
	}

	if err := m.owner.claim(c.Path, false); err != nil {
		return err
	}

	settings, _, _ := m.owner.rules.now()
	profile := m.owner.profile(c.Profile)
	resolver, err := m.owner.engine.Resolver(profile)
	if err != nil {
		return err
	}

	planned, err := plan.Push(ctx, resolver, m.owner.store, plan.PushRequest{
		Profile: profile, Sources: files, Remote: address, Batch: c.ID, Root: c.ID,
		MapNames: settings.MapsNames(),
	})
	if err != nil {
		return err
	}

	_, err = m.owner.enqueue(planned, c.ID, false)

	return err
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
	out := control.Watch{ID: c.ID, Path: c.Path, Remote: c.Remote, Mode: c.Mode}
	paused, err := m.paused(c.ID)
	if err != nil {
		return out, err
	}

	m.mu.Lock()
	r := m.running[c.ID]
	m.mu.Unlock()
	if r == nil && paused {
		out.State = control.WatchPaused
		seen, err := m.seen(c.ID)
		if err != nil {
			return out, err
		}

		return m.count(out, c, seen)
	}

	if r == nil {
		if _, err := os.Stat(c.Path); err != nil {
			out.State, out.Detail = watcher.StateUnavailable, err.Error()
		} else {
			out.Detail = "no daemon runs: nothing is watched"
		}

		return out, nil
	}

	s := r.watcher.Status()
	out.State, out.Detail = s.State, s.Detail
	trouble, foreign := r.trouble()
	if foreign && m.owner.foreign(c.Path) == nil { // it has gone since; the next changes claim the folder
		trouble, foreign = "", false
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

	return m.count(out, c, seenBy(s))
}

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
	pending := s.Pending + open - attention
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
		if now, err := state.SnapshotPath(filepath.Join(c.Path, filepath.FromSlash(rel))); err == nil &&
			cancelled.Same(now) {
			n++
		}
	}

	return n, err
}

// AddWatch implements [control.API].
func (o *Owner) AddWatch(ctx context.Context, r control.WatchRequest) (control.WatchAdded, error) {
	c := config.Watch{
		Mode: r.Mode, Settle: r.Settle, Profile: r.Profile, Exclude: r.Exclude, Include: r.Include,
		MinSize: r.MinSize, MaxSize: r.MaxSize, MinAge: r.MinAge,
	}
	var err error
	if c.Path, err = watchedFolder(r.Path); err != nil {
		return control.WatchAdded{}, err
	}

	o.watches.changes.Lock()
	defer o.watches.changes.Unlock()
	file, err := config.Load(o.options.Home)
	if err != nil {
		return control.WatchAdded{}, err
	}

	if other, ok := config.Overlap(file.Watch, c.Path); ok {
		if r.TakeOver && other.Path == c.Path && other.Remote == r.Remote {
			return control.WatchAdded{ID: other.ID, Path: other.Path, Remote: other.Remote},
				o.claim(c.Path, true)
		}

		return control.WatchAdded{},
			problem.With(problem.Usage, fmt.Errorf("watch %s: %s is watched already (%s)", c.Path, other.Path,
				other.ID),
				problem.Fix{Step: problem.UnwatchOther, On: other.ID})
	}

	address, err := o.landing(ctx, o.profile(r.Profile), r.Remote)
	if err != nil {
		return control.WatchAdded{}, err
	}

	c.Remote = address
	c.ID = config.NewWatchID(c.Path, c.Remote, o.profile(r.Profile))
	if err := c.Complete(""); err != nil {
		return control.WatchAdded{}, err
	}

	settings, _, _ := o.rules.now()
	if _, err := local.WatchRules(c.Settings(), settings); err != nil {
		return control.WatchAdded{}, err
	}

	if !r.TakeOver {
		if err := o.foreignBelow(ctx, c.Path); err != nil {
			return control.WatchAdded{}, foreignUsage(err)
		}
	}

	if err := o.claim(c.Path, r.TakeOver); err != nil {
		return control.WatchAdded{}, foreignUsage(err)
	}

	if err := config.AppendWatch(o.options.Home, c); err != nil {
		return control.WatchAdded{}, errors.Join(err, o.unclaim(c.Path))
	}

	o.rules.accept()

	added := control.WatchAdded{ID: c.ID, Path: c.Path, Remote: c.Remote}
	if err := o.watches.setPaused(c.ID, false); err != nil {
		return added, err
	}

	return added, o.watches.run(c)
}

// watchedFolder checks the folder of a new watch and returns its real path.
func watchedFolder(p string) (string, error) {
	if err := local.MustBeAbsolute(p); err != nil {
		return "", err
	}

	info, err := local.Stat(p)
	if err != nil {
		return "", err
	}

	if !info.IsDir() {
		return "", problem.Usagef("watch %s: it is not a folder", p)
	}

	resolved, err := filepath.EvalSymlinks(p)
	if err != nil {
		return "", fmt.Errorf("watch %s: %w", p, err)
	}

	return resolved, nil
}

// landing resolves a remote that is to hold files and returns its address in names.
func (o *Owner) landing(ctx context.Context, profile, to string) (string, error) {
	address, err := remote.ParseAddress(to)
	if err != nil {
		return "", err
	}

	resolver, err := o.engine.Resolver(profile)
	if err != nil {
		return "", err
	}

	place, err := patience.Retry(ctx, func() (remote.Place, error) {
		return resolver.ResolveFolder(ctx, address)
	})
	if err != nil {
		return "", err
	}

	switch place.Kind {
	case remote.KindFolder, remote.KindBucket, remote.KindPrefix:
		return place.Address.Join(place.Missing...).String(), nil
	}

	return "", problem.Usagef("%s cannot hold files: name a folder below a project's top folder, or a bucket",
		to)
}

// ChangeWatch implements [control.API].
func (o *Owner) ChangeWatch(_ context.Context, which string, verb control.Verb) (control.WatchAdded, error) {
	m := o.watches
	m.changes.Lock()
	defer m.changes.Unlock()
	file, err := config.Load(o.options.Home)
	if err != nil {
		return control.WatchAdded{}, err
	}

	i := slices.IndexFunc(file.Watch, func(c config.Watch) bool {
		return c.ID == which || c.Path == filepath.Clean(which) || c.Remote == which
	})
	if i < 0 {
		return control.WatchAdded{},
			problem.With(problem.NotFound, fmt.Errorf("no watch %q", which),
				problem.Fix{Step: problem.WatchList})
	}

	c := file.Watch[i]
	out := control.WatchAdded{ID: c.ID, Path: c.Path, Remote: c.Remote}
	switch verb {
	case control.Remove:
		out.State = "removed"
		m.end(c.ID)
		if err := config.CutWatch(o.options.Home, c.ID); err != nil {
			return out, err
		}

		o.rules.accept()

		if err := o.unclaim(c.Path); err != nil {
			o.log.Warn("the folder keeps its marker", "path", c.Path, "error", err)
		}

		return out, errors.Join(m.setPaused(c.ID, false), o.store.SetMeta(metaSeen+c.ID, ""),
			m.tellJobs(c.ID, state.Cancel{}), o.store.DropRoot(c.ID))
	case control.Pause:
		out.State = control.WatchPaused
		if err := m.setPaused(c.ID, true); err != nil {
			return out, err
		}

		m.end(c.ID)

		return out, m.tellJobs(c.ID, state.Pause{})
	case control.Resume:
		if err := m.setPaused(c.ID, false); err != nil {
			return out, err
		}

		if err := m.tellJobs(c.ID, state.Resume{}); err != nil {
			return out, err
		}

		m.mu.Lock()
		running := m.running[c.ID] != nil
		m.mu.Unlock()
		if !running {
			err = m.run(c)
		}

		if one, e := m.describe(c); e == nil {
			out.State = one.State
		}

		return out, err
	}

	return out, problem.Usagef("%q is not remove, pause or resume", verb)
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
		if ended := (*state.TransitionError)(nil); err != nil && !errors.As(err, &ended) {
			return err
		}
	}

	m.owner.engine.Kick()

	return nil
}

func (m *watches) paused(id string) (bool, error) {
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
var _ control.API = (*Owner)(nil)

package owner

import (
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
	"hoist/watcher"
	"hoist/watcher/whole"
)

// configRests is how long config.toml, and what else its rules come from, must not have changed
// before it counts: an editor may have written half of it. While one has it open for writing it is
// waited for up to configCap, as a rule file is.
const (
	configRests = time.Second
	configCap   = 40 * time.Second
)

// metaRules, with the id of a watch, is the key of what its rule files said last.
const metaRules = "watch-rules/"

// rulebook knows the rules of all watched folders as config.toml and the rule files say them now,
// for the commands, the watches and the engine alike. Safe for concurrent use.
type rulebook struct {
	owner *Owner

	mu       sync.Mutex
	settings config.Settings          // in effect; guarded by mu
	watches  []config.Watch           // in effect; guarded by mu
	filters  map[string]config.Filter // what these choose, by id of the watch; guarded by mu
	applied  string                   // state of the files that they come from; guarded by mu
	seen     string                   // at the last look; guarded by mu
	since    time.Time                // since when it is as seen; guarded by mu
	problem  error                    // why the newest text is not in effect; guarded by mu
	turns    int                      // how often another text came into effect; guarded by mu
	books    map[string]*watcher.Book // by id and path of a watch, or by the folder of a push; guarded by mu

	looks looks
}

func newRulebook(o *Owner) (*rulebook, error) {
	b := &rulebook{owner: o, settings: o.options.Settings, books: map[string]*watcher.Book{}}
	file, err := config.Load(o.options.Home)
	if err != nil {
		return nil, err
	}

	b.watches = file.Watch
	b.filters = filtersOf(b.watches, b.settings)
	b.applied = b.look()
	b.seen = b.applied

	return b, nil
}

// sources are the files that the rules of the configuration come from.
func (b *rulebook) sources() []string {
	b.mu.Lock()
	from := b.settings.ExcludeFrom
	b.mu.Unlock()

	home, profile := b.owner.options.Home, b.owner.options.Profile
	names := []string{home.ConfigFile(), home.ProfileFile(profile), from}

	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// look describes the sources.
func (b *rulebook) look() string {
	var out strings.Builder
	for _, name := range b.sources() {
		if s, err := state.SnapshotPath(name); err == nil {
			fmt.Fprintf(&out, "%d %d %d %s\n", s.Size, s.ModTime.UnixNano(), s.ChangeTime.UnixNano(),
				s.FileID)
		} else {
			out.WriteString("none\n")
		}
	}

	return out.String()
}

// refresh brings a configuration that was edited into effect once it has rested; until then it
// returns how long that will be.
func (b *rulebook) refresh() (wait time.Duration) {
	now, seen := time.Now(), b.look()
	b.mu.Lock()
	switch {
	case seen == b.applied:
		b.seen = seen
		b.mu.Unlock()

		return 0
	case seen != b.seen:
		b.seen, b.since = seen, now
	}

	rested := now.Sub(b.since)
	b.mu.Unlock()

	if rested < configRests {
		return configRests - rested
	}

	if wait := b.mustRest() - rested; wait > 0 {
		return min(wait, configRests)
	}

	b.apply(seen)

	return 0
}

// mustRest is how long the configuration must rest as it is now: one that leaves out less than what
// holds as long as a rule file, since the first half of a text says less than the whole.
func (b *rulebook) mustRest() (rest time.Duration) {
	if slices.ContainsFunc(b.sources(), watcher.BeingWritten) {
		return configCap
	}

	settings, watches, err := b.owner.options.Reload()
	if err != nil {
		return 0 // it will not come into effect
	}

	next := filtersOf(watches, settings)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range watches {
		if was, ok := b.filters[c.ID]; ok && takesMore(was, next[c.ID]) {
			rest = max(rest, c.SettleTime())
		}
	}

	return rest
}

// filtersOf is what watches choose, by their ids.
func filtersOf(watches []config.Watch, home config.Settings) map[string]config.Filter {
	out := map[string]config.Filter{}
	for _, c := range watches {
		if f, err := local.WatchFilter(c.Selection, home); err == nil {
			out[c.ID] = f
		}
	}

	return out
}

// takesMore reports whether something of what was left out may be taken now.
func takesMore(was, now config.Filter) bool {
	lacks := func(all, some []string) bool {
		return slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
	}

	return lacks(now.Exclude, was.Exclude) || lacks(now.IfPresent, was.IfPresent) ||
		len(was.Include) > 0 && (len(now.Include) == 0 || lacks(was.Include, now.Include)) ||
		was.Caches && !now.Caches || was.OneFileSystem && !now.OneFileSystem ||
		was.MaxSize > 0 && (now.MaxSize == 0 || now.MaxSize > was.MaxSize) ||
		now.MinSize < was.MinSize || now.MinAge < was.MinAge
}

// apply takes over what the configuration says now; a mistake in it leaves the last that was right
// in effect.
func (b *rulebook) apply(seen string) {
	settings, watches, err := b.owner.options.Reload()
	if err == nil {
		_, err = local.WatchRules(config.Selection{}, settings)
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	b.applied, b.problem = seen, err
	if err != nil {
		b.owner.log.Error("the configuration that was edited is not in effect", "error", err)
		return
	}

	defer b.looks.forget()

	b.settings, b.watches, b.filters = settings, watches, filtersOf(watches, settings)
	b.turns++
	for _, c := range watches {
		book := b.books[bookKey(c)]
		if book == nil {
			continue
		}

		if rules, err := local.WatchRules(c.Selection, settings); err != nil {
			b.problem = err
		} else {
			book.SetRules(rules, c.SettleTime())
		}
	}
}

// accept takes over at once what this process has just written itself.
func (b *rulebook) accept() { b.apply(b.look()) }

// now is what the configuration says: the settings and watches in effect, and why a newer text is
// not.
func (b *rulebook) now() (config.Settings, []config.Watch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settings, b.watches, b.problem
}

// turn is how often another text came into effect.
func (b *rulebook) turn() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.turns
}

// errConfigRests is why nothing is handed over for a moment after an edit of config.toml.
var errConfigRests = errors.New("config.toml was changed a moment ago: it holds once it has rested")

func bookKey(c config.Watch) string { return c.ID + "\x00" + c.Path }

// of is the book of a watch.
func (b *rulebook) of(c config.Watch) (*watcher.Book, error) {
	settings, _, _ := b.now()
	rules, err := local.WatchRules(c.Selection, settings)
	if err != nil {
		return nil, err
	}

	return b.book(bookKey(c), c.Path, rules, c.SettleTime(), keptRules{b.owner.store, c.ID})
}

func (b *rulebook) book(key, root string, rules *watcher.Rules, settle time.Duration,
	keep watcher.RuleKeeper) (*watcher.Book, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if book := b.books[key]; book != nil {
		return book, nil
	}

	book, err := watcher.NewBook(root, rules, settle, keep)
	if err != nil {
		return nil, err
	}

	b.books[key] = book

	return book, nil
}

// walked is the book of the rule files below a folder that a push walked, beside the patterns that
// the push was given.
func (b *rulebook) walked(folder string) (*watcher.Book, error) {
	b.mu.Lock()
	book := b.books[folder]
	b.mu.Unlock()
	if book != nil {
		return book, nil
	}

	rules, err := watcher.ParseRules(watcher.RuleOptions{NoLitter: true})
	if err != nil {
		return nil, err
	}

	book, err = b.pushed(folder, rules)
	if err != nil {
		return nil, err
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if b.books[folder] == nil {
		b.books[folder] = book
	}

	return b.books[folder], nil
}

// pushed is the book of a folder that is pushed, with the rules that the push was given. Of a folder that is
// reached by a link the rule files hold that lie above it, not above the link.
func (b *rulebook) pushed(folder string, rules *watcher.Rules) (*watcher.Book, error) {
	if real, err := local.Resolve(folder); err == nil {
		folder = real
	}

	_, watches, _ := b.now()
	above := ""
	if c := config.WatchOf(watches, folder); c != nil {
		above = c.Path
	}

	return local.PushedBook(folder, above, b.owner.options.Home, rules, settleOf(watches, folder))
}

// outside is what a push of its folder makes of a path that lies in no watch.
func (b *rulebook) outside(path string) (local.Finding, *watcher.Rules, error) {
	settings, _, _ := b.now()
	return local.FindOutside(path, settings, false)
}

// settleOf is how long a rule file in a folder must rest: as the watch has it that the path lies in.
func settleOf(watches []config.Watch, path string) time.Duration {
	if c := config.WatchOf(watches, path); c != nil {
		return c.SettleTime()
	}

	return config.DefaultSettle
}

// settle implements the SettleOf of [transfer.Config].
func (b *rulebook) settle(job state.Job) time.Duration {
	_, watches, _ := b.now()
	c := config.WatchOf(watches, job.Path)
	if c == nil {
		return config.DefaultSettle
	}

	rel, err := filepath.Rel(c.Path, job.Path)
	if err != nil {
		return c.SettleTime()
	}

	return c.SettleOf(filepath.ToSlash(rel))
}

// torn implements the Torn of [transfer.Config].
func torn(name string, size int64, r io.ReaderAt) (bool, error) {
	verdict, err := whole.Judge(name, size, r)
	return verdict == whole.Torn, err
}

// say implements the Rules of [transfer.Config].
func (b *rulebook) say(job state.Job) (rule string, wait time.Duration, err error) {
	now := time.Now()
	if wait := b.looks.configuration(now, b.refresh); wait > 0 {
		return "", wait, errConfigRests
	}

	if job.Kind == state.Hide && !b.hides(job.Root) {
		return `delete = "keep"`, 0, nil
	}

	book, rel, err := b.judge(job)
	if book == nil || err != nil {
		return "", 0, err
	}

	return local.VerdictOf(b.looks.at(book, local.FolderOf(rel), now), rel, job.Snapshot.Size)
}

// hides reports whether a watch hides what is removed.
func (b *rulebook) hides(id string) bool {
	_, watches, _ := b.now()
	return slices.ContainsFunc(watches, func(c config.Watch) bool { return c.ID == id && c.Hides() })
}

// judge finds the book that a job is judged by; nil: none.
func (b *rulebook) judge(job state.Job) (*watcher.Book, string, error) {
	if job.Watched() {
		_, watches, _ := b.now()
		for _, c := range watches {
			if c.ID == job.Root {
				book, err := b.of(c)
				return book, job.Rel, err
			}
		}
	}

	if job.Walked == "" {
		return nil, "", nil
	}

	book, err := b.walked(job.Walked)
	if err != nil {
		return nil, "", err
	}

	rel, err := filepath.Rel(job.Walked, job.Path)

	return book, path.Join(book.Named(), filepath.ToSlash(rel)), err
}

// keptRules keeps in the state what the rule files of a watch said.
type keptRules struct {
	store *state.Store
	id    string
}

func (k keptRules) LoadRules() (string, error) {
	text, _, err := k.store.Meta(metaRules + k.id)
	return text, err
}

func (k keptRules) Published(path string) bool {
	_, ok, err := k.store.Published(k.id, path)
	return ok && err == nil
}

func (k keptRules) StoreRules(text string) error { return k.store.SetMeta(metaRules+k.id, text) }

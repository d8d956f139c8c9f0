package owner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// metaDelete, with the id of a watch, is the key of its goneRecord.
const metaDelete = "watch-delete/"

const (
	goneEvery = 2 * time.Second // between two questions whether a look at what is gone is due
	goneAgain = 10 * time.Second
	goneShare = 50 // a look takes one of so many moments at most
)

// lookForGone says that a look at what is gone is due.
func (r *watching) lookForGone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moved = true
}

// goneDue is when the files of a watch are looked at next.
type goneDue struct {
	scan  time.Time // the last one that was taken into account
	next  time.Time // not before
	again time.Time // then in any case; zero: never
}

// followGone hides what was removed from the watches that ask for it. It compares the published records
// with the disk, so nothing needs to be remembered of what was seen to go.
func (m *watches) followGone(ctx context.Context) error {
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()

	dues := map[*watching]goneDue{}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}

		hiding := map[*watching]config.Watch{}
		m.mu.Lock()
		for _, r := range m.running {
			if r.c.Hides() {
				hiding[r] = r.c
			}
		}

		m.mu.Unlock()

		for r := range dues {
			if _, ok := hiding[r]; !ok {
				delete(dues, r)
			}
		}

		for r, c := range hiding {
			due, now := dues[r], time.Now()
			scan := r.watcher.Status().LastScan
			r.mu.Lock()
			is := !now.Before(due.next) &&
				(r.moved || !scan.Equal(due.scan) || !due.again.IsZero() && !now.Before(due.again))
			r.moved = r.moved && !is
			r.mu.Unlock()

			if !is {
				continue
			}

			again, err := m.hideGone(ctx, c, r)
			if err != nil && ctx.Err() == nil {
				again = true
				m.owner.log.Warn("removed files are not hidden", "path", c.Path, "error", err)
			}

			due = goneDue{scan: scan, next: time.Now().Add(goneShare * time.Since(now))}
			if again {
				due.again = due.next.Add(goneAgain)
			}

			dues[r] = due
		}
	}
}

// hideGone makes jobs of the published files that are gone, if so many may be hidden. again says that
// time, or a change that no notice tells of, may decide otherwise.
func (m *watches) hideGone(ctx context.Context, c config.Watch, r *watching) (again bool, err error) {
	list, files, err := m.removed(ctx, c)
	if err != nil {
		return false, err
	}

	// One edit may have taken back both: the rules that were asked, and that anything is hidden.
	if now, _, there := m.owner.rules.watch(c.ID); !there || !now.Hides() {
		return false, nil
	}

	m.deletes.Lock()
	defer m.deletes.Unlock()
	rec, err := m.gone(c.ID)
	if err != nil {
		return false, err
	}

	settings, _, _ := m.owner.rules.now()
	s := r.watcher.Status() // as it is after all the files were looked at
	away, err := m.noteMounts(c.ID, s.Mounts)
	if err != nil {
		return false, err
	}

	list = m.withoutAway(list, away)
	look := goneLook{now: time.Now(), since: s.Since, files: files, gone: len(list), most: settings.MaxDelete,
		record: rec, whole: s.Whole && !isBare(c.Path) && m.owner.foreignTo(c) == nil &&
			m.owner.rules.refresh() == 0 &&
			(s.State == watcher.StateWatching || s.State == watcher.StatePolling)}
	hide, after := look.judge()
	if !reflect.DeepEqual(after, rec) {
		if err := m.storeGone(c.ID, after); err != nil {
			return false, err
		}
	}

	if after.Held != nil && rec.Held == nil {
		m.owner.log.Error("removed files are not hidden", "path", c.Path, "reason", transfer.ReasonMassDelete,
			"files", after.Held.Files, "of", after.Held.Of, "fix", goOn(c.ID))
	}

	if !hide {
		return len(list) > 0 || after.Held != nil || after.Passed > 0, nil
	}

	if _, _, err := m.owner.store.EnqueueAll(list); err != nil {
		return false, err
	}

	m.owner.engine.Kick()

	return false, nil
}

// removed makes a job of each published file of a watch that was removed. files counts all that are
// published.
func (m *watches) removed(ctx context.Context, c config.Watch) (list []state.Job, files int, err error) {
	store := m.owner.store
	book, err := m.owner.rules.of(c)
	if err != nil {
		return nil, 0, err
	}

	unwanted, err := store.UnwantedIn(c.ID)
	if err != nil {
		return nil, 0, err
	}

	// Before the jobs: what the watch has handed over is among them.
	tracked := watcher.Tracked(baseline{store, c.ID})
	var gone []state.PublishedRecord
	err = store.EachPublished(c.ID, func(rec state.PublishedRecord) error {
		files++
		is, err := tracked(rec.Rel)
		if err == nil && !is && rec.Item != "" {
			gone = append(gone, rec)
		}

		return cmp.Or(err, context.Cause(ctx))
	})
	if err != nil || len(gone) == 0 {
		return nil, files, err
	}

	open, err := store.Jobs(state.Filter{Root: c.ID, Open: true})
	if err != nil {
		return nil, 0, err
	}

	moving := underWay(open)
	for _, rec := range gone {
		at := filepath.Join(c.Path, filepath.FromSlash(rec.Rel))
		_, lookErr := local.Look(at)
		rule, _, ruleErr := local.Verdict(book, rec.Rel, rec.Snapshot.Size)
		mark, marked := unwanted[rec.Rel]
		if (missing{
			there:    !errors.Is(lookErr, fs.ErrNotExist),
			excluded: rule != "" || ruleErr != nil,
			unproven: rec.Unproven,
			unhidden: marked && mark.Same(rec.Snapshot),
			underWay: moving(rec.Rel),
			shared:   m.shared(c, rec),
		}).removed() {
			list = append(list, state.Job{Kind: state.Hide, Profile: m.owner.profile(c.Profile), Root: c.ID,
				Rel: rec.Rel, Path: at, Target: state.Target{Address: rec.Remote, Name: filepath.Base(at)},
				Snapshot: rec.Snapshot, Size: rec.Snapshot.Size, Item: rec.Item, Version: rec.Version})
		}
	}

	return list, files, nil
}

// shared reports whether another watch published the same item, as two may that send to one online folder,
// and has its file still. While its folder is away, or cannot be read, it counts as there.
func (m *watches) shared(c config.Watch, rec state.PublishedRecord) bool {
	_, all, _ := m.owner.rules.now()
	for _, w := range all {
		rel, below := strings.CutPrefix(rec.Remote, w.Remote+"/")
		if w.ID == c.ID || !below {
			continue
		}

		if names, err := url.PathUnescape(rel); err == nil { // an address writes some letters as numbers
			rel = names
		}

		other, known, err := m.owner.store.Published(w.ID, rel)
		if err == nil && (!known || other.Item != rec.Item) {
			continue
		}

		_, lookErr := local.Look(filepath.Join(w.Path, filepath.FromSlash(rel)))
		if err != nil || !errors.Is(lookErr, fs.ErrNotExist) || isBare(w.Path) || !isFolder(w.Path) {
			return true
		}
	}

	return false
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// underWay returns a function that reports whether an open job is of a file, or moves it.
func underWay(open []state.Job) func(rel string) bool {
	at, from := map[string]bool{}, map[string]bool{}
	for _, j := range open {
		at[j.Rel], from[j.From] = true, true
	}

	return func(rel string) bool {
		if at[rel] {
			return true
		}

		for ; rel != "."; rel = path.Dir(rel) {
			if from[rel] {
				return true
			}
		}

		return false
	}
}

// gone is what a watch remembers of the files that it hid.
func (m *watches) gone(id string) (rec goneRecord, err error) {
	text, ok, err := m.owner.store.Meta(metaDelete + id)
	if err != nil || !ok || text == "" {
		return rec, err
	}

	return rec, json.Unmarshal([]byte(text), &rec)
}

func (m *watches) storeGone(id string, rec goneRecord) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}

	return m.owner.store.SetMeta(metaDelete+id, string(text))
}

// passGone lets the files be hidden that were too many.
func (m *watches) passGone(id string) error {
	m.deletes.Lock()
	defer m.deletes.Unlock()
	rec, err := m.gone(id)
	if err != nil || rec.Held == nil {
		return err
	}

	rec.Passed, rec.Held = rec.Held.Files, nil
	if err := m.storeGone(id, rec); err != nil {
		return err
	}

	m.mu.Lock()
	r := m.running[id]
	m.mu.Unlock()
	if r != nil {
		r.lookForGone()
	}

	return nil
}

// heldGone tells of the watches whose removed files wait for somebody.
func (m *watches) heldGone() (out []control.Attention, err error) {
	file, err := config.Load(m.owner.options.Home)
	if err != nil {
		return nil, err
	}

	for _, c := range file.Watch {
		rec, err := m.gone(c.ID)
		if err != nil {
			return nil, err
		}

		if held := rec.Held; held != nil && c.Hides() {
			out = append(out, control.Attention{Path: c.Path, Reason: transfer.ReasonMassDelete,
				Detail: fmt.Sprintf("%d of %d published files are gone from here, more than may be "+
					"hidden at once; they stay in the cloud until \"%s\" hides them or they are there again",
					held.Files, held.Of, goOn(c.ID)),
				Since: control.Known(held.At), Fix: goOn(c.ID)})
		}
	}

	return out, nil
}

// hidesThere refuses a watch that is to hide when nothing can be hidden, as far as that is known.
func (o *Owner) hidesThere(ctx context.Context, c config.Watch) error {
	address, err := remote.ParseAddress(c.Remote)
	if err != nil || !c.Hides() || address.OSS() {
		return err
	}

	resolver, err := o.engine.Resolver(o.profile(c.Profile))
	if err != nil {
		return nil //nolint:nilerr // not known now; a job will tell
	}

	ctx, cancel := context.WithTimeout(ctx, goneAgain)
	defer cancel()

	place, err := resolver.ResolveFolder(ctx, address)
	if err == nil && !place.Hub.Hides() {
		return problem.Usagef("%s is in a personal hub, which hides nothing: only delete=keep goes with it",
			c.Remote)
	}

	return nil
}

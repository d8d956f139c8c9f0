package owner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/watcher"
	"hoist/watcher/content"
)

// Keys of the state, each with the id of a watch.
const (
	metaBrake = "watch-brake/" // a brakeRecord while the watch is stopped; "": it is not
	// the time up to which somebody let changes pass, though they stopped the watch
	metaPassed   = "watch-brake-passed/"
	metaRewrites = "watch-rewrites/" // a keptRewrites, once the most files rewritten in a day alone
)

// brakeRecord is why a watch was stopped.
type brakeRecord struct {
	At, Since time.Time // it stopped, and the first of the files changed
	Files     int
	Changed   int
	Blind     bool
	Paths     []string       // a few of the files
	Whole     map[string]int // by path below the root: the version before, of all files that may be sent
}

// errBraked keeps what has settled from being stored as taken.
var errBraked = errors.New("the watch is stopped: many files were rewritten at once")

// brake refuses what has settled in a watch when it is a mass change, and stops the watch.
func (m *watches) brake(c config.Watch, r *watching, files []plan.Source) error {
	passed, err := m.passed(c.ID)
	if err != nil {
		return err
	}

	if r.rewrites.recent == nil {
		kept, err := m.keptRewrites(c.ID)
		if err != nil {
			return err
		}

		r.rewrites.restore(kept)
	}

	var batch []rewrite
	for _, f := range files {
		one, ok, err := m.rewritten(c, f, passed, r.rewrites.recent[f.Rel].broken)
		if err != nil {
			return err
		}

		if ok {
			batch = append(batch, one)
		}
	}

	if len(batch) == 0 {
		return nil
	}

	if found := r.rewrites.judge(time.Now(), batch); found != nil {
		return errors.Join(errBraked, m.stopFor(c, *found))
	}

	if kept, worth := r.rewrites.keep(); worth { // before the files are queued: at a start they are known
		return m.keepRewrites(c.ID, kept)
	}

	return nil
}

// keptRewrites is what is known of the rewrites of a watch.
func (m *watches) keptRewrites(id string) (k keptRewrites, err error) {
	text, _, err := m.owner.store.Meta(metaRewrites + id)
	if err == nil && json.Unmarshal([]byte(text), &k) != nil {
		k.Most, _ = strconv.Atoi(text) // a text that is none counts as nothing seen
	}

	return k, err
}

func (m *watches) keepRewrites(id string, k keptRewrites) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}

	return m.owner.store.SetMeta(metaRewrites+id, string(text))
}

// rewritten judges what has settled of a file, which may have been broken a moment ago; false: it is
// new, or as published, or was let pass.
func (m *watches) rewritten(c config.Watch, f plan.Source, passed time.Time, broken bool) (rewrite, bool,
	error) {
	rec, known, err := m.owner.store.Published(c.ID, f.Rel)
	if err != nil || !known || rec.Snapshot.Same(f.Snapshot) ||
		!passed.IsZero() && !changedAt(f.Snapshot, time.Now()).After(passed) {
		return rewrite{}, false, err
	}

	out := rewrite{rel: f.Rel, before: rec.Number}
	if !content.Judged(f.Path) || !content.Fitted(rec.Content) && !broken {
		out.blind = true
		return out, true, nil
	}

	file, err := watcher.OpenRegular(f.Path)
	if err != nil {
		return out, true, nil //nolint:nilerr // the engine will say why it cannot be read
	}
	defer file.Close()

	report, err := content.Judge(f.Path, f.Snapshot.Size, file)
	out.broken = err == nil && report.Broken()

	return out, true, nil
}

// changedAt is when a file was changed by its own times. One in the future proves nothing.
func changedAt(s state.Snapshot, now time.Time) time.Time {
	at := time.Time{}
	for _, t := range []time.Time{s.ModTime, s.ChangeTime} {
		if t.After(at) && !t.After(now) {
			at = t
		}
	}

	if at.IsZero() {
		return now
	}

	return at
}

// stopFor makes durable that a watch is stopped, and stops it.
func (m *watches) stopFor(c config.Watch, t trip) error {
	rec := brakeRecord{At: time.Now().UTC(), Since: t.since.UTC(), Files: t.count, Changed: t.changed,
		Blind: t.blind, Whole: map[string]int{}}
	for i, before := range t.whole {
		if before > 0 {
			rec.Whole[t.files[i]] = before
		}
	}

	for _, rel := range t.files[:min(len(t.files), mostPaths)] {
		rec.Paths = append(rec.Paths, filepath.Join(c.Path, filepath.FromSlash(rel)))
	}

	if err := m.storeBrake(c.ID, rec); err != nil {
		return err
	}

	m.owner.log.Error("watch stopped", "path", c.Path, "reason", transfer.ReasonMassChange,
		"files", rec.Files, "changed", rec.Changed, "fix", goOn(c.ID))
	m.owner.spawn("brake", func(context.Context) error {
		m.changes.Lock()
		defer m.changes.Unlock()

		m.end(c.ID)
		if _, braked, err := m.braked(c.ID); err != nil || !braked {
			return err // somebody was quicker
		}

		return m.tellJobs(c.ID, state.Pause{})
	})

	return nil
}

func (m *watches) storeBrake(id string, rec brakeRecord) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}

	return m.owner.store.SetMeta(metaBrake+id, string(text))
}

// sentOf lists the files of which newer versions were made than their last one that was whole: also
// those that were on their way when the watch stopped.
func (m *watches) sentOf(id string, before map[string]int) (out []control.SentVersion, err error) {
	for rel, whole := range before {
		rec, _, err := m.owner.store.Published(id, rel)
		if err != nil {
			return nil, err
		}

		if rec.Number > whole {
			out = append(out, control.SentVersion{Remote: rec.Remote, Version: whole})
		}
	}

	slices.SortFunc(out, func(a, b control.SentVersion) int { return strings.Compare(a.Remote, b.Remote) })

	return out, nil
}

// braked is why a watch is stopped, if it is.
func (m *watches) braked(id string) (rec brakeRecord, braked bool, err error) {
	text, ok, err := m.owner.store.Meta(metaBrake + id)
	if err != nil || !ok || text == "" {
		return rec, false, err
	}

	return rec, true, json.Unmarshal([]byte(text), &rec)
}

// passed is the time up to which changes of a watch were let pass.
func (m *watches) passed(id string) (time.Time, error) {
	text, ok, err := m.owner.store.Meta(metaPassed + id)
	if err != nil || !ok {
		return time.Time{}, err
	}

	at, _ := time.Parse(time.RFC3339Nano, text) // "" and the like: nothing was

	return at, nil
}

// pass lets what stopped a watch go on.
func (m *watches) pass(id string) error {
	if _, braked, err := m.braked(id); err != nil || !braked {
		return err
	}

	kept, err := m.keptRewrites(id)
	if err != nil {
		return err
	}

	now := time.Now().UTC().Format(time.RFC3339Nano)

	return errors.Join(m.keepRewrites(id, kept.passed()), m.owner.store.SetMeta(metaPassed+id, now),
		m.owner.store.SetMeta(metaBrake+id, ""))
}

func goOn(id string) string { return "hoist watch resume " + transfer.Quote(id) }

// brakeOf tells why a watch is stopped, with what may be done; nil: it is not.
func (m *watches) brakeOf(c config.Watch) (*control.Brake, error) {
	rec, braked, err := m.braked(c.ID)
	if err != nil || !braked {
		return nil, err
	}

	sent, err := m.sentOf(c.ID, rec.Whole)
	if err != nil {
		return nil, err
	}

	out := &control.Brake{At: rec.At, Since: rec.Since, Files: rec.Files, Changed: rec.Changed,
		Paths: rec.Paths, Sent: sent, GoOn: goOn(c.ID)}
	out.Detail = fmt.Sprintf("%d of %d files that changed since %s do not begin as their kind does any more",
		rec.Files, rec.Changed, rec.Since.Local().Format(time.DateTime))
	if rec.Blind {
		out.Detail = fmt.Sprintf("%d files were rewritten today, more than ever in a day, and of "+
			"their kinds nothing is known", rec.Files)
	}

	out.Detail += "; nothing more of the folder is sent"
	if len(sent) > 0 {
		out.PutBack = "hoist watch put-back " + transfer.Quote(c.ID)
		out.Detail += fmt.Sprintf("; %d of them were sent before, and \"%s\" makes their versions before "+
			"the newest again", len(sent), out.PutBack)
	}

	return out, nil
}

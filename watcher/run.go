package watcher

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/watcher/disk"
)

// batchMax is how many changes are handed over at once.
const batchMax = 500

// run is one Run of a Watcher. Its fields are owned by the goroutine of Run; the scanner and the
// notifier hand over by channels.
type run struct {
	*Watcher
	emit    Emit
	set     *settler
	ed      *editor
	batch   []settled
	ends    []end          // of renames, that wait for the other end
	endAt   map[string]int // where in ends a path is
	known   bool           // it is not the first scan: what is found may have been renamed
	fresh   int            // of batch and ends
	tracked int

	notes     notifier // nil: polling
	stopNotes context.CancelFunc
	group     *sync.WaitGroup

	want         map[string]bool // folders to scan, each with all below it
	scanning     bool
	scanBegan    time.Time // the last one
	began, ended int       // scans of all: how many began, and the number of the last that ended
	found        chan finding
	done         chan summary
	nextScan     time.Time
	doubt        bool // the scan wanted is more than routine
	down         bool // the root cannot be watched
	seenRoot     rootLook
	askNotes     int // looks at the root that ask whether the system has ended notices
	writers      writers
	roots        chan rootLook // from guard
	// what could not be read when it was scanned, and when the folders of it are tried again
	unread   map[string]unreadable
	spelt    letters // while notices are heeded
	tryAgain time.Time
	// after which a scan tries again to get notices; zero: there are some, or there will be none
	tryNotes time.Time
}

// Run watches until ctx ends and returns its cause, or an error that makes watching impossible (a
// baseline that cannot be read or stored). All its goroutines have ended when it returns. It may be
// called once at a time.
func (w *Watcher) Run(ctx context.Context, emit Emit) error {
	ctx, cancel := context.WithCancel(ctx)

	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	r := &run{
		Watcher: w, emit: emit, group: &group,
		set:   newSettler(w.cfg.Settle, w.cfg.SettleCap, w.book.Given().MinAge()),
		ed:    newEditor(w.cfg.Baseline),
		want:  map[string]bool{"": true},
		found: make(chan finding), done: make(chan summary, 1),
		doubt: true, roots: make(chan rootLook), unread: map[string]unreadable{}, endAt: map[string]int{},
	}
	r.set.wishes = w.cfg.wishes
	if err := eachRecord(w.cfg.Baseline, "", func(string, record) { r.tracked++ }); err != nil {
		return err
	}

	if r.tracked > 0 {
		r.there()
	}

	r.seenRoot = lookAtRoot(r.root, r.cfg.Marker)
	if r.seenRoot.err != nil || r.seenRoot.bare && r.tracked > 0 {
		r.rootSeen(ctx, r.seenRoot)
	} else {
		r.setStatus(func(s *Status) { s.Mounts = slices.Sorted(maps.Keys(r.seenRoot.mounts)) })
		r.startNotes(ctx)
	}

	group.Go(func() { r.guard(ctx) })

	return r.loop(ctx)
}

// startNotes begins with notices, or says why there are none.
func (r *run) startNotes(ctx context.Context) {
	why := ""
	kind, err := disk.Ask(r.root, disk.Patience, func() (string, error) { return remoteKind(r.root), nil })
	switch {
	case err != nil:
		why, r.tryNotes = err.Error(), time.Now().Add(tryNotesEvery)
	case r.cfg.Poll:
		why = "asked for"
	case kind != "":
		why = kind + ": changes by other machines are not announced"
	default:
		notes, err := r.source(r.root)
		if err != nil {
			why, r.tryNotes = err.Error(), time.Now().Add(tryNotesEvery)
			break
		}

		nctx, stop := context.WithCancel(ctx)
		r.notes, r.stopNotes = notes, stop
		r.group.Go(func() { notes.run(nctx) })
		r.tryNotes = time.Time{}
		r.setStatus(func(s *Status) { s.pollReason = "" })

		return
	}

	r.polling(why)
}

// polling goes on without notices.
func (r *run) polling(why string) {
	r.dropNotes()
	r.nextScan = time.Now().Add(r.cfg.PollInterval)
	r.log.Info("folder is polled", "interval", r.cfg.PollInterval, "why", why)
	r.setStatus(func(s *Status) { s.pollReason = why })
}

func (r *run) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()

	for {
		r.startScan(ctx)
		r.count()
		timer.Reset(r.untilNext())
		var noticed <-chan struct{}
		if r.notes != nil {
			noticed = r.notes.ready()
		}

		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-noticed:
			err = r.notices(ctx)
		case f := <-r.found:
			err = r.scanned(ctx, f)
		case sum := <-r.done:
			err = r.scanEnded(ctx, sum)
		case a := <-r.again:
			err = r.takeAgain(ctx, a)
		case <-r.asked:
			r.mu.Lock()
			wanted := r.wanted
			r.wanted = nil
			r.mu.Unlock()
			r.set.retime()

			for _, folder := range wanted {
				r.wantScan(folder, true)
			}
		case now := <-r.roots:
			r.rootSeen(ctx, now)
		case <-timer.C:
			err = r.tick(ctx)
		}

		if err != nil {
			return err
		}
	}
}

// untilNext is the time until the next look at a pending path or the next scan.
func (r *run) untilNext() time.Duration {
	wait := time.Hour
	now := time.Now()
	if at, ok := r.set.next(); ok {
		wait = min(wait, at.Sub(now))
	}

	if at, ok := r.book.next(); ok {
		wait = min(wait, at.Sub(now))
	}

	if len(r.unread) > 0 {
		wait = min(wait, r.tryAgain.Sub(now))
	}

	if !r.scanning && !r.down {
		wait = min(wait, r.nextScan.Sub(now))
	}

	return max(wait, 0)
}

func (r *run) tick(ctx context.Context) error {
	now := time.Now()
	if !r.scanning && !r.down && !r.nextScan.After(now) {
		r.wantScan("", false)
	}

	if len(r.unread) > 0 && !r.tryAgain.After(now) {
		r.retryUnread(now)
	}

	if at, ok := r.book.next(); ok && !at.After(now) {
		for _, folder := range r.book.recheck(false) {
			r.wantScan(folder, false)
		}
	}

	r.look(ctx, now)

	return r.flush(ctx, 1)
}

// wantScan plans a scan of a folder and all below it.
func (r *run) wantScan(folder string, doubt bool) {
	r.want[folder] = true
	r.doubt = r.doubt || doubt && folder == ""
}

// startScan begins the scan that is wanted unless one is under way.
func (r *run) startScan(ctx context.Context) {
	if r.scanning || len(r.want) == 0 || r.down {
		return
	}

	if r.want[""] {
		r.began++
		r.book.recheck(true)
		r.book.beginRound()
		if !r.tryNotes.IsZero() && !r.tryNotes.After(time.Now()) {
			r.startNotes(ctx)
		}
	}

	var top []string // without those that lie in another
	for f := range r.want {
		if !r.wantsAbove(f) {
			top = append(top, f)
		}
	}

	slices.Sort(top)
	s := &scanner{book: r.book, base: r.cfg.Baseline, log: r.log, out: r.found}
	if r.notes != nil {
		s.add = r.notes.add
	}

	if r.doubt {
		r.setStatus(func(s *Status) { s.State = StateScanning })
	}

	clear(r.want)
	r.scanning, r.doubt, r.known = true, false, r.known || r.tracked > 0
	r.scanBegan = time.Now()
	r.group.Go(func() { r.done <- s.run(ctx, top) })
}

// wantsAbove reports whether a folder lies in another one that is to be scanned.
func (r *run) wantsAbove(folder string) bool {
	for above := range upTo(folder) {
		if above != folder && r.want[above] {
			return true
		}
	}

	return false
}

// staleAfter is how long after its listing a folder is taken as listed.
const staleAfter = time.Second

// scanned takes the differences of one folder. They may have waited while changes were handed over,
// and the files may have changed meanwhile, with notices that were heeded already: then what rested
// is looked at once more.
func (r *run) scanned(ctx context.Context, f finding) error {
	now := time.Now()
	gone := slices.ContainsFunc(f.diffs, func(d seen) bool { return d.op == opGone })
	if gone && !r.sound(ctx) {
		return nil // it is scanned again when it is there
	}

	stale := now.Sub(f.at) > min(staleAfter, r.cfg.Settle/4)
	for _, d := range f.diffs {
		_, waiting := r.set.pending[d.path]
		switch {
		case d.forget:
			r.set.drop(d.path)
			r.rest(settled{path: d.path, forget: true}, true)
		case r.isWaiting(d):
		case d.op == opGone:
			r.set.observe(d.path, observation{rec: d.rec, gone: true, scanned: true}, now)
		case !waiting && r.set.atOnce(d.path, d.rec, d.locked, f.at) && !(stale && r.moved(d)) &&
			!r.awaited(d, now):
			r.rest(settled{path: d.path, rec: d.rec, fresh: d.op == opAdded}, true)
		default:
			known := d.op == opChanged
			if stale {
				var err error
				if _, known, err = r.ed.lookup(d.path); err != nil {
					return err
				}
			}

			r.set.observe(d.path, observation{rec: d.rec, fresh: !known, scanned: true}, now)
		}
	}

	return r.flush(ctx, batchMax)
}

// moved reports whether a file is not, or cannot be seen to be, as a scan saw it.
func (r *run) moved(d seen) bool {
	rec, mode, exists, err := lookAt(r.root, d.path)
	return err != nil || !exists || !mode.IsRegular() || !rec.same(d.rec)
}

func (r *run) scanEnded(ctx context.Context, sum summary) error {
	r.scanning, r.known = false, true
	if sum.fatal != nil {
		return sum.fatal
	}

	if sum.whole {
		r.ended = r.began
	}

	if err := r.flush(ctx, 1); err != nil {
		return err
	}

	if sum.limit != nil && r.notes != nil {
		r.polling(sum.limit.Error())
		r.tryNotes = time.Now().Add(tryNotesEvery)
	}

	r.noteUnread(sum)
	clear := len(sum.unread) == 0 && sum.rootErr == nil && len(r.unread) == 0 && !r.down
	r.setStatus(func(s *Status) { s.Whole = clear && (s.Whole || sum.whole) })

	if !sum.whole {
		return nil
	}

	if len(sum.unread) == 0 && sum.rootErr == nil && len(r.book.Problems()) == 0 {
		r.book.endRound()
	}

	interval := r.cfg.ScanInterval + rand.N(r.cfg.ScanInterval/jitterPart+1)
	if r.notes == nil || sum.rootErr != nil {
		interval = r.cfg.PollInterval
	}

	if sum.rootErr != nil {
		r.sound(ctx)
	}

	now := time.Now()
	r.nextScan = now.Add(interval)
	if r.down {
		return nil
	}

	r.setStatus(func(s *Status) {
		s.scanDetail = ""
		switch {
		case sum.rootErr != nil:
			s.State, s.scanDetail = StateUnavailable, sum.rootErr.Error()
			return
		case r.notes == nil:
			s.State = StatePolling
		default:
			s.State = StateWatching
		}

		s.LastScan, s.LastTook, s.LeftOut = now, now.Sub(r.scanBegan), sum.leftOut
	})

	return nil
}

// How often folders that could not be read are tried again, and notices when there was no room for
// them. The least of both is a few seconds more than nothing: the tries cost little.
const (
	unreadEvery   = 10 * time.Second
	tryNotesEvery = time.Minute
)

// jitterPart is which part of the time between two scans comes on top of it at most, by chance, so
// that the scans of many watches, and of many machines on one share, do not fall together.
const jitterPart = 10

// unreadMax bounds what is remembered of that.
const unreadMax = 1000

// retryUnread plans another scan of the folders that could not be read. Of a single file the next scan of its
// folder tells: all that lies below it would be read each time.
func (r *run) retryUnread(now time.Time) {
	r.tryAgain = now.Add(unreadEvery)
	for p, u := range r.unread {
		if !u.file {
			r.wantScan(p, false)
		}
	}
}

// noteUnread remembers, and tells, what a scan could not read.
func (r *run) noteUnread(sum summary) {
	for _, folder := range sum.scanned {
		maps.DeleteFunc(r.unread, func(p string, _ unreadable) bool { return below(folder, p) })
	}

	for p, u := range sum.unread {
		if len(r.unread) < unreadMax {
			r.unread[p] = u
		}
	}

	r.tryAgain = time.Now().Add(unreadEvery)

	detail := ""
	if n := len(r.unread); n > 0 {
		first := slices.Min(slices.Collect(maps.Keys(r.unread)))
		detail = fmt.Sprintf("%d not readable, one of them: %v", n, r.unread[first].err)
	}

	r.setStatus(func(s *Status) { s.unread = detail })
}

// notices looks at the paths that something happened to.
func (r *run) notices(ctx context.Context) error {
	paths, doubt := r.notes.take()
	if doubt {
		r.log.Info("notices were lost, scanning")
		r.wantScan("", true)
	}

	rules := map[string]*Rules{}
	r.spelt = letters{root: r.root}
	now := time.Now()
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		if err := r.notice(ctx, p, paths[p], rules, now); err != nil {
			return err
		}
	}

	return r.flush(ctx, 1)
}

// notice looks at one path. The rules are cached by folder for the paths of one moment.
func (r *run) notice(ctx context.Context, p string, n notice, rules map[string]*Rules,
	now time.Time) error {
	if p == "" {
		if n.left {
			r.sound(ctx)
			r.wantScan("", true)
		}

		return nil
	}

	folder, name := split(p)
	at, ok := rules[folder]
	if !ok {
		at = r.book.At(folder)
		rules[folder] = at
	}

	if strings.EqualFold(name, IgnoreFile) {
		if at.Held() == nil { // else once it has rested
			r.wantScan(folder, false)
		}

		return nil
	}

	rec, mode, exists, err := lookAt(r.root, p)
	if err != nil {
		r.log.Warn("path not readable", "path", p, "error", err)
		r.wantScan(folder, false)
		return nil //nolint:nilerr // the scan will tell
	}

	if exists && n.left && !r.spelt.has(p) {
		exists = false
	}

	if at.speaksOfFolder(name) {
		r.wantScan(folder, false)
	}

	if ignored, _ := at.Match(p, exists && mode.IsDir()); ignored || exists && r.book.wasBackup(at, p, rec) {
		return nil
	}

	if !exists && !n.left {
		r.strayed(folder)
	}

	if exists && mode.IsDir() {
		if n.left {
			r.notes.drop(p)
		}

		if n.left || n.created || r.unread[p].err != nil {
			r.wantScan(p, false)
		}

		return nil
	}

	return r.noticeFile(p, n, at, rec, exists && mode.IsRegular(), now)
}

// noticeFile takes a notice of what is no folder now: a file, when is says so, or nothing that is sent.
func (r *run) noticeFile(p string, n notice, at *Rules, rec record, is bool, now time.Time) error {
	was, known, err := r.ed.lookup(p)
	if err != nil {
		return err
	}

	if n.left {
		r.notes.drop(p) // had it been a folder, what was in it has another path now
	}

	if known && was.dir {
		err := eachRecord(r.cfg.Baseline, p, func(p string, was record) {
			r.set.observe(p, observation{rec: was, gone: true, touched: true}, now)
		})
		if err != nil {
			return err
		}

		known = false
	}

	_, waiting := r.set.pending[p]
	switch {
	case !is:
		if known || waiting {
			r.set.observe(p, observation{rec: was, gone: true, fresh: !known, touched: n.touched}, now)
		}
	case waiting || !known || !was.same(rec):
		if ignored, _ := at.MatchSize(rec.size); ignored {
			r.set.drop(p)
			r.rest(settled{path: p, forget: true}, false)
			return nil
		}

		r.set.observe(p, observation{rec: identify(r.root, p, rec), fresh: !known, touched: n.touched}, now)
	}

	return nil
}

// strayed asks for a scan when something was written in a folder that is not there: it has another
// name by now, and notices of what is in it may go on to come under the old one.
func (r *run) strayed(folder string) {
	found := true
	for folder != "" {
		if _, mode, exists, err := lookAt(r.root, folder); err == nil && exists && mode.IsDir() {
			break
		}

		found = false
		folder, _ = split(folder)
	}

	if !found {
		r.wantScan(folder, false)
	}
}

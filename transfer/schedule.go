package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"hoist/state"
)

const (
	// jobs past their bytes that wait for a create at once; they hold no transfer slot
	publishSlots = 64
	// of these, those that make new items: their budget is the smallest and must not hold up
	// versions
	itemSlots  = 48
	candidates = 512      // jobs looked at when one is chosen
	enough     = 64       // with so many at hand the store is asked again only every second
	largeFile  = 64 * mib // from here on a file may not take the last two transfer slots from small ones
	// Up to here a file is small: its round trips, not its bytes, are what takes time. So smallShare
	// of them share a transfer slot, and smallParts are sent beside the parts of large ones.
	smallFile    = mib
	smallShare   = 16
	smallParts   = 48
	defaultParts = 8
	// parts of large files in flight when more of them add throughput and nobody chose their number
	mostParts = 16
	listPause = 20 // a listing is not repeated before this many times what it cost
)

// errStopped is the cause of a run that a person paused or cancelled.
var errStopped = errors.New("paused or cancelled")

// isPublishing reports whether a job is past its bytes, or may need none: it waits for calls with
// small budgets and must not keep a file from transferring.
func isPublishing(j state.Job) bool {
	switch j.Phase {
	case state.PhaseQueued:
		if mayRename(j) {
			return true
		}
	case state.PhaseCompleted, state.PhasePublishing, state.PhasePublished, state.PhaseRenaming,
		state.PhaseHiding:
		return true
	}

	return j.Kind == state.Rename || j.Kind == state.Hide
}

// mayRename reports whether a job begins with the item that its file had under another name.
func mayRename(j state.Job) bool {
	return j.Kind == state.Upload && j.Phase == state.PhaseQueued && j.From != ""
}

// movesBytes reports whether the phase talks to the data plane; its reachability is judged apart
// from the API's.
func movesBytes(p state.Phase) bool { return p == state.PhaseUploading || p == state.PhaseFetching }

// dispatcher chooses what runs. One goroutine owns it; counts are shared with runs under Engine.mu.
type dispatcher struct {
	e     *Engine
	wg    sync.WaitGroup
	done  chan *run
	fatal chan error
	list  []*state.Job // candidates for transfer slots, the first in turn first
	turns turns        // by which list is ordered
	// candidates past their bytes; all that were seen, so that they do not crowd the others out of
	// a listing
	publish []ending
	known   map[state.JobID]bool // the jobs of publish
	listed  time.Time
	cost    time.Duration
	dirty   bool // something changed since the listing
}

// Run works on runnable jobs until ctx ends and every run has returned. A job's failure is a
// record; the error is nil after ctx ended, and else what the store answered. It must not be called
// twice at once.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &dispatcher{e: e, done: make(chan *run), fatal: make(chan error, 1), dirty: true,
		known: map[state.JobID]bool{}}
	changes := make(chan state.Changes)
	e.cleanSpool()
	var watch sync.WaitGroup
	watch.Go(func() { e.watchStore(ctx, changes, d.fatal) })

	var failure error
	for failure == nil && ctx.Err() == nil {
		var timer <-chan time.Time
		wait, err := d.fill(ctx, time.Now())
		if err != nil {
			failure = err
			break
		}

		if wait > 0 {
			timer = time.After(wait)
		}

		select {
		case <-ctx.Done():
		case failure = <-d.fatal:
		case c := <-changes:
			d.dirty = true
			e.stopWhatEnded(c)
		case <-e.kick:
			d.dirty, d.listed = true, time.Time{}
			e.stopWhatEnded(state.Changes{Lost: true})
		case <-e.freed: // fill looks who may have it
		case r := <-d.done:
			d.finish(r)
		case <-timer:
			d.dirty = true
		}
	}

	cancel(cmp.Or(failure, context.Canceled))

	for d.active() > 0 {
		d.finish(<-d.done)
	}

	d.wg.Wait()
	watch.Wait()
	e.keepLink()

	return failure
}

// watchStore passes on which jobs changed until ctx ends.
func (e *Engine) watchStore(ctx context.Context, to chan<- state.Changes, fatal chan<- error) {
	since := e.store.Index()
	for {
		c, err := e.store.Changes(ctx, since)
		if err != nil {
			if ctx.Err() == nil {
				select {
				case fatal <- fmt.Errorf("watch the store: %w", err):
				default:
				}
			}

			return
		}

		since = c.Index
		select {
		case to <- c:
		case <-ctx.Done():
			return
		}
	}
}

// stopWhatEnded ends the runs of jobs that a person paused or cancelled.
func (e *Engine) stopWhatEnded(c state.Changes) {
	e.mu.Lock()

	var runs []*run
	for _, r := range e.running {
		if c.Lost || slices.Contains(c.Jobs, r.job) {
			runs = append(runs, r)
		}
	}

	e.mu.Unlock()

	for _, r := range runs {
		job, err := e.store.Job(r.job)
		if err == nil && (job.Paused || job.End == state.EndCancelled) {
			r.cancel(errStopped)
		}
	}
}

func (d *dispatcher) active() int {
	d.e.mu.Lock()
	defer d.e.mu.Unlock()
	return len(d.e.running)
}

func (d *dispatcher) finish(r *run) {
	d.e.mu.Lock()
	delete(d.e.running, r.job)
	d.e.mu.Unlock()
	if r.probes != nil {
		r.probes.ended(time.Now())
	}

	d.dirty = true
}

// fill starts what may start and returns how long to wait when nothing else happens; 0 means for
// ever.
func (d *dispatcher) fill(ctx context.Context, now time.Time) (time.Duration, error) {
	e := d.e
	e.mu.Lock()
	used := e.usedSlots()
	e.mu.Unlock()
	free := e.cfg.Transfers*e.share - used.shares
	pause := max(d.cost*listPause, listedFor(free, len(d.list)))
	wait := d.untilNext(now)
	if d.dirty && now.Sub(d.listed) < pause {
		wait = min(cmp.Or(wait, time.Hour), d.listed.Add(pause).Sub(now)+time.Millisecond)
	} else if d.dirty {
		if err := d.relist(now); err != nil {
			return 0, err
		}

		wait = d.untilNext(now)
	}

	if err := d.startEndings(ctx, now, &used); err != nil {
		return 0, err
	}

	for free > 0 {
		i := d.choose(now, used)
		if i < 0 {
			break
		}

		j := *d.list[i]
		takes := e.claimOf(j)
		if takes.shares > free {
			break // it is its turn: what is smaller must not take its room for ever
		}

		d.list = slices.Delete(d.list, i, i+1)
		free -= takes.shares
		used.add(takes)
		d.start(ctx, j)
	}

	return wait, nil
}

// listedFor is how long a list of candidates is enough for so many free shares of slots.
func listedFor(free, listed int) time.Duration {
	if free <= 0 || listed >= enough {
		return time.Second
	}

	return 0
}

// choose returns the index of the job that takes the next transfer slot, -1: none may start.
func (d *dispatcher) choose(now time.Time, used slots) int {
	if t := used.turns(d.e.cfg.Transfers); t != d.turns {
		d.turns = t
		slices.SortFunc(d.list, t.jobs)
	}

	return slices.IndexFunc(d.list, func(j *state.Job) bool {
		return d.e.net(*j).mayStart(j.Runnable(now), offlineSince(*j), now)
	})
}

// ending is what decides when a job starts that takes no transfer slot. A hundred thousand of them may wait
// for their turn, so it is less than the job.
type ending struct {
	id            state.JobID
	takes         claim
	net           *reachability
	next, offline time.Time
}

// startEndings starts the jobs that take no transfer slot, as many as may run at once.
func (d *dispatcher) startEndings(ctx context.Context, now time.Time, used *slots) (err error) {
	d.publish = slices.DeleteFunc(d.publish, func(w ending) bool {
		if err != nil || !used.mayPublish(w.takes) || !w.net.mayStart(!w.next.After(now), w.offline, now) {
			return false
		}

		var j state.Job
		j, err = d.e.store.Job(w.id)
		if errors.Is(err, state.ErrNotFound) { // it ended, and its history was kept no longer
			err = nil
		}

		if err != nil {
			return false
		}

		delete(d.known, w.id)
		if j.Open() {
			used.add(w.takes)
			d.start(ctx, j)
		}

		return true
	})

	return err
}

// relist asks the store for candidates.
func (d *dispatcher) relist(now time.Time) error {
	e := d.e
	began := time.Now()
	d.dirty, d.listed, d.list, d.turns = false, now, d.list[:0], turns{}
	// Those that were listed for the network alone are listed again: by its answer, or when it is their time.
	d.publish = slices.DeleteFunc(d.publish, func(w ending) bool {
		if !w.next.After(now) {
			return false
		}

		delete(d.known, w.id)

		return true
	})
	seen := map[state.JobID]bool{}
	skip := func(id state.JobID) bool {
		if d.known[id] || seen[id] {
			return true
		}

		e.mu.Lock()
		defer e.mu.Unlock()

		return e.running[id] != nil
	}
	list := func(until time.Time) error {
		for {
			jobs, err := e.store.Runnable(until, candidates, skip)
			if err != nil {
				return fmt.Errorf("list runnable jobs: %w", err)
			}

			for i := range jobs {
				j := &jobs[i]
				seen[j.ID] = true
				switch {
				case until.After(now) && j.Reason != ReasonOffline:
				case isPublishing(*j):
					d.publish = append(d.publish, ending{id: j.ID, takes: e.claimOf(*j), net: e.net(*j),
						next: j.NextAttempt, offline: offlineSince(*j)})
					d.known[j.ID] = true
				default:
					d.list = append(d.list, j)
				}
			}

			if len(d.list) > 0 || len(jobs) < candidates {
				return nil
			}
		}
	}
	if err := list(now); err != nil {
		return err
	}

	// those that wait for the network are judged by it, not by their time
	if e.api.waiting() || e.data.waiting() {
		if err := list(now.Add(offlineCap + time.Second)); err != nil {
			return err
		}
	}

	d.cost = time.Since(began)

	return nil
}

// untilNext is the wait for the next attempt or probe; 0: nothing lies ahead.
func (d *dispatcher) untilNext(now time.Time) time.Duration {
	wait := time.Duration(0)
	add := func(at time.Time) {
		if at.IsZero() {
			return
		}

		if w := max(at.Sub(now), time.Millisecond); wait == 0 || w < wait {
			wait = w
		}
	}
	if next := d.e.store.NextAttempt(now); next.After(now) {
		add(next)
	}

	add(d.e.api.nextProbe(now))
	add(d.e.data.nextProbe(now))

	return wait
}

// start runs a job in a goroutine of its own that Run waits for.
func (d *dispatcher) start(ctx context.Context, job state.Job) {
	e := d.e
	ctx, cancel := context.WithCancelCause(ctx)
	r := &run{job: job.ID, kind: job.Kind, cancel: cancel, now: job, meter: newMeter(), holds: e.claimOf(job)}
	r.probes = e.net(job).started()
	e.mu.Lock()
	e.running[job.ID] = r
	e.mu.Unlock()
	d.wg.Go(func() {
		defer cancel(nil)
		if err := e.work(ctx, r); err != nil && ctx.Err() == nil {
			select {
			case d.fatal <- err:
			default:
			}
		}

		d.done <- r
	})
}

// work drives one job by steps until it ends, waits, or ctx ends; after a change of its source it
// goes on with the successor. The error is the store's.
func (e *Engine) work(ctx context.Context, r *run) error {
	job, err := e.store.Job(r.job)
	if err != nil {
		return fmt.Errorf("job %s: %w", r.job, err)
	}

	log := e.log.With("job", string(job.ID), "path", job.Path)
	if job.Paused || !job.Open() || job.Attention && job.NextAttempt.IsZero() {
		return nil // changed since it was listed
	}

	defer r.closeSource()
	defer r.closeTarget()

	for first := true; first || job.Runnable(time.Now()); first = false {
		if !e.holdSlot(r, job) {
			return nil // the dispatcher takes it up when a slot is free
		}

		phase := job.Phase
		events, err := e.step(ctx, r, job)
		if err != nil {
			if ctx.Err() != nil {
				return nil // stopping is not an event; the step committed what had its effect
			}

			now := reached(job, events)
			e.noteFailure(now, err)
			events = append(events, e.eventFor(now, err))
			log.Debug("step", "phase", string(phase), "error", err)
		} else {
			e.noteSuccess(job)
		}

		if len(events) == 0 { // what the step did is committed
			if job, err = e.store.Job(job.ID); err != nil {
				return fmt.Errorf("job %s: %w", r.job, err)
			}

			continue
		}

		next, commitErr := e.commitOn(ctx, job, events...)
		if errors.Is(commitErr, state.ErrOvertaken) { // saved meanwhile: another decision
			next, commitErr = e.store.Job(job.ID)
		}

		// an effect that cannot be, unless the job ended meanwhile
		if wrong, ok := errors.AsType[*state.TransitionError](commitErr); ok && err == nil {
			next, commitErr = e.commit(ctx, job.ID, e.eventFor(job, wrong))
		}

		if err = commitErr; err != nil {
			if _, ok := errors.AsType[*state.TransitionError](err); ok {
				log.Debug("the job changed meanwhile", "error", err)
				e.discardCancelled(job.ID) //nolint:contextcheck // the run's is over

				return nil
			}

			return fmt.Errorf("job %s: %w", job.ID, err)
		}

		job = next
		r.set(job)
		if !job.Open() {
			e.jobEnded(job)
		}
	}

	return nil
}

// step makes the next remote effect and says what it was; one that needs no commit of its own may
// bring the next step with it. Parts are committed inside, each by its worker.
func (e *Engine) step(ctx context.Context, r *run, job state.Job) ([]state.Event, error) {
	switch job.Kind {
	case state.Upload:
	case state.Download:
		return e.downloadStep(ctx, r, job)
	case state.Rename:
		return e.folderStep(ctx, r, job)
	case state.Hide:
		return e.hideStep(ctx, r, job)
	}

	return e.uploadStep(ctx, r, job)
}

// reached is the job after events that are not committed yet.
func reached(job state.Job, events []state.Event) state.Job {
	for _, ev := range events {
		if next, err := job.Next(ev); err == nil {
			job = next
		}
	}

	return job
}

// eventFor turns a failed step into what is committed.
func (e *Engine) eventFor(job state.Job, err error) state.Event {
	now := time.Now()
	if away := RootAway(job, err); away != nil {
		return verdict{classRetry, ReasonFolderAway, backoff(job.Streak+1, backoffCap)}.event(away, now,
			rand.Float64())
	}

	v := classify(err, job)
	if v.Class == classChanged {
		c, _ := errors.AsType[*changedError](err)
		return e.changedEvent(job, c, now)
	}

	return v.event(err, now, rand.Float64())
}

func (e *Engine) jobEnded(job state.Job) {
	e.mu.Lock()
	delete(e.looks, job.ID)
	e.mu.Unlock()
	e.dropSpooled(job)

	if job.End == state.EndDone {
		e.log.Info("done", "job", string(job.ID), "path", job.Path, "result", job.Result, "bytes", job.Size)
	}
}

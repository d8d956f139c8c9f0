package owner

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
	"hoist/watcher"
)

// mostPaths is how many files of one cause are named.
const mostPaths = 5

// causes gathers what waits, one group for each cause.
type causes struct {
	groups map[[2]string]*control.Waiting // by reason and detail
}

// add counts a file that waits for a cause; since and next may be zero.
func (c *causes) add(w control.Waiting, path string, since, next time.Time) {
	c.addAll(w, 1, []string{path}, since, next)
}

// addAll counts files that wait for one cause, some of which are named.
func (c *causes) addAll(w control.Waiting, count int, paths []string, since, next time.Time) {
	id := [2]string{w.Reason, w.Detail}
	g := c.groups[id]
	if g == nil {
		if c.groups == nil {
			c.groups = map[[2]string]*control.Waiting{}
		}

		w.Paths = []string{}
		g = &w
		c.groups[id] = g
	}

	g.Count += count
	g.Paths = append(g.Paths, paths[:min(len(paths), mostPaths-len(g.Paths))]...)
	g.Since, g.NextAttempt = earlier(g.Since, since), earlier(g.NextAttempt, next)
	if g.Fix != w.Fix {
		g.Fix = "" // no one command helps them all
	}
}

func earlier(t *time.Time, u time.Time) *time.Time {
	if u.IsZero() || t != nil && t.Before(u) {
		return t
	}

	return control.Known(u)
}

// list is what waits, the most files first.
func (c *causes) list() []control.Waiting {
	out := []control.Waiting{}
	for _, g := range c.groups {
		out = append(out, *g)
	}

	slices.SortFunc(out, func(a, b control.Waiting) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Reason, b.Reason),
			strings.Compare(a.Detail, b.Detail))
	})

	return out
}

// settled leaves out times that have passed: what was due then is being done.
func settled(list []control.Waiting, now time.Time) []control.Waiting {
	for i := range list {
		if t := list[i].NextAttempt; t != nil && !t.After(now) {
			list[i].NextAttempt = nil
		}
	}

	return list
}

// jobs counts jobs whose next attempt lies ahead; some are the first of them, in full.
func (c *causes) jobs(all state.Wait, some []state.Job) {
	if len(some) == 0 {
		return // they have all gone on
	}

	w, paths := control.Waiting{Reason: all.Reason, Detail: some[0].Error, Fix: fixOf(some[0])}, []string{}
	if r, ok := transfer.ReasonByCode(all.Reason); ok {
		w.Detail = r.Sentence
	}

	for _, j := range some {
		paths = append(paths, j.Path)
		if fixOf(j) != w.Fix {
			w.Fix = "" // no one command helps them all
		}
	}

	if all.Count > len(some) {
		w.Fix = "" // nobody has looked at the others
	}

	c.addAll(w, all.Count, paths, all.Since, all.Next)
}

// budget counts the files of jobs that are queued, or at their last call, while a limit of the
// service lets no call of a class through.
func (c *causes) budget(b control.Budget, count int, paths []string) {
	w := control.Waiting{Reason: transfer.ReasonRateLimited,
		Detail: fmt.Sprintf("the limit %s: %d calls a minute, none is free", b.Class, b.LimitPerMinute)}
	var next time.Time
	if b.NextCall != nil {
		next = *b.NextCall
	}

	if count > 0 {
		c.addAll(w, count, paths, time.Time{}, next)
	}
}

// closed counts the active files whose next call is of a class that the service has closed for a while, which
// others may have brought about who work with the same application.
func (c *causes) closed(budgets []control.Budget, active []transfer.Progress) {
	steps := []apsclient.BudgetClass{apsclient.BudgetPostStorage, apsclient.BudgetPostItems,
		apsclient.BudgetPostVersions}
	for _, b := range budgets {
		if b.ClosedUntil == nil || !slices.Contains(steps, apsclient.BudgetClass(b.Class)) ||
			unanswered(c.list()) {
			continue
		}

		if held := heldBy(b.Class, active); len(held) > 0 {
			c.addAll(control.Waiting{Reason: transfer.ReasonRateLimited,
				Detail: "the service asks to wait with calls of " + b.Class}, len(held), held,
				time.Time{}, *b.ClosedUntil)
		}
	}
}

// heldBy names the files of active jobs whose next call is of a class.
func heldBy(class string, active []transfer.Progress) (paths []string) {
	phases := []state.Phase{state.PhaseCompleted, state.PhasePublishing}
	if class == string(apsclient.BudgetPostStorage) {
		phases = []state.Phase{state.PhaseQueued}
	}

	for _, p := range active {
		if slices.Contains(phases, p.Phase) {
			paths = append(paths, p.Path)
		}
	}

	return paths
}

// unanswered reports whether one of the groups waits because the service does not answer, or not as
// itself: then nothing says when anything will be done.
func unanswered(list []control.Waiting) bool {
	return slices.ContainsFunc(list, func(w control.Waiting) bool { return silent(w.Reason) })
}

func silent(reason string) bool {
	return reason == transfer.ReasonOffline || reason == transfer.ReasonServiceTrouble
}

// waitWords says of each cause by which a watch waits what it is.
var waitWords = map[string]string{
	watcher.WaitSettling: "it changed a moment ago and is sent once it has rested",
	watcher.WaitLock:     "a lock file says that somebody has it open: ",
	watcher.WaitBusy:     "it is saved all the time and has not rested yet",
	watcher.WaitAge:      "it is younger than the rules ask for",
	watcher.WaitWriter:   "a program has it open and may go on writing",
	watcher.WaitTorn:     "its bytes say that some of them are still missing",
	watcher.WaitRules:    "a .hoistignore above it changed a moment ago, or is not understood",
}

// watchCause is why files of a watched folder are not handed over yet.
func watchCause(root string, w watcher.Wait) control.Waiting {
	one := control.Waiting{Reason: w.Why, Detail: waitWords[w.Why]}
	if w.Lock != "" {
		one.Detail += filepath.Join(root, filepath.FromSlash(w.Lock))
	}

	return one
}

// watchWait is what keeps a file of a watched folder from being handed over, when that is more than the
// rest that every file takes; nil: nothing else is known.
func watchWait(root, path string, waits []watcher.Wait) *control.Waiting {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return nil
	}

	for _, w := range waits {
		if w.Why != watcher.WaitSettling && slices.Contains(w.Paths, filepath.ToSlash(rel)) {
			one := watchCause(root, w)
			one.Since, one.NextAttempt = control.Known(w.Since), control.Known(w.Until)

			return &settled([]control.Waiting{one}, time.Now())[0]
		}
	}

	return nil
}

// watch counts the files of a watched folder that are not handed over yet.
func (c *causes) watch(root string, waits []watcher.Wait) {
	for _, w := range waits {
		one := watchCause(root, w)
		for _, p := range w.Paths {
			c.add(one, filepath.Join(root, filepath.FromSlash(p)), w.Since, w.Until)
		}

		if g := c.groups[[2]string{one.Reason, one.Detail}]; g != nil {
			g.Count += w.Count - len(w.Paths)
		}
	}
}

// failingLong is how long the service must fail for people to be told while calls are repeated.
const failingLong = 3 * time.Second

// outages are since when the service, or its storage, fails all that it is asked, and since when it
// gives no answer at all; zero: it does.
type outages struct {
	service, storage, silent time.Time
	// until when a class of calls waits because the service asked for it, without a limit here
	closed time.Time
	class  apsclient.BudgetClass
}

func (o *Owner) outages() (out outages) {
	o.clients.mu.Lock()
	defer o.clients.mu.Unlock()

	long := func(since time.Time, ok bool) time.Time {
		if !ok || time.Since(since) < failingLong {
			return time.Time{}
		}

		return since
	}
	for _, client := range o.clients.all() {
		out.service = earlierOf(out.service, long(client.Failing()))
		out.storage = earlierOf(out.storage, long(client.StorageFailing()))
		out.silent = earlierOf(out.silent, long(client.Silent()))
		if class, until := client.Closed(); until.After(out.closed) {
			out.closed, out.class = until, class
		}
	}

	return out
}

// earlierOf is the earlier of two times; zero is none.
func earlierOf(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}

	return a
}

// repeated counts the active jobs that wait within a step: for an answer that does not come, for a
// call that is made again, or looked for, or for storage that fails all it is sent: how long that
// takes is not known then. It reports whether any of that holds for the service as a whole.
func (o *Owner) repeated(c *causes, active []transfer.Progress) (failing bool) {
	out := o.outages()
	failing = !out.service.IsZero() || !out.silent.IsZero()
	for i := range active {
		p := &active[i]
		why, since, detail, next := p.Reason, out.service, "", time.Time{}
		switch bytes := moving(*p) && inBytes(p.Phase); {
		case bytes && !out.storage.IsZero():
			p.ETA, failing = 0, true
			why, since = cmp.Or(why, transfer.ReasonServiceTrouble), out.storage
		case bytes || why != "":
		case !out.closed.IsZero():
			why, next = transfer.ReasonRateLimited, out.closed
			detail = fmt.Sprintf("the service asks to wait with calls of %s", out.class)
		case !out.service.IsZero():
			why = transfer.ReasonServiceTrouble
		case !out.silent.IsZero():
			why, since, detail = transfer.ReasonOffline, out.silent, "the service has given no answer yet"
		case p.Looking:
			c.add(control.Waiting{Reason: waitLooking, Detail: "an earlier try may have been published; it " +
				"shows within half a minute then"}, p.Path, time.Time{}, time.Time{})
		}

		if r, ok := transfer.ReasonByCode(why); ok {
			c.add(control.Waiting{Reason: r.Code, Detail: cmp.Or(detail, r.Sentence)}, p.Path, since,
				next)
		}
	}

	return failing
}

// waitLooking is the reason of files whose call was made before, and whose effect is looked for.
const waitLooking = "looking"

// inBytes reports whether a phase is one in which bytes move.
func inBytes(p state.Phase) bool { return p == state.PhaseUploading || p == state.PhaseFetching }

// soonest puts the time right of what waits for the network: whichever job probes it frees all.
func soonest(list []control.Waiting, e *transfer.Engine) {
	out, ok := e.Outage()
	for i := range list {
		if ok && list[i].Reason == transfer.ReasonOffline {
			list[i].NextAttempt = earlier(list[i].NextAttempt, out.Next)
		}
	}
}

// waiting groups what waits by its cause: jobs for an attempt or a limit, files of watches for a rest. Of the
// jobs it reads only those that it names: there may be a hundred thousand.
func (o *Owner) waiting(active []transfer.Progress, budgets []control.Budget,
	now time.Time) ([]control.Waiting, error) {
	var c causes
	for _, w := range o.store.Waits(isActive(active), now, mostPaths) {
		var some []state.Job
		for _, id := range w.First {
			if j, err := o.store.Job(id); err == nil && j.Open() { // another one has just gone on
				some = append(some, j)
			}
		}

		c.jobs(w, some)
	}

	queued, paths, err := o.queued(active, now)
	if err != nil {
		return nil, err
	}

	if out, ok := o.engine.Outage(); ok && queued > 0 { // those that did not begin wait for the same
		r, _ := transfer.ReasonByCode(transfer.ReasonOffline)
		c.addAll(control.Waiting{Reason: r.Code, Detail: r.Sentence}, queued, paths, out.Since, out.Next)
	}

	o.repeated(&c, active)

	decides := ""
	if len(budgets) > 0 { // it reads all open jobs
		decides = o.engine.Estimate().DecidedBy
	}

	for _, b := range budgets {
		if b.Class == decides && b.Available == 0 && b.ClosedUntil == nil && !unanswered(c.list()) {
			held := heldBy(b.Class, active)
			c.budget(b, len(held)+queued, append(held, paths...))
		}
	}

	c.closed(budgets, active)
	o.watches.each(func(w config.Watch, s watcher.Status) { c.watch(w.Path, s.Waits) })

	list := c.list()
	soonest(list, o.engine)

	return settled(list, time.Now()), nil
}

// queued is how many jobs could begin now, and the paths of the first.
func (o *Owner) queued(active []transfer.Progress, now time.Time) (count int, paths []string, err error) {
	if count = o.counts(active, now).Queued; count == 0 {
		return 0, nil, nil
	}

	jobs, err := o.store.Jobs(state.Filter{Status: []state.Status{state.StatusQueued},
		Active: isActive(active), Limit: mostPaths})
	for _, j := range jobs {
		paths = append(paths, j.Path)
	}

	return count, paths, err
}

package owner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// metaPushes is where the pushes and pulls are kept whose files are not all queued yet.
const metaPushes = "pushes"

// pushes are those: what a push or pull of very many files has not queued is queued by whoever goes on with
// the work of the home, from the same request.
type pushes struct {
	mu      sync.Mutex
	running map[string]*queueing // by batch; guarded by mu
}

// queueing is one that queues its files now.
type queueing struct {
	left   int                // files; guarded by pushes.mu
	cancel context.CancelFunc // no more of them are queued: a user wants none
}

// pendingPush is a push as it is kept, or with Pull a pull.
type pendingPush struct {
	Batch   string               `json:"batch"`
	Request control.PushRequest  `json:"request,omitzero"`
	Pull    *control.PullRequest `json:"pull,omitempty"`
	Began   time.Time            `json:"began"`
}

// what names it for people.
func (p pendingPush) what() string {
	if p.Pull != nil {
		return "pull"
	}

	return "push"
}

// same reports whether both ask for the same.
func (p pendingPush) same(o pendingPush) bool {
	return p.Batch == o.Batch || p.request() == o.request()
}

// request is what is asked for, without the batch.
func (p pendingPush) request() string {
	var asked any
	if p.Pull != nil {
		r := *p.Pull
		r.Batch, asked = "", &r
	} else {
		p.Request.Batch, asked = "", &p.Request
	}

	text, _ := json.Marshal(asked)

	return p.what() + string(text)
}

// repeatable reports whether what is asked for again does what is left of it and no more.
func (p *planning) repeatable() bool {
	r, pull := p.asked.Request, p.asked.Pull
	if p.limit.most > 0 || p.by.key != "" {
		return false
	}

	if pull != nil {
		return !pull.Force
	}

	return len(r.Files) == 0 && !r.Listed && !r.Force
}

// pendingPushes lists what is kept, the oldest first.
func (o *Owner) pendingPushes() (list []pendingPush, err error) {
	text, found, err := o.store.Meta(metaPushes)
	if err != nil || !found || text == "" {
		return nil, err
	}

	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read the pushes that are not queued yet: %w", err)
	}

	return list, nil
}

// changePending keeps others.
func (o *Owner) changePending(change func([]pendingPush) []pendingPush) error {
	o.pushes.mu.Lock()
	defer o.pushes.mu.Unlock()

	list, err := o.pendingPushes()
	if err != nil {
		o.log.Warn("what was kept of pushes is left out", "error", err)
	}

	had := len(list)
	if list = change(list); len(list) == 0 && had == 0 && err == nil {
		return nil
	}

	text, err := json.Marshal(list)
	if err != nil {
		return err
	}

	return o.store.SetMeta(metaPushes, string(text))
}

// keep notes what has more files than are queued at once, so that it goes on after a kill, and returns
// how many those are. cancel ends its queueing.
func (p *planning) keep(cancel context.CancelFunc) (most int, err error) {
	o := p.owner
	if p.found.files <= openAtOnce || !p.repeatable() {
		return math.MaxInt, nil
	}

	kept := p.asked
	if kept.Began = p.began; kept.Began.IsZero() {
		kept.Began = time.Now().UTC()
	}

	o.pushes.run(kept.Batch, &queueing{left: p.found.files, cancel: cancel})
	err = o.changePending(func(list []pendingPush) []pendingPush {
		return append(slices.DeleteFunc(list, kept.same), kept)
	})

	return openAtOnce, err
}

func (p *pushes) run(batch string, q *queueing) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.running == nil {
		p.running = map[string]*queueing{}
	}

	p.running[batch] = q
}

// told notes how many files are not queued yet.
func (p *planning) told(left int) {
	p.owner.pushes.mu.Lock()
	defer p.owner.pushes.mu.Unlock()

	if q := p.owner.pushes.running[p.asked.Batch]; q != nil {
		q.left = left
	}
}

// ended ends what keep began; all: everything is queued.
func (p *planning) ended(all bool) error {
	p.owner.pushes.mu.Lock()
	_, kept := p.owner.pushes.running[p.asked.Batch]
	delete(p.owner.pushes.running, p.asked.Batch)
	p.owner.pushes.mu.Unlock()
	if !kept || !all {
		return nil
	}

	return p.owner.changePending(func(list []pendingPush) []pendingPush {
		return slices.DeleteFunc(list, func(o pendingPush) bool { return o.Batch == p.asked.Batch })
	})
}

// GoOn queues and follows what pushes and pulls have not queued yet, one after the other; to is told only
// of what is to be done. With none it returns at once. One that fails holds up none of the others; the
// error is that of the first.
func (o *Owner) GoOn(ctx context.Context, to Sending) error {
	tell := to.File
	to.File = func(f control.PlanFile) error {
		if f.Result == control.ResultUnchanged {
			return nil // it was sent before
		}

		return tell(f)
	}

	var failed error
	for tried := map[string]bool{}; ; {
		list, err := o.pendingPushes() // again: meanwhile a user may have dropped them
		i := slices.IndexFunc(list, func(p pendingPush) bool { return !tried[p.Batch] })
		if err != nil || i < 0 {
			return cmp.Or(failed, err)
		}

		p := list[i]
		tried[p.Batch] = true
		err = o.goOnWith(ctx, p, to)
		if ctx.Err() != nil {
			return err
		}

		if err != nil {
			failed = cmp.Or(failed, notGoingOn(p, err))
		}
	}
}

// notGoingOn says what does not go on.
func notGoingOn(p pendingPush, err error) error {
	kind, fix := problem.Of(err)
	if kind == problem.NotFound {
		fix = problem.Text(
			`bring it back, and "hoist resume" goes on; "hoist cancel --all" gives it up, with all jobs`)
	}

	of := strings.Join(p.Request.Paths, " ")
	if p.Pull != nil {
		of = p.Pull.Remote
	}

	return problem.With(kind, fmt.Errorf("go on with the %s of %s: %w", p.what(), of, err), fix)
}

// goOnPushing lets the pushes and pulls of earlier processes go on while nobody follows them.
func (o *Owner) goOnPushing(ctx context.Context) error {
	const shortest, longest = time.Second, 5 * time.Minute

	quiet := Sending{Begin: func(int, []control.RuleCount) {},
		File: func(control.PlanFile) error { return nil }, Update: func(control.Update) error { return nil }}
	for wait := shortest; ; wait = min(2*wait, longest) {
		err := o.unpaused(ctx)
		if err == nil {
			err = o.GoOn(ctx, quiet)
		}

		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // it was ended
		}

		o.log.Warn("a push or pull that was not queued whole goes on later", "in", wait, "error", err)

		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// unpaused waits while all jobs that are left of what goes on are paused: a user does not want it to.
func (o *Owner) unpaused(ctx context.Context) error {
	list, err := o.pendingPushes()
	for _, p := range list {
		for err == nil {
			var paused, others []state.Job
			at := o.store.Index()
			filter := state.Filter{Batch: p.Batch, Limit: 1, Status: []state.Status{state.StatusPaused}}
			if paused, err = o.store.Jobs(filter); err != nil || len(paused) == 0 {
				break
			}

			filter.Status = []state.Status{state.StatusQueued, state.StatusActive, state.StatusWaiting}
			if others, err = o.store.Jobs(filter); err != nil || len(others) > 0 {
				break
			}

			_, err = o.store.Wait(ctx, at)
		}
	}

	return err
}

// DropPushes implements [control.API].
func (o *Owner) DropPushes(context.Context) (control.DroppedPushes, error) {
	dropped := 0
	err := o.changePending(func(list []pendingPush) []pendingPush {
		dropped = len(list)
		for _, q := range o.pushes.running {
			q.cancel()
		}

		return nil
	})

	return control.DroppedPushes{Pushes: dropped}, err
}

// statusPushes are what the status tells of them.
func (o *Owner) statusPushes() ([]control.PendingPush, error) {
	list, err := o.pendingPushes()
	out := make([]control.PendingPush, 0, len(list))

	o.pushes.mu.Lock()
	defer o.pushes.mu.Unlock()

	for _, p := range list {
		one := control.PendingPush{Paths: p.Request.Paths, Remote: p.Request.Remote, Since: p.Began}
		if p.Pull != nil {
			one.Pull, one.Paths, one.Remote = true, []string{p.Pull.Path}, p.Pull.Remote
		}

		if q := o.pushes.running[p.Batch]; q != nil {
			one.Left = new(q.left)
		}

		out = append(out, one)
	}

	return out, err
}

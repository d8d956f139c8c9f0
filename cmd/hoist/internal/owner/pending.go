package owner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// metaPushes is where the pushes are kept whose files are not all queued yet.
const metaPushes = "pushes"

// pushes are those pushes: what a push of very many files has not queued is queued by whoever goes on with
// the work of the home, from the same request.
type pushes struct {
	mu      sync.Mutex
	running map[string]*queueing // by batch; guarded by mu
}

// queueing is a push that queues its files now.
type queueing struct {
	left   int                // files; guarded by pushes.mu
	cancel context.CancelFunc // no more of them are queued
	done   bool               // it was cancelled by a user; guarded by pushes.mu
}

// pendingPush is a push as it is kept.
type pendingPush struct {
	Batch   string              `json:"batch"`
	Request control.PushRequest `json:"request"`
	Began   time.Time           `json:"began"`
}

// same reports whether both ask for the same.
func (p pendingPush) same(o pendingPush) bool {
	p.Request.Batch, o.Request.Batch = "", ""
	a, _ := json.Marshal(p.Request)
	b, _ := json.Marshal(o.Request)

	return p.Batch == o.Batch || string(a) == string(b)
}

// repeatable reports whether a request that is made again does what is left of it and no more.
func repeatable(r control.PushRequest) bool {
	return len(r.Files) == 0 && !r.Listed && !r.Force && r.Most == 0 && r.OrderBy == ""
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

// keep notes a push of more files than are queued at once, so that it goes on after a kill, and returns
// how many those are. cancel ends its queueing.
func (p *planning) keep(cancel context.CancelFunc) (most int, err error) {
	o := p.owner
	if p.files() <= openAtOnce || !repeatable(p.request) {
		return math.MaxInt, nil
	}

	kept := pendingPush{Batch: p.batch, Request: p.request, Began: p.began}
	if kept.Began.IsZero() {
		kept.Began = time.Now().UTC()
	}

	err = o.changePending(func(list []pendingPush) []pendingPush {
		return append(slices.DeleteFunc(list, kept.same), kept)
	})

	o.pushes.mu.Lock()
	defer o.pushes.mu.Unlock()

	if o.pushes.running == nil {
		o.pushes.running = map[string]*queueing{}
	}

	o.pushes.running[p.batch] = &queueing{left: p.files(), cancel: cancel}

	return openAtOnce, err
}

// told notes how many files of a push are not queued yet.
func (p *planning) told(left int) {
	p.owner.pushes.mu.Lock()
	defer p.owner.pushes.mu.Unlock()

	if q := p.owner.pushes.running[p.batch]; q != nil {
		q.left = left
	}
}

// stopped reports whether a user wants no more of the push to be queued.
func (p *planning) stopped() bool {
	p.owner.pushes.mu.Lock()
	defer p.owner.pushes.mu.Unlock()

	q := p.owner.pushes.running[p.batch]

	return q != nil && q.done
}

// ended ends what keep began; all: everything is queued.
func (p *planning) ended(all bool) error {
	p.owner.pushes.mu.Lock()
	_, kept := p.owner.pushes.running[p.batch]
	delete(p.owner.pushes.running, p.batch)
	p.owner.pushes.mu.Unlock()
	if !kept || !all {
		return nil
	}

	return p.owner.changePending(func(list []pendingPush) []pendingPush {
		return slices.DeleteFunc(list, func(o pendingPush) bool { return o.Batch == p.batch })
	})
}

// GoOn queues and follows what pushes have not queued yet, one after the other; to is told only of what is
// to be done. With none it returns at once.
func (o *Owner) GoOn(ctx context.Context, to Sending) error {
	list, err := o.pendingPushes()
	if err != nil {
		return err
	}

	tell := to.File
	to.File = func(f control.PlanFile) error {
		if f.Result == control.ResultUnchanged {
			return nil // it was sent before
		}

		return tell(f)
	}
	for _, p := range list {
		p.Request.Batch = p.Batch
		if err := o.send(ctx, p.Request, p.Began, to); err != nil {
			return err
		}
	}

	return nil
}

// goOnPushing lets the pushes of earlier processes go on while nobody follows them.
func (o *Owner) goOnPushing(ctx context.Context) error {
	const shortest, longest = time.Second, 5 * time.Minute

	quiet := Sending{Begin: func(int, []control.RuleCount) {}, File: func(control.PlanFile) error { return nil },
		Update: func(control.Update) error { return nil }}
	for wait := shortest; ; wait = min(2*wait, longest) {
		err := o.unpaused(ctx)
		if err == nil {
			err = o.GoOn(ctx, quiet)
		}

		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			o.log.Warn("a push that was not queued whole does not go on", "error", err)
			return nil
		}

		o.log.Warn("a push that was not queued whole goes on later", "in", wait, "error", err)

		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// unpaused waits while a job is paused of a push that goes on: a user does not want it to.
func (o *Owner) unpaused(ctx context.Context) error {
	list, err := o.pendingPushes()
	for _, p := range list {
		for err == nil {
			var paused []state.Job
			at := o.store.Index()
			paused, err = o.store.Jobs(state.Filter{Batch: p.Batch, Limit: 1,
				Status: []state.Status{state.StatusPaused}})
			if err != nil || len(paused) == 0 {
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
			q.done = true
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
		if q := o.pushes.running[p.Batch]; q != nil {
			one.Left = new(q.left)
		}

		out = append(out, one)
	}

	return out, err
}

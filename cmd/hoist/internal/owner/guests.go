package owner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/trail"
)

// guests counts what is under way.
type guests struct {
	mu    sync.Mutex
	n     int             // guarded by mu
	empty []chan struct{} // guarded by mu: closed when n is 0 again
}

func (g *guests) enter() (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++

	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.n--; g.n == 0 {
			for _, c := range g.empty {
				close(c)
			}

			g.empty = nil
		}
	}
}

// idle is closed when nobody is there.
func (g *guests) idle() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := make(chan struct{})
	if g.n == 0 {
		close(c)
	} else {
		g.empty = append(g.empty, c)
	}

	return c
}

func (g *guests) wait() { <-g.idle() }

// counted counts the requests that are being answered, so that the owner can wait for their end.
func (g *guests) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer g.enter()()
		next.ServeHTTP(w, r)
	})
}

// visited is the owner as other processes see it: those that have work under way are its guests,
// and what they change is noted with who they are.
type visited struct{ *Owner }

// note records a command of another process. A trail that cannot be written stops nobody's work.
func (v visited) note(ctx context.Context, command string, err error, on ...string) {
	peer := control.PeerOf(ctx)
	e := trail.Entry{User: peer.User, PID: peer.PID, Command: command, On: on}
	if err != nil {
		e.Error = err.Error()
	}

	if err := trail.At(v.options.Home.AuditFile()).Note(e); err != nil {
		v.log.Warn("the audit trail is not written", "error", err)
	}
}

func (v visited) Push(ctx context.Context, r control.PushRequest) (control.Plan, error) {
	defer v.guests.enter()()

	p, err := v.Owner.Push(ctx, r)
	if !r.DryRun {
		v.note(ctx, "push", err, append([]string{r.Remote}, r.Paths...)...)
	}

	return p, err
}

func (v visited) Pull(ctx context.Context, r control.PullRequest) (control.Plan, error) {
	defer v.guests.enter()()

	p, err := v.Owner.Pull(ctx, r)
	if !r.DryRun {
		v.note(ctx, "pull", err, r.Remote, r.Path)
	}

	return p, err
}

func (v visited) Follow(ctx context.Context, ids []string, each func(control.Update) error) error {
	defer v.guests.enter()()
	return v.Owner.Follow(ctx, ids, each)
}

func (v visited) Act(ctx context.Context, id string, verb control.Verb) (control.ActResult, error) {
	r, err := v.Owner.Act(ctx, id, verb)
	v.note(ctx, string(verb), err, cmp.Or(r.ID, id))

	return r, err
}

func (v visited) ActAll(ctx context.Context, verb control.Verb, r control.ActAllRequest) (control.ActedOn,
	error) {
	out, err := v.Owner.ActAll(ctx, verb, r)
	v.note(ctx, string(verb), err, cmp.Or(r.Reason, "all"))

	return out, err
}

func (v visited) DropPushes(ctx context.Context) (control.DroppedPushes, error) {
	out, err := v.Owner.DropPushes(ctx)
	if out.Pushes > 0 || err != nil {
		v.note(ctx, "drop pushes", err)
	}

	return out, err
}

func (v visited) SetBandwidth(ctx context.Context, r control.BandwidthRequest) (control.Bandwidth, error) {
	out, err := v.Owner.SetBandwidth(ctx, r)
	v.note(ctx, "bandwidth", err, r.Setting)

	return out, err
}

func (v visited) AddWatch(ctx context.Context, r control.WatchRequest) (control.WatchAdded, error) {
	w, err := v.Owner.AddWatch(ctx, r)
	v.note(ctx, "watch add", err, r.Remote, r.Path)

	return w, err
}

func (v visited) ChangeWatch(ctx context.Context, which string, verb control.Verb) (control.WatchAdded,
	error) {
	w, err := v.Owner.ChangeWatch(ctx, which, verb)
	if verb != control.Scan {
		v.note(ctx, "watch "+string(verb), err, cmp.Or(w.ID, which))
	}

	return w, err
}

func (v visited) SetWatch(ctx context.Context, which string, r control.WatchSettings) (control.WatchAdded,
	error) {
	w, err := v.Owner.SetWatch(ctx, which, r)
	v.note(ctx, "watch set", err,
		append([]string{cmp.Or(w.ID, which)}, slices.Sorted(maps.Keys(r.Set))...)...)

	return w, err
}

func (v visited) Action(ctx context.Context, profile string, r apsclient.Request) (*control.Answer,
	error) {
	defer v.guests.enter()()

	a, err := v.Owner.Action(ctx, profile, r)
	if action, ok := apsclient.ActionByName(r.Action); ok && action.Method != http.MethodGet {
		v.note(ctx, "api "+r.Action, cmp.Or(err, failureOf(a)), named(action, r.Params)...)
	}

	return a, err
}

// named are the parameters of a call that are no secrets.
func named(a apsclient.Action, params map[string]string) []string {
	var out []string
	for _, p := range a.Params {
		if v, ok := params[p.Name]; ok && !p.Secret {
			out = append(out, p.Name+"="+v)
		}
	}

	return out
}

// failureOf is why a call was not done.
func failureOf(a *control.Answer) error {
	switch {
	case a == nil:
		return nil
	case a.Failure != nil:
		return errors.New(a.Failure.Message)
	case a.Status >= http.StatusBadRequest:
		return fmt.Errorf("status %d", a.Status)
	}

	return nil
}

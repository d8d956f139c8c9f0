package owner

import (
	"context"
	"net/http"
	"sync"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/control"
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

// visited is the owner as other commands see it: those that have work under way are its guests.
type visited struct{ *Owner }

func (v visited) Push(ctx context.Context, r control.PushRequest) (control.Plan, error) {
	defer v.guests.enter()()
	return v.Owner.Push(ctx, r)
}

func (v visited) Pull(ctx context.Context, r control.PullRequest) (control.Plan, error) {
	defer v.guests.enter()()
	return v.Owner.Pull(ctx, r)
}

func (v visited) Follow(ctx context.Context, ids []string, each func(control.Update) error) error {
	defer v.guests.enter()()
	return v.Owner.Follow(ctx, ids, each)
}

func (v visited) Action(ctx context.Context, profile string, r apsclient.Request) (*control.Answer,
	error) {
	defer v.guests.enter()()
	return v.Owner.Action(ctx, profile, r)
}

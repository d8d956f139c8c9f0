package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

// Verdict of a finding.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning"
	Problem Verdict = "problem"
	Skipped Verdict = "skipped"
)

// Finding is what a check found out about one thing.
type Finding struct {
	Check   string      `json:"check"`
	Verdict Verdict     `json:"verdict"`
	Detail  string      `json:"detail,omitempty"`
	Fix     problem.Fix `json:"-"` // what a user can do
}

// Env is what the checks look at.
type Env struct {
	BaseURL string         // origin of the service
	RootCAs *x509.CertPool // nil: the system's

	Client    *apsclient.Client // nil: there is none, and ClientErr says why
	ClientErr error
	Tokens    apsclient.TokenSource // nil: the credentials are those of the process that owns the home
	Scopes    [][]string            // the scope sets that are needed
	Admin     Need                  // of account administration
	// Allow is the profile's list of actions; nil: all.
	Allow  func(apsclient.Action) error
	User   bool   // a user is signed in, or a service account: no two-legged calls
	Region string // "" the service's default

	Home      config.Home
	Watches   []config.Watch
	State     func(context.Context) (control.StateReport, error)
	DataPlane bool // reserve a storage object, and store one byte of it
	Logger    *slog.Logger
}

// Need tells how much something matters.
type Need int

// The needs.
const (
	Optional Need = iota // nobody said
	Required
	Unneeded
)

// facts are what checks learn for those after them.
type facts struct {
	reachable, token bool
	hubs             []apsclient.Hub
	place            *place // where a storage object can be reserved, of a project if no watch has one
}

// place is a folder of a project.
type place struct {
	project apsclient.ProjectID
	folder  apsclient.FolderID
	name    string // for people
	address string
}

// check is one look at the world. It learns by returning the facts.
type check struct {
	name  string
	limit time.Duration
	look  func(ctx context.Context, e Env, f facts) (facts, []Finding)
}

var checks = []check{
	{"service", 30 * time.Second, checkService},
	{"token", 30 * time.Second, checkToken},
	{"hubs", 30 * time.Second, checkHubs},
	{"projects", 60 * time.Second, checkProjects},
	{"account administration", 30 * time.Second, checkAdmin},
	{"region", time.Second, checkRegion},
	{"watches", 60 * time.Second, checkWatches},
	{"data plane", 90 * time.Second, checkDataPlane},
	{"state", 60 * time.Second, checkState},
	{"notifications", 20 * time.Second, checkNotifications},
	{"space", 20 * time.Second, checkSpace},
	{"leftovers", 20 * time.Second, checkLeftovers},
	{"selftest", time.Second, checkSelftest},
}

// Run makes every check in turn and tells each finding as it is made. The error is that of tell, or
// why ctx ended.
func Run(ctx context.Context, e Env, tell func(Finding) error) error {
	if e.Logger == nil {
		e.Logger = slog.New(slog.DiscardHandler)
	}

	var f facts
	for _, c := range checks {
		var findings []Finding
		f, findings = c.run(ctx, e, f)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}

		for _, finding := range findings {
			if err := tell(finding); err != nil {
				return err
			}
		}
	}

	return nil
}

// grace is what a check has to end by itself once its time is over.
const grace = 2 * time.Second

var errTime = errors.New("no answer in time")

// run bounds a check. One that hangs in the system, on a network drive that is gone, is left
// behind: nothing can end it.
func (c check) run(ctx context.Context, e Env, f facts) (facts, []Finding) {
	type result struct {
		facts    facts
		findings []Finding
	}

	bounded, cancel := context.WithTimeoutCause(ctx, c.limit, errTime)
	defer cancel()

	done := make(chan result, 1)
	go func() {
		learned, findings := c.look(bounded, e, f)
		done <- result{learned, findings}
	}()

	late := time.NewTimer(c.limit + grace)
	defer late.Stop()

	select {
	case r := <-done:
		return r.facts, r.findings
	case <-late.C:
	case <-ctx.Done():
		select {
		case r := <-done:
			return r.facts, r.findings
		case <-time.After(grace):
		}
	}

	return f, []Finding{{c.name, Problem, fmt.Sprintf("the check did not end within %v", c.limit),
		problem.Text("look whether a network drive is gone")}}
}

// failed is a finding about an error, with the fix that every command gives for it.
func failed(name, what string, err error) Finding {
	_, fix := problem.Of(err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errTime) {
		fix = problem.Fix{Step: problem.Network}
	}

	return Finding{name, Problem, what + ": " + err.Error(), fix}
}

// refused reports whether the profile itself keeps an action back.
func (e Env) refused(action string) bool {
	a, ok := apsclient.ActionByName(action)
	return ok && e.Allow != nil && e.Allow(a) != nil
}

// unreached is the finding of a check that stands on others which failed.
func unreached(name string, e Env, f facts) (Finding, bool) {
	switch {
	case !f.reachable:
		return Finding{Check: name, Verdict: Skipped, Detail: "the service does not answer"}, true
	case e.Client == nil, !f.token:
		return Finding{Check: name, Verdict: Skipped, Detail: "there is no token"}, true
	}

	return Finding{}, false
}

// resolver looks addresses up with exactly the scopes that each call needs.
func (e Env) resolver() *remote.Resolver { return remote.NewResolver(e.Client, e.Logger) }

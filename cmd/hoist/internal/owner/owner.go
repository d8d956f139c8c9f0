package owner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/audit"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/page"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// Options of an [Owner].
type Options struct {
	Home    config.Home
	Command string // what the process is, for people: "daemon", "push"
	Version string
	Profile string // used when a request names none
	Logger  *slog.Logger
	Engine  config.Engine
	History config.History
	// LockWait is how long to wait for another process that has the state open; 0: a second, see
	// [state.Options].
	LockWait time.Duration
	// Clients makes the client of a profile; it is called once a profile.
	Clients func(profile string, bandwidth apsclient.Bandwidth) (*apsclient.Client, error)
	// UserID is the user that a profile's calls act for, "" when that is not known; nil: never
	// known.
	UserID func(profile string) string
	// CheckAccount refuses commands that use another account than this process; nil accepts all.
	CheckAccount func(profile, fingerprint string) error
	// Tell tells the administrator of the machine what a webhook is told; nil: nobody.
	Tell func(urgent bool, text string)
	// MayChange refuses remotes that a profile may not change; nil accepts all. It is asked each time.
	MayChange func(profile string, to remote.Address) error
	// Examine looks at what transfers stand on, for the control API; nil: it is not looked.
	Examine func(ctx context.Context) ([]control.Finding, error)
	// Settings hold the choice of files that every watch starts from; Reload reads them and the
	// watches again.
	Settings config.Settings
	Reload   func() (config.Settings, []config.Watch, error)
	// Words are the exit code and the hint of a problem, for the control API.
	Words func(problem.Kind, problem.Fix) (code int, hint string)

	// tests in virtual time, which stands still while a socket or a notice is waited for: no
	// control socket, and folders are polled
	apart bool
	poll  time.Duration // between scans of a polled folder; 0: the watcher's default
}

// Mode is how much an owner does, each more than the one before.
type Mode int

// The modes.
const (
	Passive Mode = iota // the state is open and nothing else; for a moment
	Serving             // commands are answered, nothing moves
	Working             // the engine runs
	Full                // and the watches
)

// Owner has the state of a home open. It implements [control.API]; all methods are safe for
// concurrent use.
type Owner struct {
	options   Options
	mode      Mode
	since     time.Time
	log       *slog.Logger
	store     *state.Store
	engine    *transfer.Engine
	bandwidth apsclient.Bandwidth
	clients   clients
	watches   *watches
	rules     *rulebook

	// lifetime makes contexts that end when the owner leaves, for everything that it runs.
	lifetime func() (context.Context, context.CancelFunc)
	leave    context.CancelCauseFunc
	running  sync.WaitGroup
	listener *control.Listener
	server   *http.Server
	page     *page.Server
	pulse    pulse
	guests   guests // other commands that have work under way
	requests guests // requests that are being answered
	troubles troubles
	probes   probes
	plotting plotting
	pushes   pushes

	mu     sync.Mutex
	failed error // guarded by mu: why the engine or the server ended by itself
	// guarded by mu: the jobs that compare what was adopted
	proving []state.JobID
	broken  chan struct{} // closed when failed is set
}

// clients keeps one client a profile.
type clients struct {
	mu   sync.Mutex
	made map[string]*apsclient.Client // guarded by mu
	at   map[string]time.Time         // guarded by mu; when each was made
	old  []*apsclient.Client          // guarded by mu; calls may still be under way
}

// Renew implements [control.API].
func (o *Owner) Renew(_ context.Context, profile string) (control.Renewed, error) {
	o.renew(profile, time.Now())
	o.engine.Kick()

	return control.Renewed{Profile: profile}, nil
}

// renew makes the next call of a profile use the credentials that are stored by then, unless they
// were read since a call was refused.
func (o *Owner) renew(profile string, refused time.Time) {
	profile = o.profile(profile)
	o.clients.mu.Lock()
	c := o.clients.made[profile]
	stale := c != nil && o.clients.at[profile].Before(refused)
	if stale {
		o.clients.old = append(o.clients.old, c)
		delete(o.clients.made, profile)
	}

	o.clients.mu.Unlock()
	if stale {
		o.engine.Forget(profile)
	}
}

// all lists the clients that were made; the caller holds mu.
func (c *clients) all() []*apsclient.Client {
	return slices.AppendSeq(slices.Clone(c.old), maps.Values(c.made))
}

// errLeaving is the cause of everything that ends because its owner ends.
var errLeaving = errors.New("the owner of the home ends")

// Open opens the state of a home and starts what the mode says. The error is a [*state.LockedError]
// when another process has it. Close must be called.
func Open(ctx context.Context, mode Mode, options Options) (_ *Owner, err error) {
	asked, home := ctx, options.Home
	o := &Owner{options: options, mode: mode, since: time.Now(), log: options.Logger,
		broken: make(chan struct{})}
	o.clients.made, o.clients.at = map[string]*apsclient.Client{}, map[string]time.Time{}
	o.pulse.rest(o.since)

	told := newStory(options.Logger)
	err = o.roomFor(asked, func() (err error) {
		if err := home.Ensure(); err != nil {
			return err
		}

		o.store, err = state.Open(home.StateFile(), state.Options{Owner: home.OwnerFile(),
			Logger: options.Logger, LockWait: options.LockWait,
			Told:        func(j state.Job) { told.tell(j); o.plotting.count(j) },
			HistoryJobs: options.History.Count(), HistoryAge: options.History.Age()})

		return err
	})
	if err != nil {
		return nil, err
	}

	ctx, o.leave = context.WithCancelCause(context.WithoutCancel(ctx))
	o.lifetime = func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }

	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()

	engine := options.Engine
	o.bandwidth = Limiters(engine.Bandwidth, o.since)

	if o.rules, err = newRulebook(o); err != nil {
		return nil, err
	}

	o.engine, err = transfer.New(transfer.Config{
		Store: o.store, Clients: o.client, UserID: options.UserID, Logger: options.Logger,
		Transfers: engine.Transfers, Parts: engine.Parts, PartSize: engine.PartSize,
		Checksum: engine.Checksum, Acceleration: engine.Acceleration, ReceiptSHA256: engine.ReceiptSHA256,
		Spool: home.Spool(), SpoolMax: engine.SpoolMax, Rules: o.rules.say, SettleOf: o.rules.settle,
		Torn: torn, Inspect: o.inspect, Prefer: o.prefer, Bandwidth: o.uploadLimit,
	})
	if err != nil {
		return nil, err
	}

	o.watches = newWatches(o)
	if mode == Passive {
		return o, nil
	}

	if err := o.sayWho(); err != nil {
		return nil, err
	}

	if err := o.start(told); err != nil {
		return nil, err
	}

	return o, o.roomFor(asked, o.serve)
}

// start lets go on what the mode asks for: transfers, and beside them watches.
func (o *Owner) start(told *story) error {
	if o.mode < Working {
		return nil
	}

	if err := told.begin(o.store); err != nil {
		return err
	}

	o.cleanStreams()
	o.spawn("engine", o.engine.Run)
	o.spawn("reasons", o.heal)
	o.spawn("pulse", o.feel)
	o.spawn("receipts", o.Auditor().Export)
	if o.openPlots(); o.plotting.ring != nil {
		o.spawn("plots", o.plot)
	}

	o.spawn("bandwidth", func(ctx context.Context) error {
		FollowTimetable(ctx, o.bandwidthSetting(), o.bandwidth)
		return nil
	})

	if o.mode < Full {
		return nil
	}

	if err := o.watches.start(); err != nil {
		return err
	}

	o.spawn("pushes", o.goOnPushing)
	o.spawn("configuration", o.watches.followConfig)
	o.spawn("excluded files", o.watches.followExcluded)
	o.spawn("removed files", o.watches.followGone)
	o.spawn("adopted files", o.prove)
	o.spawn("notifications", o.tell)
	o.spawn("status page", o.writeStatus)

	return nil
}

// roomFor does what an owner that runs watches needs at its start, and waits while the disk of the
// home is full: nobody may be there to start it again. Who asked for something is told.
func (o *Owner) roomFor(ctx context.Context, do func() error) error {
	if o.mode < Full {
		return do()
	}

	told := false

	return state.Patiently(ctx, func() error {
		err := do()
		if state.IsFull(err) && !told {
			told = true
			o.log.Error("the disk of the home is full: waiting for room", "error", err)
		}

		return err
	})
}

// sayWho writes owner.json, which only informs: on a full disk once there is room.
func (o *Owner) sayWho() error {
	write := func() error {
		err := state.WriteOwner(o.options.Home.OwnerFile(),
			state.Owner{PID: os.Getpid(), Command: o.options.Command, Start: o.since.UTC()})
		if err != nil {
			return fmt.Errorf("write owner.json: %w", err)
		}

		return nil
	}

	err := write()
	if !state.IsFull(err) {
		return err
	}

	o.spawn("owner.json", func(ctx context.Context) error { return state.Patiently(ctx, write) })

	return nil
}

// Auditor compares what the home knows with the disk and the cloud; it works until Close.
func (o *Owner) Auditor() *audit.Auditor {
	return &audit.Auditor{Home: o.options.Home, Store: o.store, Resolver: o.engine.Resolver, Client: o.client,
		Rules: o.rules.of, Outside: o.rules.outside, Pushed: o.rules.pushed,
		Profile: o.options.Profile, Log: o.log}
}

// spawn runs a part of the owner until it leaves; a part that ends before with an error breaks the
// owner.
func (o *Owner) spawn(name string, run func(context.Context) error) {
	o.running.Go(func() {
		ctx, cancel := o.lifetime()
		defer cancel()

		if err := run(ctx); err != nil && ctx.Err() == nil {
			o.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

func (o *Owner) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = err
		close(o.broken)
	}
}

// Broken is closed when the owner cannot go on; Err says why.
func (o *Owner) Broken() <-chan struct{} { return o.broken }

// Err is why the owner cannot go on; nil while it can.
func (o *Owner) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// serve answers commands, from the moment it returns.
func (o *Owner) serve() error {
	if o.options.apart {
		return nil
	}

	l, err := control.Listen(o.options.Home.Socket(), o.options.Home.AddrFile(), config.WriteFile)
	if err != nil {
		return err
	}

	o.listener, o.page = l, o.newPage()
	o.server = &http.Server{
		Handler: o.requests.counted(control.NewHandler(visited{o}, control.ServerOptions{
			Token: l.Token, CheckAccount: o.options.CheckAccount, Metrics: o.serveMetrics,
			Health: o.Health, Calls: o.Calls,
			Logger: o.log, Words: o.options.Words,
		})),
		ConnContext:       control.WithPeer,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(o.log.Handler(), slog.LevelDebug),
	}
	o.spawn("control socket", func(context.Context) error {
		if err := o.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}

		return nil
	})

	return nil
}

// Close leaves: see the package comment for the order. It returns when everything of the owner has
// ended.
func (o *Owner) Close() error {
	var errs []error
	if o.listener != nil {
		errs = append(errs, o.listener.Close())
	}

	o.leave(errLeaving)
	if o.server != nil {
		errs = append(errs, o.server.Close())
	}

	o.requests.wait() // before the watches: one that adds a watch starts it
	if o.watches != nil {
		o.watches.stop()
	}

	o.running.Wait()
	o.clients.mu.Lock()
	for _, c := range o.clients.all() {
		c.Close()
	}

	o.clients.mu.Unlock()
	if o.mode != Passive {
		if err := os.Remove(o.options.Home.OwnerFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}

	errs = append(errs, o.store.Close())

	return errors.Join(errs...)
}

// Calls counts the requests that this owner has made of the service.
func (o *Owner) Calls() int64 {
	o.clients.mu.Lock()
	defer o.clients.mu.Unlock()

	var n int64
	for _, c := range o.clients.all() {
		n += c.Calls()
	}

	return n
}

// client returns the one client of a profile.
func (o *Owner) client(profile string) (*apsclient.Client, error) {
	if profile == "" {
		profile = o.options.Profile
	}

	o.clients.mu.Lock()
	defer o.clients.mu.Unlock()
	if c := o.clients.made[profile]; c != nil {
		return c, nil
	}

	c, err := o.options.Clients(profile, o.bandwidth)
	if err != nil {
		return nil, err
	}

	o.clients.made[profile], o.clients.at[profile] = c, time.Now()

	return c, nil
}

// Action implements [control.API].
func (o *Owner) Action(ctx context.Context, profile string, r apsclient.Request) (*control.Answer,
	error) {
	if _, ok := apsclient.ActionByName(r.Action); !ok {
		return nil, problem.With(problem.Usage, fmt.Errorf("unknown action %q", r.Action),
			problem.Fix{Step: problem.Actions})
	}

	if to, changes := ChangedBy(r, control.RemoteOf(ctx)); changes {
		if err := o.mayChange(profile, to); err != nil {
			return nil, err
		}
	}

	c, err := o.client(profile)
	if err != nil {
		return nil, err
	}

	return control.AnswerOf(c.Do(ctx, r)), nil
}

// Linger waits until no other command has work under way here, at most for the time given, so that
// commands that began together share one owner and its token to the end.
func (o *Owner) Linger(ctx context.Context, longest time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()

	select {
	case <-o.guests.idle():
	case <-ctx.Done():
	case <-o.broken:
	}
}

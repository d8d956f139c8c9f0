package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
)

// Options of an [Owner].
type Options struct {
	Home    config.Home
	Command string // what the process is, for people: "daemon", "push"
	Version string
	Profile string // used where a request names none
	Logger  *slog.Logger
	Engine  config.Engine
	// LockWait is how long to wait for another process that has the state open; 0: a second, see
	// [state.Options].
	LockWait time.Duration
	// Clients makes the client of a profile; it is called once a profile.
	Clients func(profile string, bandwidth apsclient.Bandwidth) (*apsclient.Client, error)
	// UserID is the user that a profile's calls act for, "" where that is not known; nil: never
	// known.
	UserID func(profile string) string
	// CheckAccount refuses commands that use another account than this process; nil accepts all.
	CheckAccount func(profile, fingerprint string) error
	// Settings hold the choice of files that every watch starts from.
	Settings config.Settings
	// Words are the exit code and the hint of a problem, for the control API.
	Words func(problem.Kind, problem.Fix) (code int, hint string)
}

// Modes of [Open].
const (
	Passive = iota // the state is open and nothing else; for a moment
	Serving        // commands are answered, nothing moves
	Working        // the engine runs
	Full           // and the watches
)

// Owner has the state of a home open. It implements [control.API]; all methods are safe for
// concurrent use.
type Owner struct {
	o         Options
	mode      int
	since     time.Time
	log       *slog.Logger
	store     *state.Store
	engine    *transfer.Engine
	bandwidth apsclient.Bandwidth // the zero one without a limit
	clients   clients
	watches   *watches

	ctx      context.Context // ends when the owner leaves; parent of everything it runs
	cancel   context.CancelCauseFunc
	running  sync.WaitGroup
	listener *control.Listener
	server   *http.Server
	guests   guests // other commands that have work under way
	requests guests // requests that are being answered

	mu     sync.Mutex
	failed error         // guarded by mu: why the engine or the server ended by itself
	broken chan struct{} // closed when failed is set
}

// clients keeps one client a profile.
type clients struct {
	mu   sync.Mutex
	made map[string]*apsclient.Client // guarded by mu
}

// errLeaving is the cause of everything that ends because its owner ends.
var errLeaving = errors.New("the owner of the home ends")

// Open opens the state of a home and starts what the mode says. The error is a [*state.LockedError]
// when another process has it. Close must be called.
func Open(ctx context.Context, mode int, o Options) (_ *Owner, err error) {
	if err := o.Home.Ensure(); err != nil {
		return nil, err
	}

	w := &Owner{o: o, mode: mode, since: time.Now(), log: o.Logger, broken: make(chan struct{})}
	w.clients.made = map[string]*apsclient.Client{}

	if w.store, err = state.Open(o.Home.StateFile(),
		state.Options{Owner: o.Home.OwnerFile(), Logger: o.Logger, LockWait: o.LockWait}); err != nil {
		return nil, err
	}

	w.ctx, w.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if limit, next := o.Engine.Bandwidth.Rate(w.since); limit != (config.Rates{}) || !next.IsZero() {
		w.bandwidth = apsclient.Bandwidth{Up: newLimiter(limit.Up), Down: newLimiter(limit.Down)}
	}

	w.engine, err = transfer.New(transfer.Config{
		Store: w.store, Clients: w.client, Logger: o.Logger, Transfers: o.Engine.Transfers,
		Parts:    o.Engine.Parts,
		PartSize: o.Engine.PartSize, Checksum: o.Engine.Checksum, Acceleration: o.Engine.Acceleration,
		Spool: o.Home.Spool(), UserID: o.UserID,
		ReceiptSHA256: o.Engine.ReceiptSHA256, SpoolMax: o.Engine.SpoolMax,
	})
	if err != nil {
		return nil, err
	}

	w.watches = newWatches(w)
	if mode == Passive {
		return w, nil
	}

	if err := state.WriteOwner(o.Home.OwnerFile(),
		state.Owner{PID: os.Getpid(), Command: o.Command, Start: w.since.UTC()}); err != nil {
		return nil, fmt.Errorf("write owner.json: %w", err)
	}

	if mode >= Working {
		w.cleanStreams()
		w.spawn("engine", w.engine.Run)
		w.spawn("receipts", w.exportReceipts)
		if w.bandwidth.Up != nil {
			w.spawn("bandwidth", w.followTimetable)
		}
	}

	if mode >= Full {
		if err := w.watches.start(); err != nil {
			return nil, err
		}
	}

	return w, w.serve()
}

// spawn runs a part of the owner until it leaves; a part that ends before with an error breaks the
// owner.
func (w *Owner) spawn(name string, run func(context.Context) error) {
	w.running.Go(func() {
		if err := run(w.ctx); err != nil && w.ctx.Err() == nil {
			w.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

func (w *Owner) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
		close(w.broken)
	}
}

// Broken is closed when the owner cannot go on; Err says why.
func (w *Owner) Broken() <-chan struct{} { return w.broken }

// Err is why the owner cannot go on; nil while it can.
func (w *Owner) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// serve answers commands, from the moment it returns.
func (w *Owner) serve() error {
	l, err := control.Listen(w.o.Home.Socket(), w.o.Home.AddrFile(), config.WriteFile)
	if err != nil {
		return err
	}

	w.listener = l
	w.server = &http.Server{
		Handler: w.requests.counted(control.NewHandler(visited{w}, control.ServerOptions{
			Token: l.Token, CheckAccount: w.o.CheckAccount, Metrics: http.HandlerFunc(w.serveMetrics),
			Logger: w.log, Words: w.o.Words,
		})),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(w.log.Handler(), slog.LevelDebug),
	}
	w.running.Go(func() {
		if err := w.server.Serve(l); !errors.Is(err, http.ErrServerClosed) && w.ctx.Err() == nil {
			w.fail(fmt.Errorf("control socket: %w", err))
		}
	})

	return nil
}

// Close leaves: see the package comment for the order. It returns when everything of the owner has
// ended.
func (w *Owner) Close() error {
	var errs []error
	if w.listener != nil {
		errs = append(errs, w.listener.Close())
	}

	w.cancel(errLeaving)
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}

	w.requests.wait() // before the watches: one that adds a watch starts it
	if w.watches != nil {
		w.watches.stop()
	}

	w.running.Wait()
	w.clients.mu.Lock()
	for _, c := range w.clients.made {
		c.Close()
	}

	w.clients.mu.Unlock()
	if w.mode != Passive {
		if err := os.Remove(w.o.Home.OwnerFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}

	errs = append(errs, w.store.Close())

	return errors.Join(errs...)
}

// client returns the one client of a profile.
func (w *Owner) client(profile string) (*apsclient.Client, error) {
	if profile == "" {
		profile = w.o.Profile
	}

	w.clients.mu.Lock()
	defer w.clients.mu.Unlock()
	if c := w.clients.made[profile]; c != nil {
		return c, nil
	}

	c, err := w.o.Clients(profile, w.bandwidth)
	if err != nil {
		return nil, err
	}

	w.clients.made[profile] = c

	return c, nil
}

// Action implements [control.API].
func (w *Owner) Action(ctx context.Context, profile string, r apsclient.Request) (*apsclient.Response,
	error) {
	if _, ok := apsclient.ActionByName(r.Action); !ok {
		return nil, problem.With(problem.Usage, fmt.Errorf("unknown action %q", r.Action),
			problem.Fix{Step: problem.Actions})
	}

	c, err := w.client(profile)
	if err != nil {
		return nil, err
	}

	return apsclient.AnswerOf(c.Do(ctx, r)), nil
}

// Linger waits until no other command has work under way here, at most for the time given, so that
// commands that began together share one owner and its token to the end.
func (w *Owner) Linger(ctx context.Context, longest time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()

	select {
	case <-w.guests.idle():
	case <-ctx.Done():
	case <-w.broken:
	}
}

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/remote"
)

// Config is what an Engine is made of. Store and Clients are required; zero values of the rest mean
// the defaults named.
type Config struct {
	Store *state.Store
	// the same client each time it is asked for a profile, until Forget; its error parks the jobs of
	// that profile as unauthorised
	Clients func(profile string) (*apsclient.Client, error)
	// who a profile acts for, "" or nil: unknown; names the creator when a lost reply is settled
	UserID func(profile string) string
	Logger *slog.Logger // nil: discard

	// files whose bytes move at once; 0: 8, of which each may be sixteen small ones (see smallFile)
	Transfers int
	// parts in flight over all files; 0: 8, up to mostParts while more add throughput, and smallParts small
	// ones beside them
	Parts    int
	PartSize int64 // bytes; 0: chosen by file size (see planParts)
	// MD5 of each part against its ETag: auto (not on links faster than 100 MiB/s), always, never;
	// default auto
	Checksum     string
	Acceleration bool // ask for accelerated URLs

	// Rules asks whether the file of an upload may still be sent: which rule leaves it out by now,
	// "" none, or why that cannot be told now, and how long to wait before asking again. It is
	// asked before the first byte and again before anything becomes visible; nil: everything may
	// be.
	Rules func(job state.Job) (rule string, wait time.Duration, err error)

	// Inspect tells what the bytes of a file say that a job is about to send; before is what it told
	// of the version before, "" unknown. nil: nothing is looked at.
	Inspect func(job state.Job, before string, r io.ReaderAt) (Inspection, error)

	// Prefer says which of two files counts that differ when a watch sees one for the first time: see
	// the Prefer constants. nil: the local one.
	Prefer func(job state.Job) string

	// ReceiptSHA256 puts the SHA-256 of the whole file into each receipt, at the cost of reading
	// the file once more.
	ReceiptSHA256 bool

	// quiet time of a watched file that changed while it was sent, before its next try; default 10
	// s
	Settle time.Duration
	// the same of one job; nil: Settle
	SettleOf func(job state.Job) time.Duration
	// Torn reports whether the bytes of a file of so many bytes say that it is not whole; nil: none
	// do. The name is its path.
	Torn  func(name string, size int64, r io.ReaderAt) (bool, error)
	Spool string // folder for snapshots of files that change faster than they upload; "": none
	// bytes of all snapshots beyond which no file is copied when the file system cannot clone;
	// default 8 GiB, below 0 none
	SpoolMax int64

	// Bandwidth is how many bytes a second uploads may take at a time, 0: any, and until when; a zero
	// time means for ever. It is what the limiters of the clients follow, for forecasts; nil: any.
	Bandwidth func(at time.Time) (up int64, until time.Time)

	plainNames bool // tests: as on a file system that cannot exchange names
}

// Engine moves the jobs of one store. All methods are safe for concurrent use.
type Engine struct {
	store   *state.Store
	clients func(profile string) (*apsclient.Client, error)
	log     *slog.Logger
	cfg     Config

	parts   *gate // parts in flight over all files, up and down
	small   *gate // of these the small ones; another gate if their number was not chosen
	share   int   // small files that share a transfer slot
	meter   *meter
	link    *meter // of the parts of uploads that are not small: what the line carries
	figures figures
	kick    chan struct{}
	freed   chan struct{} // a run gave up a slot of one kind for one of the other
	api     reachability
	data    reachability

	alike alikeNames
	full  fullFolders

	folderSyncs sharedByName // of folders that downloads end in

	fewerURLs atomic.Int64 // that a call may ask for, see urlsACall; 0: not told

	spooling  sync.Mutex  // held while room for a copy is taken
	unspooled atomic.Bool // nothing lies in the spool: it was looked at and no copy was made since

	mu       sync.Mutex
	profiles map[string]*profile
	running  map[state.JobID]*run
	backlog  backlog // see Estimate

	looks map[state.JobID]firstLook // of open jobs; guarded by mu

	holdOpen  bool                            // replaceableWhileOpen; tests: the other way
	freeSpace func(dir string) (int64, error) // bytes; tests: a full disk
	uptime    func() time.Duration            // of the machine; tests: a later one

	onCommit func(id state.JobID, after bool, ev []state.Event) error // tests: dies around a commit
	onEffect func(name string, after bool) error                      // tests: the same of a change on disk
}

// profile is one account's client and what is cached of its remote tree.
type profile struct {
	client   *apsclient.Client
	oss      *apsclient.Client // same core, with bucket:read
	resolver *remote.Resolver
	buckets  map[string]*bucketCalls // guarded by Engine.mu
}

// run is one job being worked on in this process. Byte counts are live and never written.
type run struct {
	job    state.JobID
	kind   state.Kind
	cancel context.CancelCauseFunc
	probes *reachability // set when the run probes a plane that was offline; owned by the dispatcher
	holds  claim         // as the job was when it took it; guarded by Engine.mu
	silent int           // calls on a disk that has ceased to answer; guarded by Engine.mu

	sent  atomic.Int64 // bytes of parts in flight, not yet acknowledged
	meter *meter       // of this file

	mu  sync.Mutex
	now state.Job // the last committed
	// since then: calls without a clear answer, whose effect is looked for before they are made
	// again, and the reason of the last one
	again   int
	why     string
	looking bool // for the effect of a call of before, which may show late

	uploading           // of an upload
	down      *download // what a download knows of its source; nil: ask
	at        *target   // where it goes to, from its fetch to its place; nil: open
}

// New checks the configuration and returns an engine that does nothing until Run.
func New(c Config) (*Engine, error) {
	if c.Store == nil || c.Clients == nil {
		return nil, errors.New("transfer: a store and clients are required")
	}

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	share := 1
	if c.Transfers <= 0 {
		c.Transfers, share = 8, smallShare
	}

	large, few := newLanes(c.Parts, c.Transfers)
	parts := &gate{lane: large}
	small := parts
	if few != nil {
		small = &gate{lane: *few}
	}

	if c.Settle <= 0 {
		c.Settle = 10 * time.Second
	}

	if c.SpoolMax == 0 {
		c.SpoolMax = 8 << 30
	}

	switch c.Checksum {
	case "":
		c.Checksum = "auto"
	case "auto", "always", "never":
	default:
		return nil, fmt.Errorf("transfer: checksum %q is none of auto, always, never", c.Checksum)
	}

	if c.PartSize != 0 && (c.PartSize < minPartSize || c.PartSize > maxPartSize) {
		return nil, fmt.Errorf("transfer: part size %d is not between 5 MiB and 5 GiB", c.PartSize)
	}

	return &Engine{
		holdOpen: replaceableWhileOpen, freeSpace: FreeSpace, uptime: uptime,
		store: c.Store, clients: c.Clients, log: c.Logger, cfg: c,
		parts: parts, small: small, share: share, meter: newMeter(), link: newMeter(),
		kick: make(chan struct{}, 1), freed: make(chan struct{}, 1),
		profiles: map[string]*profile{}, running: map[state.JobID]*run{},
		looks: map[state.JobID]firstLook{},
	}, nil
}

// Kick makes the dispatcher look for work now: something was enqueued, resumed, paused or
// cancelled.
func (e *Engine) Kick() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// Resolver returns the resolver of a profile; its listings are kept for the life of the engine with
// our own changes applied.
func (e *Engine) Resolver(name string) (*remote.Resolver, error) {
	p, err := e.profile(name)
	if err != nil {
		return nil, err
	}

	return p.resolver, nil
}

// clientFor returns the client a job's calls go through: one token scope set for a whole transfer.
func (e *Engine) clientFor(job state.Job) (*apsclient.Client, error) {
	p, err := e.profile(job.Profile)
	if err != nil {
		return nil, err
	}

	if job.Target.OSS() {
		return p.oss, nil
	}

	return p.client, nil
}

// Forget makes the engine ask for the client of a profile again: another may have its credentials.
func (e *Engine) Forget(profile string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.profiles, profile)
}

func (e *Engine) profile(name string) (*profile, error) {
	e.mu.Lock()
	p := e.profiles[name]
	e.mu.Unlock()
	if p != nil {
		return p, nil
	}

	c, err := e.clients(name) // may ask a keyring, and that a person
	if err != nil {
		return nil, &ReasonError{ReasonUnauthorised, fmt.Errorf("profile %q: %w", name, err)}
	}

	p = &profile{client: c.WithScopes(apsclient.TransferScopes...),
		oss: c.WithScopes(apsclient.TransferScopesOSS...), buckets: map[string]*bucketCalls{}}
	p.resolver = remote.NewResolver(p.client, e.log)
	p.resolver.Remember(knownWays{e.store, name})
	e.mu.Lock()
	defer e.mu.Unlock()
	if other := e.profiles[name]; other != nil { // made meanwhile
		return other, nil
	}

	e.profiles[name] = p

	return p, nil
}

// knownWays keeps in the state what the resolver of a profile learned of its hubs and projects.
type knownWays struct {
	store   *state.Store
	profile string
}

func (k knownWays) Recall() (string, error) {
	text, _, err := k.store.Meta("ways/" + k.profile)
	return text, err
}

func (k knownWays) Keep(text string) error { return k.store.SetMeta("ways/"+k.profile, text) }

// gateOf is the gate that a part, or range, of so many bytes passes.
func (e *Engine) gateOf(bytes int64) *gate {
	if bytes <= smallFile {
		return e.small
	}

	return e.parts
}

// commit makes events durable. While the disk is full it waits; else it does not heed ctx, since an
// effect that happened is recorded even while stopping.
func (e *Engine) commit(ctx context.Context, id state.JobID, ev ...state.Event) (state.Job, error) {
	return e.commitOn(ctx, state.Job{ID: id}, ev...)
}

// commitOn is commit for a job as it was when ev was decided, see [state.Store.CommitOn].
func (e *Engine) commitOn(ctx context.Context, seen state.Job, ev ...state.Event) (job state.Job, err error) {
	id := seen.ID
	err = state.Patiently(ctx, func() (err error) {
		if e.onCommit != nil {
			if err := e.onCommit(id, false, ev); err != nil {
				return err
			}
		}

		if job, err = e.store.CommitOn(seen, ev...); err == nil {
			e.figures.committed(ev, time.Now())
			e.tellDoubtful(job, ev)
		}

		if err == nil && e.onCommit != nil {
			err = e.onCommit(id, true, ev)
		}

		return err
	})

	return job, err
}

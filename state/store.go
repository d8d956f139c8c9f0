package state

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	lockTimeout = time.Second
	// The file grows by growBy bytes. bbolt's own 16 MiB would be the size of every small home.
	growBy = 1 << 20
	// keptHistory lines are kept of each job.
	keptHistory = 200
	// The newest HistoryJobs of the jobs that are done are kept, and none for longer than
	// HistoryAge; likewise of the others that ended. Neither bound applies until keptForAsking
	// after a job's end: whoever waits for it asks what became of it.
	HistoryJobs   = 100_000
	HistoryAge    = 30 * 24 * time.Hour
	keptForAsking = time.Hour
	// keptChanges is how many changed jobs Changes remembers.
	keptChanges = 20_000
)

// Options of Open.
type Options struct {
	Owner  string       // path of owner.json, default: beside the file
	Logger *slog.Logger // nil: discard
	// LockWait is how long to wait for a process that has the state open; default: a second. Below
	// 50 ms it is tried once, for callers with something better to do than wait, such as asking
	// that process.
	LockWait time.Duration
	// Told is called with each job that a commit changed, after it, as the job is then. Calls come
	// one at a time, in the order of the commits, which wait for them; nil: none.
	Told func(Job)
	// HistoryJobs and HistoryAge bound the jobs that ended; 0: the constants of these names.
	HistoryJobs int
	HistoryAge  time.Duration

	schema []migration // tests only
}

// Store is the open state of one home. Close it.
type Store struct {
	path     string
	db       *bolt.DB
	log      *slog.Logger
	instance string
	base     uint64 // Index of a commit is its number in the file and this

	told     func(Job)
	kept     keptFor
	reqs     chan *request
	stop     chan struct{} // closed by Close
	stopped  sync.WaitGroup
	stopOnce sync.Once
	closeErr error

	mu      sync.Mutex // guards what follows
	index   uint64
	wake    chan struct{} // closed and replaced by every commit
	broken  error         // set once: no more writes
	full    error         // of the last commit, if the disk was full
	closed  bool
	jobs    *jobIndex
	recent  recent
	changes []change // newest last
	lostAt  uint64   // changes at or before this index are no longer in changes
	commits CommitTimes

	saved backupState
	lines lineHashes // the writer's
}

type change struct {
	index uint64
	id    JobID
}

// Open opens the state at path, making it when there is none, and brings an older schema up to
// date. Errors: *LockedError after LockWait, *VersionError, *DamagedError, or what the file system
// said.
func Open(path string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}

	if o.Owner == "" {
		o.Owner = filepath.Join(filepath.Dir(path), "owner.json")
	}

	if o.schema == nil {
		o.schema = migrations
	}

	if o.LockWait <= 0 {
		o.LockWait = lockTimeout
	}

	if err := inspect(path, o.Owner, o.LockWait); err != nil {
		return nil, err
	}

	db, err := openBolt(path, o.LockWait, os.OpenFile)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, lockedError(path, o.Owner)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch):
		return nil, &DamagedError{Path: path, Detail: err.Error()}
	case err != nil:
		if _, ok := errors.AsType[*DamagedError](err); ok {
			return nil, err
		}

		return nil, fmt.Errorf("open state %s: %w", path, err)
	}

	s := &Store{
		path: path, db: db, log: o.Logger, told: o.Told,
		kept: keptFor{jobs: cmp.Or(o.HistoryJobs, HistoryJobs), age: cmp.Or(o.HistoryAge, HistoryAge)},
		reqs: make(chan *request), stop: make(chan struct{}), wake: make(chan struct{}),
		recent: recent{jobs: map[JobID]Job{}},
	}
	if err := s.load(o.schema); err != nil {
		return nil, errors.Join(err, closeBolt(db))
	}

	s.saved.start(s)
	s.stopped.Go(s.write)

	return s, nil
}

// load migrates and loads.
func (s *Store) load(schema []migration) error {
	var have int
	err := s.view(func(tx *bolt.Tx) (err error) {
		have, err = schemaVersion(tx, s.path)
		return err
	})
	if err == nil && have != len(schema) { // else nothing is written: the disk may be full
		err = s.guard(func() error {
			return s.db.Update(func(tx *bolt.Tx) error { return migrate(tx, s.path, schema) })
		})
	}

	if err != nil {
		_, newer := errors.AsType[*VersionError](err)
		_, damaged := errors.AsType[*DamagedError](err)
		if newer || damaged {
			return err
		}

		return &WriteError{Path: s.path, Err: err}
	}

	return whileReading(s.db, func() error { return s.view(s.loadFrom) })
}

// loadFrom builds what is held in memory.
func (s *Store) loadFrom(tx *bolt.Tx) error {
	if err := checkBuckets(tx, s.path); err != nil {
		return err
	}

	instance, err := get(tx, bucketMeta, metaInstance)
	if err != nil {
		return err
	}

	base, err := get(tx, bucketMeta, metaIndexBase)
	if err != nil {
		return err
	}

	s.base, _ = strconv.ParseUint(string(base), 10, 64) // "": there is none
	s.instance = string(instance)
	s.index = s.indexOf(tx)
	s.lostAt = s.index
	if s.jobs, err = loadIndex(tx); err != nil {
		return err
	}

	return eachJob(tx, nil, true, func(k []byte) (bool, error) {
		if len(k) == 16 { // the clock may have been set back
			noteID(int64(binary.BigEndian.Uint64(k)))
		}

		return false, nil
	})
}

func (s *Store) indexOf(tx *bolt.Tx) uint64 { return s.base + uint64(tx.ID()) }

type openFile func(name string, flag int, mode os.FileMode) (*os.File, error)

// openBolt opens without a panic getting out, even of a mapped page that cannot be read. A file that lost its
// name while the lock was waited for is opened again by its name.
func openBolt(path string, wait time.Duration, open openFile) (db *bolt.DB, err error) {
	var f *os.File
	err = guarded(path, func() error {
		db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout: wait, FreelistType: bolt.FreelistMapType, InitialMmapSize: initialMmap,
			OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
				f, err = open(name, flag, mode)
				return f, err
			},
		})
		if err == nil {
			db.AllocSize = growBy
		}

		return err
	})
	if err != nil {
		return nil, err
	}

	if nameless(f) {
		if err := db.Close(); err != nil {
			return nil, err
		}

		return openBolt(path, wait, open)
	}

	return db, nil
}

// closeBolt closes a database that may hold a lock after a panic inside it.
func closeBolt(db *bolt.DB) error {
	done := make(chan error, 1)
	go func() { done <- guarded(db.Path(), db.Close) }()

	select {
	case err := <-done:
		return err
	case <-time.After(5 * time.Second):
		return fmt.Errorf("close state %s: a transaction did not end", db.Path())
	}
}

// guarded turns a panic inside f, and a fault on a mapped page, into a *DamagedError.
func guarded(path string, f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if p := recover(); p != nil {
			err = &DamagedError{Path: path, Detail: fmt.Sprint(p)}
		}
	}()

	return f()
}

// guard is guarded, and after damage of the structure the store takes no more writes. One record
// that cannot be read fails only the call that asks for it.
func (s *Store) guard(f func() error) error {
	err := guarded(s.path, f)
	if damaged, ok := errors.AsType[*DamagedError](err); ok && !damaged.record {
		s.breakWith(err)
	}

	return err
}

func (s *Store) breakWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = err
		s.log.Error("the state takes no more writes", "error", err)
	}
}

// view reads in one transaction. What f keeps must be copies.
func (s *Store) view(f func(tx *bolt.Tx) error) error {
	err := s.guard(func() error { return s.db.View(f) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}

	return err
}

// Close waits for the writes that were accepted, keeps a compact copy of the state beside it, which takes its
// place when it is much larger, and gives the lock back. It may be called again.
func (s *Store) Close() error {
	s.stopOnce.Do(func() {
		s.mu.Lock()
		s.closed = true
		broken := s.broken
		close(s.wake)
		s.wake = nil
		s.mu.Unlock()
		close(s.stop)
		s.stopped.Wait()
		if broken == nil {
			if err := s.saved.atClose(s); err != nil {
				s.log.Warn("no copy of the state was kept", "error", err)
			}

			if err := noteClosed(s.path); err != nil {
				s.log.Warn("the state will be read whole when it is opened next", "error", err)
			}
		}

		s.closeErr = closeBolt(s.db)
	})

	return s.closeErr
}

// Path is the file that Open was given.
func (s *Store) Path() string { return s.path }

// Instance names this home: made once, kept for good.
func (s *Store) Instance() string { return s.instance }

// Index grows with every durable commit, and only then. It survives a restart.
func (s *Store) Index() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index
}

// Wait returns the current index as soon as it is greater than the given one.
func (s *Store) Wait(ctx context.Context, index uint64) (uint64, error) {
	for {
		s.mu.Lock()
		now, wake, closed := s.index, s.wake, s.closed
		s.mu.Unlock()
		if now > index {
			return now, nil
		}

		if closed {
			return now, ErrClosed
		}

		select {
		case <-wake:
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// Changes is what commits touched.
type Changes struct {
	Index uint64  // ask for what came since this next
	Jobs  []JobID // each once, in the order of their last change; a pruned job is not among them
	Lost  bool    // memory does not reach back that far: list the jobs again
}

// Changes waits until the index is greater than since and tells which jobs were touched after it.
// Commits that touch no job wake it too. An index that is still ahead comes from another state of
// this home, which this one replaced or which replaced it: then nothing is known since.
func (s *Store) Changes(ctx context.Context, since uint64) (Changes, error) {
	if at := s.Index(); since > at {
		return Changes{Index: at, Lost: true}, nil
	}

	now, err := s.Wait(ctx, since)
	if err != nil {
		return Changes{Index: now}, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	c := Changes{Index: s.index}
	if since < s.lostAt {
		c.Lost = true
		return c, nil
	}

	seen := map[JobID]bool{}
	for i := len(s.changes) - 1; i >= 0 && s.changes[i].index > since; i-- {
		if id := s.changes[i].id; !seen[id] {
			seen[id] = true
			c.Jobs = append(c.Jobs, id)
		}
	}

	slices.Reverse(c.Jobs)

	return c, nil
}

// lockedError names the holder: as owner.json tells, unless the system knows that it is another
// process.
func lockedError(path, owner string) error {
	e := &LockedError{Path: path}
	if o, err := ReadOwner(owner); err == nil {
		e.PID, e.Command = o.PID, o.Command
	} else if !errors.Is(err, os.ErrNotExist) {
		e.Command = "unknown"
	}

	if pid, command := lockHolder(path); pid != 0 && pid != e.PID {
		e.PID, e.Command = pid, command
	}

	return e
}

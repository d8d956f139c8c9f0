package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// Server is an emulated APS with its S3. Make one with New.
type Server struct {
	cfg    Config
	routes *router
	done   chan struct{}  // closed by Close
	work   sync.WaitGroup // callbacks and listeners
	key    []byte         // signs URLs; constant

	mu    sync.Mutex // guards everything below and the world
	world *model
	knobs Knobs
	quota quotas

	offset  atomic.Int64 // Advance, in nanoseconds
	fault   atomic.Pointer[func(Request) Fault]
	journal journal
	zeros   zeroSums
	empties atomic.Int64       // listings so far, for EmptyEvery
	cuts    atomic.Int64       // answers so far, for CutEvery
	hashing singleflight.Group // SHA-1 of objects, by key and ETag
	once    sync.Once
	closers []func() error

	callbacks *http.Client // delivers webhooks
}

// New opens or makes the world in c.Dir.
func New(c Config) (*Server, error) {
	if c.Dir == "" {
		return nil, errors.New("emulator: no data directory given")
	}

	if c.ClientID == "" {
		c.ClientID = DefaultClientID
	}

	if c.ClientSecret == "" {
		c.ClientSecret = DefaultClientSecret
	}

	if c.Now == nil {
		c.Now = time.Now
	}

	if c.TokenLifetime == 0 {
		c.TokenLifetime = 3599 * time.Second
	}

	if c.UploadLifetime == 0 {
		c.UploadLifetime = 24 * time.Hour
	}

	if err := os.MkdirAll(filepath.Join(c.Dir, "blobs"), 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}

	s := &Server{cfg: c, knobs: c.Knobs, done: make(chan struct{}), world: newModel(), routes: newRouter()}
	s.journal.out = c.Journal
	s.callbacks = &http.Client{Transport: c.HookTransport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	if err := openLog(s.metaPath(), s.world.log, s.world.tables()); err != nil {
		return nil, fmt.Errorf("open the emulator's world: %w", err)
	}

	s.world.index()
	if err := s.found(); err != nil {
		return nil, errors.Join(err, s.world.log.f.Close())
	}

	s.sweepBlobs()

	return s, nil
}

// Close ends the server's listeners, deliveries and stalled requests and closes its files.
func (s *Server) Close() error {
	var errs []error
	s.once.Do(func() {
		close(s.done)
		s.mu.Lock()
		closers := s.closers
		s.mu.Unlock()

		for _, c := range closers {
			errs = append(errs, c())
		}

		s.work.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.world.log.flush()
		errs = append(errs, s.world.log.err, s.world.log.f.Close())
		s.world.log.f = nil
	})

	return errors.Join(errs...)
}

// now is the server's time.
func (s *Server) now() time.Time { return s.cfg.Now().Add(time.Duration(s.offset.Load())) }

// Advance moves the server's clock: tokens, URLs, sessions and quotas grow older by d.
func (s *Server) Advance(d time.Duration) { s.offset.Add(int64(d)) }

// SetKnobs changes the knobs from now on.
func (s *Server) SetKnobs(change func(*Knobs)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.knobs)
}

// SetFault installs the hook that is asked about every request; nil removes it. It is called
// concurrently.
func (s *Server) SetFault(hook func(Request) Fault) {
	if hook == nil {
		s.fault.Store(nil)
		return
	}

	s.fault.Store(&hook)
}

// update runs fn with the world locked and hands what it changed to the operating system before it
// returns.
func (s *Server) update(fn func(*model)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s.world)
	s.world.log.flush()
}

// read runs fn with the world locked.
func (s *Server) read(fn func(*model)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s.world)
}

func (s *Server) knob() Knobs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.knobs
}

func (s *Server) onClose(fn func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, fn)
}

var _ http.Handler = (*Server)(nil)

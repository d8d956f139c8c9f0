package watcher

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// Watcher reports the changes below one root. Run does the work; Status may be called at any time
// from any goroutine.
type Watcher struct {
	cfg    Config
	book   *Book
	root   string
	asked  chan struct{} // capacity 1: a scan is wanted
	log    *slog.Logger
	source func(root string) (notifier, error)

	again chan again

	mu     sync.Mutex
	wanted []string // folders that a scan was asked for; guarded by mu
	status Status   // guarded by mu
}

// New checks the configuration and fills in defaults. It does not touch the file system.
func New(cfg Config) (*Watcher, error) {
	switch {
	case cfg.Book == nil:
		return nil, errors.New("watch: no rules")
	case !filepath.IsAbs(cfg.Book.root):
		return nil, fmt.Errorf("watch %q: the path is not absolute", cfg.Book.root)
	case cfg.Baseline == nil:
		return nil, errors.New("watch: no baseline")
	case cfg.Settle < 0 || cfg.SettleCap < 0 || cfg.ScanInterval < 0 || cfg.PollInterval < 0:
		return nil, fmt.Errorf("watch %q: a negative time", cfg.Book.root)
	}

	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.Settle, 10*time.Second)
	def(&cfg.SettleCap, capOf(cfg.Settle))
	def(&cfg.ScanInterval, time.Hour)
	def(&cfg.PollInterval, 30*time.Second)
	cfg.SettleCap = max(cfg.SettleCap, cfg.Settle)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}

	return &Watcher{
		cfg:    cfg,
		book:   cfg.Book,
		root:   cfg.Book.root,
		asked:  make(chan struct{}, 1),
		log:    cfg.Logger.With("component", "watcher", "root", cfg.Book.root),
		source: newOSNotifier,
		again:  make(chan again),
		status: Status{State: StateScanning},
	}, nil
}

// Scan asks for a look at a folder, by slash path below the root, and all below it now.
func (w *Watcher) Scan(folder string) {
	w.mu.Lock()
	w.wanted = append(w.wanted, folder)
	w.mu.Unlock()

	select {
	case w.asked <- struct{}{}:
	default:
	}
}

// Status returns what the watcher knows of itself now.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// setStatus changes the status in place.
func (w *Watcher) setStatus(change func(*Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.status)
}

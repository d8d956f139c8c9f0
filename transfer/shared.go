package transfer

import (
	"sync"
	"time"
)

// shared lets callers share the runs of one function: a call that comes while one runs is served by
// the next run, with all others that came meanwhile, and those that come while this waits for company.
// The zero value is ready; safe for concurrent use.
type shared struct {
	mu      sync.Mutex // guards the rest; not held while the function runs
	ended   sync.Cond  // a run did
	running bool
	asked   int // calls so far
	served  int // calls made before the last run that went well began
}

// do returns after a run of f that began after the call, which waits so long for company. An error is
// of the run that the caller made itself.
func (s *shared) do(company time.Duration, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended.L = &s.mu
	s.asked++
	mine := s.asked
	for s.running && s.served < mine {
		s.ended.Wait()
	}

	if s.served >= mine {
		return nil
	}

	s.running = true
	if company > 0 {
		s.mu.Unlock()
		time.Sleep(company)
		s.mu.Lock()
	}

	upTo := s.asked
	s.mu.Unlock()
	err := f()
	s.mu.Lock()
	s.running = false
	if err == nil {
		s.served = upTo
	}

	s.ended.Broadcast()

	return err
}

// sharedByName is a shared for each name that is in use. The zero value is ready; safe for
// concurrent use.
type sharedByName struct {
	mu   sync.Mutex
	uses map[string]*sharedUse // guarded by mu
}

type sharedUse struct {
	shared
	users int // guarded by sharedByName.mu
}

func (s *sharedByName) do(name string, company time.Duration, f func() error) error {
	s.mu.Lock()
	u := s.uses[name]
	if u == nil {
		if s.uses == nil {
			s.uses = map[string]*sharedUse{}
		}

		u = &sharedUse{}
		s.uses[name] = u
	}

	u.users++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if u.users--; u.users == 0 {
			delete(s.uses, name)
		}
	}()

	return u.do(company, f)
}

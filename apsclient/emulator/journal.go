package emulator

import (
	"encoding/json"
	"io"
	"sync"
)

// keepRequests bounds the journal in memory; the file has all.
const keepRequests = 200_000

type journal struct {
	mu   sync.Mutex
	out  io.Writer
	last int
	list []Request
}

func (j *journal) number() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++

	return j.last
}

func (j *journal) add(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.list) >= keepRequests {
		j.list = append(j.list[:0], j.list[keepRequests/2:]...)
	}

	j.list = append(j.list, r)
	if j.out == nil {
		return
	}

	if raw, err := json.Marshal(r); err == nil {
		_, _ = j.out.Write(append(raw, '\n'))
	}
}

// Requests is the journal so far, in the order in which the requests ended; the last 100,000 at
// least.
func (s *Server) Requests() []Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return append([]Request(nil), s.journal.list...)
}

// ResetJournal forgets the journal in memory.
func (s *Server) ResetJournal() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.list = nil
}

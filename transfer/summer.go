package transfer

import (
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// summer computes a sum of bytes that are read in order; a reader that goes back to the start
// begins again. Once the sum is not wanted any more, it is given up.
type summer struct {
	r      io.ReaderAt
	start  int64
	wanted func() bool // nil: always

	mu   sync.Mutex // a connection that is given up may still read while the next one begins
	h    hash.Hash
	next int64 // -1: nothing was read, or out of order, or it was given up: no sum
}

func (s *summer) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	s.mu.Lock()
	defer s.mu.Unlock()
	if off == s.start {
		s.h.Reset()
		s.next = off
	}

	if off == s.next && (s.wanted == nil || s.wanted()) {
		s.h.Write(p[:n])
		s.next += int64(n)
	} else {
		s.next = -1
	}

	return n, err
}

// hex returns the sum when exactly the bytes up to end were read, else "".
func (s *summer) hex(end int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != end {
		return ""
	}

	return hex.EncodeToString(s.h.Sum(nil))
}

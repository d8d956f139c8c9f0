package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"hoist/apsclient/emulator"
)

// stalls is the network going quiet while the large drawing is sent: from the middle part on every
// part gets through by a quarter and no further.
type stalls struct {
	first, full chan struct{} // closed when one part hangs, and when as many hang as may be in flight

	mu    sync.Mutex
	over  bool                   // the daemon is dead: everything gets through again
	key   string                 // upload key of the large drawing
	parts map[int]bool           // its parts that hung
	puts  map[string]map[int]int // how often each part arrived, by upload key
}

func newStalls() *stalls {
	return &stalls{first: make(chan struct{}), full: make(chan struct{}), parts: map[int]bool{},
		puts: map[string]map[int]int{}}
}

// arrive counts a part that arrives and decides what befalls it. No other drawing has as many parts
// as the large one's middle.
func (s *stalls) arrive(q emulator.Request, middle int) emulator.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts[q.UploadKey] == nil {
		s.puts[q.UploadKey] = map[int]int{}
	}

	s.puts[q.UploadKey][q.Part]++
	if q.Part < middle || s.over {
		return emulator.Fault{}
	}

	s.key = q.UploadKey
	if !s.parts[q.Part] {
		s.parts[q.Part] = true
		switch len(s.parts) {
		case 1:
			close(s.first)
		case inFlight:
			close(s.full)
		}
	}

	return emulator.Fault{Kind: emulator.Stall, After: partSize / 4}
}

// settled is long enough for every part that does not hang to be stored and recorded.
const settled = 2 * time.Second

// stallLarge lets the next upload of the large drawing get to its middle.
func (r *run) stallLarge() {
	s, middle := newStalls(), int(r.large().size/partSize/2)
	r.aps.SetFault(func(q emulator.Request) emulator.Fault {
		if q.Op != "s3-put" {
			return emulator.Fault{}
		}

		return s.arrive(q, middle)
	})
	r.stalled = s
}

func (r *run) killInMidPart(ctx context.Context) error {
	select {
	case <-r.stalled.first:
	case <-r.daemon.done:
		return r.daemon.gone()
	case <-ctx.Done():
		return fmt.Errorf("%w: the large drawing's upload did not get to its middle; the daemon said: %s",
			context.Cause(ctx), r.daemon.said)
	}

	select {
	case <-r.stalled.full:
	case <-time.After(settled): // other drawings hold the rest of the places
	}

	if err := r.daemon.kill(); err != nil {
		return fmt.Errorf("kill the daemon: %w", err)
	}

	r.stalled.mu.Lock()
	defer r.stalled.mu.Unlock()
	r.stalled.over = true
	r.say("killed the daemon in the middle of parts %s of %s",
		numbers(slices.Sorted(maps.Keys(r.stalled.parts))), largeName)

	return nil
}

func (r *run) resume(ctx context.Context) error {
	if err := r.start(); err != nil {
		return err
	}

	r.say("started it again")
	if err := r.synced(ctx); err != nil {
		return err
	}

	r.aps.SetFault(nil)
	again, total, err := r.stalled.sentAgain()
	if err != nil {
		return err
	}

	r.say("published; sent again after the kill: parts %s of %d, all of them in flight when it died; no "+
		"part that was stored",
		numbers(again), total)

	return nil
}

// sentAgain finds which parts of the interrupted upload arrived more than once, and how many parts
// it has. It is an error when one of them was stored before the kill and not in flight, or when
// there are more than may be in flight.
func (s *stalls) sentAgain() (again []int, total int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	puts := s.puts[s.key]
	for part := range puts {
		total = max(total, part)
	}

	for part, n := range puts {
		if n > 1 {
			again = append(again, part)
		}
	}

	slices.Sort(again)

	for _, part := range again {
		if !s.parts[part] {
			return again, total, fmt.Errorf("part %d was stored before the kill and sent again", part)
		}
	}

	switch {
	case len(again) == 0:
		return again, total, fmt.Errorf(
			"no part was sent again, though %d were in flight: the upload did not go on where it was",
			inFlight)
	case len(again) > inFlight:
		return again, total, fmt.Errorf("%d parts were sent again, but only %d can have been in flight",
			len(again), inFlight)
	}

	return again, total, nil
}

// numbers writes sorted numbers for people: 3, 4 and 7.
func numbers(sorted []int) string {
	texts := make([]string, len(sorted))
	for i, n := range sorted {
		texts[i] = strconv.Itoa(n)
	}

	if n := len(texts); n > 1 {
		return strings.Join(texts[:n-1], ", ") + " and " + texts[n-1]
	}

	return strings.Join(texts, "")
}

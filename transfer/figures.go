package transfer

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"hoist/state"
)

// Figures are what an engine has done since it was made.
type Figures struct {
	Sent, Received int64            // bytes, those that went again too
	Errors         map[string]int64 // tries that failed, by reason
	Moved          time.Time        // when a byte moved or a job came further; zero: never
}

// figures gathers Figures. The zero value is ready; safe for concurrent use.
type figures struct {
	sent, received atomic.Int64
	moved          atomic.Int64 // unix nanoseconds; 0: never

	mu     sync.Mutex
	errors map[string]int64 // guarded by mu
}

// bytes counts n bytes of a job that moved now.
func (f *figures) bytes(k state.Kind, n int64, now time.Time) {
	if k == state.Download {
		f.received.Add(n)
	} else {
		f.sent.Add(n)
	}

	f.moved.Store(now.UnixNano())
}

// committed counts events that are durable now.
func (f *figures) committed(events []state.Event, now time.Time) {
	for _, e := range events {
		reason := ""
		switch e := e.(type) {
		case state.Retry:
			reason = e.Reason
		case state.Parked:
			reason = e.Reason
		case state.Failed:
			reason = e.Reason
		default:
			f.moved.Store(now.UnixNano())
			continue
		}

		f.mu.Lock()
		if f.errors == nil {
			f.errors = map[string]int64{}
		}

		f.errors[reason]++
		f.mu.Unlock()
	}
}

// Figures returns what was done so far.
func (e *Engine) Figures() Figures {
	f := &e.figures
	out := Figures{Sent: f.sent.Load(), Received: f.received.Load()}
	if at := f.moved.Load(); at != 0 {
		out.Moved = time.Unix(0, at)
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	out.Errors = maps.Clone(f.errors)

	return out
}

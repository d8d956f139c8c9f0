package owner

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"hoist/state"
	"hoist/transfer"
)

// story logs what becomes of each job, once each time that it changes: parked, in conflict, retried,
// healed, given up, cancelled or superseded, with the reason and what fixes it. That a job
// is done is logged by the engine.
type story struct {
	log *slog.Logger

	mu       sync.Mutex
	troubled map[state.JobID]told // guarded by mu: the open jobs that are in trouble
}

// told is the trouble of a job, and how far the job was: until it gets further it is only tried
// again.
type told struct {
	trouble
	phase state.Phase
	parts int
}

func toldOf(j state.Job) told { return told{troubleOf(j), j.Phase, j.PartsDone} }

// trouble is what a job waits for; the zero value is none.
type trouble struct {
	reason string
	parked bool
}

func newStory(log *slog.Logger) *story {
	return &story{log: log, troubled: map[state.JobID]told{}}
}

// begin takes what an earlier process told of as told.
func (s *story) begin(store *state.Store) error {
	jobs, err := store.OpenJobs()
	if err != nil {
		return err
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	for _, j := range jobs {
		if t := toldOf(j); t.trouble != (trouble{}) {
			s.troubled[j.ID] = t
		}
	}

	return nil
}

func troubleOf(j state.Job) trouble {
	if j.Reason == "" {
		return trouble{}
	}

	return trouble{j.Reason, j.Attention}
}

// tell is called with each job that changed.
func (s *story) tell(j state.Job) {
	now := toldOf(j)
	s.mu.Lock()
	was := s.troubled[j.ID]
	tried := j.Open() && now.trouble == (trouble{}) && now.phase == was.phase && now.parts == was.parts
	switch {
	case tried:
	case now.trouble == (trouble{}) || !j.Open():
		delete(s.troubled, j.ID)
	default:
		s.troubled[j.ID] = now
	}
	s.mu.Unlock()

	if tried {
		return
	}

	what, level := turn(was.trouble, now.trouble, j.End)
	if what == "" || !s.log.Enabled(context.Background(), level) {
		return
	}

	attrs := []slog.Attr{slog.String("job", string(j.ID)), slog.String("kind", string(j.Kind)),
		slog.String("path", j.Path), slog.String("remote", j.Target.Address)}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	if what == turnHealed {
		add("was", was.reason)
	} else {
		add("reason", j.Reason)
		add("error", j.Error)
		if fix := fixOf(j); what != turnRetried && (j.Open() || !strings.HasPrefix(fix, "hoist cancel")) {
			add("fix", fix)
		}
	}

	if j.Open() && !j.NextAttempt.IsZero() {
		attrs = append(attrs, slog.Time("next_attempt", j.NextAttempt.UTC()))
	}

	if j.Successor != "" {
		add("successor", string(j.Successor))
	}

	s.log.LogAttrs(context.Background(), level, what, attrs...) //nolint:sloglint // one of the turns below
}

// The turns of a story.
const (
	turnParked     = "parked"
	turnConflict   = "in conflict"
	turnRetried    = "retried"
	turnHealed     = "healed"
	turnGivenUp    = "given up"
	turnCancelled  = "cancelled"
	turnSuperseded = "superseded"
)

// turn says what a change of a job is to be called; "" when it is none. A retry for the reason that
// was told of is none.
func turn(was, now trouble, end string) (what string, level slog.Level) {
	switch {
	case end == state.EndFailed && now.reason == transfer.ReasonVanished:
		return turnGivenUp, slog.LevelInfo
	case end == state.EndFailed:
		return turnGivenUp, slog.LevelError
	case end == state.EndCancelled:
		return turnCancelled, slog.LevelInfo
	case end == state.EndSuperseded:
		return turnSuperseded, slog.LevelInfo
	case now == was:
		return "", 0
	case now == (trouble{}):
		return turnHealed, slog.LevelInfo
	case now.parked && now.reason == transfer.ReasonConflict:
		return turnConflict, slog.LevelWarn
	case now.parked:
		return turnParked, slog.LevelWarn
	}

	return turnRetried, slog.LevelInfo
}

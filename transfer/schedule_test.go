package transfer

import (
	"testing"
	"time"

	"hoist/state"
)

// TestBetter: who of two takes the next transfer slot of eight; the second of each pair is the
// older one.
func TestBetter(t *testing.T) {
	queued := func(size int64, changes int) state.Job {
		return state.Job{Phase: state.PhaseQueued, Size: size, Changes: changes}
	}
	urgent := func(j state.Job) state.Job {
		j.Priority = 1
		return j
	}
	begun := queued(1, 0)

	begun.Phase = state.PhaseReserved
	const large, small = largeFile, largeFile - 1
	for _, tt := range []struct {
		name  string
		used  slots
		a, b  state.Job
		first bool // a
	}{
		{"the older", slots{}, queued(small, 0), queued(small, 0), false},
		{"what has begun", slots{}, begun, queued(large, 1), true},
		{"of a higher priority", slots{large: 6}, urgent(queued(large, 0)), queued(small, 1), true},
		{"but what has begun goes on", slots{}, begun, urgent(queued(small, 0)), true},
		{"what changes all the time", slots{changing: 3}, queued(small, 1), queued(small, 0), true},
		{"but not in more than half of the slots", slots{changing: 4}, queued(small, 1), queued(small, 0),
			false},
		{"large while creates wait", slots{items: itemSlots / 2}, queued(large, 0), queued(small, 0), true},
		{"and not else", slots{items: itemSlots/2 - 1}, queued(large, 0), queued(small, 0), false},
		{"small while large ones have their share", slots{large: 6, items: itemSlots}, queued(small, 0),
			queued(large, 0), true},
		{"and not before", slots{large: 5}, queued(small, 0), queued(large, 0), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.ID, tt.b.ID = "2", "1"
			turns := tt.used.turns(8)
			if got := turns.jobs(&tt.a, &tt.b) < 0; got != tt.first {
				t.Errorf("the younger takes it: %t, want %t", got, tt.first)
			}

			if turns.jobs(&tt.b, &tt.a) < 0 == tt.first {
				t.Error("the order depends on who is asked first")
			}
		})
	}
}

// TestPrunedBeforeItsTurn: a job that waited for its turn and is kept no longer ends nothing but its wait.
func TestPrunedBeforeItsTurn(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	d := &dispatcher{e: e, known: map[state.JobID]bool{}}
	gone := state.NewJobID()
	d.known[gone] = true
	d.publish = []ending{{id: gone, takes: claim{publishing: true}, net: &e.api}}
	if err := d.startEndings(t.Context(), time.Now(), &slots{}); err != nil || len(d.publish) != 0 ||
		d.known[gone] {
		t.Errorf("%v, %d wait", err, len(d.publish))
	}
}

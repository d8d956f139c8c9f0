package owner

import (
	"slices"
	"testing"
	"time"

	"hoist/state"
	"hoist/transfer"
)

// TestProbes: of each cause one job at a time is tried, more and more seldom, and all go on as soon
// as one gets further.
func TestProbes(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	job := func(id state.JobID, reason, project string) state.Job {
		return state.Job{ID: id, Kind: state.Upload, Attention: true, Reason: reason, Since: start,
			Path: "/" + string(id), Target: state.Target{Project: project}}
	}
	parked := []state.Job{
		job("a", transfer.ReasonForbidden, "p"), job("b", transfer.ReasonForbidden, "p"),
		job("c", transfer.ReasonForbidden, "q"), job("d", transfer.ReasonLocked, "p"),
		job("e", transfer.ReasonConflict, "p"),
	}

	var p probes
	var tried []state.JobID
	over, gone := true, false
	round := func(after time.Duration) {
		tried = nil
		p.round(parked, func(j state.Job) error { tried = append(tried, j.ID); return nil },
			func(state.Job) (bool, bool) { return gone, over }, start.Add(after))
		slices.Sort(tried)
	}
	want := func(what string, ids ...state.JobID) {
		t.Helper()
		if !slices.Equal(tried, ids) {
			t.Errorf("%s: tried %q, want %q", what, tried, ids)
		}
	}

	round(probeFirst - time.Second)
	want("at first")
	if got := p.next(parked[0]); !got.Equal(start.Add(probeFirst)) {
		t.Errorf("next at %v", got)
	}

	round(probeFirst)
	want("one of each cause that heals", "a", "c", "d")
	over = false
	round(time.Hour)
	want("while they are under way")
	over = true
	round(2 * time.Hour) // in vain
	want("at once again")
	round(2*time.Hour + 2*probeFirst - time.Second)
	want("before twice the wait is over")
	round(2*time.Hour + 2*probeFirst)
	want("another one of the same cause", "b", "c", "d")
	gone = true
	round(3 * time.Hour)
	want("all, when one got further", "a", "b", "c", "d")
}

// TestCauses: what is one cause, and what is not.
func TestCauses(t *testing.T) {
	a := state.Job{Reason: transfer.ReasonForbidden, Profile: "p",
		Target: state.Target{Project: "x"}, Path: "/a"}
	b := a
	b.Path = "/b"
	if causeOf(a) != causeOf(b) {
		t.Error("two files that one project refuses have two causes")
	}

	other := a
	other.Target.Project = "y"
	if causeOf(a) == causeOf(other) {
		t.Error("two projects are one cause")
	}

	a.Reason, other.Reason = transfer.ReasonUnauthorised, transfer.ReasonUnauthorised
	if causeOf(a) != causeOf(other) {
		t.Error("refused credentials have a cause for each project")
	}

	if capOf(causeOf(a)) != probeSignIn || capOf(causeOf(b)) != probeCap {
		t.Error("the caps are mixed up")
	}
}

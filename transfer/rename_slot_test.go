package transfer

import (
	"testing"

	"hoist/state"
)

// TestRenamesTakeNoTransferSlot: what may be a rename waits for calls alone, from its first step on, so
// that it goes on with what it has just asked for.
func TestRenamesTakeNoTransferSlot(t *testing.T) {
	e := &Engine{share: 8}
	job := state.Job{Kind: state.Upload, Phase: state.PhaseQueued, From: "old.dwg"}
	if c := e.claimOf(job); !c.publishing || c.item {
		t.Errorf("a rename takes %+v", c)
	}

	job.From = ""
	if c := e.claimOf(job); c.publishing || !c.item {
		t.Errorf("an upload takes %+v", c)
	}
}

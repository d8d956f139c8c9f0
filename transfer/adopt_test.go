package transfer

import (
	"errors"
	"testing"

	"hoist/apsclient"
	"hoist/state"
	"hoist/state/compare"
)

// TestOtherKind: what Revit publishes itself is not replaced by a file, unless somebody insists.
func TestOtherKind(t *testing.T) {
	e := &Engine{}
	item := apsclient.Item{ID: "i", TipID: "v1",
		Tip: &apsclient.Version{ID: "v1", Type: "versions:autodesk.bim360:C4RModel"}}
	job := state.Job{Kind: state.Upload, Root: "w", Rel: "a.rvt"}
	err := e.mayReplace(t.Context(), nil, job, item, compare.Base{})
	if r, ok := errors.AsType[*ReasonError](err); !ok || r.Code != ReasonOtherKind {
		t.Errorf("got %v", err)
	}

	job.Force = true
	if err := e.mayReplace(t.Context(), nil, job, item, compare.Base{}); err != nil {
		t.Errorf("somebody insists: %v", err)
	}

	item.Tip.Type = "versions:autodesk.bim360:File"
	job.Force = false
	if err := e.mayReplace(t.Context(), nil, job, item, compare.Base{}); err != nil {
		t.Errorf("a file: %v", err)
	}
}

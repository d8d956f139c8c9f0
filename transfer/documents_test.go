package transfer

import (
	"testing"
	"testing/synctest"

	"hoist/state"
	"hoist/transfer/plan"
)

// TestFolderOfDocuments: the Plans folder of a BIM 360 project may take documents alone. That is seen on
// the way to it; who was not there asks when the usual type is refused.
func TestFolderOfDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		req := plan.PushRequest{Profile: "default", Batch: "1",
			Remote: mustAddress(t, "aps://Demo Hub/Demo BIM 360 Project/Plans")}
		seen := w.engine()
		push := func(e *Engine, seed uint64, result string, refused int) {
			t.Helper()
			w.write("tree/a.dwg", small, seed)
			req.Sources = w.sources("tree", "")
			jobs := w.start(w.push(seen, req))
			w.srv.ResetJournal()
			w.runAll(e)

			for _, j := range jobs {
				w.wantDone(j.ID, result)
			}

			got := 0
			for _, r := range w.srv.Requests() {
				if r.Status == 400 {
					got++
				}
			}

			if got != refused {
				t.Errorf("%s: %d calls refused, want %d", result, got, refused)
			}
		}
		push(seen, 1, state.ResultCreated, 0)
		push(seen, 2, state.ResultVersioned, 0)
		push(w.engine(), 3, state.ResultVersioned, 1)
	})
}

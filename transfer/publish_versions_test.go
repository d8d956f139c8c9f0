package transfer

import (
	"sync"
	"testing"
	"testing/synctest"

	"hoist/apsclient/emulator"
)

// TestEmptyPageOfVersionsSettlesNothing: an item has versions, so a page without any says nothing
// about the create whose reply was lost.
func TestEmptyPageOfVersionsSettlesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.srv.SetKnobs(func(k *emulator.Knobs) { k.NoSHA1 = true }) // else the content would tell
		data := w.write("plan.dwg", 1000, 1)
		w.enqueue(w.job("plan.dwg"))

		var mu sync.Mutex
		seen := map[string]bool{}
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			mu.Lock()
			defer mu.Unlock()

			first := !seen[q.Op]
			seen[q.Op] = true
			switch {
			case first && q.Op == "create-item":
				return emulator.Fault{Kind: emulator.LoseReply}
			case first && q.Op == "list-item-versions":
				return emulator.Fault{Kind: emulator.FailBefore, Status: 200,
					Body: []byte(`{"jsonapi":{"version":"1.0"},"links":{"self":{"href":"x"}},"data":[]}`)}
			}

			return emulator.Fault{}
		})
		w.runAll(w.engine())
		w.wantVersions("plan.dwg", data)
	})
}

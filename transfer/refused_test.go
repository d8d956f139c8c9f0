package transfer

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"hoist/apsclient/emulator"
)

// TestARefusalIsAnAnswer: a service that refuses can be reached: nobody is told any more that it cannot.
func TestARefusalIsAnAnswer(t *testing.T) {
	for _, status := range []int{401, 403, 503} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.write("a.rvt", 10, 1)
			j := w.enqueue(w.job("a.rvt"))
			e := w.engine()
			var away atomic.Bool
			w.srv.SetFault(func(r emulator.Request) (f emulator.Fault) {
				switch _, out := e.Outage(); {
				case r.Op != "create-storage":
				case out || away.Load():
					away.Store(true)

					return emulator.Fault{Kind: emulator.FailBefore, Status: status}
				default:
					return emulator.Fault{Kind: emulator.LoseReply}
				}

				return f
			})
			w.runUntil(e, func() bool {
				reason := w.get(j.ID).Reason
				return away.Load() && reason != "" && reason != ReasonOffline
			})

			if out, still := e.Outage(); !away.Load() || still {
				t.Errorf("%d: away %v, and still %v: %+v", status, away.Load(), still, out)
			}

		})
	}
}

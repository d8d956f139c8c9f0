package transfer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
)

// TestPatienceGoesOnAfterDeath: a process that dies every few seconds makes what was asked for and not done
// when the patience is over, and looks for it no more often than one that lives. What the second call did
// shows late: the patience begins anew with it.
func TestPatienceGoesOnAfterDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, shownLate)
		first := w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		time.Sleep(10 * time.Second) // it shows

		var asked []time.Time
		w.srv.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "create-version" {
				asked = append(asked, time.Now())
				f = emulator.Fault{Kind: emulator.FailBefore, Do: w.kill}
				if len(asked) > 1 {
					f = emulator.Fault{DoAfter: w.kill}
				}
			}

			return f
		})
		second := w.write("plan.rvt", small, 2)
		job := w.enqueue(w.job("plan.rvt"))
		w.srv.ResetJournal()

		began := time.Now()
		for lives := 1; w.get(job.ID).Open(); lives++ {
			if lives > 60 {
				t.Fatalf("not done in %d lives; it was asked for %d times", lives, len(asked))
			}

			e := w.engine()
			e.uptime = func() time.Duration { return time.Hour + time.Since(began) }
			ctx, cancel := context.WithTimeout(t.Context(), 3700*time.Millisecond)
			if err := e.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}

			cancel()
			w.revive()
		}

		if len(asked) != 2 || asked[1].Sub(asked[0]) < 30*time.Second {
			t.Errorf("asked for at %v", asked)
		}

		if n := w.calls("list-item-versions"); n > 6+5 {
			t.Errorf("%d looks", n)
		}

		w.wantVersions("plan.rvt", first, second)
	})
}

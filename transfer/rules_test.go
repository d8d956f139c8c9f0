package transfer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
)

// TestRulesAreAskedAgain: a rule that comes while a job waits or runs holds, at each of its steps.
func TestRulesAreAskedAgain(t *testing.T) {
	steps := []state.Phase{state.PhaseQueued, state.PhaseReserved, state.PhaseUploading, state.PhaseUploaded,
		state.PhaseCompleted}
	for _, phase := range steps {
		t.Run("excluded when "+string(phase), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.write("fees.xlsx", small, 1)
				j := w.enqueue(w.job("fees.xlsx", "a"))
				e := w.engine()
				e.cfg.Rules = func(job state.Job) (string, time.Duration, error) {
					if job.Phase == phase {
						return "fees*", 0, nil
					}

					return "", 0, nil
				}
				w.runAll(e)
				w.wantVersions("a/fees.xlsx")
				if j = w.get(j.ID); j.End != state.EndFailed || j.Reason != ReasonExcluded {
					t.Errorf("the job ended as %q for %q", j.End, j.Reason)
				}

				if phase == state.PhaseQueued && w.calls("create-storage") > 0 {
					t.Error("storage was reserved for a file that is left out")
				}
			})
		})
	}

	t.Run("unclear for a while", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			data := w.write("plan.dwg", small, 1)
			j := w.enqueue(w.job("plan.dwg"))
			e := w.engine()
			clear := time.Now().Add(20 * time.Second)
			e.cfg.Rules = func(state.Job) (string, time.Duration, error) {
				return "", time.Until(clear), errorUnless(time.Now().Before(clear))
			}
			w.runUntil(e, func() bool { return w.get(j.ID).Reason == ReasonRules })
			if j := w.get(j.ID); j.Attention || j.Phase != state.PhaseQueued {
				t.Errorf("job %+v, want one that waits", j)
			}

			w.runAll(e)
			w.wantVersions("plan.dwg", data)
		})
	})

	t.Run("not understood", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			data := w.write("plan.dwg", small, 1)
			j := w.enqueue(w.job("plan.dwg"))
			e := w.engine()
			mended := false
			e.cfg.Rules = func(state.Job) (string, time.Duration, error) {
				return "", 0, errorUnless(!mended)
			}
			w.runUntil(e, func() bool { return w.get(j.ID).Attention })
			if j := w.get(j.ID); j.Reason != ReasonRules || j.NextAttempt.IsZero() {
				t.Errorf("job %+v, want one that is parked and tried again", j)
			}

			mended = true
			w.runUntil(e, func() bool { return !w.get(j.ID).Open() })
			w.wantVersions("plan.dwg", data)
		})
	})
}

func errorUnless(is bool) error {
	if is {
		return errors.New("a rule file is not understood")
	}

	return nil
}
